/** Weights of other libraries, and of this one, into a network. */
import { checkOptions, shown } from '../check'
import { MbconvError } from '../errors'
import { read as readPth } from '../io/pth'
import { read as readSafetensors } from '../io/safetensors'
import { scope } from '../tensor/scope'
import { Tensor } from '../tensor/tensor'
import { type KeyScheme, layerNames, schemesOf, splitKey } from './key-map'
import { Network } from './network'

export interface LoadOptions {
  /** False passes over keys that only one side has; shapes must fit all the same. Default true. */
  strict?: boolean
  /**
   * Map a safetensors file instead of reading it: less memory, and less time where the file is in the system's cache. It must
   * not be cut short meanwhile, see `io.safetensors.read`. Default false.
   */
  mmap?: boolean
}

export interface LoadReport {
  /** Whose keys the file has. */
  scheme: KeyScheme
  /** Entries of the state dict that were set. */
  loaded: number
  /** Our keys that the file lacks, counters of batches apart, which mean nothing for the result. */
  missing: string[]
  /** The file's keys that this network has no place for. */
  unexpected: string[]
  /** Our keys of a classifier that is for other classes than the file's: they stay as they were initialised. */
  reinitialized: string[]
}

/**
 * Sets a network's weights from a file. The keys may be this package's, torchvision's, timm's or lukemelas's; which they
 * are is found out. A classifier for another number of classes is left as it was initialised, and reported.
 *
 * Weights were trained under a numeric profile (padding, batch norm's epsilon) that their keys do not tell: it is the
 * model's, chosen when that is created, and has to be the right one.
 *
 * @param source a `.safetensors` file, a PyTorch file (`.pth`, `.pt`, `.bin`), or tensors by key
 * @throws MbconvError ERR_FORMAT or ERR_DATA for a file that is not what it should be; ERR_VALUE for keys of another
 *   network, listing some; ERR_SHAPE; the network is as before then
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
  if (model.fused) {
    const hint = 'Load them into a network as models.create makes it, then fuse that.'
    throw new MbconvError('ERR_VALUE', `${op}: a fused network has no batch norms to load`, { op, hint })
  }
  checkOptions(op, options, ['strict', 'mmap'])
  const { strict = true, mmap = false } = options
  return scope(() => {
    const tensors = typeof source === 'string' ? readTensors(source, mmap) : source
    const scheme = schemeOf(op, model, Object.keys(tensors))
    const own = new Map(layerNames(model.arch, scheme).map((layer, i) => [layer, layerNames(model.arch, 'mbconv')[i]]))
    const stateDict = model.stateDict()
    const renamed: Record<string, Tensor> = {}
    const unexpected: string[] = []
    for (const [key, tensor] of Object.entries(tensors)) {
      const [layer, name] = splitKey(key)
      const target = own.get(layer)
      if (target === undefined) unexpected.push(key)
      else renamed[`${target}.${name}`] = asLinear(tensor, stateDict[`${target}.${name}`])
    }
    const reinitialized = takeClassifier(model, renamed)
    const kept = new Set(reinitialized)
    const state = Object.keys(stateDict)
    const missing = state.filter((key) => !(key in renamed) && !kept.has(key) && !key.endsWith('num_batches_tracked'))
    unexpected.push(...Object.keys(renamed).filter((key) => !state.includes(key)))
    if (strict && (missing.length > 0 || unexpected.length > 0)) {
      const parts = [
        ...(missing.length > 0 ? [`missing: ${some(missing)}`] : []),
        ...(unexpected.length > 0 ? [`unknown: ${some(unexpected)}`] : []),
      ]
      throw new MbconvError('ERR_VALUE', `${op}: keys (${scheme}) do not fit ${model.arch.name}: ${parts.join('; ')}`, {
        op,
        hint: 'strict: false loads what fits.',
      })
    }
    model.loadStateDict(renamed, { strict: false })
    return { scheme, loaded: state.filter((key) => key in renamed).length, missing, unexpected, reinitialized }
  })
}

/** A 1x1 convolution's weights as the linear layer's that they are where the other library has one (timm's MobileNetV3). */
function asLinear(given: Tensor, own: Tensor | undefined): Tensor {
  const pointwise = given instanceof Tensor && given.ndim === 4 && given.shape[2] * given.shape[3] === 1
  return pointwise && own?.ndim === 2 ? given.flatten(1) : given
}

function readTensors(path: string, mmap: boolean): Record<string, Tensor> {
  return /\.(pth|pt|bin)$/i.test(path) ? readPth(path).stateDict() : readSafetensors(path, { mmap }).tensors
}

/** The scheme that knows most of the keys. */
function schemeOf(op: string, model: Network, keys: string[]): KeyScheme {
  const layers = new Set(keys.map((key) => splitKey(key)[0]))
  const schemes = schemesOf(model.arch).map((scheme) => {
    return { scheme, hits: layerNames(model.arch, scheme).filter((layer) => layers.has(layer)).length }
  })
  const best = schemes.reduce((a, b) => (b.hits > a.hits ? b : a))
  // Less than half is chance: two libraries share a few names.
  if (2 * best.hits >= layerNames(model.arch, best.scheme).length) return best.scheme
  const known = schemes.map(({ scheme, hits }) => `${hits} of ${scheme}'s`).join(', ')
  const message = `${op}: these are not the weights of ${model.arch.name}: of its layers the file has ${known}; its keys are ${some(keys)}`
  throw new MbconvError('ERR_VALUE', message, { op })
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

function some(keys: string[]): string {
  const most = 5
  return keys.length > most ? `${keys.slice(0, most).join(', ')} and ${keys.length - most} more` : keys.join(', ')
}
