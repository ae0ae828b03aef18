/** Random numbers from distributions whose parameters are tensors, drawn by this thread's generator. */
import { native } from '../../native/addon'
import type { Tensor } from '../core/tensor'

/** 1 with the given probabilities (a tensor of numbers in [0, 1]), else 0; in their dtype. */
export function bernoulli(probabilities: Tensor): Tensor {
  return native().bernoulli(probabilities)
}

/** The options of {@link multinomial}. */
export interface MultinomialOptions {
  /** Whether an index may be drawn again. Default false. */
  replacement?: boolean
}

/** Indices (int64) drawn with the given weights [K] or [N, K], which need not sum to 1: [samples] or [N, samples]. */
export function multinomial(
  weights: Tensor,
  samples: number,
  { replacement = false }: MultinomialOptions = {},
): Tensor {
  return native().multinomial(weights, samples, replacement)
}

/** Poisson-distributed numbers with the given means. */
export function poisson(rate: Tensor): Tensor {
  return native().poisson(rate)
}

/** Normal numbers; mean or std, or both, are tensors. {@link randn} is for one mean and deviation. */
export function normal(mean: Tensor | number, std: Tensor | number = 1): Tensor {
  return native().normal(mean, std)
}

/**
 * Gamma-distributed numbers of rate 1 with the given positive concentrations, differentiable in them. For another rate
 * divide by it, as torch.distributions.Gamma does.
 */
export function standardGamma(concentration: Tensor): Tensor {
  return native().standardGamma(concentration)
}
