/**
 * The header of a safetensors file: reading it without trusting it, and building it.
 *
 * Layout: a little-endian u64 length, that many bytes of JSON `{name: {dtype, shape, data_offsets}}` with an optional
 * `__metadata__` of strings, then the data. Offsets count from the data's first byte. The format allows neither holes
 * nor overlaps, so every byte of a valid file belongs to exactly one part. This is checked, because it reveals a
 * truncated or edited file.
 */

import { quoted } from '../files/open'
import type { DType } from '../native/types'

/**
 * Longest header accepted. The largest network here has 0.4 MB. The reference implementation accepts 100 MB, from which
 * a parser makes some gigabytes of objects.
 */
export const MAX_HEADER_BYTES = 8 * 2 ** 20

/** Most tensors in a file. Each takes about a kilobyte besides its data, which may be empty. */
export const MAX_TENSORS = 50_000

/** Most strings in a header: {@link MAX_TENSORS} entries have five each, the rest is for metadata. */
const MAX_TEXTS = 6 * MAX_TENSORS

/** Most dimensions of a tensor: libtorch's limit. */
const MAX_DIMENSIONS = 64

/** Bytes of the length that precedes the header. */
export const PREFIX_BYTES = 8

interface FileDType {
  dtype: DType
  bytes: number
}

/** The file's names for dtypes, with the bytes of one element. */
export const FILE_DTYPES: Readonly<Record<string, FileDType>> = {
  F64: { dtype: 'float64', bytes: 8 },
  F32: { dtype: 'float32', bytes: 4 },
  F16: { dtype: 'float16', bytes: 2 },
  BF16: { dtype: 'bfloat16', bytes: 2 },
  I64: { dtype: 'int64', bytes: 8 },
  I32: { dtype: 'int32', bytes: 4 },
  I16: { dtype: 'int16', bytes: 2 },
  I8: { dtype: 'int8', bytes: 1 },
  U8: { dtype: 'uint8', bytes: 1 },
  BOOL: { dtype: 'bool', bytes: 1 },
}

/** The file's name of a dtype. */
export const FILE_NAME_OF: ReadonlyMap<DType, string> = new Map(
  Object.entries(FILE_DTYPES).map(([name, { dtype }]) => [dtype, name]),
)

/** A tensor as the header describes it; `start` and `end` are byte offsets into the data. */
export interface TensorEntry {
  name: string
  /** The file's name of the dtype. */
  kind: string
  /** Undefined for a dtype that this package lacks: such a tensor is not read. */
  dtype: DType | undefined
  shape: number[]
  start: number
  end: number
}

export interface Header {
  /** In the order of their data. */
  entries: TensorEntry[]
  metadata: Record<string, string>
  /** Bytes of data that the entries cover. */
  dataBytes: number
}

/** Reports a problem of a file. The caller knows the file's name. */
export type Reject = (problem: string) => never

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Scans a header's text, which may not be JSON, before it is parsed. Refuses deeper nesting than a header has, and more
 * items than a parser should get. Also refuses a key that occurs twice in one object: `JSON.parse` silently keeps the
 * last of them, so one tensor could replace another.
 */
function inspect(json: string, reject: Reject): void {
  // A set of keys for each open object, null for each open list. After the header's end nothing is open.
  const open: (Set<string> | null)[] = []
  let expectsKey = false
  let [objects, texts] = [0, 0]
  for (let i = 0; i < json.length; i++) {
    const c = json.charCodeAt(i)
    if (c === 0x7b /* { */ || c === 0x5b /* [ */) {
      // A header is an object of objects of lists.
      if (open.length >= 3) reject('its header is nested too deeply')
      if (c === 0x7b && ++objects > MAX_TENSORS + 2) reject(`it has more than ${MAX_TENSORS} tensors`)
      open.push(c === 0x7b ? new Set() : null)
      expectsKey = c === 0x7b
    } else if (c === 0x7d /* } */ || c === 0x5d /* ] */) {
      open.pop()
    } else if (c === 0x2c /* , */) {
      expectsKey = open.at(-1) != null
    } else if (c === 0x22 /* " */) {
      if (++texts > MAX_TEXTS) reject('its header has too many names')
      const from = i++
      while (i < json.length && json.charCodeAt(i) !== 0x22) i += json.charCodeAt(i) === 0x5c /* \ */ ? 2 : 1
      if (!expectsKey) continue
      expectsKey = false
      const key = json.slice(from + 1, i)
      const name = key.includes('\\') ? unescaped(key) : key
      const keys = open.at(-1)
      if (keys == null) reject('the header is not JSON (a name outside an object)')
      if (keys.has(name)) reject(`the name ${quoted(name)} occurs twice in the header`)
      keys.add(name)
    }
  }
}

function unescaped(text: string): string {
  try {
    return JSON.parse(`"${text}"`) as string
  } catch {
    return text // not JSON: the parser will report it
  }
}

const isSize = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0)

/** Any JSON value, for a message. */
const shown = (value: unknown): string => quoted(JSON.stringify(value) ?? 'nothing').slice(1, -1)

function parseEntry(name: string, value: unknown, reject: Reject): TensorEntry {
  const where = `tensor ${quoted(name)}`
  if (!isPlainObject(value)) return reject(`${where} is not described by an object`)
  const { dtype: kind, shape, data_offsets: offsets } = value
  if (typeof kind !== 'string') return reject(`${where} has no dtype`)
  // For unknown dtypes the element size is not known here.
  const { dtype, bytes } = Object.hasOwn(FILE_DTYPES, kind) ? FILE_DTYPES[kind] : { dtype: undefined, bytes: 1 }
  if (!Array.isArray(shape) || !shape.every(isSize)) {
    return reject(`${where} has shape ${shown(shape)}; a list of whole numbers was expected`)
  }
  if (shape.length > MAX_DIMENSIONS) return reject(`${where} has ${shape.length} dimensions`)
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    return reject(`${where} has data_offsets ${shown(offsets)}; two whole numbers were expected`)
  }
  const [start, end] = offsets as [number, number]
  // Sizes of 0 count as 1: strides are products of the other sizes, even if there are no elements.
  if (shape.reduce((product, n) => product * Math.max(n, 1), bytes) > Number.MAX_SAFE_INTEGER) {
    return reject(`${where} has shape [${shape.join(', ')}], which is too large`)
  }
  const expected = shape.reduce((product, n) => product * n, bytes)
  if (end < start) return reject(`${where} has data_offsets ${shown(offsets)}: it ends before it begins`)
  if (dtype !== undefined && end - start !== expected) {
    return reject(
      `${where} of shape [${shape.join(', ')}] and dtype ${kind} needs ${expected} bytes, has ${end - start}`,
    )
  }
  return { name, kind, dtype, shape, start, end }
}

/**
 * Reads a header's JSON.
 *
 * @param json the header as text
 * @param dataBytes how many bytes follow the header in the file
 * @param reject called with the first problem found
 */
export function parseHeader(json: string, dataBytes: number, reject: Reject): Header {
  inspect(json, reject)
  let raw: unknown
  try {
    raw = JSON.parse(json)
  } catch (error) {
    return reject(`the header is not JSON (${shown((error as Error).message)})`)
  }
  if (!isPlainObject(raw)) return reject('the header is not a JSON object')

  let metadata: Record<string, string> = {}
  const entries: TensorEntry[] = []
  for (const [name, value] of Object.entries(raw)) {
    if (name === '__metadata__') {
      if (!isPlainObject(value) || !Object.values(value).every((text) => typeof text === 'string')) {
        return reject('__metadata__ is not an object of strings')
      }
      metadata = value as Record<string, string>
    } else {
      entries.push(parseEntry(name, value, reject))
    }
  }

  entries.sort((a, b) => a.start - b.start || a.end - b.end)
  let covered = 0
  for (const { name, start, end } of entries) {
    const where = `tensor ${quoted(name)}`
    if (end > dataBytes) return reject(`${where} ends at byte ${end} of the data, which has ${dataBytes} (truncated?)`)
    if (start < covered) return reject(`${where} overlaps the tensor before it`)
    if (start > covered) return reject(`bytes ${covered} to ${start} of the data belong to no tensor`)
    covered = end
  }
  if (covered !== dataBytes) return reject(`bytes ${covered} to ${dataBytes} of the data belong to no tensor`)
  return { entries, metadata, dataBytes }
}

/** Header entries in the file's spelling. */
function entriesToJson(entries: readonly TensorEntry[]): Record<string, unknown> {
  // fromEntries defines properties; assignment would lose a tensor named __proto__.
  return Object.fromEntries(
    entries.map(({ name, kind, shape, start, end }) => [name, { dtype: kind, shape, data_offsets: [start, end] }]),
  )
}

/** The text that a checksum covers beside the data: the whole header, in an order independent of the file's own. */
export function headerDigestText(entries: readonly TensorEntry[], metadata: Record<string, string>): string {
  const byName = [...entries].sort((a, b) => (a.name < b.name ? -1 : 1))
  return JSON.stringify([Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)), entriesToJson(byName)])
}

/** The length prefix and the JSON, padded with spaces so that the data begins at a multiple of 8. */
export function encodeHeader(entries: readonly TensorEntry[], metadata: Record<string, string>): Uint8Array {
  const json: Record<string, unknown> = entriesToJson(entries)
  const whole = Object.keys(metadata).length === 0 ? json : { __metadata__: metadata, ...json }
  const text = Buffer.from(JSON.stringify(whole), 'utf8')
  const length = Math.ceil(text.byteLength / 8) * 8
  const bytes = Buffer.alloc(PREFIX_BYTES + length, ' ')
  bytes.writeBigUInt64LE(BigInt(length), 0)
  text.copy(bytes, PREFIX_BYTES)
  return bytes
}
