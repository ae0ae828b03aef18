/** Evaluates a model on a data set. */

import type { Batch, BatchLoader, ByteBatch } from '../data/batches/batch'
import type { ChannelStatistics } from '../data/dataset/statistics'
import { overViews, type Views } from '../data/images/views'
import type { Module } from '../nn/modules/module'
import { inPrecision, type Precision } from '../optim/precision'
import { breathe } from '../process/breathe'
import { noGrad } from '../tensor/core/autograd'
import { scope } from '../tensor/core/scope'
import { InputNormalizer } from './input'
import { evaluationLog } from './metrics/evaluation-log'
import type { Evaluation } from './record/events'

export interface EvaluateOptions {
  device: string
  memoryFormat: 'contiguous' | 'channelsLast'
  normalization: ChannelStatistics
  /** Of the forward pass, as in training. Default float32. */
  precision?: Precision
  /**
   * The probabilities from which the labels of a multi-label data set are predicted. Default: chosen for the best F1 on
   * these images.
   */
  thresholds?: readonly number[]
  /** What the loader gives of each image: the logits are averaged over them. Default 'one'. */
  views?: Views
  /** Called between batches; true ends the evaluation without a result. */
  shouldStop?: () => boolean
  /** Called for each batch with its logits, N × classes. */
  onBatch?: (batch: Batch | ByteBatch, logits: Float32Array) => void
}

/**
 * Evaluates on every batch of the loader's first epoch. The model is in evaluation mode meanwhile and in its previous
 * mode afterwards.
 *
 * @returns undefined if `shouldStop` ended the evaluation
 */
export async function evaluate(
  model: Module,
  loader: BatchLoader,
  options: EvaluateOptions,
): Promise<Evaluation | undefined> {
  const { device, memoryFormat, normalization, precision = 'float32', thresholds, views = 'one' } = options
  const { shouldStop, onBatch } = options
  const log = evaluationLog(loader.dataset, thresholds)
  const { training } = model
  const input = new InputNormalizer({ device, normalization })
  const batches = loader.epoch(0)
  model.eval()
  try {
    for (let next = await batches.next(); !next.done; next = await batches.next()) {
      if (shouldStop?.()) return undefined
      const batch = next.value
      const logits = noGrad(() =>
        scope(() => {
          const images = input.tensorOf(batch).to({ memoryFormat })
          const logits = overViews(views, images, (x) => {
            const output = inPrecision(precision, device, () => model.forward(x))
            return precision === 'float32' ? output : output.to({ dtype: 'float32' })
          })
          return logits.toTypedArray() as Float32Array // waits for the device
        }),
      )
      log.add(logits, batch)
      onBatch?.(batch, logits)
      await breathe()
    }
  } finally {
    await batches.return?.()
    input.dispose()
    model.train(training)
  }
  return log.result()
}
