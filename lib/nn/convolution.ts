/** Stateless convolutions of one to three dimensions, and their transposes. */
import { native } from '../native/addon'
import type { Tensor } from '../tensor/core/tensor'
import { type Sizes, spread } from './sizes'

export type { Sizes } from './sizes'

/** The options of convolutions, as torch's. A number stands for all spatial dimensions. */
export interface ConvOptions {
  /** Is added to each output channel, shape [outChannels]. Default: none. */
  bias?: Tensor | null
  /** Step of the kernel, in elements. Default 1. */
  stride?: Sizes
  /** Zeros added on each side. */
  padding?: Sizes
  /** Distance between neighbouring weights of the kernel, in elements. Default 1. */
  dilation?: Sizes
  /** Channel groups. A depthwise convolution has as many groups as channels. */
  groups?: number
}

/** The options of transposed convolutions, as torch's. */
export interface ConvTransposeOptions extends ConvOptions {
  /** Added to one side of the output, whose size the stride leaves ambiguous. */
  outputPadding?: Sizes
}

/** The options of a convolution, whose bias may also be an argument of its own, as in PyTorch. */
function withBias<O extends ConvOptions>(biasOrOptions: Tensor | null | O | undefined, more: O | undefined): O {
  if (biasOrOptions === null || native().isTensor(biasOrOptions)) return { ...more, bias: biasOrOptions } as O
  return (biasOrOptions ?? {}) as O
}

function settings(options: ConvOptions, dimensions: number) {
  const { bias, stride = 1, padding = 0, dilation = 1, groups = 1 } = options
  return {
    bias,
    stride: spread(stride, dimensions),
    padding: spread(padding, dimensions),
    dilation: spread(dilation, dimensions),
    groups,
  }
}

/** Convolution of x [N, C, L] with weight [O, C / groups, k]. */
export function conv1d(x: Tensor, weight: Tensor, options?: ConvOptions): Tensor
export function conv1d(x: Tensor, weight: Tensor, bias: Tensor | null, options?: Omit<ConvOptions, 'bias'>): Tensor
export function conv1d(
  x: Tensor,
  weight: Tensor,
  biasOrOptions?: Tensor | null | ConvOptions,
  more?: ConvOptions,
): Tensor {
  const options = withBias<ConvOptions>(biasOrOptions, more)
  const { bias, stride, padding, dilation, groups } = settings(options, 1)
  return native().conv1d(x, weight, bias, stride, padding, dilation, groups)
}

/** Convolution of x [N, C, H, W] with weight [O, C / groups, kh, kw]. */
export function conv2d(x: Tensor, weight: Tensor, options?: ConvOptions): Tensor
export function conv2d(x: Tensor, weight: Tensor, bias: Tensor | null, options?: Omit<ConvOptions, 'bias'>): Tensor
export function conv2d(
  x: Tensor,
  weight: Tensor,
  biasOrOptions?: Tensor | null | ConvOptions,
  more?: ConvOptions,
): Tensor {
  const options = withBias<ConvOptions>(biasOrOptions, more)
  const { bias, stride, padding, dilation, groups } = settings(options, 2)
  return native().conv2d(x, weight, bias, stride, padding, dilation, groups)
}

/** Convolution of x [N, C, D, H, W] with weight [O, C / groups, kd, kh, kw]. */
export function conv3d(x: Tensor, weight: Tensor, options?: ConvOptions): Tensor
export function conv3d(x: Tensor, weight: Tensor, bias: Tensor | null, options?: Omit<ConvOptions, 'bias'>): Tensor
export function conv3d(
  x: Tensor,
  weight: Tensor,
  biasOrOptions?: Tensor | null | ConvOptions,
  more?: ConvOptions,
): Tensor {
  const options = withBias<ConvOptions>(biasOrOptions, more)
  const { bias, stride, padding, dilation, groups } = settings(options, 3)
  return native().conv3d(x, weight, bias, stride, padding, dilation, groups)
}

/** The gradient of {@link conv1d} as an operation: x [N, C, L], weight [C, O / groups, k]. */
export function convTranspose1d(x: Tensor, weight: Tensor, options?: ConvTransposeOptions): Tensor
export function convTranspose1d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  options?: Omit<ConvTransposeOptions, 'bias'>,
): Tensor
export function convTranspose1d(
  x: Tensor,
  weight: Tensor,
  biasOrOptions?: Tensor | null | ConvTransposeOptions,
  more?: ConvTransposeOptions,
): Tensor {
  const options = withBias<ConvTransposeOptions>(biasOrOptions, more)
  const { bias, stride, padding, dilation, groups } = settings(options, 1)
  const outputPadding = spread(options.outputPadding ?? 0, 1)
  return native().convTranspose1d(x, weight, bias, stride, padding, outputPadding, groups, dilation)
}

/** The gradient of {@link conv2d} as an operation: x [N, C, H, W], weight [C, O / groups, kh, kw]. */
export function convTranspose2d(x: Tensor, weight: Tensor, options?: ConvTransposeOptions): Tensor
export function convTranspose2d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  options?: Omit<ConvTransposeOptions, 'bias'>,
): Tensor
export function convTranspose2d(
  x: Tensor,
  weight: Tensor,
  biasOrOptions?: Tensor | null | ConvTransposeOptions,
  more?: ConvTransposeOptions,
): Tensor {
  const options = withBias<ConvTransposeOptions>(biasOrOptions, more)
  const { bias, stride, padding, dilation, groups } = settings(options, 2)
  const outputPadding = spread(options.outputPadding ?? 0, 2)
  return native().convTranspose2d(x, weight, bias, stride, padding, outputPadding, groups, dilation)
}

/** The gradient of {@link conv3d} as an operation: x [N, C, D, H, W], weight [C, O / groups, kd, kh, kw]. */
export function convTranspose3d(x: Tensor, weight: Tensor, options?: ConvTransposeOptions): Tensor
export function convTranspose3d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  options?: Omit<ConvTransposeOptions, 'bias'>,
): Tensor
export function convTranspose3d(
  x: Tensor,
  weight: Tensor,
  biasOrOptions?: Tensor | null | ConvTransposeOptions,
  more?: ConvTransposeOptions,
): Tensor {
  const options = withBias<ConvTransposeOptions>(biasOrOptions, more)
  const { bias, stride, padding, dilation, groups } = settings(options, 3)
  const outputPadding = spread(options.outputPadding ?? 0, 3)
  return native().convTranspose3d(x, weight, bias, stride, padding, outputPadding, groups, dilation)
}
