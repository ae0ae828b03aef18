/**
 * IDX, the array format of the MNIST files: two zero bytes, a type byte, the rank, one big-endian 32-bit size for each
 * dimension, then the values, big-endian, the last dimension fastest. Read plain or gzipped, whatever the file's name.
 *
 * Files are not trusted: sizes are compared with the length before memory is allocated, and no more is inflated than
 * the header announces.
 */
import { constants, gunzipSync, gzipSync } from 'node:zlib'
import { z } from 'zod'
import { checkObject, checkOptions, checkPath } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { writeFileAtomic } from '../../files/atomic'
import { dataError, MAX_BYTES, readWhole } from '../../files/data-file'
import { inMemory, type MemoryDataset } from '../dataset/image-dataset'
import type { DatasetKind } from '../dataset/kind'
import { MOST_CLASSES } from '../listing/class-names'

export type IdxDType = 'uint8' | 'int8' | 'int16' | 'int32' | 'float32' | 'float64'
export type IdxData = Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array

/** The content of an IDX file, the format of MNIST. */
export interface IdxArray {
  /** The type of its elements. */
  dtype: IdxDType
  /** Its sizes, the outermost first. */
  shape: number[]
  /** The values in row-major order, in this machine's byte order. */
  data: IdxData
}

interface ElementType {
  code: number
  bytes: number
  make(length: number): IdxData
  get(view: DataView, offset: number): number
  set(view: DataView, offset: number, value: number): void
}

const TYPES: Record<IdxDType, ElementType> = {
  uint8: {
    code: 0x08,
    bytes: 1,
    make: (n) => new Uint8Array(n),
    get: (v, o) => v.getUint8(o),
    set: (v, o, x) => v.setUint8(o, x),
  },
  int8: {
    code: 0x09,
    bytes: 1,
    make: (n) => new Int8Array(n),
    get: (v, o) => v.getInt8(o),
    set: (v, o, x) => v.setInt8(o, x),
  },
  int16: {
    code: 0x0b,
    bytes: 2,
    make: (n) => new Int16Array(n),
    get: (v, o) => v.getInt16(o),
    set: (v, o, x) => v.setInt16(o, x),
  },
  int32: {
    code: 0x0c,
    bytes: 4,
    make: (n) => new Int32Array(n),
    get: (v, o) => v.getInt32(o),
    set: (v, o, x) => v.setInt32(o, x),
  },
  float32: {
    code: 0x0d,
    bytes: 4,
    make: (n) => new Float32Array(n),
    get: (v, o) => v.getFloat32(o),
    set: (v, o, x) => v.setFloat32(o, x),
  },
  float64: {
    code: 0x0e,
    bytes: 8,
    make: (n) => new Float64Array(n),
    get: (v, o) => v.getFloat64(o),
    set: (v, o, x) => v.setFloat64(o, x),
  },
}

const MAX_RANK = 8
/** Bytes of a gzip file that are inflated to read the header; they expand to at most 16 MB. */
const PEEK = 16384

const DAMAGED = 'The file is damaged or was not copied whole: get it again and compare its size.'
const NOT_IDX = 'An IDX file starts with 00 00, a type byte and the number of dimensions.'

function gunzipError(path: string, error: unknown): MbconvError {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'Z_BUF_ERROR') return dataError(path, 'the gzip data ends early', DAMAGED, error)
  return dataError(path, `the gzip data is corrupt (${message})`, DAMAGED, error)
}

interface Header {
  dtype: IdxDType
  shape: number[]
  headerBytes: number
  totalBytes: number
}

/** Reads the header from the file's first bytes, which may not contain all of it. */
function parseHeader(path: string, start: Uint8Array, maxBytes: number): Header {
  if (start.length < 4) throw dataError(path, `is too short for an IDX file (${start.length} bytes)`, DAMAGED)
  const magic = Array.from(start.subarray(0, 4), (b) => b.toString(16).padStart(2, '0')).join(' ')
  if (start[0] !== 0 || start[1] !== 0) throw dataError(path, `is not an IDX file (starts with ${magic})`, NOT_IDX)
  const known = Object.entries(TYPES).find(([, type]) => type.code === start[2])
  if (known === undefined) throw dataError(path, `has an unknown IDX type (starts with ${magic})`, NOT_IDX)
  const rank = start[3]
  if (rank === 0 || rank > MAX_RANK) {
    throw dataError(path, `has ${rank} dimensions; 1 to ${MAX_RANK} are possible (starts with ${magic})`, NOT_IDX)
  }
  const headerBytes = 4 + 4 * rank
  if (start.length < headerBytes) throw dataError(path, 'ends inside the header', DAMAGED)
  const view = new DataView(start.buffer, start.byteOffset, headerBytes)
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i))
  const [dtype, type] = known as [IdxDType, ElementType]
  // The product of eight 32-bit sizes stays within a double's range. If it is too large to be exact, the file is
  // refused.
  const totalBytes = headerBytes + shape.reduce((product, size) => product * size, type.bytes)
  if (totalBytes > maxBytes) {
    const announced = `announces ${shape.join(' x ')} values of ${dtype}`
    throw dataError(path, `${announced}, more than the ${maxBytes} bytes allowed`, DAMAGED)
  }
  return { dtype, shape, headerBytes, totalBytes }
}

/** Inflates as much as the header announces. One byte more is an error, so that a small file cannot fill the memory. */
function inflate(path: string, compressed: Buffer, totalBytes: number): Buffer {
  let result: { buffer: Buffer; engine: { bytesWritten: number } }
  try {
    // With `info`, the result says how much input was used; the type declarations lack that.
    result = gunzipSync(compressed, { maxOutputLength: totalBytes, info: true }) as unknown as typeof result
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw dataError(path, `holds more than the ${totalBytes} bytes its header announces`, DAMAGED, error)
    }
    throw gunzipError(path, error)
  }
  const unused = compressed.length - result.engine.bytesWritten
  if (unused !== 0) throw dataError(path, `${unused} bytes follow the gzip data`, DAMAGED)
  return result.buffer
}

/** The options of {@link readIdx}. */
export interface ReadIdxOptions {
  /** Largest size of the file and of its unpacked content, bytes. Default 2 GiB - 1. */
  maxBytes?: number
}

/**
 * Reads an IDX file, plain or gzipped (detected by its first bytes).
 *
 * @param options.maxBytes limit of the file's size and of a gzipped file's content. Default 2 GiB - 1
 * @throws MbconvError ERR_DATA, naming the file: missing, not IDX, shorter or longer than its header says, corrupt gzip
 */
export function readIdx(path: string, options: ReadIdxOptions = {}): IdxArray {
  checkOptions('readIdx', options, ['maxBytes'])
  const maxBytes = options.maxBytes ?? MAX_BYTES
  let bytes = readWhole(path, maxBytes)
  let header: Header
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    let start: Buffer
    try {
      start = gunzipSync(bytes.subarray(0, PEEK), { finishFlush: constants.Z_SYNC_FLUSH })
    } catch (error) {
      throw gunzipError(path, error)
    }
    header = parseHeader(path, start, maxBytes)
    bytes = inflate(path, bytes, header.totalBytes)
  } else {
    header = parseHeader(path, bytes, maxBytes)
  }
  if (bytes.length !== header.totalBytes) {
    const found = `has ${bytes.length} bytes where its header announces ${header.totalBytes}`
    throw dataError(path, `${found} (${header.shape.join(' x ')} values of ${header.dtype})`, DAMAGED)
  }
  return { dtype: header.dtype, shape: header.shape, data: decode(bytes, header) }
}

function decode(bytes: Buffer, { dtype, shape, headerBytes }: Header): IdxData {
  const type = TYPES[dtype]
  const data = type.make(shape.reduce((product, size) => product * size, 1))
  if (data instanceof Uint8Array) {
    data.set(bytes.subarray(headerBytes))
    return data
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + headerBytes)
  for (let i = 0; i < data.length; i++) data[i] = type.get(view, i * type.bytes)
  return data
}

/** Encodes an array as the bytes of an IDX file. */
export function encodeIdx({ dtype, shape, data }: IdxArray): Uint8Array {
  const type = TYPES[dtype]
  const count = shape.reduce((product, size) => product * size, 1)
  if (shape.length === 0 || shape.length > MAX_RANK || count !== data.length) {
    throw new MbconvError('ERR_SHAPE', `${data.length} values cannot have the shape [${shape.join(', ')}]`)
  }
  const headerBytes = 4 + 4 * shape.length
  const bytes = new Uint8Array(headerBytes + count * type.bytes)
  const view = new DataView(bytes.buffer)
  bytes.set([0, 0, type.code, shape.length])
  shape.forEach((size, i) => {
    view.setUint32(4 + 4 * i, size)
  })
  for (let i = 0; i < count; i++) type.set(view, headerBytes + i * type.bytes, data[i])
  return bytes
}

/** The options of {@link writeIdx}. */
export interface WriteIdxOptions {
  /** Whether to compress the file. Default false. */
  gzip?: boolean
}

/** Writes an IDX file atomically, gzipped on request. */
export function writeIdx(path: string, array: IdxArray, options: WriteIdxOptions = {}): void {
  const op = 'writeIdx'
  checkPath(op, path)
  checkObject(op, 'array', array)
  checkOptions(op, options, ['gzip'])
  const bytes = encodeIdx(array)
  writeFileAtomic(path, options.gzip ? gzipSync(bytes) : bytes)
}

/** The two IDX files of a data set: images and labels. */
export interface IdxPair {
  /** Path of the images: uint8, N × H × W, or N × C × H × W with 1 or 3 channels. */
  images: string
  /** Path of the labels: N whole numbers of any integer type. */
  labels: string
  /** Number of classes. Default: the largest label plus one. */
  numClasses?: number
  /** A name for the data set. Default: the path of the images. */
  name?: string
}

/**
 * Reads images and their labels as one data set.
 *
 * @throws MbconvError ERR_DATA naming the faulty file: not images or labels, unequal counts, a label out of range
 */
export function loadIdx(pair: IdxPair): MemoryDataset {
  checkObject('loadIdx', 'pair', pair)
  const { images: imagesPath, labels: labelsPath, numClasses, name } = pair
  const images = readIdx(imagesPath)
  const labels = readIdx(labelsPath)
  const describe = (array: IdxArray) => `holds ${array.shape.join(' x ')} values of ${array.dtype}`

  const channels = images.shape.length === 4 ? images.shape[1] : 1
  const ranked = images.shape.length === 3 || images.shape.length === 4
  if (images.dtype !== 'uint8' || !ranked || (channels !== 1 && channels !== 3)) {
    const hint = 'Images are bytes: N x H x W (gray), or N x C x H x W with 1 or 3 channels.'
    throw dataError(imagesPath, `${describe(images)}, which are no images`, hint)
  }
  if (labels.dtype.startsWith('float') || labels.shape.length !== 1) {
    throw dataError(labelsPath, `${describe(labels)}, which are no labels`, 'Labels are N whole numbers, one an image.')
  }
  const count = images.shape[0]
  const [height, width] = images.shape.slice(-2)
  if (images.data.length === 0) throw dataError(imagesPath, 'holds no image', 'Check the path in the config.')
  if (labels.shape[0] !== count) {
    const problem = `holds ${labels.shape[0]} labels for the ${count} images in ${imagesPath}`
    throw dataError(labelsPath, problem, 'Give the images and the labels of the same part of the data set.')
  }

  const classOf = Int32Array.from(labels.data)
  const classCount = numClasses ?? classOf.reduce((max, label) => Math.max(max, label), 0) + 1
  if (classCount > MOST_CLASSES) {
    throw dataError(labelsPath, `has a label ${classCount - 1}`, `At most ${MOST_CLASSES} classes are possible.`)
  }
  const wrong = classOf.findIndex((label) => label < 0 || label >= classCount)
  if (wrong !== -1) {
    const problem = `label ${wrong} is ${classOf[wrong]}, but the classes are 0 to ${classCount - 1}`
    throw dataError(labelsPath, problem, 'The classes are those of the training labels.')
  }
  return inMemory({
    name: name ?? imagesPath,
    classes: Array.from({ length: classCount }, (_, i) => String(i)),
    shape: [channels, height, width],
    images: images.data as Uint8Array,
    labels: classOf,
  })
}

const FILES = ['trainImages', 'trainLabels', 'testImages', 'testLabels'] as const

const file = (what: string) =>
  z.string().min(1).optional().describe(`IDX file of the ${what}, plain or gzip; needed with dataset: idx`)

/** For the registry in kinds.ts. */
export const idxKind = {
  name: 'idx',
  summary: 'four files of yours',
  reported: 'a data set of its own',
  keys: {
    trainImages: file('training images'),
    trainLabels: file('training labels'),
    testImages: file('test images'),
    testLabels: file('test labels'),
  },
  files: FILES,
  open(data: Partial<Record<(typeof FILES)[number], string>>) {
    // Unlike a configuration, a caller of datasetOf may have omitted one.
    const [trainImages, trainLabels, testImages, testLabels] = FILES.map((key) => {
      const path = data[key]
      if (path !== undefined) return path
      throw new MbconvError('ERR_CONFIG', `data.${key} is missing`, { hint: 'data.dataset: idx needs four files.' })
    })
    const train = loadIdx({ images: trainImages, labels: trainLabels })
    const test = loadIdx({ images: testImages, labels: testLabels, numClasses: train.classes.length })
    if (train.shape.join() !== test.shape.join()) {
      const [is, should] = [test, train].map(({ shape }) => shape.join(' x '))
      const hint = 'Training and test images must have the same channels, height and width.'
      throw dataError(testImages, `images of ${is}, but ${trainImages} has ${should}`, hint)
    }
    return { train, test }
  },
} satisfies DatasetKind
