/**
 * Discrete Fourier transforms, of real and complex tensors. `norm` says where the factor 1/n stands: in the inverse
 * (`backward`, the default), in the transform (`forward`), or its root in both (`ortho`).
 */
import { native } from '../../native/addon'
import type { Device, Dims, DType } from '../../native/types'
import type { Tensor } from '../core/tensor'

/** Where the factor 1/n stands. */
export type FftNorm = 'backward' | 'forward' | 'ortho'

/** The options of transforms along one dimension. */
export interface FftOptions {
  /** Length of the signal: longer ones are cut, shorter ones padded by 0. For `irfft` and `hfft` of the result. */
  n?: number
  /** Default −1, the last dimension. */
  dim?: number
  /** Where the factor 1/n stands. Default `backward`: in the inverse. */
  norm?: FftNorm
}

/** The options of transforms over a plane. */
export interface Fft2Options {
  /** Sizes along the two dimensions, as {@link FftOptions.n}. */
  s?: [number, number]
  /** Default the last two. */
  dim?: [number, number]
  /** Where the factor 1/n stands. Default `backward`: in the inverse. */
  norm?: FftNorm
}

/** The options of transforms over several dimensions. */
export interface FftnOptions {
  /** Sizes along the dimensions, as {@link FftOptions.n}. */
  s?: number[]
  /** Default: all, or with `s` the last ones. */
  dim?: number[]
  /** Where the factor 1/n stands. Default `backward`: in the inverse. */
  norm?: FftNorm
}

/** The options of {@link fftshift} and {@link ifftshift}. */
export interface ShiftOptions {
  /** Default: all dimensions. */
  dim?: Dims
}

/** The options of {@link fftfreq} and {@link rfftfreq}. */
export interface FrequencyOptions {
  /** Spacing of the samples. Default 1. */
  d?: number
  /** Default float32. */
  dtype?: DType
  /** Default `cpu`. */
  device?: Device
}

const several = (dim: Dims | undefined): number[] | undefined => (typeof dim === 'number' ? [dim] : dim)

/** The transform along one dimension: complex. */
export function fft(x: Tensor, { n, dim = -1, norm }: FftOptions = {}): Tensor {
  return native().fft(x, n, dim, norm)
}
/** The inverse of {@link fft}. */
export function ifft(x: Tensor, { n, dim = -1, norm }: FftOptions = {}): Tensor {
  return native().ifft(x, n, dim, norm)
}
/** The transform of real numbers along one dimension: its first n/2 + 1 elements, which determine the others. */
export function rfft(x: Tensor, { n, dim = -1, norm }: FftOptions = {}): Tensor {
  return native().rfft(x, n, dim, norm)
}
/** The inverse of {@link rfft}: real. Without `n`, an even length is assumed. */
export function irfft(x: Tensor, { n, dim = -1, norm }: FftOptions = {}): Tensor {
  return native().irfft(x, n, dim, norm)
}
/** The transform of a Hermitian signal, of which x is the first half: real. Without `n`, an even length is assumed. */
export function hfft(x: Tensor, { n, dim = -1, norm }: FftOptions = {}): Tensor {
  return native().hfft(x, n, dim, norm)
}
/** The inverse of {@link hfft}. */
export function ihfft(x: Tensor, { n, dim = -1, norm }: FftOptions = {}): Tensor {
  return native().ihfft(x, n, dim, norm)
}
/** The transform over two dimensions. */
export function fft2(x: Tensor, { s, dim = [-2, -1], norm }: Fft2Options = {}): Tensor {
  return native().fft2(x, s, dim, norm)
}
/** The inverse of {@link fft2}. */
export function ifft2(x: Tensor, { s, dim = [-2, -1], norm }: Fft2Options = {}): Tensor {
  return native().ifft2(x, s, dim, norm)
}
/** The transform of real numbers over two dimensions, of which the second is halved as by {@link rfft}. */
export function rfft2(x: Tensor, { s, dim = [-2, -1], norm }: Fft2Options = {}): Tensor {
  return native().rfft2(x, s, dim, norm)
}
/** The inverse of {@link rfft2}: real. */
export function irfft2(x: Tensor, { s, dim = [-2, -1], norm }: Fft2Options = {}): Tensor {
  return native().irfft2(x, s, dim, norm)
}
/** The transform over several dimensions. */
export function fftn(x: Tensor, { s, dim, norm }: FftnOptions = {}): Tensor {
  return native().fftn(x, s, dim, norm)
}
/** The inverse of {@link fftn}. */
export function ifftn(x: Tensor, { s, dim, norm }: FftnOptions = {}): Tensor {
  return native().ifftn(x, s, dim, norm)
}
/** The transform of real numbers over several dimensions, of which the last is halved as by {@link rfft}. */
export function rfftn(x: Tensor, { s, dim, norm }: FftnOptions = {}): Tensor {
  return native().rfftn(x, s, dim, norm)
}
/** The inverse of {@link rfftn}: real. */
export function irfftn(x: Tensor, { s, dim, norm }: FftnOptions = {}): Tensor {
  return native().irfftn(x, s, dim, norm)
}
/** Moves frequency 0 to the middle, along `dim` or all dimensions. */
export function fftshift(x: Tensor, { dim }: ShiftOptions = {}): Tensor {
  return native().fftshift(x, several(dim))
}
/** The inverse of {@link fftshift}. */
export function ifftshift(x: Tensor, { dim }: ShiftOptions = {}): Tensor {
  return native().ifftshift(x, several(dim))
}
/** The frequencies of the elements of {@link fft} for signals of length n: [n]. */
export function fftfreq(n: number, { d = 1, dtype = 'float32', device = 'cpu' }: FrequencyOptions = {}): Tensor {
  return native().fftfreq(n, d, dtype, device)
}
/** The frequencies of the elements of {@link rfft} for signals of length n: [n/2 + 1]. */
export function rfftfreq(n: number, { d = 1, dtype = 'float32', device = 'cpu' }: FrequencyOptions = {}): Tensor {
  return native().rfftfreq(n, d, dtype, device)
}
