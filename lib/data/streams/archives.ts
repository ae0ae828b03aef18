/** Streams of images from archives whose samples are known, and from commands. */
import { dataError } from '../../files/data-file'
import { quoted } from '../../text/foreign-text'
import { SampleReader, type ShardOptions, type ShardSample } from '../archives/shard-samples'
import { shownName } from '../listing/class-folders'
import { allRows } from '../listing/hold-out'
import type { ImageTable } from '../listing/image-table'
import { LeftOut } from '../listing/left-out'
import { shownAddress } from './bytes'
import type { ImageStream, StreamedImage } from './image-stream'
import { streamedSamples, withoutFile } from './members'
import { type IndexedMember, readStreamIndex, writeStreamIndex } from './stream-index'

/** The samples of a compressed archive by its index. @throws MbconvError ERR_DATA if it has none */
export function* indexedSamples(
  path: string,
  options: ShardOptions,
  left: LeftOut,
): Generator<ShardSample & { image: IndexedMember }, void, undefined> {
  const members = readStreamIndex(path)
  if (members === undefined)
    throw dataError(path, 'is compressed and has no index yet', `Write it: mbconv data index ${quoted(path)}.`)
  const reader = new SampleReader(withoutFile(path), options, left)
  for (const member of members) {
    const sample = reader.add(member)
    if (sample !== undefined) yield sample
  }
  const last = reader.end()
  if (last !== undefined) yield last
}

/** Writes the index of every compressed archive that has none, or one that does not fit. */
export async function indexCompressed(paths: readonly string[]): Promise<void> {
  for (const path of paths) if (readStreamIndex(path) === undefined) await writeStreamIndex(path)
}

/** The rows of a table that a stream gives. */
export interface StreamedTable {
  /** Row after row in the order of the archives; offsets number the samples of an archive. */
  table: ImageTable
  /** Paths of the archives. */
  files: readonly string[]
  options: ShardOptions
  buffer: number
}

/** The stream of some rows of a table. */
export function tableStream(
  { table, files, options, buffer }: StreamedTable,
  rows: Int32Array = allRows(table.length),
): ImageStream {
  const positionOf = new Int32Array(table.length).fill(-1)
  for (const [position, row] of rows.entries()) positionOf[row] = position
  const firstRow = new Int32Array(files.length + 1).fill(table.length)
  for (let row = table.length - 1; row >= 0; row--) firstRow[table.archive(row)] = row
  async function* open(archive: number, signal?: AbortSignal): AsyncGenerator<StreamedImage, void, undefined> {
    const address = files[archive]
    let row = firstRow[archive]
    const changed = () => dataError(address, 'is not as its index says', 'It was changed while it was used.')
    for await (const { image } of streamedSamples(address, options, new LeftOut(), signal)) {
      const isKnown = row < table.length && table.archive(row) === archive && table.name(row) === image.name
      if (!isKnown || image.content === undefined) throw changed()
      const index = positionOf[row]
      if (index >= 0)
        yield {
          index,
          label: table.label(row),
          name: `${address}:${shownName(image.name)}`,
          address,
          bytes: image.content,
        }
      row++
    }
    if (row < table.length && table.archive(row) === archive) throw changed()
  }
  return { archives: files.length, buffer, hasLabels: true, open }
}

/** The stream of what commands write. @param numberOf gives the class that a label names; undefined: none */
export function commandStream(
  commands: readonly string[],
  options: ShardOptions,
  buffer: number,
  numberOf: (label: string) => number | undefined,
): ImageStream {
  async function* open(archive: number, signal?: AbortSignal): AsyncGenerator<StreamedImage, void, undefined> {
    const address = commands[archive]
    for await (const { image, labels } of streamedSamples(address, options, new LeftOut(), signal)) {
      const name = `${shownAddress(address)}:${shownName(image.name)}`
      const label = numberOf(labels[0])
      if (label === undefined)
        throw dataError(name, `has the class ${quoted(labels[0])}`, 'data.shards.classes lists the classes.')
      yield { index: 0, label, name, address, bytes: image.content as Buffer }
    }
  }
  return { archives: commands.length, buffer, hasLabels: false, open }
}
