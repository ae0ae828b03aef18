/** Figures of one label over all evaluated images: average precision, and the threshold with the best F1. */
import { DEFAULT_THRESHOLD, isPredicted } from '../../models/export/task'

/**
 * The images of one label, counted down their scores. Images of equal scores are one level, whatever their order. A score
 * that is NaN is at no level.
 */
export interface Levels {
  /** Distinct scores, from the highest to the lowest. */
  readonly scores: Float64Array
  /** Images at each level or above, and how many of them have the label. */
  readonly images: Uint32Array
  readonly positives: Uint32Array
  /** Images that have the label, those whose score is NaN included. */
  readonly actual: number
  /** Whether a score is NaN. */
  readonly isBroken: boolean
}

/**
 * @param scores of the images
 * @param hasLabel 1 for images that have the label, 0 for others
 */
export function levelsOf(scores: ArrayLike<number>, hasLabel: ArrayLike<number>): Levels {
  let [actual, known, positive] = [0, 0, 0]
  for (let i = 0; i < scores.length; i++) {
    actual += hasLabel[i]
    if (Number.isNaN(scores[i])) continue
    known++
    positive += hasLabel[i]
  }
  // Each side is sorted without a comparator, which is many times faster than an order of indices; then they are merged.
  const [withLabel, without] = [new Float64Array(positive), new Float64Array(known - positive)]
  let [a, b] = [0, 0]
  for (let i = 0; i < scores.length; i++) {
    if (Number.isNaN(scores[i])) continue
    if (hasLabel[i] === 1) withLabel[a++] = scores[i]
    else without[b++] = scores[i]
  }
  withLabel.sort()
  without.sort()
  const levels = emptyLevels(known)
  let level = 0
  while (a > 0 || b > 0) {
    const score = Math.max(withLabel[a - 1] ?? Number.NEGATIVE_INFINITY, without[b - 1] ?? Number.NEGATIVE_INFINITY)
    while (a > 0 && withLabel[a - 1] === score) a--
    while (b > 0 && without[b - 1] === score) b--
    setLevel(levels, level++, score, known - a - b, positive - a)
  }
  return { ...cut(levels, level), actual, isBroken: known < scores.length }
}

/**
 * The levels of another scale. Scores that it makes equal are one level.
 *
 * @param scale does not decrease
 */
export function rescaled(levels: Levels, scale: (score: number) => number): Levels {
  const { scores, images, positives, actual, isBroken } = levels
  const changed = emptyLevels(scores.length)
  let level = 0
  for (let i = 0; i < scores.length; i++) {
    const score = scale(scores[i])
    const isSame = level > 0 && score >= changed.scores[level - 1]
    setLevel(changed, isSame ? level - 1 : level++, isSame ? changed.scores[level - 1] : score, images[i], positives[i])
  }
  return { ...cut(changed, level), actual, isBroken }
}

type Counted = Pick<Levels, 'scores' | 'images' | 'positives'>

const emptyLevels = (most: number): Counted => ({
  scores: new Float64Array(most),
  images: new Uint32Array(most),
  positives: new Uint32Array(most),
})

function setLevel(levels: Counted, at: number, score: number, images: number, positives: number): void {
  levels.scores[at] = score
  levels.images[at] = images
  levels.positives[at] = positives
}

const cut = ({ scores, images, positives }: Counted, count: number): Counted => ({
  scores: scores.subarray(0, count),
  images: images.subarray(0, count),
  positives: positives.subarray(0, count),
})

/**
 * Average precision, Σ (Rₙ − Rₙ₋₁) Pₙ over the distinct scores, as scikit-learn's average_precision_score.
 *
 * @param levels of scores in any monotone scale
 * @returns 0 … 1; null if no image has the label; 0 if a score is NaN, so that a broken network is never good
 */
export function averagePrecision({ images, positives, actual, isBroken }: Levels): number | null {
  if (actual === 0) return null
  if (isBroken) return 0
  let sum = 0
  let before = 0
  for (let i = 0; i < images.length; i++) {
    sum += ((positives[i] - before) / actual) * (positives[i] / images[i])
    before = positives[i]
  }
  return sum
}

/**
 * The threshold that gives the highest F1: a label is predicted where its probability is at least the threshold. It
 * lies in the middle between two neighbouring probabilities, or between the lowest and 0. Of several with the same F1,
 * the highest is chosen. Without an image that has the label, or with a probability that is NaN, it is 0.5.
 *
 * @param levels of probabilities, 0 … 1
 */
export function bestThreshold({ scores, images, positives, actual, isBroken }: Levels): number {
  if (actual === 0 || isBroken) return DEFAULT_THRESHOLD
  let best = 0
  let f1 = 0
  for (let i = 0; i < scores.length; i++) {
    const value = (2 * positives[i]) / (images[i] + actual)
    if (value <= f1) continue
    best = i
    f1 = value
  }
  const below = scores[best + 1] ?? 0
  const middle = (scores[best] + below) / 2
  // Between neighbouring floats there is no middle.
  return middle > below ? middle : scores[best]
}

/** Predictions of a label at its threshold. */
export interface Counts {
  /** Images that have the label. */
  actual: number
  predicted: number
  right: number
}

/** @param levels of probabilities */
export function countsAt({ scores, images, positives, actual }: Levels, threshold: number): Counts {
  let level = -1
  while (level + 1 < scores.length && isPredicted(scores[level + 1], threshold)) level++
  return level < 0 ? { actual, predicted: 0, right: 0 } : { actual, predicted: images[level], right: positives[level] }
}
