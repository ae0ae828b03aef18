/** The operations of neural networks, without state. Images are [N, C, H, W]. */
import { MbconvError } from '../errors'
import { native } from '../native'
import type { Tensor } from '../tensor/tensor'

/** One number for both of height and width, or [height, width]. */
export type Pair = number | [number, number]

const pair = (value: Pair): number[] => (typeof value === 'number' ? [value, value] : value)

export interface ConvOptions {
  bias?: Tensor | null
  stride?: Pair
  /** Zeros added on each side. */
  padding?: Pair
  dilation?: Pair
  /** Channel groups; as many as channels for a depthwise convolution. */
  groups?: number
}

/** Convolution of x [N, C, H, W] with weight [O, C / groups, kh, kw]. */
export function conv2d(x: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  const { bias, stride = 1, padding = 0, dilation = 1, groups = 1 } = options
  return native().conv2d(x, weight, bias, pair(stride), pair(padding), pair(dilation), groups)
}

/** x [.., in] · weightᵀ [in, out] + bias. */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor | null): Tensor {
  return native().linear(x, weight, bias)
}

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

/** Normalises each channel of x [N, C, …]. */
export function batchNorm(x: Tensor, options: BatchNormOptions): Tensor {
  const { weight, bias, runningMean, runningVar, training = false, momentum = 0.1, eps = 1e-5 } = options
  return native().batchNorm(x, weight, bias, runningMean, runningVar, training, momentum, eps)
}

/** In place means: writes into the argument and returns it. */
export interface ActivationOptions {
  inplace?: boolean
}

/** x · sigmoid(x). */
export function silu(x: Tensor, { inplace = false }: ActivationOptions = {}): Tensor {
  if (!inplace) return native().silu(x)
  native().silu_(x)
  return x
}

export function relu(x: Tensor, { inplace = false }: ActivationOptions = {}): Tensor {
  if (!inplace) return native().relu(x)
  native().relu_(x)
  return x
}

/** min(max(x, 0), 6). */
export function relu6(x: Tensor, { inplace = false }: ActivationOptions = {}): Tensor {
  if (!inplace) return native().relu6(x)
  native().relu6_(x)
  return x
}

export function sigmoid(x: Tensor, { inplace = false }: ActivationOptions = {}): Tensor {
  if (!inplace) return native().sigmoid(x)
  native().sigmoid_(x)
  return x
}

/** x · relu6(x + 3) / 6. */
export function hardswish(x: Tensor, { inplace = false }: ActivationOptions = {}): Tensor {
  if (!inplace) return native().hardswish(x)
  native().hardswish_(x)
  return x
}

/** relu6(x + 3) / 6. */
export function hardsigmoid(x: Tensor, { inplace = false }: ActivationOptions = {}): Tensor {
  if (!inplace) return native().hardsigmoid(x)
  native().hardsigmoid_(x)
  return x
}

export interface PoolOptions {
  /** Default: the kernel size. */
  stride?: Pair
  padding?: Pair
  ceilMode?: boolean
}

export function maxPool2d(x: Tensor, kernelSize: Pair, options: PoolOptions & { dilation?: Pair } = {}): Tensor {
  const { stride = kernelSize, padding = 0, dilation = 1, ceilMode = false } = options
  return native().maxPool2d(x, pair(kernelSize), pair(stride), pair(padding), pair(dilation), ceilMode)
}

export function avgPool2d(
  x: Tensor,
  kernelSize: Pair,
  options: PoolOptions & { countIncludePad?: boolean } = {},
): Tensor {
  const { stride = kernelSize, padding = 0, ceilMode = false, countIncludePad = true } = options
  return native().avgPool2d(x, pair(kernelSize), pair(stride), pair(padding), ceilMode, countIncludePad)
}

/** Means over a grid of the given output size; 1 is the global average. */
export function adaptiveAvgPool2d(x: Tensor, size: Pair): Tensor {
  return native().adaptiveAvgPool2d(x, pair(size))
}

/** Bilinear resampling of x [N, C, H, W] to [N, C, size]; pixel centres at half-integers unless alignCorners. */
export function interpolate(x: Tensor, size: Pair, { alignCorners = false } = {}): Tensor {
  return native().interpolateBilinear(x, pair(size), alignCorners)
}

/** Zeroes each element with probability p and divides the others by 1 − p. */
export function dropout(x: Tensor, p = 0.5, { training = true } = {}): Tensor {
  return native().dropout(x, p, training)
}

/**
 * Stochastic depth: drops the whole branch x [N, …] of a sample with probability p and divides the others by 1 − p.
 */
export function dropPath(x: Tensor, p: number, { training = true } = {}): Tensor {
  return native().dropPath(x, p, training)
}

export type PadMode = 'constant' | 'reflect' | 'replicate' | 'circular'

/** Pads the last dimensions: [left, right], [left, right, top, bottom], … Negative amounts crop. */
export function pad(x: Tensor, amounts: number[], { mode = 'constant' as PadMode, value = 0 } = {}): Tensor {
  return native().pad(x, amounts, mode, mode === 'constant' ? value : undefined)
}

export interface CrossEntropyOptions {
  /** Share of the target spread evenly over all classes. Default 0. */
  labelSmoothing?: number
  /** A factor for each class. */
  weight?: Tensor | null
  reduction?: 'mean' | 'sum' | 'none'
  /** Targets with this index count for nothing. Default −100. */
  ignoreIndex?: number
}

/** Cross-entropy of logits [N, K] against class indices [N] (int64) or probabilities [N, K]. */
export function crossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { labelSmoothing = 0, weight, reduction = 'mean', ignoreIndex = -100 } = options
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new MbconvError('ERR_VALUE', `crossEntropy: labelSmoothing must lie in [0, 1], got ${labelSmoothing}`, {
      op: 'crossEntropy',
    })
  }
  return native().crossEntropy(logits, target, weight, reduction, ignoreIndex, labelSmoothing)
}
