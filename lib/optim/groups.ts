/** How a model's parameters are put into groups, each with a weight decay and a learning rate of its own. */
import { checkOptions, checkPositive, checkRange, shown } from '../errors/check'
import { MbconvError } from '../errors/error'
import type { Tensor } from '../tensor/core/tensor'
import type { ParamGroup } from './optimizer'

/** A model as the grouping rule sees it. */
export interface ParameterSource {
  namedParameters(): [string, Tensor][]
  namedBuffers(): [string, Tensor][]
}

/**
 * The recipe's weight-decay rule: batch norm's scale and shift are spared, everything else decays, the biases of
 * squeeze-and-excite and linear layers included (tensorflow/tpu, efficientnet/main.py: all trainables whose name lacks
 * `batch_normalization`).
 *
 * @param model parameters of a layer that keeps running statistics count as batch norm's
 * @param weightDecay for the group that decays
 * @returns the decaying group and the spared one; an empty group is left out
 */
export function decayGroups(model: ParameterSource, weightDecay: number): ParamGroup[] {
  const suffix = 'running_mean'
  const normLayers = new Set(
    model
      .namedBuffers()
      .filter(([name]) => name === suffix || name.endsWith(`.${suffix}`))
      .map(([name]) => name.slice(0, -suffix.length)),
  )
  const layerOf = (name: string) => name.slice(0, name.lastIndexOf('.') + 1)
  const trained = model.namedParameters().filter(([, parameter]) => parameter.requiresGrad)
  const group = (isNorm: boolean, decay: number): ParamGroup => {
    const members = trained.filter(([name]) => normLayers.has(layerOf(name)) === isNorm)
    return { params: members.map(([, p]) => p), names: members.map(([name]) => name), weightDecay: decay }
  }
  return [group(false, weightDecay), group(true, 0)].filter(({ params }) => params.length > 0)
}

export interface LayerwiseOptions {
  /** Rate of a layer over that of the one behind it, above 0, at most 1. */
  decay: number
  /** Of the parameters that decay; batch norm's do not. */
  weightDecay: number
  /** What counts as a layer. Default `block`; with `stage` all blocks of a stage have one rate. */
  by?: 'block' | 'stage'
}

/** A block, by the state dict's keys; the stem and the head are a convolution and a batch norm. */
const BLOCK = /^features\.(\d+)\.(\d+)\.(?:block|downsample)\./
const CLASSIFIER = /^classifier\.(\d+)\./
const PART = /^features\.(\d+)\./

/**
 * The groups of {@link decayGroups}, layer by layer, the classifier's first: the rate of a layer is `decay` times that of
 * the one behind it. Layers are the stem, each block (or stage), the classifier; a head convolution goes with the last
 * block, but is a layer where the classifier has a hidden one (MobileNetV3). So timm has it. Each group's `lrScale`
 * multiplies the optimiser's rate, whatever the schedule makes of that.
 *
 * @param model a network as `models.create` makes it; frozen parameters are left out, and count as layers all the same
 * @throws MbconvError ERR_TYPE or ERR_VALUE
 */
export function layerwiseGroups(model: ParameterSource, options: LayerwiseOptions): ParamGroup[] {
  const op = 'layerwiseGroups'
  if (typeof model?.namedParameters !== 'function' || typeof model.namedBuffers !== 'function') {
    throw new MbconvError('ERR_TYPE', `${op}: model must be a network, as models.create makes them`, { op })
  }
  checkOptions(op, options, ['decay', 'weightDecay', 'by'])
  const { decay, weightDecay, by = 'block' } = options
  checkPositive(op, 'decay', decay)
  if (decay > 1) throw new MbconvError('ERR_VALUE', `${op}: decay must be at most 1, got ${decay}`, { op })
  checkRange(op, 'weightDecay', weightDecay, 0)
  if (by !== 'block' && by !== 'stage') {
    throw new MbconvError('ERR_VALUE', `${op}: by must be 'block' or 'stage', got ${shown(by)}`, { op })
  }
  const names = model.namedParameters().map(([name]) => name)
  const layers = layersOf(names, by)
  if (new Set(layers.values()).size < 2) {
    throw new MbconvError('ERR_VALUE', `${op}: the model has no layers under "features", as networks have`, { op })
  }
  const last = Math.max(...layers.values())
  const groups = decayGroups(model, weightDecay)
  return Array.from({ length: last + 1 }, (_, distance) => {
    const lrScale = Math.max(decay ** distance, Number.MIN_VALUE) // hundreds of layers away it would be 0
    return groups.map(({ params, names: own = [], ...group }): ParamGroup => {
      const members = [...own.keys()].filter((i) => layers.get(own[i]) === last - distance)
      return { ...group, params: members.map((i) => params[i]), names: members.map((i) => own[i]), lrScale }
    })
  })
    .flat()
    .filter(({ params }) => params.length > 0)
}

/** The layer of each parameter, counted from the stem's, 0. Names come in the order of computation. */
function layersOf(names: readonly string[], by: 'block' | 'stage'): Map<string, number> {
  const layers = new Map<string, number>()
  const hidden = new Set(names.map((name) => CLASSIFIER.exec(name)?.[1])).size > 2
  let [layer, key] = [0, '']
  for (const name of names) {
    const block = BLOCK.exec(name)
    const part = PART.exec(name)
    let next: string
    if (block !== null) next = by === 'block' ? `${block[1]}.${block[2]}` : block[1]
    else if (part !== null) next = part[1] === '0' ? '' : hidden ? part[1] : key
    else next = 'classifier'
    if (next !== key) layer++
    key = next
    layers.set(name, layer)
  }
  return layers
}
