/** Decodes and resizes labelled images once, into a cache that training reads. */
import path from 'node:path'
import { MbconvError } from '../../errors/error'
import { removeStaleTemporaries, StagedFolder } from '../../files/atomic'
import { dataError } from '../../files/data-file'
import { byteString, entryAt } from '../../files/entries'
import { freeBytes, isFolder, statOf } from '../../files/folders'
import { inOrder } from '../../process/in-order'
import { isCompressed, shardFiles } from '../archives/shard-names'
import { type CachedLayout, type CachedRow, fileLayoutOf, imageBytes, isCache, rowText } from '../cache/format'
import { CacheWriter } from '../cache/writer'
import type { EncodedImage } from '../dataset/image-dataset'
import { type ListedImages, type ListedPart, shareOf } from '../dataset/photo-dataset'
import { readInputImage } from '../images/input-image'
import { allRows } from '../listing/hold-out'
import { extensionOf } from '../listing/image-names'
import { PARTS } from '../listing/parts'
import { sourceOf } from '../photos/other-decoder'
import { UnreadableImages } from '../photos/unreadable'
import { listFolder } from '../sources/folder'
import { listList } from '../sources/list'
import { listShards } from '../sources/shards'
import { indexCompressed } from '../streams/archives'
import { encodedOf, inStreamOrder } from '../streams/image-stream'
import { LIST_EXTENSIONS } from './survey'

/** Which images to put into a cache, and how. */
export interface CacheRequest {
  /** A folder, a list, or an archive or pattern of archives. */
  source: string
  /** The same of the images to evaluate during training, and at its end. */
  validation?: string
  test?: string
  /** Whether an image may have several labels. */
  multiLabel?: boolean
  /** The folder to write, which must not exist. */
  to: string
  layout: CachedLayout
  /** Images that may be left out because they cannot be read; null: 1 %, at least 10. */
  maxUnreadable: number | null
  /** Bytes of a shard. Default 256 MiB. */
  shardBytes?: number
}

export interface CacheEvents {
  /** Called with the number of images so far, and of all. */
  onImage?(count: number, all: number): void
  onWarning?(message: string): void
  /** Gives up. Nothing is left behind. */
  signal?: AbortSignal
}

export interface CachedSource {
  cache: string
  /** Number of images by part. */
  images: Partial<Record<(typeof PARTS)[number], number>>
  classes: number
  /** Images that could not be read. */
  leftOut: number
  bytes: number
  shards: number
}

/** Bytes of the disk that are left free. */
const SPARE_BYTES = 2 ** 26

/**
 * Writes a cache. It appears in one step once it is whole.
 *
 * @throws MbconvError ERR_CONFIG for options that contradict each other; ERR_DATA for a source that cannot be read, or
 *   more unreadable images than allowed; ERR_IO if the cache exists or cannot be written; ERR_ABORTED
 */
export async function cacheImages(request: CacheRequest, events: CacheEvents = {}): Promise<CachedSource> {
  const { to, layout, maxUnreadable } = request
  const { onImage = () => {}, onWarning = () => {}, signal } = events
  const target = path.resolve(to)
  if (statOf(target) !== undefined)
    throw new MbconvError('ERR_IO', `${to} exists already`, { hint: 'Remove it first, or name another folder.' })
  if (!isFolder(path.dirname(target)))
    throw new MbconvError('ERR_IO', `cannot write ${to}: ${path.dirname(target)} is no folder`)
  await indexCompressed(compressedIn(request))
  const { parts, notes } = listed(request)
  for (const note of notes) onWarning(note)
  const all = PARTS.reduce((sum, part) => sum + rowsOf(parts[part]).length, 0)
  const bytes = all * imageBytes(layout) + PARTS.reduce((sum, part) => sum + rowBytes(part, parts[part]), 0)
  removeStaleTemporaries(path.dirname(target))
  checkRoom(target, bytes)
  const { name, classes, multiLabel = false } = parts.train
  const unreadable = new UnreadableImages({ name, length: all }, maxUnreadable, onWarning)
  const staged = new StagedFolder(target)
  const writer = new CacheWriter(staged.folder, layout.size, request.shardBytes)
  const images: CachedSource['images'] = {}
  try {
    for (const part of PARTS) {
      const before = writer.count
      await addPart(writer, part, parts[part], layout, unreadable, () => {
        if (signal?.aborted) throw new MbconvError('ERR_ABORTED', `${to}: the cache has been given up`)
        onImage(writer.count + unreadable.count, all)
      })
      if (writer.count > before) images[part] = writer.count - before
    }
    if (images.train === undefined) throw dataError(name, 'has no training image that can be read', 'Check the files.')
    const facts = { preprocessing: layout, source: name, classes: [...classes], multiLabel }
    const index = writer.finish({ ...facts, leftOut: unreadable.count })
    // Something may have appeared there in the hours since it was looked at.
    staged.publish({ replace: false })
    const { length } = index.shards
    const written = writer.count * imageBytes(layout)
    return { cache: to, images, classes: classes.length, leftOut: unreadable.count, bytes: written, shards: length }
  } catch (error) {
    writer.close()
    staged.discard()
    throw error
  }
}

const rowsOf = (part: ListedPart | undefined): Int32Array =>
  part === undefined ? new Int32Array(0) : (part.rows ?? allRows(part.table.length))

/** Bytes of a part's rows, which may be shorter: the shares are not known yet. */
function rowBytes(name: (typeof PARTS)[number], part: ListedPart | undefined): number {
  let bytes = 0
  for (const row of rowsOf(part)) bytes += Buffer.byteLength(rowText(factsOf(name, part!, row, LONGEST_SHARE)))
  return bytes
}

/** A share with as many digits as any. */
const LONGEST_SHARE = 1 / 2 ** 48 + 1 / 2 ** 13

/** What the cache says about an image. */
function factsOf(part: (typeof PARTS)[number], { table }: ListedPart, row: number, share: number): CachedRow {
  const group = table.group(row)
  const facts = { part, name: table.name(row), labels: table.labels(row), bytes: table.bytes(row), share }
  return { ...facts, ...(group !== undefined && { group }) }
}

async function addPart(
  writer: CacheWriter,
  name: (typeof PARTS)[number],
  part: ListedPart | undefined,
  layout: CachedLayout,
  unreadable: UnreadableImages,
  onImage: () => void,
): Promise<void> {
  if (part === undefined) return
  const files = fileLayoutOf(layout)
  const read = async ([, image]: [number, EncodedImage]): Promise<Uint8Array | MbconvError> => {
    try {
      return await readInputImage(sourceOf(image), files)
    } catch (error) {
      if (error instanceof MbconvError && error.code === 'ERR_DATA') return error
      throw error
    }
  }
  for await (const [[row, image], planes] of inOrder(imagesOf(part), read)) {
    if (planes instanceof MbconvError) unreadable.add(image.name, planes)
    else writer.add(factsOf(name, part, row, shareOf(part, row)), planes)
    onImage()
  }
}

/** The rows of a part and their images. */
async function* imagesOf(part: ListedPart): AsyncGenerator<[number, EncodedImage], void, undefined> {
  const rows = rowsOf(part)
  const stream = part.streamOf?.(rows)
  if (stream === undefined) for (const row of rows) yield [row, part.placeOf(row)]
  else for await (const image of inStreamOrder(stream)) yield [rows[image.index], encodedOf(image)]
}

/** The images at a path: of a data set of the kind that the path looks like. */
function listed({ source, multiLabel, ...request }: CacheRequest): ListedImages {
  const [validation, test] = [request.validation ?? null, request.test ?? null]
  const kind = entryAt(byteString(source))?.kind
  if (kind === 'folder') {
    if (isCache(source)) throw dataError(source, 'is a cache already', 'Give the folder of the image files.')
    if (multiLabel) throw new MbconvError('ERR_CONFIG', `${source}: a folder gives each image one class`)
    return listFolder({ path: source, validation, test })
  }
  const extension = extensionOf(path.basename(source)) ?? ''
  const evaluated = { validation, test, ...(multiLabel !== undefined && { multiLabel }) }
  if (LIST_EXTENSIONS.includes(extension)) return listList({ train: source, ...evaluated })
  if (extension === 'tar' || isCompressed(source)) return listShards({ train: source, ...evaluated })
  if (kind === undefined) throw dataError(source, 'no such file or folder', 'Check the path.')
  throw dataError(source, 'is neither a folder nor a list nor a tar archive', 'Check the path.')
}

/** The compressed archives of a request. */
const compressedIn = ({ source, validation, test }: CacheRequest): string[] => {
  const patterns = [source, validation, test].filter((pattern) => pattern !== undefined && isCompressed(pattern))
  return patterns.length === 0 ? [] : shardFiles(patterns as string[])
}

function checkRoom(target: string, bytes: number): void {
  const [needed, free] = [bytes + SPARE_BYTES, freeBytes(path.dirname(target))]
  if (needed <= free) return
  const megabytes = (count: number) => `${(count / 1e6).toFixed(0)} MB`
  const text = `no space for ${target}: ${megabytes(needed)} are needed, ${megabytes(free)} are free`
  throw new MbconvError('ERR_IO', text, { hint: 'Choose another disk, or a smaller --size.' })
}
