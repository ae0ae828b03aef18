/** How sure a network is: what its card keeps, and how predictions use it. */

export interface Confidence {
  /** Logits are divided by this before softmax (Guo et al., arXiv:1706.04599, section 4.2). */
  temperature: number
  /**
   * The 0 %, 1 % … 100 % quantiles of the largest probability of an image, at this temperature. They are estimates for new
   * images of known classes; cards of earlier versions have those of the evaluated images.
   */
  quantiles: number[]
}

/** The largest of softmax(logits / temperature). */
export function largestProbability(logits: ArrayLike<number>, temperature: number): number {
  let max = Number.NEGATIVE_INFINITY
  for (let j = 0; j < logits.length; j++) max = Math.max(max, logits[j])
  let sum = 0
  for (let j = 0; j < logits.length; j++) sum += Math.exp((logits[j] - max) / temperature)
  return 1 / sum
}

/** The probability below which `share` of new images of known classes are expected to lie. */
export function thresholdFor({ quantiles }: Confidence, share: number): number {
  const at = share * (quantiles.length - 1)
  const below = Math.floor(at)
  const above = Math.min(below + 1, quantiles.length - 1)
  return quantiles[below] + (quantiles[above] - quantiles[below]) * (at - below)
}
