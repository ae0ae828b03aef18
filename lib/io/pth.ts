/**
 * Weights in PyTorch's own files (`torch.save`, the zip format it has had since 1.6). Nothing in a file is executed: see
 * ./unpickle. What may stand in one is tensors, parameters, dictionaries, lists, tuples, numbers and strings.
 */
import { closeSync, readSync } from 'node:fs'
import { MbconvError } from '../errors'
import { native } from '../native'
import { noGrad } from '../tensor/autograd'
import { fromTypedArray } from '../tensor/create'
import { scope } from '../tensor/scope'
import type { Tensor } from '../tensor/tensor'
import type { DType, TypedArray } from '../tensor/types'
import { ioError } from './atomic'
import { openFile, quoted } from './open'
import { MAX_TENSORS } from './safetensors-header'
import { Global, type PickleDict, unpickle } from './unpickle'
import { type ZipEntry, ZipFile } from './zip'

/** More than the pickle of any model: the numbers are beside it. */
const MAX_PICKLE_BYTES = 16 * 2 ** 20
/** `little` or `big`. */
const MAX_ORDER_BYTES = 16

interface ElementKind {
  dtype: DType
  bytes: number
  array: new (buffer: ArrayBuffer, offset: number, length: number) => TypedArray
}

const STORAGES: Readonly<Record<string, ElementKind>> = {
  'torch.FloatStorage': { dtype: 'float32', bytes: 4, array: Float32Array },
  'torch.DoubleStorage': { dtype: 'float64', bytes: 8, array: Float64Array },
  'torch.HalfStorage': { dtype: 'float16', bytes: 2, array: Uint16Array },
  'torch.BFloat16Storage': { dtype: 'bfloat16', bytes: 2, array: Uint16Array },
  'torch.LongStorage': { dtype: 'int64', bytes: 8, array: BigInt64Array },
  'torch.IntStorage': { dtype: 'int32', bytes: 4, array: Int32Array },
  'torch.ShortStorage': { dtype: 'int16', bytes: 2, array: Int16Array },
  'torch.CharStorage': { dtype: 'int8', bytes: 1, array: Int8Array },
  'torch.ByteStorage': { dtype: 'uint8', bytes: 1, array: Uint8Array },
  'torch.BoolStorage': { dtype: 'bool', bytes: 1, array: Uint8Array },
}

const DTYPES: readonly string[] = [
  'float32',
  'float64',
  'float16',
  'bfloat16',
  'int64',
  'int32',
  'int16',
  'int8',
  'uint8',
  'bool',
]

interface Storage {
  kind: ElementKind
  key: string
  elements: number
}

/** A tensor of a file, without its numbers. */
export class StoredTensor {
  readonly dtype: DType
  readonly shape: readonly number[]
  /** @internal */
  readonly storage: Storage
  /** @internal */
  readonly offset: number
  /** @internal */
  readonly strides: readonly number[]

  /** @internal */
  constructor(storage: Storage, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.dtype = storage.kind.dtype
    this.shape = shape
    this.storage = storage
    this.offset = offset
    this.strides = strides
  }
}

/** What a file holds. */
export interface PthFile {
  /** As it was saved: dictionaries as Maps, lists and tuples as arrays, tensors as {@link StoredTensor}. */
  value: unknown
  /**
   * The tensors of a state dict, read now. It is the value itself, or what stands in it under `state_dict`,
   * `model_state_dict`, `model` or `module`, or under the key given. A prefix `module.` that all names have (from
   * DataParallel) is taken off.
   *
   * @throws MbconvError ERR_FORMAT where there is none; ERR_OOM
   */
  stateDict(key?: string): Record<string, Tensor>
}

const PLACES = ['state_dict', 'model_state_dict', 'model', 'module']

/**
 * Reads a file that `torch.save` has written. The numbers are read when {@link PthFile.stateDict} is called; the file must
 * be there until then.
 *
 * @throws MbconvError ERR_IO; ERR_FORMAT naming the file and what is wrong with it: damage, a format of before PyTorch
 *   1.6, TorchScript, anything in it that is not weights
 */
export function read(path: string): PthFile {
  const reject = rejectOf(path)
  checkFormat(path)
  const { value } = withArchive(path, reject, (archive) => ({ value: archive.value() }))
  return {
    value,
    stateDict: (key) => {
      const dict = findStateDict(value, key, reject)
      return withArchive(path, reject, (archive) => archive.tensors(dict))
    },
  }
}

type Reject = (problem: string, hint?: string) => never

function rejectOf(path: string): Reject {
  return (problem, hint) => {
    throw new MbconvError('ERR_FORMAT', `${path}: ${problem}`, { op: 'pth.read', hint })
  }
}

/**
 * Tells formats that are not this one by their first bytes.
 *
 * @internal
 * @throws MbconvError ERR_FORMAT, with the remedy; ERR_IO
 */
export function checkFormat(path: string): void {
  const reject: Reject = rejectOf(path)
  const start = Buffer.alloc(10)
  const file = openFile(path, 'pth.read')
  try {
    readSync(file, start, 0, start.length, 0)
  } catch (error) {
    throw ioError('read', path, error)
  } finally {
    closeSync(file)
  }
  if (start.readUInt32LE(0) === 0x04034b50) return
  if (start[0] === 0x80) {
    const remedy = 'In Python: torch.save(torch.load(path, weights_only=True), path), with PyTorch 1.6 or newer.'
    reject('it is in the format that PyTorch had before 1.6', remedy)
  }
  if (start[8] === 0x7b) reject('it is a safetensors file by its content', 'Give it the ending .safetensors.')
  reject('it is no file of torch.save')
}

function withArchive<T>(path: string, reject: Reject, use: (archive: Archive) => T): T {
  const zip = new ZipFile(path)
  try {
    return use(new Archive(zip, reject))
  } finally {
    zip.close()
  }
}

class Archive {
  readonly #zip: ZipFile
  readonly #reject: Reject
  readonly #folder: string

  constructor(zip: ZipFile, reject: Reject) {
    this.#zip = zip
    this.#reject = reject
    const pickles = [...zip.entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name))
    if (pickles.length !== 1) reject(`it has ${pickles.length === 0 ? 'no' : pickles.length} data.pkl`)
    this.#folder = pickles[0].slice(0, -'data.pkl'.length)
    if (zip.entries.has(`${this.#folder}constants.pkl`)) {
      reject('it is a TorchScript model', 'In Python: torch.save(torch.jit.load(path).state_dict(), path).')
    }
    const order = this.#entry('byteorder')
    if (order !== undefined && zip.read(order, MAX_ORDER_BYTES).toString() !== 'little')
      reject('its numbers are big-endian')
  }

  #entry(name: string): ZipEntry | undefined {
    return this.#zip.entries.get(`${this.#folder}${name}`)
  }

  value(): unknown {
    const entry = this.#entry('data.pkl') as ZipEntry
    return unpickle(this.#zip.read(entry, MAX_PICKLE_BYTES), {
      reject: this.#reject,
      global: (name) => this.#global(name),
      persistent: (id) => this.#storage(id),
    })
  }

  #global(name: string): unknown {
    if (Object.hasOwn(STORAGES, name)) return STORAGES[name]
    const [, dtype] = /^torch\.(\w+)$/.exec(name) ?? []
    if (DTYPES.includes(dtype)) return dtype
    switch (name) {
      case 'collections.OrderedDict':
        return new Global(name, (args) => new Map(this.#pairs(args)))
      case 'torch._utils._rebuild_tensor_v2':
      case 'torch._utils._rebuild_tensor':
        return new Global(name, (args) => this.#tensor(args))
      case 'torch._utils._rebuild_parameter':
        return new Global(name, ([tensor]) =>
          tensor instanceof StoredTensor ? tensor : this.#reject('a parameter in it is no tensor'),
        )
      case 'torch.Size':
      case 'torch.device':
        return new Global(name, ([value]) => value)
      default:
        return undefined
    }
  }

  #pairs([list = []]: unknown[]): [unknown, unknown][] {
    const isPair = (pair: unknown) => Array.isArray(pair) && pair.length === 2
    if (!Array.isArray(list) || !list.every(isPair)) this.#reject('a dictionary in it is damaged')
    const pairs = list as [unknown, unknown][]
    if (new Set(pairs.map(([key]) => key)).size < pairs.length) this.#reject('a dictionary in it has a key twice')
    return pairs
  }

  #storage(id: unknown): Storage {
    const [tag, kind, key, , elements] = Array.isArray(id) ? id : []
    const known = Object.values(STORAGES).includes(kind as ElementKind)
    if (tag !== 'storage' || !known || typeof key !== 'string' || !isSize(elements)) {
      this.#reject('a storage in it is of an unknown kind')
    }
    return { kind: kind as ElementKind, key: key as string, elements: elements as number }
  }

  #tensor([storage, offset, shape, strides]: unknown[]): StoredTensor {
    const sizes = (value: unknown) => Array.isArray(value) && value.length <= 16 && value.every(isSize)
    const whole = typeof (storage as Storage | null)?.kind?.dtype === 'string' && isSize(offset)
    if (!whole || !sizes(shape) || !sizes(strides) || (shape as number[]).length !== (strides as number[]).length) {
      this.#reject('a tensor in it is damaged')
    }
    const [from, dims, steps] = [offset as number, shape as number[], strides as number[]]
    const { elements } = storage as Storage
    const count = dims.reduce((product, size) => product * size, 1)
    const last = count === 0 ? from : dims.reduce((sum, size, i) => sum + (size - 1) * steps[i], from + 1)
    // Also more elements than there are: rows that are one row repeated would fill the memory.
    if (last > elements || count > elements) this.#reject('a tensor in it reaches beyond its storage')
    return new StoredTensor(storage as Storage, from, dims, steps)
  }

  tensors(dict: ReadonlyMap<string, StoredTensor>): Record<string, Tensor> {
    if (dict.size > MAX_TENSORS) this.#reject(`it has more than ${MAX_TENSORS} tensors`)
    // Tensors that share a storage are views of one, as in PyTorch: a file of a megabyte cannot fill the memory.
    const storages = new Map<string, Tensor>()
    const read = (storage: Storage) => {
      const { key, kind, elements } = storage
      const known = storages.get(key)
      if (known !== undefined) {
        // Each tensor says for itself what its storage is.
        if (known.dtype !== kind.dtype || known.numel !== elements)
          this.#reject(`storage ${quoted(key)} is said to be two`)
        return known
      }
      const entry = this.#entry(`data/${key}`)
      if (entry === undefined) this.#reject(`it lacks the numbers of storage ${quoted(key)}`)
      const { bytes } = entry as ZipEntry
      if (bytes !== elements * kind.bytes) {
        const what = bytes < elements * kind.bytes ? 'smaller' : 'larger'
        this.#reject(`storage ${quoted(key)} is ${what} than it says`)
      }
      const data = this.#zip.read(entry as ZipEntry)
      const values = new kind.array(data.buffer as ArrayBuffer, data.byteOffset, elements)
      // Bytes of booleans other than 0 and 1 must not become other booleans.
      const made = fromTypedArray(values, [elements], kind.dtype === 'bool' ? {} : { dtype: kind.dtype })
      const whole = kind.dtype === 'bool' ? made.ne(0) : made
      storages.set(key, whole)
      return whole
    }
    return scope(() =>
      noGrad(() => Object.fromEntries([...dict].map(([name, stored]) => [name, viewOf(stored, read(stored.storage))]))),
    )
  }
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function viewOf({ offset, shape, strides }: StoredTensor, whole: Tensor): Tensor {
  return native().callOp('aten::as_strided', [whole, [...shape], [...strides], offset]) as Tensor
}

function findStateDict(value: unknown, key: string | undefined, reject: Reject): Map<string, StoredTensor> {
  const isDict = (candidate: unknown): candidate is PickleDict => candidate instanceof Map
  if (!isDict(value)) reject('it holds no dictionary of tensors')
  const top = value as PickleDict
  const places = key === undefined ? PLACES : [key]
  const candidate = key === undefined && holdsTensors(top) ? top : places.map((name) => top.get(name)).find(isDict)
  if (candidate === undefined || !holdsTensors(candidate)) {
    // Keys may be anything, lists that hold themselves too.
    const texts = [...top.keys()].filter((name): name is string => typeof name === 'string')
    const names = texts
      .slice(0, 8)
      .map((name) => quoted(name, 40))
      .join(', ')
    reject(`it has no state dict under ${places.join(', ')}; its keys are ${names}`)
  }
  const entries = [...(candidate as PickleDict)].filter((entry): entry is [string, StoredTensor] => {
    return typeof entry[0] === 'string' && entry[1] instanceof StoredTensor
  })
  const prefix = 'module.'
  const wrapped = entries.every(([name]) => name.startsWith(prefix))
  return new Map(entries.map(([name, stored]) => [wrapped ? name.slice(prefix.length) : name, stored]))
}

/** Most values are tensors: some save a number or two beside them. */
function holdsTensors(dict: PickleDict): boolean {
  const values = [...dict.values()]
  return values.length > 0 && 2 * values.filter((value) => value instanceof StoredTensor).length > values.length
}
