/** Padding and resampling, without state. */
import { native } from '../native/addon'
import type { Tensor } from '../tensor/core/tensor'
import { type Sizes, spread } from './sizes'

/** How {@link interpolate} computes what lies between pixels, and the number of dimensions it resamples. */
export type InterpolateMode =
  | 'nearest' // 1 to 3
  | 'nearest-exact' // 1 to 3; as image libraries round
  | 'linear' // 1
  | 'bilinear' // 2
  | 'bicubic' // 2
  | 'trilinear' // 3
  | 'area' // 1 to 3; means of what each pixel covers

export interface InterpolateOptions {
  /** Default bilinear. */
  mode?: InterpolateMode
  /** Corner pixels stay where they are; otherwise (default) pixel centres lie at half-integers. */
  alignCorners?: boolean
  /** Widen the kernel when shrinking, as image libraries do. For bilinear and bicubic. Default false. */
  antialias?: boolean
  /** Instead of a size: factors, by which also the positions are computed. */
  scaleFactor?: Sizes
}

/** Resamples x [N, C, …] to [N, C, size]; size null or undefined when there is a scaleFactor. */
export function interpolate(x: Tensor, size: Sizes | null | undefined, options: InterpolateOptions = {}): Tensor {
  const { mode = 'bilinear', alignCorners = false, antialias = false, scaleFactor } = options
  // Anything but a tensor is refused below, by the name of this operation.
  const dimensions = native().isTensor(x) ? Math.max(0, x.ndim - 2) : 1
  const each = (value: Sizes | null | undefined) =>
    value === null || value === undefined ? undefined : spread(value, dimensions)
  return native().interpolate(x, each(size), each(scaleFactor), mode, alignCorners, antialias)
}

export interface GridSampleOptions {
  /** Default bilinear. */
  mode?: 'bilinear' | 'nearest' | 'bicubic'
  /** What lies outside. Default zeros. */
  paddingMode?: 'zeros' | 'border' | 'reflection'
  alignCorners?: boolean
}

/** x [N, C, H, W] at the positions (x, y) of grid [N, h, w, 2], −1 to 1 from edge to edge: [N, C, h, w]. Also 3-d. */
export function gridSample(x: Tensor, grid: Tensor, options: GridSampleOptions = {}): Tensor {
  const { mode = 'bilinear', paddingMode = 'zeros', alignCorners = false } = options
  return native().gridSample(x, grid, mode, paddingMode, alignCorners)
}

/** The grid of {@link gridSample} for affine maps θ [N, 2, 3] and an output of size [N, C, H, W]. */
export function affineGrid(theta: Tensor, size: number[], { alignCorners = false } = {}): Tensor {
  return native().affineGrid(theta, size, alignCorners)
}

/** [N, C·f², H, W] to [N, C, H·f, W·f]. */
export function pixelShuffle(x: Tensor, factor: number): Tensor {
  return native().pixelShuffle(x, factor)
}

/** The reverse of {@link pixelShuffle}. */
export function pixelUnshuffle(x: Tensor, factor: number): Tensor {
  return native().pixelUnshuffle(x, factor)
}

/** Interleaves `groups` groups of channels of x [N, C, …]. */
export function channelShuffle(x: Tensor, groups: number): Tensor {
  return native().channelShuffle(x, groups)
}

export type PadMode = 'constant' | 'reflect' | 'replicate' | 'circular'

/** Pads the last dimensions: [left, right], [left, right, top, bottom], … Negative amounts crop. */
export function pad(x: Tensor, amounts: number[], { mode = 'constant' as PadMode, value = 0 } = {}): Tensor {
  return native().pad(x, amounts, mode, mode === 'constant' ? value : undefined)
}
