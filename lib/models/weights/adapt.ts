/** Weights of a network with other channels or classes, made to fit. */
import { Tensor } from '../../tensor/core/tensor'
import type { Network } from '../network/network'
import { layerNames } from './key-map'

/** Reshapes a 1x1 convolution's weights for our linear layer. Anything else is left for the check of shapes. */
export function asLinear(given: Tensor): Tensor {
  const pointwise = given instanceof Tensor && given.ndim === 4 && given.shape[2] * given.shape[3] === 1
  return pointwise ? given.flatten(1) : given
}

/**
 * Fits the first convolution's weights, which are for colour images, to the network's channels, as timm does: for one
 * channel they are summed; for any other number, the three are repeated in turn, and scaled so that their sum stays the
 * same. Source: timm 1.0.29, models/_manipulate.py, adapt_input_conv.
 *
 * @returns the key, if its weights were changed
 */
export function adaptInput({ arch, inChannels }: Network, weights: Record<string, Tensor>): string[] {
  const key = `${layerNames(arch, 'mbconv')[0]}.weight`
  const given = weights[key]
  if (!(given instanceof Tensor) || given.ndim !== 4 || given.shape[1] !== 3 || inChannels === 3) return []
  const exact = given.to({ dtype: given.dtype === 'float64' ? 'float64' : 'float32' })
  const adapted =
    inChannels === 1
      ? exact.sum({ dim: 1, keepdim: true })
      : exact
          .repeat([1, Math.ceil(inChannels / 3), 1, 1])
          .narrow(1, 0, inChannels)
          .mul(3 / inChannels)
  weights[key] = adapted.to({ dtype: given.dtype })
  return [key]
}

/** The keys of a classifier for other classes or features, which are removed from the weights. */
export function takeClassifier(model: Network, weights: Record<string, Tensor>): string[] {
  const layer = layerNames(model.arch, 'mbconv').at(-1) as string
  const weight = weights[`${layer}.weight`]
  if (!(weight instanceof Tensor) || weight.ndim !== 2) return []
  if (weight.shape[0] === model.numClasses && weight.shape[1] === model.numFeatures) return []
  const keys = [`${layer}.weight`, `${layer}.bias`]
  for (const key of keys) delete weights[key]
  return keys
}
