/** Stateless normalisations. */
import { checkCount } from '../errors/check'
import { MbconvError } from '../errors/error'
import { native } from '../native/addon'
import type { Dims } from '../native/types'
import { scope } from '../tensor/core/scope'
import type { Tensor } from '../tensor/core/tensor'

/** The options of {@link batchNorm}. */
export interface BatchNormOptions {
  /** Running mean, shape [channels]; changed in training. Default: none. */
  runningMean?: Tensor | null
  /** Running variance, shape [channels]; changed in training. Default: none. */
  runningVar?: Tensor | null
  /** Factor on each channel, shape [channels]. Default: none. */
  weight?: Tensor | null
  /** Is added to each channel, shape [channels]. Default: none. */
  bias?: Tensor | null
  /** Use the batch's statistics, and update the running ones in place; otherwise use the running ones. */
  training?: boolean
  /** Weight of the new statistics (PyTorch's definition; TensorFlow's momentum is 1 minus this). Default 0.1. */
  momentum?: number
  /** Is added to the variance. Default 1e-5. */
  eps?: number
}

/**
 * Normalises each channel of x [N, C, …] over the batch.
 *
 * @throws MbconvError ERR_SHAPE when training with one value per channel, whose variance is 0 / 0; ERR_VALUE for an
 *   `eps` below 0, or of 0 when training. The running statistics are unchanged then
 */
export function batchNorm(x: Tensor, options: BatchNormOptions): Tensor {
  const { weight, bias, runningMean, runningVar, training = false, momentum = 0.1, eps = 1e-5 } = options
  return native().batchNorm(x, weight, bias, runningMean, runningVar, training, momentum, eps)
}

/** What follows a normalisation, and its ε. */
export interface NormOptions {
  /** Factor on the normalised values. Default: none. */
  weight?: Tensor | null
  /** Is added to the normalised values. Default: none. */
  bias?: Tensor | null
  /** Default 1e-5. */
  eps?: number
}

/** Normalises each channel of each sample of x [N, C, …]. ERR_SHAPE if a channel has only one value. */
export function instanceNorm(x: Tensor, { weight, bias, eps = 1e-5 }: NormOptions = {}): Tensor {
  return native().instanceNorm(x, weight, bias, eps)
}

/**
 * Normalises each of `groups` equal groups of channels of each sample of x [N, C, …]. ERR_SHAPE for one value in all.
 */
export function groupNorm(x: Tensor, groups: number, { weight, bias, eps = 1e-5 }: NormOptions = {}): Tensor {
  return native().groupNorm(x, groups, weight, bias, eps)
}

/** Normalises over the last dimensions, whose sizes are `shape`. */
export function layerNorm(x: Tensor, shape: number[], { weight, bias, eps = 1e-5 }: NormOptions = {}): Tensor {
  return native().layerNorm(x, shape, weight, bias, eps)
}

/** The options of {@link normalize}. */
export interface NormalizeOptions {
  /** Which norm becomes 1. Default 2. */
  p?: number
  /** The dimension or dimensions of the vectors. Default 1. */
  dim?: Dims
  /** Smallest norm that is divided by. Default 1e-12. */
  eps?: number
}

/** x divided by its p-norm along `dim`, but at least by ε. */
export function normalize(x: Tensor, { p = 2, dim = 1, eps = 1e-12 }: NormalizeOptions = {}): Tensor {
  return scope(() => x.div(x.norm({ p, dim, keepdim: true }).clampMin(eps)))
}

/** The options of {@link localResponseNorm}. */
export interface ResponseNormOptions {
  /** Factor on the squares. Default 1e-4. */
  alpha?: number
  /** The exponent. Default 0.75. */
  beta?: number
  /** Is added before the exponent. Default 1. */
  k?: number
}

/**
 * x [N, C, …] divided by (k + α · mean of the squares of `size` neighbouring channels)^β. Source: Krizhevsky et al.
 * 2012, section 3.3, with the mean in place of the sum.
 */
export function localResponseNorm(
  x: Tensor,
  size: number,
  { alpha = 1e-4, beta = 0.75, k = 1 }: ResponseNormOptions = {},
): Tensor {
  checkCount('localResponseNorm', 'size', size)
  return scope(() => {
    const [samples, channels, ...space] = x.shape
    if (space.length === 0) {
      const op = 'localResponseNorm'
      throw new MbconvError('ERR_SHAPE', `${op}: x needs at least three dimensions, got [${x.shape}]`, { op })
    }
    const squares = x.square().reshape([samples, 1, channels, -1])
    const padded = native().pad(squares, [0, 0, Math.floor(size / 2), Math.floor((size - 1) / 2)], 'constant', 0)
    const means = native().avgPool2d(padded, [size, 1], [1, 1], [0, 0], false, true).reshape(x.shape)
    return x.div(means.mul(alpha).add(k).pow(beta))
  })
}
