/**
 * Writes state dicts as torch.save does: `torch.load(path, weights_only=True)` reads them, and ./pth. The pickle has
 * only the names that weights need: OrderedDict, the storages, and the function that makes a tensor of one.
 *
 * Sources: PyTorch 2.13, torch/serialization.py (`_save`), torch/_tensor.py (`_reduce_ex_internal`),
 * caffe2/serialize/inline_container.cc (the entries of the archive).
 */
import { checkCount, checkOptions } from '../errors/check'
import { MbconvError } from '../errors/error'
import { writeFileAtomic } from '../files/atomic'
import { quoted } from '../files/open'
import { Tensor } from '../tensor/core/tensor'
import { METADATA_ENTRY } from './pth-metadata'
import { MAX_TENSORS } from './safetensors-header'
import { storageTypeOf } from './stored-tensor'
import { bytesOf } from './tensor-bytes'
import { type ZipContent, type ZipWriterOptions, zipped } from './zip-writer'

const OP = 'pth.write'

/** The version that torch.save of PyTorch 2.13 writes; readers since 1.6 take it. */
const FORMAT_VERSION = '3\n'

/** The instructions of pickle protocol 2 that a state dict needs. */
const PICKLE = {
  begin: Buffer.from([0x80, 2]),
  mark: Buffer.from('('),
  tuple: Buffer.from('t'),
  call: Buffer.from('R'),
  emptyDict: Buffer.from('}'),
  setItems: Buffer.from('u'),
  setAttributes: Buffer.from('b'),
  persistent: Buffer.from('Q'),
  no: Buffer.from([0x89]),
  stop: Buffer.from('.'),
}

const global = (module: string, name: string) => Buffer.from(`c${module}\n${name}\n`)

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  const head = Buffer.from('X\0\0\0\0')
  head.writeUInt32LE(bytes.byteLength, 1)
  return Buffer.concat([head, bytes])
}

/** A whole number that is not negative. */
function integer(value: number): Buffer {
  if (value < 2 ** 31) {
    const short = Buffer.from('J\0\0\0\0')
    short.writeInt32LE(value, 1)
    return short
  }
  const long = Buffer.alloc(10)
  long.set([0x8a, 8])
  long.writeBigInt64LE(BigInt(value), 2)
  return long
}

const tuple = (items: readonly Buffer[]) => Buffer.concat([PICKLE.mark, ...items, PICKLE.tuple])
const called = (callable: Buffer, args: readonly Buffer[]) => Buffer.concat([callable, tuple(args), PICKLE.call])
const orderedDict = () => called(global('collections', 'OrderedDict'), [])
const filled = (dict: Buffer, items: readonly Buffer[]) => Buffer.concat([dict, PICKLE.mark, ...items, PICKLE.setItems])

/**
 * The attribute `_metadata` of a state dict: the version of each module, here of the outermost one. Modules without an
 * entry count as older than their first version.
 */
function versions(version: number): Buffer {
  const outermost = filled(PICKLE.emptyDict, [text('version'), integer(version)])
  const metadata = filled(orderedDict(), [text(''), outermost])
  return Buffer.concat([filled(PICKLE.emptyDict, [text('_metadata'), metadata]), PICKLE.setAttributes])
}

/** Strides of a tensor whose numbers lie in logical order. */
const stridesOf = (shape: readonly number[]) =>
  shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * Math.max(size, 1), 1))

/** A tensor that is all of a storage. */
function tensorOf({ dtype, shape, numel }: Tensor, key: string): Buffer {
  const storage = global('torch', storageTypeOf(dtype) as string)
  const id = tuple([text('storage'), storage, text(key), text('cpu'), integer(numel)])
  const [size, stride] = [shape, stridesOf(shape)].map((numbers) => tuple(numbers.map(integer)))
  // Offset in the storage, shape, strides, whether it takes a gradient, backward hooks.
  const args = [Buffer.concat([id, PICKLE.persistent]), integer(0), size, stride, PICKLE.no, orderedDict()]
  return called(global('torch._utils', '_rebuild_tensor_v2'), args)
}

/** How a `.pth` file is written. */
export interface PthWriteOptions {
  /**
   * Version of the module whose state dict this is (PyTorch's `_version`), which `load_state_dict` may ask for.
   * Default 1, that of almost every module.
   */
  version?: number
  /** Texts by name, as in a safetensors file's header. `loadWeights` reads the numeric profile there. PyTorch ignores them. */
  metadata?: Readonly<Record<string, string>>
}

function checkWritable(tensors: Record<string, Tensor>): void {
  const fail = (code: 'ERR_TYPE' | 'ERR_VALUE', problem: string) => {
    throw new MbconvError(code, `${OP}: ${problem}`, { op: OP })
  }
  if (typeof tensors !== 'object' || tensors === null) fail('ERR_TYPE', 'tensors must be an object of tensors by name')
  const entries = Object.entries(tensors)
  if (entries.length > MAX_TENSORS) fail('ERR_VALUE', `${entries.length} tensors; at most ${MAX_TENSORS} in a file`)
  for (const [name, tensor] of entries) {
    if (!(tensor instanceof Tensor)) fail('ERR_TYPE', `${quoted(name)} is not a tensor`)
    if (storageTypeOf(tensor.dtype) === undefined) {
      fail('ERR_VALUE', `${quoted(name)} is of dtype ${tensor.dtype}, which is not written`)
    }
  }
}

/**
 * The file's bytes, piece by piece. One tensor at a time is in memory twice. A tensor that stands under several names is
 * written once, and they share it when the file is read.
 *
 * @internal
 */
export function* encode(
  tensors: Record<string, Tensor>,
  { version = 1, metadata, ...options }: PthWriteOptions & ZipWriterOptions = {},
): Generator<Uint8Array> {
  checkWritable(tensors)
  const entries = Object.entries(tensors)
  const unique = [...new Set(entries.map(([, tensor]) => tensor))]
  const keys = new Map(unique.map((tensor, i) => [tensor, String(i)]))
  const items = entries.flatMap(([name, tensor]) => [text(name), tensorOf(tensor, keys.get(tensor) as string)])
  const pickle = [PICKLE.begin, filled(orderedDict(), items), versions(version), PICKLE.stop]
  const contents: ZipContent[] = [
    { name: 'data.pkl', bytes: () => Buffer.concat(pickle) },
    { name: 'byteorder', bytes: () => Buffer.from('little') },
    ...unique.map((tensor, i) => ({ name: `data/${i}`, bytes: () => bytesOf(tensor) })),
    { name: 'version', bytes: () => Buffer.from(FORMAT_VERSION) },
  ]
  if (metadata !== undefined)
    contents.push({ name: METADATA_ENTRY, bytes: () => Buffer.from(JSON.stringify(metadata)) })
  yield* zipped(
    contents.map(({ name, bytes }) => ({ name: `archive/${name}`, bytes })),
    options,
  )
}

/**
 * Writes tensors by name as a file that `torch.load(path, weights_only=True)` reads as an OrderedDict, like
 * `torch.save(model.state_dict(), path)`. `path` holds either its old content or all of the new, whatever happens.
 *
 * @param tensors any shapes, dtypes and devices; written in logical order, so strides and memory format do not matter.
 *   A tensor that stands under several names is written once
 * @throws MbconvError ERR_TYPE or ERR_VALUE for tensors that cannot be written, ERR_DISPOSED, ERR_IO; the old file is
 *   kept then
 */
export function write(path: string, tensors: Record<string, Tensor>, options: PthWriteOptions = {}): void {
  if (typeof path !== 'string' || path === '') {
    throw new MbconvError('ERR_TYPE', `${OP}: path must be a string that is not empty`, { op: OP })
  }
  checkOptions(OP, options, ['version', 'metadata'])
  if (options.version !== undefined) checkCount(OP, 'version', options.version)
  checkWritable(tensors)
  writeFileAtomic(path, encode(tensors, options))
}
