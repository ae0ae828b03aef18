/** Evaluates a model on a data set. */

import type { BatchLoader } from '../data/sources/batch'
import type { ChannelStatistics } from '../data/sources/statistics'
import type { Module } from '../nn/module'
import { breathe } from '../process/breathe'
import { noGrad } from '../tensor/core/autograd'
import { scope } from '../tensor/core/scope'
import { Confusion } from './confusion'
import { InputNormalizer } from './input'
import type { Evaluation } from './record/events'

export interface EvaluateOptions {
  device: string
  memoryFormat: 'contiguous' | 'channelsLast'
  normalization: ChannelStatistics
  /** Called between batches; true ends the evaluation without a result. */
  shouldStop?: () => boolean
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
  { device, memoryFormat, normalization, shouldStop }: EvaluateOptions,
): Promise<Evaluation | undefined> {
  const { classes } = loader.dataset
  const confusion = new Confusion(classes.length)
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
          const logits = model.forward(input.tensorOf(batch).to({ memoryFormat }))
          return logits.toTypedArray() as Float32Array // waits for the device
        }),
      )
      confusion.add(logits, batch.labels)
      await breathe()
    }
  } finally {
    await batches.return?.()
    input.dispose()
    model.train(training)
  }
  const { loss, top1, top5, matrix } = confusion
  return { loss, top1, top5, confusion: matrix, classes: [...classes] }
}
