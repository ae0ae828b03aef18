/**
 * A cache of decoded images: a folder with their pixels in shards, a list of the images, and `cache.json`, which says how
 * they were made. All images have one size, so the place of each follows from its row.
 *
 *     cache.json      what {@link CacheIndex} has
 *     images.jsonl    a row for each image: [part, name, labels, bytes of its file, share, group]
 *     00000.rgb …     the images in the order of the rows: size × size pixels of red, green and blue
 */
import { createHash } from 'node:crypto'
import path from 'node:path'
import { z } from 'zod'
import { MbconvError } from '../../errors/error'
import { dataError, readWhole } from '../../files/data-file'
import { statOf } from '../../files/folders'
import { printableJson } from '../../text/foreign-text'
import type { FileLayout, Fit } from '../images/preprocessing'
import { ImageTable } from '../listing/image-table'
import { linesOf } from '../listing/lines'
import { PARTS, type Part } from '../listing/parts'

/** How the images of a cache were prepared: as {@link FileLayout}, with nothing cut off the shorter side. */
export interface CachedLayout extends Pick<FileLayout, 'interpolation' | 'colorManagement'> {
  /** How images were fitted when they were cached. */
  readonly fit: Exclude<Fit, 'pad'>
  /** Side of the images, px. */
  readonly size: number
}

/** How a file becomes an image of a cache. */
export const fileLayoutOf = ({ size, ...layout }: CachedLayout): FileLayout => ({
  ...layout,
  ...{ channels: 3, size: null, resolution: size },
  cropShare: layout.fit === 'stretch' ? null : 1,
  fill: null,
})

/** Bytes of an image. */
export const imageBytes = ({ size }: Pick<CachedLayout, 'size'>): number => 3 * size * size

export const CACHE_FILE = 'cache.json'
export const ROWS_FILE = 'images.jsonl'
const FORMAT = 1

/** The largest image, px: as the largest input of a network. */
export const MOST_SIZE = 4096

/** How images can be fitted into a cache. */
const CACHE_FITS = ['crop', 'squash', 'stretch'] as const

const whole = z.int().min(0)
const shardSchema = z.object({ file: z.string().regex(/^\d{5,}\.rgb$/), bytes: z.int().min(1), crc32: z.string() })
const schema = z.object({
  format: z.literal(FORMAT),
  preprocessing: z.object({
    size: z.int().min(1).max(MOST_SIZE),
    fit: z.enum(CACHE_FITS),
    interpolation: z.enum(['bilinear', 'bicubic']),
    colorManagement: z.boolean(),
  }),
  /** Where the images came from, for people. */
  source: z.string(),
  multiLabel: z.boolean(),
  classes: z.array(z.string()).min(1),
  /** Images that could not be read. */
  leftOut: whole,
  rows: z.object({ count: z.int().min(1), sha256: z.string() }),
  /** CRC-32 of each, in hexadecimal. */
  shards: z.array(shardSchema).min(1),
})
export type CacheIndex = z.output<typeof schema>
export type CacheShard = z.output<typeof shardSchema>

const HINT = 'Write the cache again: mbconv data cache.'

/** The index of a new cache. */
export const indexOf = (facts: Omit<CacheIndex, 'format'>): CacheIndex => ({ format: FORMAT, ...facts })

/** Whether a folder is a cache. */
export const isCache = (folder: string): boolean => statOf(path.join(folder, CACHE_FILE)) !== undefined

/**
 * Reads the index of a cache.
 *
 * @throws MbconvError ERR_DATA if there is none, or it is damaged or of another format
 */
export function readCacheIndex(folder: string): CacheIndex {
  const file = path.join(folder, CACHE_FILE)
  if (statOf(file) === undefined)
    throw dataError(folder, `is no cache: it has no ${CACHE_FILE}`, 'mbconv data cache PATH --to CACHE writes one.')
  let raw: unknown
  try {
    raw = JSON.parse(readWhole(file).toString('utf8'))
  } catch (error) {
    if (error instanceof MbconvError) throw error
    throw dataError(file, 'is damaged', HINT, error)
  }
  const format = (raw as { format?: unknown } | null)?.format
  if (Number.isInteger(format) && format !== FORMAT)
    throw dataError(file, `has format ${format}; this version of mbconv reads format ${FORMAT}`, HINT)
  const parsed = schema.safeParse(raw)
  if (parsed.success && addsUp(parsed.data)) return parsed.data
  throw dataError(file, 'is damaged', HINT, parsed.error)
}

/** Whether the shards have room for exactly the rows, all but the last for equally many. Each is another file. */
function addsUp({ preprocessing, rows, shards }: CacheIndex): boolean {
  const each = imageBytes(preprocessing)
  const first = shards[0].bytes
  const last = shards.at(-1)!.bytes
  const isDistinct = new Set(shards.map(({ file }) => file)).size === shards.length
  const isEven = shards.slice(0, -1).every(({ bytes }) => bytes === first)
  const total = first * (shards.length - 1) + last
  return isDistinct && isEven && first % each === 0 && last <= first && total === rows.count * each
}

/** The SHA-256 that {@link CacheIndex} has of the rows. */
const digestOfRows = (text: Buffer): string => createHash('sha256').update(text).digest('hex')

/** One image. */
export interface CachedRow {
  part: Part
  /** A byte string. */
  name: string
  labels: number[]
  /** Size of its file. */
  bytes: number
  /** The share by which it is held out; see hold-out.ts. */
  share: number
  group?: string
}

export function rowText({ part, name, labels, bytes, share, group }: CachedRow): string {
  const row = [PARTS.indexOf(part), name, labels, bytes, share, ...(group === undefined ? [] : [group])]
  return `${printableJson(JSON.stringify(row))}\n`
}

/** The row that a line holds; undefined if it holds none. */
function rowOf(text: string, classes: number): CachedRow | undefined {
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!Array.isArray(raw) || raw.length < 5 || raw.length > 6) return undefined
  const [number, name, labels, bytes, share, group] = raw as unknown[]
  const part = Number.isInteger(number) ? PARTS[number as number] : undefined
  const isLabel = (label: unknown) => Number.isInteger(label) && (label as number) >= 0 && (label as number) < classes
  if (part === undefined || typeof name !== 'string' || name === '') return undefined
  if (!Array.isArray(labels) || !labels.every(isLabel)) return undefined
  if (!Number.isSafeInteger(bytes) || (bytes as number) < 0) return undefined
  if (typeof share !== 'number' || share < 0 || share >= 1) return undefined
  if (group !== undefined && typeof group !== 'string') return undefined
  return { part, name, labels, bytes: bytes as number, share, ...(group !== undefined && { group }) }
}

/** The images of a cache as a table. */
export interface CachedImages {
  table: ImageTable
  /** The rows of each part that has some. */
  rowsOf: Partial<Record<Part, Int32Array>>
  shares: Float64Array
}

/**
 * Reads the rows of a cache.
 *
 * @throws MbconvError ERR_DATA if they are not those of the index
 */
export function readCachedImages(folder: string, { rows, classes, multiLabel }: CacheIndex): CachedImages {
  const file = path.join(folder, ROWS_FILE)
  const content = readWhole(file)
  // A row takes more than a byte: a count that no file could hold asks for no memory.
  const isWhole = digestOfRows(content) === rows.sha256 && rows.count <= content.length
  if (!isWhole) throw dataError(file, `is not as ${CACHE_FILE} says`, HINT)
  const table = new ImageTable()
  const found: Partial<Record<Part, number[]>> = {}
  const shares = new Float64Array(rows.count)
  for (const { text, line } of linesOf(file, content)) {
    const row = rowOf(text, classes.length)
    const fits = row !== undefined && (multiLabel || row.labels.length === 1) && table.length < rows.count
    if (!fits) throw dataError(file, `line ${line} is damaged`, HINT)
    const { part, name, labels, bytes, share, group } = row
    found[part] ??= []
    found[part].push(table.length)
    shares[table.length] = share
    table.add({ name, bytes, label: multiLabel ? labels : labels[0], ...(group !== undefined && { group }) })
  }
  if (table.length !== rows.count) throw dataError(file, `is not as ${CACHE_FILE} says`, HINT)
  const rowsOf = Object.fromEntries(Object.entries(found).map(([part, list]) => [part, Int32Array.from(list)]))
  return { table, rowsOf, shares }
}

/**
 * Compares the sizes of the shards with the index.
 *
 * @throws MbconvError ERR_DATA naming the first shard that is missing or has another size
 */
export function checkShards(folder: string, { shards }: CacheIndex): void {
  for (const { file, bytes } of shards) {
    const place = path.join(folder, file)
    const stat = statOf(place)
    if (stat === undefined) throw dataError(place, 'no such file', HINT)
    if (!stat.isFile()) throw dataError(place, 'is no regular file', HINT)
    if (stat.size !== bytes) throw dataError(place, `has ${stat.size} bytes instead of ${bytes}`, HINT)
  }
}
