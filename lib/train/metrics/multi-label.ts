/** The figures of an evaluation whose images have any number of labels. */
import { isPredicted, sigmoid } from '../../models/export/task'
import type { LabelFigures, MultiLabelEvaluation } from '../record/events'
import { averagePrecision, bestThreshold } from './average-precision'

/** Predictions of a label at its threshold. */
interface Counts {
  /** Images that have the label. */
  actual: number
  predicted: number
  right: number
}

/**
 * Collects the logits and targets of an evaluation. All are kept, 8 bytes for each image and class: an average precision
 * needs the order of all images.
 */
export class MultiLabelLog {
  readonly #logits: Float32Array[] = []
  readonly #targets: Float32Array[] = []
  #images = 0

  constructor(readonly numClasses: number) {}

  /**
   * Adds a batch. The arrays are kept.
   *
   * @param logits n × numClasses, row by row
   * @param targets likewise, 1 for labels that an image has, 0 for others
   */
  add(logits: Float32Array, targets: Float32Array): void {
    this.#logits.push(logits)
    this.#targets.push(targets)
    this.#images += logits.length / this.numClasses
  }

  /** @param thresholds of the labels; default: those with the best F1 on these images */
  result(thresholds?: readonly number[]): Omit<MultiLabelEvaluation, 'task' | 'classes'> {
    const used: number[] = []
    const averages: (number | null)[] = []
    const counts: Counts[] = []
    for (let label = 0; label < this.numClasses; label++) {
      const scores = this.#column(this.#logits, label)
      const hasLabel = this.#column(this.#targets, label)
      const probabilities = scores.map(sigmoid)
      const threshold = thresholds?.[label] ?? bestThreshold(probabilities, hasLabel)
      used.push(threshold)
      // Logits, since the sigmoid gives large ones the same probability.
      averages.push(averagePrecision(scores, hasLabel))
      counts.push(countsOf(probabilities, hasLabel, threshold))
    }
    const perClass: LabelFigures = {
      images: counts.map(({ actual }) => actual),
      averagePrecision: averages,
      f1: counts.map(f1Of),
      precision: counts.map(({ right, predicted }) => share(right, predicted)),
      recall: counts.map(({ right, actual }) => share(right, actual)),
    }
    const all = counts.reduce((a, b) => ({
      actual: a.actual + b.actual,
      predicted: a.predicted + b.predicted,
      right: a.right + b.right,
    }))
    return {
      loss: this.#loss(),
      mAP: meanOf(averages),
      macroF1: meanOf(perClass.f1),
      microF1: f1Of(all) ?? 0,
      images: this.#images,
      thresholds: used,
      perClass,
    }
  }

  /** The numbers of one label in float64, for all images. */
  #column(rows: readonly Float32Array[], label: number): Float64Array {
    const column = new Float64Array(this.#images)
    let image = 0
    for (const part of rows) for (let at = label; at < part.length; at += this.numClasses) column[image++] = part[at]
    return column
  }

  /** Mean of max(x, 0) − x · y + log(1 + exp(−|x|)), the binary cross-entropy of a logit x and a target y. */
  #loss(): number {
    let sum = 0
    for (const [i, logits] of this.#logits.entries())
      for (const [j, x] of logits.entries())
        sum += Math.max(x, 0) - x * this.#targets[i][j] + Math.log1p(Math.exp(-Math.abs(x)))
    return sum / (this.#images * this.numClasses)
  }
}

function countsOf(probabilities: Float64Array, hasLabel: Float64Array, threshold: number): Counts {
  const counts = { actual: 0, predicted: 0, right: 0 }
  for (const [image, probability] of probabilities.entries()) {
    counts.actual += hasLabel[image]
    if (!isPredicted(probability, threshold)) continue
    counts.predicted++
    counts.right += hasLabel[image]
  }
  return counts
}

const share = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole)

/** As scikit-learn's f1_score with zero_division=nan: null if no image has the label, and none is predicted to. */
const f1Of = ({ right, actual, predicted }: Counts): number | null => share(2 * right, actual + predicted)

/** The mean over the labels that have a figure; 0 if none has. */
function meanOf(figures: readonly (number | null)[]): number {
  const known = figures.filter((figure) => figure !== null)
  return known.length === 0 ? 0 : known.reduce((sum, figure) => sum + figure, 0) / known.length
}
