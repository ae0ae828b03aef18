/** Collects the outputs of a network on evaluated images, and gives the figures of the data set's task. */
import type { Labelled } from '../../data/batches/batch'
import type { Dataset } from '../../data/dataset/image-dataset'
import type { Evaluation } from '../record/events'
import { ConfidenceLog } from './confidence'
import { Confusion } from './confusion'
import { MultiLabelLog } from './multi-label'

export interface EvaluationLog {
  /** @param logits of the batch, N × classes, row by row */
  add(logits: Float32Array, batch: Labelled): void
  result(): Promise<Evaluation>
}

/**
 * @param thresholds of the labels of a multi-label data set; default: chosen on the evaluated images. Data sets with one
 *   class an image have none
 */
export function evaluationLog(dataset: Dataset, thresholds?: readonly number[]): EvaluationLog {
  const classes = [...dataset.classes]
  if (dataset.labelsOf !== undefined) {
    const log = new MultiLabelLog(classes.length)
    return {
      // Batches of such a data set have targets.
      add: (logits, { targets }) => log.add(logits, targets as Float32Array),
      result: async () => ({ task: 'multiLabel', ...(await log.result(thresholds)), classes }),
    }
  }
  const confusion = new Confusion(classes.length)
  const sure = new ConfidenceLog(classes.length, dataset.length)
  return {
    add(logits, { labels }) {
      confusion.add(logits, labels)
      sure.add(logits, labels)
    },
    async result() {
      const { loss, top1, top5, matrix, perClass, ece } = confusion
      const figures = { loss, top1, top5, confusion: matrix, perClass, ece, confidence: sure.result }
      return { task: 'classification', ...figures, classes }
    },
  }
}
