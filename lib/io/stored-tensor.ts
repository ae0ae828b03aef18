/**
 * The objects in a torch.save file besides plain Python values, by their names in the pickle: tensors without their
 * numbers, storages, dtypes, and the few containers that torch.load(weights_only=True) takes. The list is that of
 * torch/_weights_only_unpickler.py in PyTorch 2.13; test/pth-globals.test.mjs compares it item by item.
 */

import { quoted } from '../files/open'
import type { DType, TypedArray } from '../native/types'
import { Global, Placeholder } from './unpickle'

/** Throws an error with the problem, on behalf of the caller. */
export type Reject = (problem: string, hint?: string) => never

/** A kind of numbers in files of torch.save. */
export interface ElementKind {
  /** PyTorch's name. */
  dtype: DType
  /** Bytes of one number. */
  bytes: number
  /** The typed array that holds such numbers. */
  array: new (
    buffer: ArrayBuffer,
    offset: number,
    length: number,
  ) => TypedArray
}

const KINDS: readonly (ElementKind & { storage: string })[] = [
  { storage: 'FloatStorage', dtype: 'float32', bytes: 4, array: Float32Array },
  { storage: 'DoubleStorage', dtype: 'float64', bytes: 8, array: Float64Array },
  { storage: 'HalfStorage', dtype: 'float16', bytes: 2, array: Uint16Array },
  { storage: 'BFloat16Storage', dtype: 'bfloat16', bytes: 2, array: Uint16Array },
  { storage: 'LongStorage', dtype: 'int64', bytes: 8, array: BigInt64Array },
  { storage: 'IntStorage', dtype: 'int32', bytes: 4, array: Int32Array },
  { storage: 'ShortStorage', dtype: 'int16', bytes: 2, array: Int16Array },
  { storage: 'CharStorage', dtype: 'int8', bytes: 1, array: Int8Array },
  { storage: 'ByteStorage', dtype: 'uint8', bytes: 1, array: Uint8Array },
  { storage: 'BoolStorage', dtype: 'bool', bytes: 1, array: Uint8Array },
  { storage: 'ComplexFloatStorage', dtype: 'complex64', bytes: 8, array: Float32Array },
  { storage: 'ComplexDoubleStorage', dtype: 'complex128', bytes: 16, array: Float64Array },
]
/** Element kinds by the names of their storages, and of their dtypes. */
const STORAGES = new Map(KINDS.map((kind) => [`torch.${kind.storage}`, kind]))
const BY_DTYPE = new Map<unknown, ElementKind>(KINDS.map((kind) => [kind.dtype, kind]))

/** The name of the storage that PyTorch keeps numbers of a dtype in; undefined for a dtype without one. */
export function storageTypeOf(dtype: DType): string | undefined {
  return KINDS.find((kind) => kind.dtype === dtype)?.storage
}

/** Names of dtypes and of quantisation schemes. Such a value is read as its name. */
const NAMED_VALUE =
  /^torch\.(u?int([1-7]|8|16|32|64)|b?float\w+|bool|complex\d+|bits\w+|qu?int\w+|per_(tensor|channel)_\w+)$/

/** A block of numbers in the file. Several tensors may show parts of it. */
export interface Storage {
  /** Undefined if this package lacks this kind of numbers. */
  kind: ElementKind | undefined
  /** The file's name for the type. */
  type: string
  /** The name of its entry in the file. */
  key: string
  /** How many numbers it has. */
  elements: number
}

/** A tensor in a file, without its numbers. */
export class StoredTensor {
  /** `float32` …, or PyTorch's name for a dtype that this package lacks. */
  readonly dtype: string
  /** Its sizes, the outermost first. */
  readonly shape: readonly number[]
  /** Why the numbers cannot be read; undefined if they can. */
  readonly problem?: string
  /** @internal */
  readonly storage: Storage
  /** @internal */
  readonly offset: number
  /** @internal */
  readonly strides: readonly number[]
  /** Whether the numbers are stored conjugated or negated. @internal */
  readonly kept: {
    /** Whether the stored numbers are the complex conjugates. */
    conj: boolean
    /** Whether the stored numbers are the negated ones. */
    neg: boolean
  }

  /** @internal */
  constructor(
    dtype: string,
    shape: readonly number[],
    place: {
      /** The block of numbers that it shows. */
      storage: Storage
      /** Number of elements before its first one in the storage. */
      offset: number
      /** Distance between neighbours along each dimension, in elements. */
      strides: readonly number[]
      /** Whether the stored numbers are the complex conjugates. Default false. */
      conj?: boolean
      /** Whether the stored numbers are the negated ones. Default false. */
      neg?: boolean
    },
    problem?: string,
  ) {
    this.dtype = dtype
    this.shape = shape
    this.storage = place.storage
    this.offset = place.offset
    this.strides = place.strides
    this.kept = { conj: place.conj === true, neg: place.neg === true }
    if (problem !== undefined) this.problem = problem
  }
}

export const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const areSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length <= 16 && value.every(isSize)

/** A name or another word from a file, for a message. */
const word = (value: unknown) =>
  typeof value === 'string' && /^[\w.]{1,60}$/.test(value) ? value : quoted(String(value))

const NOWHERE: Storage = { kind: undefined, type: 'none', key: '', elements: 0 }

/** A tensor whose numbers this package cannot hold, with the reason. */
function unread(dtype: string, shape: unknown, problem: string): StoredTensor {
  const sizes = areSizes(shape) ? shape : []
  return new StoredTensor(dtype, sizes, { storage: NOWHERE, offset: 0, strides: [] }, problem)
}

const ofDtype = (dtype: unknown) => `is of dtype ${word(dtype)}, which this package does not have`

/** The name of a storage's dtype: `quint8` for torch.QUInt8Storage. */
function dtypeOf(type: string): string {
  const [, name] = /^torch\.(?:cuda\.)?(\w+)Storage$/.exec(type) ?? []
  return name === undefined ? type : name.toLowerCase()
}

/** The storage that a persistent id stands for. */
export function storageOf(id: unknown, reject: Reject): Storage {
  const [tag, type, key, , elements] = Array.isArray(id) ? id : []
  const named = type instanceof Placeholder ? type.global : type
  if (tag !== 'storage' || typeof key !== 'string' || !isSize(elements)) reject('a storage in it is damaged')
  if (typeof named === 'string')
    return { kind: undefined, type: named, key: key as string, elements: elements as number }
  if (!(named instanceof StorageType)) reject('a storage in it is of an unknown kind')
  const { name: own, kind } = named as StorageType
  return { kind, type: own, key: key as string, elements: elements as number }
}

/** A storage's class, as a value. */
class StorageType {
  readonly name: string
  readonly kind: ElementKind | undefined
  constructor(name: string, kind: ElementKind | undefined) {
    this.name = name
    this.kind = kind
  }
}

const UNTYPED = 'torch.storage.UntypedStorage'

/** The object for one of Python's names in a file of weights; undefined for an unknown name. */
export function globalOf(name: string, reject: Reject): unknown {
  const kind = STORAGES.get(name)
  if (kind !== undefined || name === UNTYPED) return new StorageType(name, kind)
  if (NAMED_VALUE.test(name)) return name.slice('torch.'.length)
  if (!Object.hasOwn(CALLS, name)) return undefined
  const call = CALLS[name]
  return new Global(name, (args) => call(args, reject))
}

type Call = (args: unknown[], reject: Reject) => unknown

const CALLS: Readonly<Record<string, Call>> = {
  'collections.OrderedDict': ([items = []], reject) => new Map(pairs(items, reject)),
  'collections.Counter': ([counts = new Map()], reject) =>
    counts instanceof Map ? new Map(counts) : reject('a counter in it is damaged'),
  'builtins.set': ([items = []], reject) => (Array.isArray(items) ? new Set(items) : reject('a set in it is damaged')),
  'builtins.complex': ([re, im = 0], reject) =>
    typeof re === 'number' && typeof im === 'number'
      ? Object.freeze({ re, im })
      : reject('a complex number in it is damaged'),
  'builtins.bytearray': (args) => bytesOf('builtins.bytearray', args),
  '_codecs.encode': (args) => bytesOf('_codecs.encode', args),
  'torch.Size': ([sizes]) => sizes,
  'torch.device': ([type, index]) => (isSize(index) ? `${word(type)}:${index}` : type),
  'torch.serialization._get_layout': ([layout]) => layout,
  'torch._utils._rebuild_tensor': (args, reject) => tensorOf(args, undefined, undefined, reject),
  'torch._utils._rebuild_tensor_v2': (args, reject) => tensorOf(args, undefined, args[6], reject),
  'torch._utils._rebuild_tensor_v3': (args, reject) => tensorOf(args, args[6], args[7], reject),
  'torch._utils._rebuild_parameter': ([tensor]) => tensor,
  'torch._utils._rebuild_parameter_with_state': ([tensor]) => tensor,
  'torch.nn.parameter.Parameter': ([tensor]) => tensor,
  // Drops the tensor's attributes and type, which belong to Python. The tensor inside is the same.
  'torch._tensor._rebuild_from_type_v2': ([make, , args], reject) =>
    make instanceof Global && Array.isArray(args) && make.name.startsWith('torch._utils._rebuild_')
      ? make.call(args)
      : make instanceof Placeholder
        ? new Placeholder(make.global)
        : reject('a tensor in it is damaged'),
  'torch._utils._rebuild_device_tensor_from_cpu_tensor': ([tensor, dtype]) =>
    tensor instanceof StoredTensor && tensor.dtype === dtype
      ? tensor
      : unread(word(dtype), [], 'was converted when it was saved, which this package does not do'),
  'torch._utils._rebuild_qtensor': ([storage, , shape]) => {
    const dtype = dtypeOf((storage as Storage | null)?.type ?? 'quantised')
    return unread(dtype, shape, `is quantised (${word(dtype)}), which this package does not have`)
  },
  'torch._utils._rebuild_sparse_tensor': ([layout, data]) =>
    unread(
      'sparse',
      Array.isArray(data) ? data[2] : [],
      `is sparse (${word(layout)}), which this package does not have`,
    ),
  'torch._utils._rebuild_nested_tensor': () => unread('nested', [], 'is nested, which this package does not have'),
  'torch._utils._rebuild_meta_tensor_no_storage': ([dtype, shape]) =>
    unread(word(dtype), shape, 'was saved without its numbers (from the device meta)'),
  'torch._utils._rebuild_wrapper_subclass': ([type, dtype, shape]) =>
    unread(word(dtype), shape, `is ${type instanceof Placeholder ? String(type) : 'a subclass'} without numbers`),
}

function pairs(list: unknown, reject: Reject): [unknown, unknown][] {
  if (list instanceof Map) return [...list]
  const isPair = (pair: unknown) => Array.isArray(pair) && pair.length === 2
  if (!Array.isArray(list) || !list.every(isPair)) reject('a dictionary in it is damaged')
  const found = list as [unknown, unknown][]
  if (new Set(found.map(([key]) => key)).size < found.length) reject('a dictionary in it has a key twice')
  return found
}

/** Bytes. Protocol 2 writes them as text with one character each. */
function bytesOf(name: string, [value, encoding]: unknown[]): unknown {
  if (value === undefined) return new Uint8Array(0)
  if (value instanceof Uint8Array) return value
  const latin1 = typeof encoding === 'string' && /^(latin-?1|iso-?8859-?1)$/i.test(encoding)
  if (typeof value !== 'string' || !latin1 || !/^[\0-\xff]*$/.test(value)) return new Placeholder(name)
  return Uint8Array.from(Buffer.from(value, 'latin1'))
}

function tensorOf(args: unknown[], dtype: unknown, metadata: unknown, reject: Reject): unknown {
  const [given, offset, shape, strides] = args
  if (given instanceof Placeholder) return new Placeholder(given.global)
  const storage = given as Storage | null
  const whole = typeof storage?.type === 'string' && typeof storage.key === 'string' && isSize(offset)
  if (!whole || !areSizes(shape) || !areSizes(strides) || shape.length !== strides.length) {
    return reject('a tensor in it is damaged')
  }
  const kind = dtype === undefined ? storage.kind : BY_DTYPE.get(dtype)
  if (kind === undefined) {
    const name = dtype === undefined ? dtypeOf(storage.type) : word(dtype)
    const known = STORAGES.has(storage.type) || dtype !== undefined || /^torch\.Q/.test(storage.type)
    return unread(
      name,
      shape,
      known ? ofDtype(name) : `is kept in ${word(storage.type)}, which this package does not know`,
    )
  }
  // The size of a storage without a type is in bytes.
  const elements = storage.kind === undefined ? Math.floor(storage.elements / kind.bytes) : storage.elements
  const count = shape.reduce((product, size) => product * size, 1)
  const last = count === 0 ? offset : shape.reduce((sum, size, i) => sum + (size - 1) * strides[i], offset + 1)
  // Also refuse more elements than the storage has: many views of one row would fill the memory.
  if (last > elements || count > elements) return reject('a tensor in it reaches beyond its storage')
  const bits = metadata instanceof Map ? metadata : new Map()
  const kept = { conj: bits.get('conj') === true, neg: bits.get('neg') === true }
  return new StoredTensor(kind.dtype, shape, { storage: { ...storage, kind, elements }, offset, strides, ...kept })
}
