/** Figures of one label over all evaluated images: average precision, and the threshold with the best F1. */
import { DEFAULT_THRESHOLD } from '../../models/export/task'

/** Images with one score, and those with this or a higher one. */
interface Level {
  score: number
  /** Images at this level or above, and how many of them have the label. */
  images: number
  positives: number
}

/** The distinct scores from the highest to the lowest. Images of equal scores are one level, whatever their order. */
function* levelsOf(scores: ArrayLike<number>, hasLabel: ArrayLike<number>): Generator<Level, void, undefined> {
  const order = Uint32Array.from(scores, (_, i) => i).sort((a, b) => scores[b] - scores[a])
  let positives = 0
  for (let i = 0; i < order.length; i++) {
    positives += hasLabel[order[i]]
    const score = scores[order[i]]
    if (i + 1 === order.length || scores[order[i + 1]] !== score) yield { score, images: i + 1, positives }
  }
}

function countOf(hasLabel: ArrayLike<number>): number {
  let count = 0
  for (let i = 0; i < hasLabel.length; i++) count += hasLabel[i]
  return count
}

const isBroken = (scores: ArrayLike<number>): boolean => Array.prototype.some.call(scores, Number.isNaN)

/**
 * Average precision, Σ (Rₙ − Rₙ₋₁) Pₙ over the distinct scores, as scikit-learn's average_precision_score.
 *
 * @param scores of the images, in any monotone scale
 * @param hasLabel 1 for images that have the label, 0 for others
 * @returns 0 … 1; null if no image has the label; 0 if a score is NaN, so that a broken network is never good
 */
export function averagePrecision(scores: ArrayLike<number>, hasLabel: ArrayLike<number>): number | null {
  const all = countOf(hasLabel)
  if (all === 0) return null
  if (isBroken(scores)) return 0
  let sum = 0
  let before = 0
  for (const { images, positives } of levelsOf(scores, hasLabel)) {
    sum += ((positives - before) / all) * (positives / images)
    before = positives
  }
  return sum
}

/**
 * The threshold that gives the highest F1: a label is predicted where its probability is at least the threshold. It
 * lies in the middle between two neighbouring probabilities, or between the lowest and 0. Of several with the same F1,
 * the highest is chosen. Without an image that has the label, or with a probability that is NaN, it is 0.5.
 *
 * @param probabilities of the images, 0 … 1
 * @param hasLabel 1 for images that have the label, 0 for others
 */
export function bestThreshold(probabilities: ArrayLike<number>, hasLabel: ArrayLike<number>): number {
  const all = countOf(hasLabel)
  if (all === 0 || isBroken(probabilities)) return DEFAULT_THRESHOLD
  const levels = [...levelsOf(probabilities, hasLabel)]
  let best = 0
  let f1 = 0
  for (const [i, { images, positives }] of levels.entries()) {
    const value = (2 * positives) / (images + all)
    if (value <= f1) continue
    best = i
    f1 = value
  }
  const { score } = levels[best]
  const below = levels[best + 1]?.score ?? 0
  const middle = (score + below) / 2
  // Between neighbouring floats there is no middle.
  return middle > below ? middle : score
}
