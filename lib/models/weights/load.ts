/** Weights of other libraries, and of this one, into a network. */
import { checkOptions, shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { quoted } from '../../files/open'
import type { FileWeights } from '../../io/read-tensors'
import { readWeightsFile } from '../../io/weights-file'
import { scope } from '../../tensor/core/scope'
import { Tensor } from '../../tensor/core/tensor'
import { Network } from '../network/network'
import { type KeyScheme, layerNames, splitKey } from './key-map'
import { findNames, some } from './wrapped-names'

export interface LoadOptions {
  /** False passes over keys that only one side has; shapes must fit all the same. Default true. */
  strict?: boolean
  /**
   * Map a safetensors file instead of reading it: less memory, and less time where the file is in the system's cache. It must
   * not be cut short meanwhile, see `io.safetensors.read`. Default false.
   */
  mmap?: boolean
  /**
   * Which weights of a file that has several: the dotted name of a dictionary in it (`state_dict`), or what the names of
   * the tensors begin with (`teacher`). Default: what timm takes, the averaged ones where there are such; what was taken is
   * in the report.
   */
  entry?: string
}

export interface LoadReport {
  /** The dictionary that was read, by its dotted name in the file; null where the file has no other. */
  entry: string | null
  /** What stood before every key, with its dot (`module.`), and was taken off; empty where nothing did. */
  prefix: string
  /** Whose keys the file has. */
  scheme: KeyScheme
  /** Entries of the state dict that were set. */
  loaded: number
  /** Our keys that the file lacks, counters of batches apart, which mean nothing for the result. */
  missing: string[]
  /** The file's keys that this network has no place for. */
  unexpected: string[]
  /** What stands in the file beside the weights and was not read: other dictionaries, an epoch, tensors without the prefix. */
  left: string[]
  /** The file's keys of tensors that this package cannot hold, with the reason. */
  unread: Record<string, string>
  /** Our keys of a classifier that is for other classes than the file's: they stay as they were initialised. */
  reinitialized: string[]
}

/**
 * Sets a network's weights from a file. Its format is told by its content. The keys may be this package's, torchvision's, timm's or lukemelas's; which they
 * are is found out, and so is what stands before them. A classifier for another number of classes is left as it was initialised, and reported.
 *
 * Weights were trained under a numeric profile (padding, batch norm's epsilon) that their keys do not tell: it is the
 * model's, chosen when that is created, and has to be the right one.
 *
 * @param source a safetensors file or one of torch.save, whatever its name; or tensors by key
 * @throws MbconvError ERR_IO; ERR_FORMAT for a file that is of another kind or damaged, and for an entry that is no state
 *   dict; ERR_VALUE for keys of another network, listing some, and for weights that are there more than once; ERR_SHAPE;
 *   the network is as before then
 */
export function loadWeights(
  model: Network,
  source: string | Record<string, Tensor>,
  options: LoadOptions = {},
): LoadReport {
  const op = 'loadWeights'
  if (!(model instanceof Network)) {
    throw new MbconvError('ERR_TYPE', `${op}: model must be a network, as models.create makes them`, { op })
  }
  if (typeof source !== 'string' && (typeof source !== 'object' || source === null)) {
    throw new MbconvError('ERR_TYPE', `${op}: source must be a path, or tensors by key, got ${shown(source)}`, { op })
  }
  if (model.folded) {
    const hint = 'Load them into a network as models.create makes it, then fuse that.'
    throw new MbconvError('ERR_VALUE', `${op}: a fused network has no batch norms to load`, { op, hint })
  }
  checkOptions(op, options, ['strict', 'mmap', 'entry'])
  const { strict = true, mmap = false, entry } = options
  if (entry !== undefined && (typeof entry !== 'string' || entry === '')) {
    throw new MbconvError('ERR_TYPE', `${op}: entry must be the name of one in the file, got ${shown(entry)}`, { op })
  }
  return scope(() => {
    const file = typeof source === 'string' ? readWeightsFile(source, op, { mmap, entry }) : given(source, entry)
    const { tensors, unread } = file
    const { scheme, prefix } = findNames(op, model.arch, [...Object.keys(tensors), ...Object.keys(unread)], file.within)
    const theirs = layerNames(model.arch, scheme)
    const own = new Map(theirs.map((layer, i) => [layer, layerNames(model.arch, 'mbconv')[i]]))
    const stateDict = model.stateDict()
    /** Ours for the file's key; undefined where this network has no such layer. */
    const ownKey = (key: string) => {
      const [layer, name] = splitKey(key.slice(prefix.length))
      const target = own.get(layer)
      return target === undefined ? undefined : `${target}.${name}`
    }
    const renamed: Record<string, Tensor> = {}
    const unexpected: string[] = []
    const left = [...file.left]
    for (const [key, tensor] of Object.entries(tensors)) {
      const target = key.startsWith(prefix) ? ownKey(key) : undefined
      if (target !== undefined) renamed[target] = asLinear(tensor, stateDict[target])
      else if (key.startsWith(prefix)) unexpected.push(key)
      else left.push(key)
    }
    const reinitialized = takeClassifier(model, renamed)
    const kept = new Set(reinitialized)
    const state = Object.keys(stateDict)
    const missing = state.filter((key) => !(key in renamed) && !kept.has(key) && !key.endsWith('num_batches_tracked'))
    unexpected.push(...Object.keys(renamed).filter((key) => !state.includes(key)))
    const reasons = new Map(Object.entries(unread).map(([key, reason]) => [ownKey(key), `${quoted(key)} ${reason}`]))
    const reason = missing.map((key) => reasons.get(key)).find((each) => each !== undefined)
    if (strict && (missing.length > 0 || unexpected.length > 0)) {
      const parts = [
        ...(missing.length > 0 ? [`missing: ${some(missing)}${reason === undefined ? '' : ` (${reason})`}`] : []),
        ...(unexpected.length > 0 ? [`unknown: ${some(unexpected)}`] : []),
      ]
      throw new MbconvError('ERR_VALUE', `${op}: keys (${scheme}) do not fit ${model.arch.name}: ${parts.join('; ')}`, {
        op,
        hint: 'strict: false loads what fits.',
      })
    }
    model.loadStateDict(renamed, { strict: false })
    const loaded = state.filter((key) => key in renamed).length
    return { entry: file.entry, prefix, scheme, loaded, missing, unexpected, left, unread, reinitialized }
  })
}

/** Tensors that someone has already. */
const given = (tensors: Record<string, Tensor>, entry = ''): FileWeights => {
  return { tensors, unread: {}, entry: null, within: entry, left: [] }
}

/**
 * What a user should know of how weights were found, as sentences; none where the file has nothing else.
 *
 * @param name what the weights are called
 */
export function describeLoad(name: string, { entry, prefix, left, unread }: LoadReport): string[] {
  const notes: string[] = []
  const from = [
    ...(entry === null ? [] : [`its entry ${quoted(entry)} was read`]),
    ...(prefix === '' ? [] : [`${quoted(prefix)} before every name was taken off`]),
    ...(left.length === 0 ? [] : [`left alone: ${some(left.map((each) => quoted(each, 60)))}`]),
  ]
  if (from.length > 0) notes.push(`${name}: ${from.join('; ')}`)
  const others = Object.entries(unread).map(([key, reason]) => `${quoted(key, 60)} ${reason}`)
  if (others.length > 0) notes.push(`${name}: not read: ${some(others)}`)
  return notes
}

/** A 1x1 convolution's weights as the linear layer's that they are where the other library has one (timm's MobileNetV3). */
function asLinear(given: Tensor, own: Tensor | undefined): Tensor {
  const pointwise = given instanceof Tensor && given.ndim === 4 && given.shape[2] * given.shape[3] === 1
  return pointwise && own?.ndim === 2 ? given.flatten(1) : given
}

/** Takes a classifier for other classes out of the weights; gives its keys. */
function takeClassifier(model: Network, weights: Record<string, Tensor>): string[] {
  const layer = layerNames(model.arch, 'mbconv').at(-1) as string
  const weight = weights[`${layer}.weight`]
  if (!(weight instanceof Tensor) || weight.ndim !== 2 || weight.shape[0] === model.numClasses) return []
  const keys = [`${layer}.weight`, `${layer}.bias`]
  for (const key of keys) delete weights[key]
  return keys
}
