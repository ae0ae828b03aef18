/** Normalisations, without state. */
import { native } from '../native'
import type { Tensor } from '../tensor/tensor'

export interface BatchNormOptions {
  runningMean?: Tensor | null
  runningVar?: Tensor | null
  weight?: Tensor | null
  bias?: Tensor | null
  /** Use the batch's statistics and update the running ones in place, instead of using those. */
  training?: boolean
  /** Weight of the new statistics (PyTorch's sense; TensorFlow's momentum is 1 minus this). Default 0.1. */
  momentum?: number
  eps?: number
}

/** Normalises each channel of x [N, C, …] over the batch. */
export function batchNorm(x: Tensor, options: BatchNormOptions): Tensor {
  const { weight, bias, runningMean, runningVar, training = false, momentum = 0.1, eps = 1e-5 } = options
  return native().batchNorm(x, weight, bias, runningMean, runningVar, training, momentum, eps)
}

export interface NormOptions {
  weight?: Tensor | null
  bias?: Tensor | null
  /** Default 1e-5. */
  eps?: number
}

/** Normalises each channel of each sample of x [N, C, …]. */
export function instanceNorm(x: Tensor, { weight, bias, eps = 1e-5 }: NormOptions = {}): Tensor {
  return native().instanceNorm(x, weight, bias, eps)
}

/** Normalises each of `groups` equal groups of channels of each sample of x [N, C, …]. */
export function groupNorm(x: Tensor, groups: number, { weight, bias, eps = 1e-5 }: NormOptions = {}): Tensor {
  return native().groupNorm(x, groups, weight, bias, eps)
}

/** Normalises over the last dimensions, whose sizes are `shape`. */
export function layerNorm(x: Tensor, shape: number[], { weight, bias, eps = 1e-5 }: NormOptions = {}): Tensor {
  return native().layerNorm(x, shape, weight, bias, eps)
}
