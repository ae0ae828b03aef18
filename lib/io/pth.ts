/**
 * Weights in PyTorch's own files (`torch.save`, the zip format used since 1.6). Nothing in a file is executed: see
 * ./unpickle. The accepted types are those of torch.load(weights_only=True), see ./stored-tensor; every other object
 * becomes a {@link Placeholder}.
 */
import { MbconvError } from '../errors/error'
import { kindOfArchive, kindOfFile, wrongKind } from '../files/file-kind'
import { quoted } from '../files/open'
import { native } from '../native/addon'
import type { DType } from '../native/types'
import { noGrad } from '../tensor/core/autograd'
import { fromTypedArray } from '../tensor/core/create'
import { scope } from '../tensor/core/scope'
import type { Tensor } from '../tensor/core/tensor'
import { type FoundEntry, findEntry } from './pth-entry'
import { MAX_METADATA_BYTES, METADATA_ENTRY, parseMetadata } from './pth-metadata'
import { codedErrors, type FileWeights, tensorsWith } from './read-tensors'
import { MAX_TENSORS } from './safetensors-header'
import { globalOf, type Reject, type Storage, StoredTensor, storageOf } from './stored-tensor'
import { asksFor, Placeholder, unpickle } from './unpickle'
import { type ZipEntry, ZipFile } from './zip'

export { type PthWriteOptions, write } from './pth-write'
export { Placeholder, StoredTensor }

/** Larger than any model's pickle: the numbers are stored outside it. */
const MAX_PICKLE_BYTES = 16 * 2 ** 20
/** The file's byte order, `little` or `big`, is short. */
const MAX_ORDER_BYTES = 16

/** The content of a file. */
export interface PthFile {
  /**
   * The saved value: dictionaries as Maps, sets as Sets, lists and tuples as arrays, bytes as Uint8Array, integers
   * beyond 2^53 as BigInt, complex numbers as `{ re, im }`, sizes as arrays, dtypes and devices as text, tensors as
   * {@link StoredTensor}. Objects that only Python could make are {@link Placeholder}s.
   */
  value: unknown
  /**
   * The tensors of a state dict, read now. `entry` is its dotted name. Without a name it is the entry that timm takes
   * (`state_dict_ema`, `model_ema`, `state_dict`, `model`), then `model_state_dict`, `module`, the value itself, or the
   * only entry that is a state dict. The prefixes `module.` and `_orig_mod.`, from DataParallel and torch.compile, are
   * removed from names. A tensor that this package cannot hold, e.g. of a quantised dtype, is not enumerable; reading
   * it throws ERR_FORMAT.
   *
   * @throws MbconvError ERR_FORMAT where there is none, or only Python could make it; ERR_IO; ERR_OOM
   */
  stateDict(entry?: string): Record<string, Tensor>
}

const OP = 'pth.read'

/**
 * Reads a file written by `torch.save`. The numbers are read when {@link PthFile.stateDict} is called, so the file must
 * exist until then.
 *
 * @throws MbconvError ERR_IO; ERR_FORMAT naming the file and its problem: damage, a format older than PyTorch 1.6,
 *   TorchScript, another kind of file, or an object that only Python could make in place of weights
 */
export function read(path: string): PthFile {
  return codedErrors(path, OP, () => {
    const reject = rejectOf(path)
    const { value } = withArchive(path, reject, (archive) => ({ value: archive.value() }))
    if (value instanceof Placeholder) reject(asksFor(value))
    return {
      value,
      stateDict: (entry) =>
        codedErrors(path, OP, () => {
          const { dict } = findEntry(value, entry, reject)
          return tensorsWith(
            path,
            OP,
            withArchive(path, reject, (archive) => archive.tensors(unwrapped(dict))),
          )
        }),
    }
  })
}

/**
 * The weights of a file under their names in it, with what was found beside them.
 *
 * @internal
 * @throws MbconvError as {@link read} and {@link PthFile.stateDict}
 */
export function readWeights(path: string, asked?: string): FileWeights {
  return codedErrors(path, OP, () => {
    const reject = rejectOf(path)
    return withArchive(path, reject, (archive) => {
      const { dict, ...found }: FoundEntry = findEntry(archive.value(), asked, reject)
      return { ...archive.tensors(dict), ...found, origin: { format: 'pth', metadata: archive.metadata() } }
    })
  })
}

/**
 * What this package wrote about a file; nothing for files of PyTorch.
 *
 * @internal
 * @throws MbconvError ERR_IO, ERR_FORMAT
 */
export const readPthMetadata = (path: string): Record<string, string> =>
  codedErrors(path, OP, () => withArchive(path, rejectOf(path), (archive) => archive.metadata()))

function rejectOf(path: string): Reject {
  return (problem, hint) => {
    throw new MbconvError('ERR_FORMAT', `${path}: ${problem}`, { op: OP, hint })
  }
}

/** Removes wrappers' prefixes from the names, like timm's clean_state_dict. */
function unwrapped(dict: FoundEntry['dict']): FoundEntry['dict'] {
  const renamed = new Map([...dict].map(([name, stored]) => [name.replace(/^(module\.|_orig_mod\.)+/, ''), stored]))
  // Keep the names if two would become equal.
  return renamed.size < dict.size ? dict : renamed
}

function withArchive<T>(path: string, reject: Reject, use: (archive: Archive) => T): T {
  const kind = kindOfFile(path, OP)
  if (kind.format !== 'zip') {
    throw wrongKind(path, OP, kind.format === 'safetensors' ? { ...kind, hint: 'io.safetensors.read reads it.' } : kind)
  }
  const zip = new ZipFile(path)
  try {
    return use(new Archive(path, zip, reject))
  } finally {
    zip.close()
  }
}

class Archive {
  readonly #zip: ZipFile
  readonly #reject: Reject
  readonly #folder: string

  constructor(path: string, zip: ZipFile, reject: Reject) {
    this.#zip = zip
    this.#reject = reject
    const pickles = [...zip.entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name))
    if (pickles.length === 0) throw wrongKind(path, OP, kindOfArchive([...zip.entries.keys()]))
    if (pickles.length > 1) reject(`it has ${pickles.length} data.pkl`)
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

  /** What this package wrote about the file; nothing in files of PyTorch. */
  metadata(): Record<string, string> {
    const entry = this.#entry(METADATA_ENTRY)
    return entry === undefined ? {} : parseMetadata(this.#zip.read(entry, MAX_METADATA_BYTES), this.#reject)
  }

  value(): unknown {
    const entry = this.#entry('data.pkl') as ZipEntry
    return unpickle(this.#zip.read(entry, MAX_PICKLE_BYTES), {
      reject: this.#reject,
      global: (name) => globalOf(name, this.#reject),
      persistent: (id) => storageOf(id, this.#reject),
    })
  }

  /** The numbers of the tensors that this package can hold; the other tensors by name, with the reason. */
  tensors(dict: ReadonlyMap<string, StoredTensor>): Pick<FileWeights, 'tensors' | 'unread'> {
    if (dict.size > MAX_TENSORS) this.#reject(`it has more than ${MAX_TENSORS} tensors`)
    // Tensors that share a storage are views of one tensor, as in PyTorch. Otherwise a file of a megabyte could fill
    // the memory.
    const storages = new Map<string, { whole: Tensor; storage: Storage }>()
    const read = (storage: Storage): Tensor => {
      const known = storages.get(storage.key)
      if (known === undefined) {
        const whole = this.#numbers(storage)
        storages.set(storage.key, { whole, storage })
        return whole
      }
      // Each tensor describes its storage itself: the descriptions must agree.
      if (known.storage.kind !== storage.kind || known.storage.elements !== storage.elements)
        this.#reject(`storage ${quoted(storage.key)} is said to be two`)
      return known.whole
    }
    const entries = [...dict]
    const unread = entries.flatMap(([name, { problem }]) => (problem === undefined ? [] : [[name, problem]]))
    const whole = entries.filter(([, { problem }]) => problem === undefined)
    return {
      unread: Object.fromEntries(unread),
      tensors: scope(() =>
        noGrad(() => Object.fromEntries(whole.map(([name, stored]) => [name, viewOf(stored, read(stored.storage))]))),
      ),
    }
  }

  #numbers({ key, kind, elements }: Storage): Tensor {
    const entry = this.#entry(`data/${key}`)
    if (entry === undefined || kind === undefined) return this.#reject(`it lacks the numbers of storage ${quoted(key)}`)
    const { bytes } = entry
    const expected = elements * kind.bytes
    if (bytes !== expected)
      this.#reject(`storage ${quoted(key)} is ${bytes < expected ? 'smaller' : 'larger'} than it says`)
    const data = this.#zip.read(entry)
    const complex = kind.dtype.startsWith('complex')
    const count = complex ? 2 * elements : elements
    const values = new kind.array(data.buffer as ArrayBuffer, data.byteOffset, count)
    const parts: DType = kind.dtype === 'complex128' ? 'float64' : 'float32'
    if (complex) return callOp('aten::view_as_complex', [fromTypedArray(values, [elements, 2], { dtype: parts })])
    if (kind.dtype !== 'bool') return fromTypedArray(values, [elements], { dtype: kind.dtype as DType })
    // A boolean stored as a byte other than 0 and 1 counts as true.
    return fromTypedArray(values, [elements]).ne(0)
  }
}

const callOp = (name: string, args: unknown[]) => native().callOp(name, args) as Tensor

function viewOf({ offset, shape, strides, kept: { conj, neg } }: StoredTensor, whole: Tensor): Tensor {
  const view = callOp('aten::as_strided', [whole, [...shape], [...strides], offset])
  const conjugated = conj ? callOp('aten::conj_physical', [view]) : view
  return neg ? callOp('aten::neg', [conjugated]) : conjugated
}
