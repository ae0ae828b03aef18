/** Stateless losses. */
import { MbconvError } from '../errors/error'
import { native } from '../native/addon'
import type { FloatTensor } from '../native/types'
import type { Tensor } from '../tensor/core/tensor'

/** `mean` and `sum` make one number of the losses of all elements; `none` returns them all. */
export type Reduction = 'mean' | 'sum' | 'none'

/** What every loss takes. */
export interface LossOptions {
  /** How to combine the losses of all elements. Default mean. */
  reduction?: Reduction
}

/** The options of {@link nllLoss}. */
export interface NllOptions extends LossOptions {
  /** A factor for each class. */
  weight?: Tensor | null
  /** Targets with this index are ignored. Default −100. */
  ignoreIndex?: number
}

/** The options of {@link crossEntropy}. */
export interface CrossEntropyOptions extends NllOptions {
  /** Share of the target that is spread evenly over all classes. Default 0. */
  labelSmoothing?: number
}

/** Cross-entropy of logits [N, K, …] against class indices [N, …] (int64) or probabilities [N, K, …]. */
export function crossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyOptions = {}): FloatTensor {
  const { labelSmoothing = 0, weight, reduction = 'mean', ignoreIndex = -100 } = options
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new MbconvError('ERR_VALUE', `crossEntropy: labelSmoothing must lie in [0, 1], got ${labelSmoothing}`, {
      op: 'crossEntropy',
    })
  }
  return native().crossEntropy(logits, target, weight, reduction, ignoreIndex, labelSmoothing) as FloatTensor
}

/** Negative log-likelihood of log-probabilities [N, K, …] at class indices [N, …] (int64). */
export function nllLoss(logProbabilities: Tensor, target: Tensor, options: NllOptions = {}): FloatTensor {
  const { weight, reduction = 'mean', ignoreIndex = -100 } = options
  return native().nllLoss(logProbabilities, target, weight, reduction, ignoreIndex) as FloatTensor
}

/** The options of {@link binaryCrossEntropy}. */
export interface BinaryCrossEntropyOptions extends LossOptions {
  /** A factor for each element, broadcast. */
  weight?: Tensor | null
}

/** Binary cross-entropy of probabilities against targets in [0, 1]. */
export function binaryCrossEntropy(x: Tensor, target: Tensor, options: BinaryCrossEntropyOptions = {}): FloatTensor {
  return native().binaryCrossEntropy(x, target, options.weight, options.reduction ?? 'mean') as FloatTensor
}

/** Binary cross-entropy of logits, accurate for large ones. */
export function binaryCrossEntropyWithLogits(
  x: Tensor,
  target: Tensor,
  options: BinaryCrossEntropyOptions & {
    /** Factor on the loss of positive elements, as torch's `pos_weight`. Default: none. */
    posWeight?: Tensor | null
  } = {},
): FloatTensor {
  const { weight, posWeight, reduction = 'mean' } = options
  return native().binaryCrossEntropyWithLogits(x, target, weight, posWeight, reduction) as FloatTensor
}

/** Squared differences. */
export function mseLoss(x: Tensor, target: Tensor, { reduction = 'mean' }: LossOptions = {}): FloatTensor {
  return native().mseLoss(x, target, reduction) as FloatTensor
}

/** Absolute differences. */
export function l1Loss(x: Tensor, target: Tensor, { reduction = 'mean' }: LossOptions = {}): FloatTensor {
  return native().l1Loss(x, target, reduction) as FloatTensor
}

/** d² / 2β for |d| < β, |d| − β / 2 beyond. */
export function smoothL1Loss(
  x: Tensor,
  target: Tensor,
  options: LossOptions & {
    /** Below this difference the loss is quadratic. Default 1. */
    beta?: number
  } = {},
): FloatTensor {
  return native().smoothL1Loss(x, target, options.reduction ?? 'mean', options.beta ?? 1) as FloatTensor
}

/** d² / 2 for |d| < δ, δ (|d| − δ / 2) beyond. */
export function huberLoss(
  x: Tensor,
  target: Tensor,
  options: LossOptions & {
    /** Below this difference the loss is quadratic. Default 1. */
    delta?: number
  } = {},
): FloatTensor {
  return native().huberLoss(x, target, options.reduction ?? 'mean', options.delta ?? 1) as FloatTensor
}

/**
 * Kullback–Leibler divergence of log-probabilities from the target's probabilities (or log-probabilities). `batchmean`
 * divides by the batch size, which is the mathematical definition; `mean` divides by all elements.
 */
export function klDiv(
  logProbabilities: Tensor,
  target: Tensor,
  options: {
    /** How losses are combined. `batchmean` divides their sum by the first size, which is the divergence itself. Default `mean`. */
    reduction?: Reduction | 'batchmean'
    /** Whether `target` holds logarithms of probabilities. Default false. */
    logTarget?: boolean
  } = {},
): FloatTensor {
  return native().klDiv(
    logProbabilities,
    target,
    options.reduction ?? 'mean',
    options.logTarget ?? false,
  ) as FloatTensor
}
