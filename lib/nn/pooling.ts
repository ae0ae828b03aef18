/** Stateless pooling, and sliding blocks as columns. */
import { native } from '../native/addon'
import type { Tensor } from '../tensor/core/tensor'
import { type Sizes, spread } from './sizes'

/** The options of poolings. A number stands for all spatial dimensions. */
export interface PoolOptions {
  /** Default: the kernel size. */
  stride?: Sizes
  /** Elements around the input, which never count as the maximum and count as zero in an average. Default 0. */
  padding?: Sizes
  /** Whether windows that extend over the edge count too. */
  ceilMode?: boolean
}

/** The options of maximum poolings. */
export interface MaxPoolOptions extends PoolOptions {
  /** Distance between neighbouring elements of the window. Default 1. */
  dilation?: Sizes
}

/** The options of average poolings. */
export interface AvgPoolOptions extends PoolOptions {
  /** Whether a mean counts padding among its elements. Default true. */
  countIncludePad?: boolean
}

function maxPool(dimensions: 1 | 2 | 3, x: Tensor, kernelSize: Sizes, options: MaxPoolOptions): Tensor {
  const { stride = kernelSize, padding = 0, dilation = 1, ceilMode = false } = options
  const of = (value: Sizes) => spread(value, dimensions)
  const addon = native()
  const pool = dimensions === 1 ? addon.maxPool1d : dimensions === 2 ? addon.maxPool2d : addon.maxPool3d
  return pool(x, of(kernelSize), of(stride), of(padding), of(dilation), ceilMode)
}

/** Largest element of each window of x [N, C, L]. */
export function maxPool1d(x: Tensor, kernelSize: Sizes, options: MaxPoolOptions = {}): Tensor {
  return maxPool(1, x, kernelSize, options)
}
/** Largest element of each window of x [N, C, H, W]. */
export function maxPool2d(x: Tensor, kernelSize: Sizes, options: MaxPoolOptions = {}): Tensor {
  return maxPool(2, x, kernelSize, options)
}
/** Largest element of each window of x [N, C, D, H, W]. */
export function maxPool3d(x: Tensor, kernelSize: Sizes, options: MaxPoolOptions = {}): Tensor {
  return maxPool(3, x, kernelSize, options)
}

function avgPool(dimensions: 1 | 2 | 3, x: Tensor, kernelSize: Sizes, options: AvgPoolOptions): Tensor {
  const { stride = kernelSize, padding = 0, ceilMode = false, countIncludePad = true } = options
  const of = (value: Sizes) => spread(value, dimensions)
  const addon = native()
  const pool = dimensions === 1 ? addon.avgPool1d : dimensions === 2 ? addon.avgPool2d : addon.avgPool3d
  return pool(x, of(kernelSize), of(stride), of(padding), ceilMode, countIncludePad)
}

/** Mean of each window of x [N, C, L]. */
export function avgPool1d(x: Tensor, kernelSize: Sizes, options: AvgPoolOptions = {}): Tensor {
  return avgPool(1, x, kernelSize, options)
}
/** Mean of each window of x [N, C, H, W]. */
export function avgPool2d(x: Tensor, kernelSize: Sizes, options: AvgPoolOptions = {}): Tensor {
  return avgPool(2, x, kernelSize, options)
}
/** Mean of each window of x [N, C, D, H, W]. */
export function avgPool3d(x: Tensor, kernelSize: Sizes, options: AvgPoolOptions = {}): Tensor {
  return avgPool(3, x, kernelSize, options)
}

/** Means over a grid of the given output size. Size 1 gives the global average. */
export function adaptiveAvgPool1d(x: Tensor, size: Sizes): Tensor {
  return native().adaptiveAvgPool1d(x, spread(size, 1))
}
/** Means over a grid of the given output size. Size 1 gives the global average. */
export function adaptiveAvgPool2d(x: Tensor, size: Sizes): Tensor {
  return native().adaptiveAvgPool2d(x, spread(size, 2))
}
/** Means over a grid of the given output size. Size 1 gives the global average. */
export function adaptiveAvgPool3d(x: Tensor, size: Sizes): Tensor {
  return native().adaptiveAvgPool3d(x, spread(size, 3))
}
/** Largest elements over a grid of the given output size. */
export function adaptiveMaxPool1d(x: Tensor, size: Sizes): Tensor {
  return native().adaptiveMaxPool1d(x, spread(size, 1))
}
/** Largest elements over a grid of the given output size. */
export function adaptiveMaxPool2d(x: Tensor, size: Sizes): Tensor {
  return native().adaptiveMaxPool2d(x, spread(size, 2))
}
/** Largest elements over a grid of the given output size. */
export function adaptiveMaxPool3d(x: Tensor, size: Sizes): Tensor {
  return native().adaptiveMaxPool3d(x, spread(size, 3))
}

/** The options of {@link unfold} and {@link fold}. A number stands for height and width. */
export interface UnfoldOptions {
  /** Distance between neighbouring elements of a block, px. Default 1. */
  dilation?: Sizes
  /** Zeros around the input, px. Default 0. */
  padding?: Sizes
  /** Distance between blocks, px. Default 1. */
  stride?: Sizes
}

/** The sliding blocks of x [N, C, H, W] as columns [N, C · kh · kw, L]. */
export function unfold(x: Tensor, kernelSize: Sizes, options: UnfoldOptions = {}): Tensor {
  const { dilation = 1, padding = 0, stride = 1 } = options
  return native().im2col(x, spread(kernelSize, 2), spread(dilation, 2), spread(padding, 2), spread(stride, 2))
}

/** The reverse of {@link unfold}: adds columns up into an image of `size`. */
export function fold(x: Tensor, size: Sizes, kernelSize: Sizes, options: UnfoldOptions = {}): Tensor {
  const { dilation = 1, padding = 0, stride = 1 } = options
  return native().col2im(
    x,
    spread(size, 2),
    spread(kernelSize, 2),
    spread(dilation, 2),
    spread(padding, 2),
    spread(stride, 2),
  )
}
