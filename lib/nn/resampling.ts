/** Stateless padding and resampling. */
import { native } from '../native/addon'
import type { Tensor } from '../tensor/core/tensor'
import { type Sizes, spread } from './sizes'

/** How {@link interpolate} computes values between pixels. The comments say how many dimensions each mode resamples. */
export type InterpolateMode =
  | 'nearest' // 1 to 3
  | 'nearest-exact' // 1 to 3; rounds like image libraries
  | 'linear' // 1
  | 'bilinear' // 2
  | 'bicubic' // 2
  | 'trilinear' // 3
  | 'area' // 1 to 3; mean of the input pixels that each output pixel covers

/** The options of {@link interpolate}. */
export interface InterpolateOptions {
  /** Default nearest, as in PyTorch. */
  mode?: InterpolateMode
  /** Keep corner pixels in place; otherwise (default) pixel centres lie at half-integers. */
  alignCorners?: boolean
  /** Widen the kernel when shrinking, like image libraries. For bilinear and bicubic. Default false. */
  antialias?: boolean
  /** Scale factors in place of a size. They also determine the positions. */
  scaleFactor?: Sizes
}

/** Resamples x [N, C, …] to [N, C, size]. With a scaleFactor, size is null or undefined. */
export function interpolate(x: Tensor, size: Sizes | null | undefined, options: InterpolateOptions = {}): Tensor {
  const { mode = 'nearest', alignCorners = false, antialias = false, scaleFactor } = options
  // The operation below refuses a value that is not a tensor, with its own name in the error.
  const dimensions = native().isTensor(x) ? Math.max(0, x.ndim - 2) : 1
  const each = (value: Sizes | null | undefined) =>
    value === null || value === undefined ? undefined : spread(value, dimensions)
  return native().interpolate(x, each(size), each(scaleFactor), mode, alignCorners, antialias)
}

/** The options of {@link gridSample}. */
export interface GridSampleOptions {
  /** Default bilinear. */
  mode?: 'bilinear' | 'nearest' | 'bicubic'
  /** Values outside the input. Default zeros. */
  paddingMode?: 'zeros' | 'border' | 'reflection'
  /** Whether -1 and 1 are the centres of the corner pixels in place of their outer edges. Default false. */
  alignCorners?: boolean
}

/**
 * x [N, C, H, W] at the positions (x, y) of grid [N, h, w, 2], −1 to 1 from edge to edge: [N, C, h, w]. Also for 3-d.
 */
export function gridSample(x: Tensor, grid: Tensor, options: GridSampleOptions = {}): Tensor {
  const { mode = 'bilinear', paddingMode = 'zeros', alignCorners = false } = options
  return native().gridSample(x, grid, mode, paddingMode, alignCorners)
}

/** The options of {@link affineGrid}. */
export interface AffineGridOptions {
  /** Whether -1 and 1 are the centres of the corner pixels in place of their outer edges. Default false. */
  alignCorners?: boolean
}

/** The grid for {@link gridSample} from affine maps θ [N, 2, 3] and an output of size [N, C, H, W]. */
export function affineGrid(theta: Tensor, size: number[], { alignCorners = false }: AffineGridOptions = {}): Tensor {
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

/** What a padding is filled with: a constant, the mirrored input, its edge, or its other side. */
export type PadMode = 'constant' | 'reflect' | 'replicate' | 'circular'

/** The options of {@link pad}. */
export interface PadOptions {
  /** What the padding is filled with. Default `constant`. */
  mode?: PadMode
  /** The constant. Default 0. */
  value?: number
}

/** Pads the last dimensions: [left, right], [left, right, top, bottom], … Negative amounts crop. */
export function pad(x: Tensor, amounts: number[], { mode = 'constant', value = 0 }: PadOptions = {}): Tensor {
  return native().pad(x, amounts, mode, mode === 'constant' ? value : undefined)
}
