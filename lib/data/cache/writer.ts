/** Writes a cache: pixels into shards as they come, then the rows, then the index. */
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { NewFile, writeFileDurable } from '../../files/atomic'
import { readableJson } from '../../files/json'
import { printableJson } from '../../text/foreign-text'
import {
  CACHE_FILE,
  type CachedRow,
  type CacheIndex,
  type CacheShard,
  digestOfRows,
  imageBytes,
  indexOf,
  ROWS_FILE,
  rowText,
} from './format'

/** Bytes of the largest shard, unless one image has more. */
export const SHARD_BYTES = 2 ** 28

type Facts = Pick<CacheIndex, 'preprocessing' | 'source' | 'classes' | 'multiLabel' | 'leftOut'>

export class CacheWriter {
  readonly #folder: string
  readonly #imagesInShard: number
  readonly #shards: CacheShard[] = []
  readonly #rows: string[] = []
  #file: NewFile | undefined
  #images = 0
  #crc = 0

  /**
   * @param folder an empty folder
   * @param size of the images, px
   */
  constructor(
    folder: string,
    private readonly size: number,
    shardBytes = SHARD_BYTES,
  ) {
    this.#folder = folder
    this.#imagesInShard = Math.max(1, Math.floor(shardBytes / imageBytes({ size })))
  }

  get count(): number {
    return this.#rows.length
  }

  /**
   * Adds an image.
   *
   * @param planes its red, green and blue values, one colour after the other
   * @throws MbconvError ERR_IO
   */
  add(row: CachedRow, planes: Uint8Array): void {
    const area = this.size * this.size
    const pixels = Buffer.allocUnsafe(3 * area)
    for (let p = 0, to = 0; p < area; p++) {
      pixels[to++] = planes[p]
      pixels[to++] = planes[area + p]
      pixels[to++] = planes[2 * area + p]
    }
    this.#file ??= new NewFile(path.join(this.#folder, this.#name()))
    this.#file.write(pixels)
    this.#crc = crc32(pixels, this.#crc)
    this.#rows.push(rowText(row))
    if (++this.#images === this.#imagesInShard) this.#endShard()
  }

  #name = (): string => `${String(this.#shards.length).padStart(5, '0')}.rgb`

  #endShard(): void {
    if (this.#file === undefined) return
    this.#file.finish()
    const crc = this.#crc.toString(16).padStart(8, '0')
    this.#shards.push({ file: this.#name(), bytes: this.#images * imageBytes({ size: this.size }), crc32: crc })
    this.#file = undefined
    this.#images = 0
    this.#crc = 0
  }

  /** Writes what belongs to all images. @throws MbconvError ERR_IO */
  finish(facts: Facts): CacheIndex {
    this.#endShard()
    const rows = Buffer.from(printableJson(this.#rows.join('')))
    writeFileDurable(path.join(this.#folder, ROWS_FILE), rows)
    const index = indexOf({
      ...facts,
      rows: { count: this.count, sha256: digestOfRows(rows) },
      shards: this.#shards,
    })
    writeFileDurable(path.join(this.#folder, CACHE_FILE), readableJson(index))
    return index
  }

  /** Closes the open shard. Needed only if the cache is given up. */
  close(): void {
    this.#file?.close()
    this.#file = undefined
  }
}
