/**
 * Tensors in files, in the safetensors format: a JSON header and raw little-endian data, no code to execute.
 *
 * Format: https://github.com/huggingface/safetensors#format. Python's `safetensors` opens files written here, and the
 * reverse.
 */
import { closeSync, fstatSync, readSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { checkOptions } from '../errors/check'
import { MbconvError } from '../errors/error'
import { writeFileAtomic } from '../files/atomic'
import { kindOfOpen, wrongKind } from '../files/file-kind'
import { openFile, quoted } from '../files/open'
import { native } from '../native/addon'
import type { DType } from '../native/types'
import { fromTypedArray } from '../tensor/core/create'
import { scope } from '../tensor/core/scope'
import { Tensor } from '../tensor/core/tensor'
import { codedErrors, tensorsWith } from './read-tensors'
import {
  encodeHeader,
  FILE_DTYPES,
  FILE_NAME_OF,
  type Header,
  headerDigestText,
  MAX_HEADER_BYTES,
  MAX_TENSORS,
  PREFIX_BYTES,
  parseHeader,
  type Reject,
  type TensorEntry,
} from './safetensors-header'
import { bytesOf } from './tensor-bytes'

/**
 * Metadata key of a CRC-32 of header and data. The value contains the checksum's name too, so that a flipped bit in the
 * key or the value does not turn the check off.
 */
const CHECKSUM_KEY = 'mbconv.crc32'
const CHECKSUM_VALUE = /^mbconv\.crc32:/

/** Continues a checksum with these bytes. zlib would restart it for an empty array without memory. */
const crcOf = (bytes: Uint8Array, before: number) => (bytes.byteLength === 0 ? before : crc32(bytes, before))

const checksumText = (crc: number) => `${CHECKSUM_KEY}:${crc.toString(16).padStart(8, '0')}`

/** Separates the checksum from the metadata that the caller sees. */
function splitChecksum(metadata: Record<string, string>, reject: Reject) {
  const { [CHECKSUM_KEY]: checksum, ...rest } = metadata
  const strays = Object.values(rest).some((value) => CHECKSUM_VALUE.test(value))
  if (strays) reject('its checksum is not where it belongs: bytes changed after it was written')
  return { checksum, rest }
}

/** The content of a safetensors file. */
export interface SafetensorsFile {
  /** Tensors whose dtype this package has. Reading another of the file's tensors throws ERR_FORMAT. */
  tensors: Record<string, Tensor>
  /** The other tensors by name, with the reason. */
  unread: Record<string, string>
  /** The texts of the file's header, by key; empty where it has none. */
  metadata: Record<string, string>
}

/** The header of a safetensors file. */
export interface SafetensorsInfo {
  /** Each tensor's description by name, without data. A dtype that this package lacks has the file's name. */
  tensors: Record<
    string,
    {
      /** The file's name of the dtype: `F32`, `BF16`. */
      dtype: string
      /** Its sizes, the outermost first. */
      shape: number[]
    }
  >
  /** The texts of the file's header, by key; empty where it has none. */
  metadata: Record<string, string>
}

/** What is written besides the tensors. */
export interface WriteOptions {
  /** Store a CRC-32 in the metadata. {@link read} checks it, so that a flipped bit is noticed. Default false. */
  checksum?: boolean
}

/** How the numbers are read. */
export interface ReadOptions {
  /**
   * Map the file into memory instead of reading it. Tensors are then views of the file's pages, which are read on first
   * use and shared with other processes. Writes to a tensor stay in this process. While such a tensor lives, do not
   * change or truncate the file in place: touching a page that is gone ends the process (SIGBUS), as in every program
   * that maps files. Replacing the file by renaming, as {@link write} does, is harmless. Default false.
   */
  mmap?: boolean
}

const ELEMENT_BYTES = new Map(Object.values(FILE_DTYPES).map(({ dtype, bytes }) => [dtype, bytes]))

/** A typed array over `buffer`, of the kind that {@link fromTypedArray} takes for `dtype`. */
function typedArrayOver(dtype: DType, buffer: ArrayBuffer) {
  switch (dtype) {
    case 'float64':
      return new Float64Array(buffer)
    case 'float32':
      return new Float32Array(buffer)
    case 'float16':
    case 'bfloat16':
      return new Uint16Array(buffer)
    case 'int64':
      return new BigInt64Array(buffer)
    case 'int32':
      return new Int32Array(buffer)
    case 'int16':
      return new Int16Array(buffer)
    case 'int8':
      return new Int8Array(buffer)
    default:
      return new Uint8Array(buffer)
  }
}

/** Fills `target` from the file, with as many reads as needed. */
function readFully(fd: number, target: Uint8Array, position: number, reject: Reject): void {
  // One read returns at most 2^31 - 1 bytes.
  const most = 1 << 30
  for (let done = 0; done < target.byteLength; ) {
    const got = readSync(fd, target, done, Math.min(most, target.byteLength - done), position + done)
    if (got === 0) reject('the file ends before its data does')
    done += got
  }
}

function readHeader(fd: number, reject: Reject): Header & { dataAt: number } {
  const fileBytes = fstatSync(fd).size
  if (fileBytes < PREFIX_BYTES) return reject(`it has ${fileBytes} bytes, too few for a header`)
  const prefix = Buffer.alloc(PREFIX_BYTES)
  readFully(fd, prefix, 0, reject)
  const length = prefix.readBigUInt64LE(0)
  if (length > BigInt(MAX_HEADER_BYTES))
    return reject(`its header claims ${length} bytes; the limit is ${MAX_HEADER_BYTES}`)
  const dataAt = PREFIX_BYTES + Number(length)
  if (dataAt > fileBytes) return reject(`its header claims ${length} bytes, the file has ${fileBytes} (truncated?)`)
  const bytes = Buffer.alloc(Number(length))
  readFully(fd, bytes, PREFIX_BYTES, reject)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return reject('the header is not UTF-8')
  }
  if (text[0] !== '{') return reject('the header does not begin with "{"')
  return { ...parseHeader(text, fileBytes - dataAt, reject), dataAt }
}

/** Opens `path` while `use` runs. `reject` reports a problem of the file's content. */
function withFile<T>(path: string, op: string, use: (fd: number, reject: Reject) => T): T {
  if (typeof path !== 'string' || path === '') {
    throw new MbconvError('ERR_TYPE', `${op}: path must be a string that is not empty`, { op })
  }
  const reject: Reject = (problem) => {
    throw new MbconvError('ERR_FORMAT', `${path} is not a readable safetensors file: ${problem}`, {
      op,
      hint: 'Fetch or write the file again; a copy that was cut short looks like this.',
    })
  }
  const fd = openFile(path, op)
  try {
    return codedErrors(path, op, () => {
      const kind = kindOfOpen(fd)
      if (kind.format === 'zip') throw wrongKind(path, op, { ...kind, hint: 'io.pth.read reads it.' })
      if (kind.format === 'other' || kind.format === 'onnx') throw wrongKind(path, op, kind)
      return use(fd, reject)
    })
  } finally {
    closeSync(fd)
  }
}

/** Whether bytes are all 0 or 1. libtorch accepts any byte as a bool, but then gives wrong sums and comparisons. */
function areBools(bytes: Uint8Array): boolean {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2)
  return words.every((word) => (word & 0xfefefefe) === 0) && bytes.subarray(words.byteLength).every((byte) => byte <= 1)
}

const notBool = ({ name }: TensorEntry) => `tensor ${quoted(name)} is BOOL and holds bytes other than 0 and 1`

function readBytes(fd: number, entry: TensorEntry, dataAt: number, reject: Reject): Buffer {
  const bytes = Buffer.allocUnsafeSlow(entry.end - entry.start)
  readFully(fd, bytes, dataAt + entry.start, reject)
  if (entry.dtype === 'bool' && !areBools(bytes)) reject(notBool(entry))
  return bytes
}

/** Checks an entry's data piece by piece, without keeping it. */
function checkPieces(fd: number, entry: TensorEntry, dataAt: number, crc: number, reject: Reject): number {
  const piece = Buffer.allocUnsafeSlow(Math.min(1 << 20, entry.end - entry.start))
  let sum = crc
  for (let at = entry.start; at < entry.end; at += piece.byteLength) {
    const bytes = piece.subarray(0, Math.min(piece.byteLength, entry.end - at))
    readFully(fd, bytes, dataAt + at, reject)
    sum = crcOf(bytes, sum)
    if (entry.dtype === 'bool' && !areBools(bytes)) reject(notBool(entry))
  }
  return sum
}

/** The whole file as bytes that are read on first use. */
function mapped(path: string, fd: number): Tensor {
  // Map by descriptor where that has a path, so that it is the same file whose header has been read.
  const file = process.platform === 'linux' ? `/proc/self/fd/${fd}` : path
  return native().callOp('aten::from_file', [file, false, fstatSync(fd).size], { dtype: 'uint8' }) as Tensor
}

/** A tensor within mapped bytes; undefined if it is not aligned for its dtype. */
function viewOf(whole: Tensor, { start, end, dtype, shape }: TensorEntry, dataAt: number): Tensor | undefined {
  if (dtype === undefined || end === start || (dataAt + start) % ELEMENT_BYTES.get(dtype)! !== 0) return undefined
  return scope(() => {
    const bytes = whole.slice({ start: dataAt + start, end: dataAt + end })
    return (native().callOp('aten::view.dtype', [bytes, dtype]) as Tensor).view(shape)
  })
}

/**
 * Reads a safetensors file into new CPU tensors (float64/32/16, bfloat16, int64/32/16/8, uint8, bool).
 *
 * @param path the file
 * @returns the tensors by name and the header's metadata
 * @throws MbconvError ERR_FORMAT when the file is not whole and valid, or its checksum does not match; ERR_IO when it
 *   cannot be read. All tensors made until then are freed.
 */
export function read(path: string, options: ReadOptions = {}): SafetensorsFile {
  const op = 'safetensors.read'
  checkOptions(op, options, ['mmap'])
  const { mmap = false } = options
  if (typeof mmap !== 'boolean') throw new MbconvError('ERR_TYPE', `${op}: mmap must be true or false`, { op })
  return withFile(path, op, (fd, reject) => {
    const { entries, metadata, dataAt } = readHeader(fd, reject)
    const { checksum, rest } = splitChecksum(metadata, reject)
    const made: [string, Tensor][] = []
    const whole = mmap && entries.some(({ start, end }) => end > start) ? mapped(path, fd) : undefined
    try {
      let crc = crc32(headerDigestText(entries, rest))
      for (const entry of entries) {
        const { name, dtype, shape } = entry
        const view = whole && viewOf(whole, entry, dataAt)
        if (view !== undefined) made.push([name, view])
        if (view !== undefined || dtype === undefined) {
          const checks = checksum !== undefined || dtype === 'bool'
          if (checks) crc = checkPieces(fd, entry, dataAt, crc, reject)
          continue
        }
        const bytes = readBytes(fd, entry, dataAt, reject)
        if (checksum !== undefined) crc = crcOf(bytes, crc)
        made.push([name, fromTypedArray(typedArrayOver(dtype, bytes.buffer as ArrayBuffer), shape, { dtype })])
      }
      if (checksum !== undefined && checksum !== checksumText(crc)) {
        reject('its checksum does not fit: bytes changed after it was written, or another program rewrote it')
      }
      const others = entries.filter(({ dtype }) => dtype === undefined)
      const unread = Object.fromEntries(
        others.map(({ name, kind }) => [
          name,
          `is of dtype ${quoted(kind, 40).slice(1, -1)}, which this package does not have`,
        ]),
      )
      return { tensors: tensorsWith(path, op, { tensors: Object.fromEntries(made), unread }), unread, metadata: rest }
    } catch (error) {
      for (const [, tensor] of made) tensor.dispose()
      throw error
    } finally {
      whole?.dispose()
    }
  })
}

/**
 * Reads only the header: names, dtypes, shapes and metadata. Loads no native code and no data.
 *
 * @throws MbconvError like {@link read}, except for the checksum
 */
export function readMetadata(path: string): SafetensorsInfo {
  return withFile(path, 'safetensors.readMetadata', (fd, reject) => {
    const { entries, metadata } = readHeader(fd, reject)
    const { rest } = splitChecksum(metadata, reject)
    const tensors = Object.fromEntries(entries.map(({ name, kind, dtype = kind, shape }) => [name, { dtype, shape }]))
    return { tensors, metadata: rest }
  })
}

function checkWritable(tensors: Record<string, Tensor>, metadata: Record<string, string>, op: string): void {
  if (typeof tensors !== 'object' || tensors === null) {
    throw new MbconvError('ERR_TYPE', `${op}: tensors must be an object of tensors by name`, { op })
  }
  for (const [name, tensor] of Object.entries(tensors)) {
    if (!(tensor instanceof Tensor)) {
      throw new MbconvError('ERR_TYPE', `${op}: ${JSON.stringify(name)} is not a tensor`, { op })
    }
    if (!ELEMENT_BYTES.has(tensor.dtype)) {
      throw new MbconvError(
        'ERR_VALUE',
        `${op}: ${JSON.stringify(name)} is of dtype ${tensor.dtype}, which is not written`,
        { op },
      )
    }
    if (name === '__metadata__') {
      throw new MbconvError('ERR_VALUE', `${op}: the format reserves the name __metadata__`, { op })
    }
  }
  if (typeof metadata !== 'object' || metadata === null) {
    throw new MbconvError('ERR_TYPE', `${op}: metadata must be an object of strings`, { op })
  }
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string') {
      throw new MbconvError('ERR_TYPE', `${op}: metadata ${JSON.stringify(key)} must be a string`, { op })
    }
    if (key === CHECKSUM_KEY || CHECKSUM_VALUE.test(value)) {
      throw new MbconvError('ERR_VALUE', `${op}: metadata ${JSON.stringify(key)} is written by the checksum option`, {
        op,
      })
    }
  }
}

/**
 * The file's bytes, piece by piece: the header, then each tensor. At most one tensor is in memory twice.
 *
 * Wide elements come first, so that every tensor's data is aligned to its element size.
 */
export function* encode(
  tensors: Record<string, Tensor>,
  metadata: Record<string, string> = {},
  { checksum = false }: WriteOptions = {},
): Generator<Uint8Array> {
  checkWritable(tensors, metadata, 'safetensors.write')
  const widthOf = ([, tensor]: [string, Tensor]) => ELEMENT_BYTES.get(tensor.dtype)!
  const ordered = Object.entries(tensors).sort((a, b) => widthOf(b) - widthOf(a))
  let end = 0
  const entries = ordered.map(([name, tensor]): TensorEntry => {
    const start = end
    end += tensor.numel * ELEMENT_BYTES.get(tensor.dtype)!
    const kind = FILE_NAME_OF.get(tensor.dtype)!
    return { name, kind, dtype: tensor.dtype, shape: [...tensor.shape], start, end }
  })
  let whole = metadata
  if (checksum) {
    let crc = crc32(headerDigestText(entries, metadata))
    for (const [, tensor] of ordered) crc = crcOf(bytesOf(tensor), crc)
    whole = { ...metadata, [CHECKSUM_KEY]: checksumText(crc) }
  }
  const header = encodeHeader(entries, whole)
  if (entries.length > MAX_TENSORS) {
    throw new MbconvError('ERR_VALUE', `safetensors.write: ${entries.length} tensors; at most ${MAX_TENSORS} in a file`)
  }
  if (header.byteLength - PREFIX_BYTES > MAX_HEADER_BYTES) {
    throw new MbconvError('ERR_VALUE', `safetensors.write: names and metadata take more than ${MAX_HEADER_BYTES} bytes`)
  }
  yield header
  for (const [, tensor] of ordered) yield bytesOf(tensor)
}

/**
 * Writes tensors to a safetensors file. `path` holds either its old content or all of the new, whatever happens.
 *
 * @param tensors any shapes, dtypes and devices; written in logical order, so strides and memory format do not matter
 * @param metadata strings, kept in the header
 * @throws MbconvError ERR_TYPE or ERR_VALUE for tensors that cannot be written, ERR_DISPOSED, ERR_IO; the old file is
 *   kept then
 */
export function write(
  path: string,
  tensors: Record<string, Tensor>,
  metadata: Record<string, string> = {},
  options: WriteOptions = {},
): void {
  if (typeof path !== 'string' || path === '') {
    throw new MbconvError('ERR_TYPE', 'safetensors.write: path must be a string that is not empty', {
      op: 'safetensors.write',
    })
  }
  checkWritable(tensors, metadata, 'safetensors.write')
  writeFileAtomic(path, encode(tensors, metadata, options))
}
