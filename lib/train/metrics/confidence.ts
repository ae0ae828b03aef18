/**
 * How sure a network is, measured on evaluated images: the temperature that makes its probabilities right on average, and
 * how the largest probability is distributed, so that a threshold rejects a wanted share of known images.
 */

import { type Confidence, largestProbability } from '../../models/export/confidence'

/** The most logits that are kept. With more, the images are thinned out evenly. */
const MOST_LOGITS = 5_000_000

/** Limits of the temperature. A network without errors would have 0. */
const COLDEST = 0.05
const HOTTEST = 20

/** Collects the logits of an evaluation. */
export class ConfidenceLog {
  readonly #rows: Float64Array[] = []
  readonly #labels: number[] = []
  readonly #every: number
  #seen = 0

  /** @param images number of images that will be added */
  constructor(
    readonly numClasses: number,
    images: number,
  ) {
    this.#every = Math.max(1, Math.ceil((images * numClasses) / MOST_LOGITS))
  }

  /**
   * Adds a batch.
   *
   * @param logits n × numClasses, row by row
   * @param labels the n true classes
   */
  add(logits: Float32Array | Float64Array, labels: ArrayLike<bigint | number>): void {
    const { numClasses } = this
    for (let i = 0; i < labels.length; i++) {
      if (this.#seen++ % this.#every !== 0) continue
      this.#rows.push(Float64Array.from(logits.subarray(i * numClasses, (i + 1) * numClasses)))
      this.#labels.push(Number(labels[i]))
    }
  }

  /** Null without images, or if a logit is not finite. */
  get result(): Confidence | null {
    if (this.#rows.length === 0 || this.#rows.some((row) => !row.every(Number.isFinite))) return null
    const temperature = fitTemperature(this.#rows, this.#labels)
    const largest = this.#rows.map((row) => largestProbability(row, temperature))
    return { temperature, quantiles: quantilesOf(largest) }
  }
}

/**
 * The temperature with the least cross-entropy. Over β = 1 / temperature the cross-entropy is convex: its derivative is
 * Σ (mean of the logits under softmax − logit of the class), and its second derivative the sum of their variances.
 */
function fitTemperature(rows: readonly Float64Array[], labels: readonly number[]): number {
  let [low, high] = [1 / HOTTEST, 1 / COLDEST]
  let beta = 1
  for (let step = 0; step < 100 && high - low > 1e-12 * high; step++) {
    let [slope, curvature] = [0, 0]
    for (const [i, row] of rows.entries()) {
      const { mean, variance } = moments(row, beta)
      slope += mean - row[labels[i]]
      curvature += variance
    }
    if (slope > 0) high = beta
    else low = beta
    const newton = beta - slope / curvature
    // Outside the bracket, or without curvature, halve the bracket in its place.
    const next = newton > low && newton < high ? newton : (low + high) / 2
    if (Math.abs(next - beta) <= 1e-12 * beta) break
    beta = next
  }
  return 1 / beta
}

/** Mean and variance of logits under softmax(β logits). */
function moments(row: Float64Array, beta: number): { mean: number; variance: number } {
  const max = row.reduce((a, b) => Math.max(a, b))
  let [total, first, second] = [0, 0, 0]
  for (const logit of row) {
    const weight = Math.exp(beta * (logit - max))
    total += weight
    // Relative to the largest logit, so that large logits do not cancel.
    first += weight * (logit - max)
    second += weight * (logit - max) ** 2
  }
  const mean = first / total
  return { mean: mean + max, variance: second / total - mean ** 2 }
}

/**
 * The 101 quantiles, as NumPy's method "weibull": of new images of the same kind, the wanted share lies below on average.
 * The usual interpolation, fitted to n images, would have more below: 6.4 in place of 5 % for n = 64.
 */
function quantilesOf(values: readonly number[]): number[] {
  const sorted = [...values].sort((a, b) => a - b)
  const last = sorted.length - 1
  return Array.from({ length: 101 }, (_, percent) => {
    const at = Math.min(last, Math.max(0, (percent / 100) * (sorted.length + 1) - 1))
    const below = Math.floor(at)
    const above = Math.min(below + 1, last)
    return sorted[below] + (sorted[above] - sorted[below]) * (at - below)
  })
}
