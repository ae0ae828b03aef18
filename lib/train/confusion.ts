/** Counts right and wrong predictions from logits. */

/** Running totals of an evaluation. */
export class Confusion {
  /** Counts by [true class][predicted class]. */
  readonly matrix: number[][]
  images = 0
  #loss = 0
  #top1 = 0
  #top5 = 0

  constructor(readonly numClasses: number) {
    this.matrix = Array.from({ length: numClasses }, () => new Array<number>(numClasses).fill(0))
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
      const label = Number(labels[i])
      const rank = rankOf(row, label)
      this.#loss += crossEntropyOf(row, label)
      if (rank < 1) this.#top1++
      if (rank < 5) this.#top5++
      this.matrix[label][rank === 0 ? label : argmax(row)]++
      this.images++
    }
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

/** -log softmax(row)[label]. Subtracts the largest logit first to avoid overflow. */
function crossEntropyOf(row: ArrayLike<number>, label: number): number {
  let max = Number.NEGATIVE_INFINITY
  for (let j = 0; j < row.length; j++) if (!(row[j] <= max)) max = row[j]
  let sum = 0
  for (let j = 0; j < row.length; j++) sum += Math.exp(row[j] - max)
  return Math.log(sum) + max - row[label]
}
