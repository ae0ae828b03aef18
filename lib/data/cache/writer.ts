/** Writes a cache: pixels into shards and rows into their list as they come, then the index. */
import { createHash } from 'node:crypto'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { NewFile } from '../../files/atomic'
import { readableJson } from '../../files/json'
import {
  CACHE_FILE,
  type CachedRow,
  type CacheIndex,
  type CacheShard,
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
  readonly #digest = createHash('sha256')
  #rows: NewFile | undefined
  #count = 0
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
    return this.#count
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
    this.#addRow(rowText(row))
    if (++this.#images === this.#imagesInShard) this.#endShard()
  }

  /** Millions of rows are too many for one text. */
  #addRow(text: string): void {
    const bytes = Buffer.from(text)
    this.#rows ??= new NewFile(path.join(this.#folder, ROWS_FILE))
    this.#rows.write(bytes)
    this.#digest.update(bytes)
    this.#count++
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

  /** Writes what belongs to all images, of which there are some. @throws MbconvError ERR_IO */
  finish(facts: Facts): CacheIndex {
    this.#endShard()
    this.#rows?.finish()
    const index = indexOf({
      ...facts,
      rows: { count: this.count, sha256: this.#digest.digest('hex') },
      shards: this.#shards,
    })
    const file = new NewFile(path.join(this.#folder, CACHE_FILE))
    file.write(Buffer.from(readableJson(index)))
    file.finish()
    return index
  }

  /** Closes the open files. Needed only if the cache is given up. */
  close(): void {
    this.#rows?.close()
    this.#file?.close()
    this.#file = undefined
  }
}
