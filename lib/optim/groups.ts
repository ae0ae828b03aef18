/** Puts a model's parameters into groups, each with its own weight decay and learning rate. */
import { checkOptions, checkPositive, checkRange, shown } from '../errors/check'
import { MbconvError } from '../errors/error'
import type { Tensor } from '../tensor/core/tensor'
import type { ParamGroup } from './optimizer'

/** A model as seen by the grouping rule. */
export interface ParameterSource {
  /** The parameters, each with its name in the state dict. */
  namedParameters(): [string, Tensor][]
  /** The buffers, each with its name in the state dict. */
  namedBuffers(): [string, Tensor][]
}

/**
 * The recipe's weight-decay rule: batch norm's scale and shift are excluded. All other parameters decay, including the
 * biases of squeeze-and-excite and linear layers (tensorflow/tpu, efficientnet/main.py: all trainables whose name lacks
 * `batch_normalization`).
 *
 * @param model all parameters of a layer with running statistics count as batch norm's
 * @param weightDecay weight decay of the decaying group
 * @returns the decaying group and the excluded one; an empty group is left out
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

/** How learning rates fall from the classifier to the stem. */
export interface LayerwiseOptions {
  /** Learning rate of a layer divided by that of the layer after it; above 0, at most 1. */
  decay: number
  /** Weight decay of all parameters except batch norm's. */
  weightDecay: number
  /** The unit that counts as a layer. Default `block`; with `stage` all blocks of a stage have one rate. */
  by?: 'block' | 'stage'
}

/** Matches a block in the state dict's keys. The stem and the head are a convolution and a batch norm. */
const BLOCK = /^features\.(\d+)\.(\d+)\.(?:block|downsample)\./
const CLASSIFIER = /^classifier\.(\d+)\./
const PART = /^features\.(\d+)\./

/**
 * The groups of {@link decayGroups} split by layer, the classifier's first. The rate of a layer is `decay` times that
 * of the layer after it. Layers are the stem, each block (or stage), and the classifier. A head convolution belongs to
 * the last block, but is a layer of its own if the classifier has a hidden layer (MobileNetV3). This is timm's rule.
 * Each group's `lrScale` multiplies the optimiser's rate, which a schedule may change.
 *
 * @param model a network made by `models.create`; frozen parameters are left out, but still count as layers
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
    const lrScale = Math.max(decay ** distance, Number.MIN_VALUE) // with hundreds of layers it would become 0
    return groups.map(({ params, names: own = [], ...group }): ParamGroup => {
      const members = [...own.keys()].filter((i) => layers.get(own[i]) === last - distance)
      return { ...group, params: members.map((i) => params[i]), names: members.map((i) => own[i]), lrScale }
    })
  })
    .flat()
    .filter(({ params }) => params.length > 0)
}

/** The layer of each parameter, counted from 0 at the stem. Names are in the order of computation. */
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
