/** Counts right and wrong predictions from logits, in all and for each class, and how far confidences can be trusted. */
import type { PerClass } from '../record/events'

/** With more classes than this the counts of pairs are left out: they would be most of a result. */
export const MOST_CONFUSION_CLASSES = 100

/** Number of equal intervals of confidence for the calibration error, as in the paper. */
const BINS = 15

/** Running totals of an evaluation. */
export class Confusion {
  /** Counts by [true class][predicted class]; null above {@link MOST_CONFUSION_CLASSES} classes. */
  readonly matrix: number[][] | null
  images = 0
  #loss = 0
  #top1 = 0
  #top5 = 0
  /** By class: its images, how often it was predicted, and how often rightly. */
  readonly #actual: Uint32Array
  readonly #predicted: Uint32Array
  readonly #right: Uint32Array
  /** By interval of confidence: images, right predictions, and the sum of the confidences. */
  readonly #bins = Array.from({ length: BINS }, () => ({ images: 0, right: 0, confidence: 0 }))

  constructor(readonly numClasses: number) {
    const isKept = numClasses <= MOST_CONFUSION_CLASSES
    this.matrix = isKept ? Array.from({ length: numClasses }, () => new Array<number>(numClasses).fill(0)) : null
    this.#actual = new Uint32Array(numClasses)
    this.#predicted = new Uint32Array(numClasses)
    this.#right = new Uint32Array(numClasses)
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
      const row = logits.subarray(i * numClasses, (i + 1) * numClasses)
      this.#addImage(row, Number(labels[i]))
    }
  }

  #addImage(row: ArrayLike<number>, label: number): void {
    const rank = rankOf(row, label)
    const predicted = rank === 0 ? label : argmax(row)
    const logTotal = logSumExp(row)
    this.#loss += logTotal - row[label]
    if (rank < 1) this.#top1++
    if (rank < 5) this.#top5++
    this.#actual[label]++
    this.#predicted[predicted]++
    if (rank === 0) this.#right[label]++
    if (this.matrix !== null) this.matrix[label][predicted]++
    this.images++
    const confidence = Math.exp(row[predicted] - logTotal)
    // Intervals are open below and closed above. A confidence that is not a number makes the first one's sum so.
    const bin = this.#bins[Math.min(BINS - 1, Math.max(0, Math.ceil(confidence * BINS) - 1)) || 0]
    bin.images++
    bin.confidence += confidence
    if (rank === 0) bin.right++
  }

  /** Mean cross-entropy, in nats. */
  get loss(): number {
    return this.#loss / this.images
  }

  /** Share of images whose most probable class is right. */
  get top1(): number {
    return this.#top1 / this.images
  }

  /** Share of images whose class is among the five most probable. */
  get top5(): number {
    return this.#top5 / this.images
  }

  /**
   * Expected calibration error (Guo et al., arXiv:1706.04599, equation 3): the difference between mean confidence and
   * share of right predictions, averaged over 15 intervals of confidence by their images.
   */
  get ece(): number {
    return this.#bins.reduce((sum, { confidence, right }) => sum + Math.abs(confidence - right), 0) / this.images
  }

  get perClass(): PerClass {
    const share = (part: number, whole: number) => (whole === 0 ? null : part / whole)
    const right = [...this.#right]
    return {
      images: [...this.#actual],
      precision: right.map((count, i) => share(count, this.#predicted[i])),
      recall: right.map((count, i) => share(count, this.#actual[i])),
    }
  }
}

/**
 * How many classes rank before `label`. Equal logits rank by index. A NaN ranks before every number, so that a broken
 * model is never counted as right.
 */
function rankOf(row: ArrayLike<number>, label: number): number {
  const own = row[label]
  let rank = 0
  for (let j = 0; j < row.length; j++) {
    if (j === label) continue
    if (row[j] < own || (row[j] === own && j > label)) continue
    rank++
  }
  return rank
}

function argmax(row: ArrayLike<number>): number {
  let best = 0
  for (let j = 1; j < row.length; j++) if (row[j] > row[best]) best = j
  return best
}

/** log Σ exp(row). Subtracts the largest logit first to avoid overflow. */
function logSumExp(row: ArrayLike<number>): number {
  let max = Number.NEGATIVE_INFINITY
  for (let j = 0; j < row.length; j++) if (!(row[j] <= max)) max = row[j]
  let sum = 0
  for (let j = 0; j < row.length; j++) sum += Math.exp(row[j] - max)
  return Math.log(sum) + max
}
