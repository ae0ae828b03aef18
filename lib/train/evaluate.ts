/** Evaluates a model on a data set. */

import type { Loader } from '../data/loader'
import type { Module } from '../nn/module'
import { breathe } from '../process/breathe'
import { noGrad } from '../tensor/core/autograd'
import { fromTypedArray } from '../tensor/core/create'
import { scope } from '../tensor/core/scope'
import { Confusion } from './confusion'
import type { Evaluation } from './record/events'

export interface EvaluateOptions {
  device: string
  memoryFormat: 'contiguous' | 'channelsLast'
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
  loader: Loader,
  { device, memoryFormat, shouldStop }: EvaluateOptions,
): Promise<Evaluation | undefined> {
  const { classes } = loader.dataset
  const confusion = new Confusion(classes.length)
  const { training } = model
  model.eval()
  try {
    for (const batch of loader.epoch(0)) {
      if (shouldStop?.()) return undefined
      const logits = noGrad(() =>
        scope(() => {
          const images = fromTypedArray(batch.images, batch.shape).to({ device, memoryFormat })
          return model.forward(images).toTypedArray() as Float32Array // waits for the device
        }),
      )
      confusion.add(logits, batch.labels)
      await breathe()
    }
  } finally {
    model.train(training)
  }
  const { loss, top1, top5, matrix } = confusion
  return { loss, top1, top5, confusion: matrix, classes: [...classes] }
}
