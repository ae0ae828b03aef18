/** The figures of an evaluation whose images have any number of labels. */
import { sigmoid } from '../../models/export/task'
import { breathe } from '../../process/breathe'
import type { LabelFigures, MultiLabelEvaluation } from '../record/events'
import { averagePrecision, bestThreshold, type Counts, countsAt, levelsOf, rescaled } from './average-precision'

/**
 * Collects the logits and targets of an evaluation. All are kept, 5 bytes for each image and class: an average precision
 * needs the order of all images.
 */
export class MultiLabelLog {
  readonly #logits: Float32Array[] = []
  readonly #targets: Uint8Array[] = []
  #images = 0
  #loss = 0

  constructor(readonly numClasses: number) {}

  /**
   * Adds a batch. The array of logits is kept.
   *
   * @param logits n × numClasses, row by row
   * @param targets likewise, 1 for labels that an image has, 0 for others
   */
  add(logits: Float32Array, targets: Float32Array): void {
    this.#logits.push(logits)
    this.#targets.push(new Uint8Array(targets))
    this.#images += logits.length / this.numClasses
    // The binary cross-entropy of a logit x and a target y: max(x, 0) − x · y + log(1 + exp(−|x|)).
    for (let i = 0; i < logits.length; i++) {
      const x = logits[i]
      this.#loss += Math.max(x, 0) - x * targets[i] + Math.log1p(Math.exp(-Math.abs(x)))
    }
  }

  /**
   * The figures. Other work of the thread goes on between two labels.
   *
   * @param thresholds of the labels; default: those with the best F1 on these images
   */
  async result(thresholds?: readonly number[]): Promise<Omit<MultiLabelEvaluation, 'task' | 'classes'>> {
    const used: number[] = []
    const averages: (number | null)[] = []
    const counts: Counts[] = []
    for (let label = 0; label < this.numClasses; label++) {
      // Of the logits, since the sigmoid gives large ones the same probability.
      const levels = levelsOf(this.#column(this.#logits, label), this.#column(this.#targets, label))
      const probabilities = rescaled(levels, sigmoid)
      const threshold = thresholds?.[label] ?? bestThreshold(probabilities)
      used.push(threshold)
      averages.push(averagePrecision(levels))
      counts.push(countsAt(probabilities, threshold))
      await breathe()
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
      loss: this.#loss / (this.#images * this.numClasses),
      mAP: meanOf(averages),
      macroF1: meanOf(perClass.f1),
      microF1: f1Of(all) ?? 0,
      images: this.#images,
      thresholds: used,
      perClass,
    }
  }

  /** The numbers of one label in float64, for all images. */
  #column(rows: readonly (Float32Array | Uint8Array)[], label: number): Float64Array {
    const column = new Float64Array(this.#images)
    let image = 0
    for (const part of rows) for (let at = label; at < part.length; at += this.numClasses) column[image++] = part[at]
    return column
  }
}

const share = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole)

/** As scikit-learn's f1_score with zero_division=nan: null if no image has the label, and none is predicted to. */
const f1Of = ({ right, actual, predicted }: Counts): number | null => share(2 * right, actual + predicted)

/** The mean over the labels that have a figure; 0 if none has. */
function meanOf(figures: readonly (number | null)[]): number {
  const known = figures.filter((figure) => figure !== null)
  return known.length === 0 ? 0 : known.reduce((sum, figure) => sum + figure, 0) / known.length
}
