/** Evaluates a model on a data set. */

import type { Batch, BatchLoader, ByteBatch } from '../data/batches/batch'
import type { ChannelStatistics } from '../data/sources/statistics'
import type { Module } from '../nn/module'
import { inPrecision, type Precision } from '../optim/precision'
import { breathe } from '../process/breathe'
import { noGrad } from '../tensor/core/autograd'
import { scope } from '../tensor/core/scope'
import { InputNormalizer } from './input'
import { ConfidenceLog } from './metrics/confidence'
import { Confusion } from './metrics/confusion'
import type { Evaluation } from './record/events'

export interface EvaluateOptions {
  device: string
  memoryFormat: 'contiguous' | 'channelsLast'
  normalization: ChannelStatistics
  /** Of the forward pass, as in training. Default float32. */
  precision?: Precision
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
  { device, memoryFormat, normalization, precision = 'float32', shouldStop, onBatch }: EvaluateOptions,
): Promise<Evaluation | undefined> {
  const { classes } = loader.dataset
  const confusion = new Confusion(classes.length)
  const sure = new ConfidenceLog(classes.length, loader.dataset.length)
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
          const output = inPrecision(precision, device, () => model.forward(images))
          const logits = precision === 'float32' ? output : output.to({ dtype: 'float32' })
          return logits.toTypedArray() as Float32Array // waits for the device
        }),
      )
      confusion.add(logits, batch.labels)
      sure.add(logits, batch.labels)
      onBatch?.(batch, logits)
      await breathe()
    }
  } finally {
    await batches.return?.()
    input.dispose()
    model.train(training)
  }
  const { loss, top1, top5, matrix, perClass, ece } = confusion
  return { loss, top1, top5, confusion: matrix, perClass, ece, confidence: sure.result, classes: [...classes] }
}
