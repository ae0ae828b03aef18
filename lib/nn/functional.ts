/** The operations of neural networks, without state. Images are [N, C, H, W]. */
import { native } from '../native'
import type { Tensor } from '../tensor/tensor'

export * from './convolution'
export * from './losses'
export * from './normalization'

/** One number for both of height and width, or [height, width]. */
export type Pair = number | [number, number]

const pair = (value: Pair): number[] => (typeof value === 'number' ? [value, value] : value)

/** x [.., in] · weightᵀ [in, out] + bias. */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor | null): Tensor {
  return native().linear(x, weight, bias)
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

/** x · Φ(x); `tanh` is the usual approximation. */
export function gelu(x: Tensor, { approximate = 'none' as 'none' | 'tanh' } = {}): Tensor {
  return native().gelu(x, approximate)
}

export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  return native().leakyRelu(x, slope)
}

/** α (exp(x) − 1) below 0. */
export function elu(x: Tensor, alpha = 1): Tensor {
  return native().elu(x, alpha)
}

/** log(1 + exp(β x)) / β; linear where β x exceeds the threshold. */
export function softplus(x: Tensor, { beta = 1, threshold = 20 } = {}): Tensor {
  return native().softplus(x, beta, threshold)
}

/** x · tanh(softplus(x)). */
export function mish(x: Tensor): Tensor {
  return native().mish(x)
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

/** How {@link interpolate} computes what lies between pixels. */
export type InterpolateMode = 'nearest' | 'bilinear' | 'bicubic'

export interface InterpolateOptions {
  /** Default bilinear. */
  mode?: InterpolateMode
  /** Corner pixels stay where they are; otherwise (default) pixel centres lie at half-integers. */
  alignCorners?: boolean
  /** Widen the kernel when shrinking, as image libraries do. Not for nearest. Default false. */
  antialias?: boolean
}

/** Resamples x [N, C, H, W] to [N, C, size]. */
export function interpolate(x: Tensor, size: Pair, options: InterpolateOptions = {}): Tensor {
  const { mode = 'bilinear', alignCorners = false, antialias = false } = options
  return native().interpolate(x, pair(size), mode, alignCorners, antialias)
}

/** [N, C·f², H, W] to [N, C, H·f, W·f]. */
export function pixelShuffle(x: Tensor, factor: number): Tensor {
  return native().pixelShuffle(x, factor)
}

/** Rows of weight [K, D] by indices [..] (int64): [.., D]. */
export function embedding(indices: Tensor, weight: Tensor): Tensor {
  return native().embedding(weight, indices)
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
