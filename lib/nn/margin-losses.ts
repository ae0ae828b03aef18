/** Stateless losses for similarity, ranking, counts and sequences. */
import { shown } from '../errors/check'
import { MbconvError } from '../errors/error'
import { native } from '../native/addon'
import { scope } from '../tensor/core/scope'
import type { Tensor } from '../tensor/core/tensor'
import type { LossOptions } from './losses'

/** The options of losses that want a margin. */
export interface MarginOptions extends LossOptions {
  /** The distance that is wanted. The default is the function's, as torch's. */
  margin?: number
}

/** 1 − cos(x, y) where the target is 1, max(0, cos(x, y) − margin) where it is −1; x, y [N, D], target [N]. */
export function cosineEmbeddingLoss(x: Tensor, y: Tensor, target: Tensor, options: MarginOptions = {}): Tensor {
  return native().cosineEmbeddingLoss(x, y, target, options.margin ?? 0, options.reduction ?? 'mean')
}

/** max(0, −target · (x − y) + margin), target 1 or −1. */
export function marginRankingLoss(x: Tensor, y: Tensor, target: Tensor, options: MarginOptions = {}): Tensor {
  return native().marginRankingLoss(x, y, target, options.margin ?? 0, options.reduction ?? 'mean')
}

/** The options of {@link tripletMarginLoss}. */
export interface TripletOptions extends MarginOptions {
  /** Degree of the norm. Default 2. */
  p?: number
  /** Is added to differences, so that the gradient is finite. Default 1e-6. */
  eps?: number
  /** Use the distance of positive and negative if that is smaller than that of anchor and negative. Default false. */
  swap?: boolean
}

/** max(0, ‖anchor − positive‖ − ‖anchor − negative‖ + margin), over the last dimension; default margin 1. */
export function tripletMarginLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  { margin = 1, p = 2, eps = 1e-6, swap = false, reduction = 'mean' }: TripletOptions = {},
): Tensor {
  return native().tripletMarginLoss(anchor, positive, negative, margin, p, eps, swap, reduction)
}

/** x where the target is 1, max(0, margin − x) where it is −1; default margin 1. */
export function hingeEmbeddingLoss(x: Tensor, target: Tensor, options: MarginOptions = {}): Tensor {
  return native().hingeEmbeddingLoss(x, target, options.margin ?? 1, options.reduction ?? 'mean')
}

/** log(1 + exp(−target · x)), target 1 or −1. */
export function softMarginLoss(x: Tensor, target: Tensor, { reduction = 'mean' }: LossOptions = {}): Tensor {
  return native().softMarginLoss(x, target, reduction)
}

/** The options of {@link multiMarginLoss}. */
export interface MultiMarginOptions extends MarginOptions {
  /** Exponent, 1 or 2. */
  p?: number
  /** A factor for each class. */
  weight?: Tensor | null
}

/** Mean over the other classes of max(0, margin − x[target] + x[k])ᵖ, for x [N, K] and target [N]; default margin 1. */
export function multiMarginLoss(x: Tensor, target: Tensor, options: MultiMarginOptions = {}): Tensor {
  const { p = 1, margin = 1, weight, reduction = 'mean' } = options
  return native().multiMarginLoss(x, target, p, margin, weight, reduction)
}

/** The options of {@link poissonNllLoss}. */
export interface PoissonNllOptions extends LossOptions {
  /** Whether x is the logarithm of the rate. Default true. */
  logInput?: boolean
  /** Add Stirling's approximation of log(target!). Default false. */
  full?: boolean
  /** Added to the rate under the logarithm. Default 1e-8. */
  eps?: number
}

/** Negative log-likelihood of counts under the Poisson distribution. */
export function poissonNllLoss(x: Tensor, target: Tensor, options: PoissonNllOptions = {}): Tensor {
  const { logInput = true, full = false, eps = 1e-8, reduction = 'mean' } = options
  return native().poissonNllLoss(x, target, logInput, full, eps, reduction)
}

/** The options of {@link gaussianNllLoss}. */
export interface GaussianNllOptions extends LossOptions {
  /** Add the constant ½ log 2π. Default false. */
  full?: boolean
  /** Lower limit of the variance. The gradient passes through the limit. Default 1e-6. */
  eps?: number
}

/**
 * Negative log-likelihood ½ (log σ² + (x − target)² / σ²) of the target under normal distributions. The variance has
 * the shape of x. It may also have one value for all positions of one dimension, which then has size 1, or is missing
 * if it is the last. Waits for the device, to check the variance.
 *
 * @throws MbconvError ERR_SHAPE for another shape of the variance, ERR_VALUE for a negative variance
 */
export function gaussianNllLoss(x: Tensor, target: Tensor, variance: Tensor, options: GaussianNllOptions = {}): Tensor {
  const op = 'gaussianNllLoss'
  const { full = false, eps = 1e-6, reduction = 'mean' } = options
  if (!['none', 'mean', 'sum'].includes(reduction)) {
    throw new MbconvError('ERR_VALUE', `${op}: unknown reduction ${shown(reduction)}; known: none, mean, sum`, { op })
  }
  return scope(() => {
    if (variance.lt(0).any().item())
      throw new MbconvError('ERR_VALUE', `${op}: the variance is negative somewhere`, { op })
    const short = x.shape.slice(0, -1).join() === variance.shape.join() && x.ndim === variance.ndim + 1
    const spread = short ? variance.unsqueeze(-1) : variance
    const sizes = spread.shape
    const other = sizes.filter((size, i) => size !== x.shape[i])
    if (sizes.length !== x.ndim || other.length > 1 || other.some((size) => size !== 1)) {
      const shapes = `[${variance.shape}] does not fit x [${x.shape}]`
      throw new MbconvError('ERR_SHAPE', `${op}: the variance ${shapes}`, { op })
    }
    const floor = spread.detach().clampMin(eps).sub(spread.detach())
    const limited = spread.add(floor)
    let loss = limited.log().add(x.sub(target).square().div(limited)).mul(0.5)
    if (full) loss = loss.add(0.5 * Math.log(2 * Math.PI))
    if (reduction === 'none') return loss
    return reduction === 'sum' ? loss.sum() : loss.mean()
  })
}

/** The options of {@link ctcLoss}. */
export interface CtcOptions extends LossOptions {
  /** Index of the blank class. Default 0. */
  blank?: number
  /** Count infinite losses, of targets longer than their input, as 0. Default false. */
  zeroInfinity?: boolean
}

/**
 * Connectionist temporal classification: log-probabilities [T, N, K] against class sequences, given as [N, S] or joined
 * into one vector. The lengths say how much of each sequence counts. The mean divides by the targets' lengths first.
 * Waits for the device, to check the targets.
 *
 * @throws MbconvError ERR_INDEX for targets that are no classes, and for lengths that exceed the tensors
 */
export function ctcLoss(
  logProbabilities: Tensor,
  targets: Tensor,
  inputLengths: number[],
  targetLengths: number[],
  { blank = 0, zeroInfinity = false, reduction = 'mean' }: CtcOptions = {},
): Tensor {
  return native().ctcLoss(logProbabilities, targets, inputLengths, targetLengths, blank, reduction, zeroInfinity)
}
