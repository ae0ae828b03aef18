/** The model card of a training run. */
import { basename, dirname } from 'node:path'
import { type ModelCard, makeCard } from '../models/export/card'
import { evaluatedImages } from '../train/record/events'
import { thresholdsOf } from '../train/run/checkpoint-state'
import { figuresOf } from '../train/run/score'
import { preprocessingOf } from '../train/session/preprocessing'
import type { Trained } from './trained'

/**
 * The card of a checkpoint that `openTrained` has opened. Its preprocessing is that of training, and its metrics are
 * those of the newest evaluation.
 */
export function cardOfTrained({ model, state, checkpoint, chosen, averaged }: Trained): ModelCard {
  const { config, dataset, lastEval, step } = state
  // The card takes the channels from the network.
  const { channels: _, ...preprocessing } = preprocessingOf(config, state)
  const run = basename(dirname(dirname(checkpoint)))
  const notes = [
    averaged ? "Weights are the run's moving average." : `Weights are those of step ${step}, not an average.`,
  ]
  if (chosen === 'best') notes.push(`The checkpoint is the one with the best evaluation of the run, at step ${step}.`)
  if (chosen === 'newest') notes.push(`The checkpoint is the newest one of the run, at step ${step}.`)
  const { weights } = config.model
  if (weights != null) notes.push(`Training began with the weights of ${basename(weights)}.`)
  const thresholds = thresholdsOf(state)
  if (lastEval !== null && lastEval.step !== step) {
    const what = thresholds === null ? 'metrics' : 'metrics and thresholds'
    notes.push(`The ${what} are of step ${lastEval.step}, the weights of step ${step}.`)
  }
  if (lastEval === null && thresholds !== null) notes.push('Nothing was evaluated yet: the thresholds are all 0.5.')
  return makeCard(model, {
    name: config.run.name ?? run,
    classes: dataset.classes,
    preprocessing,
    training: config,
    metrics: lastEval && {
      ...figuresOf(lastEval),
      loss: Number.isFinite(lastEval.loss) ? lastEval.loss : null,
      images: evaluatedImages(lastEval),
      step: lastEval.step,
    },
    confidence: lastEval?.task === 'classification' ? lastEval.confidence : null,
    task: config.task,
    thresholds,
    source: `${run}, ${basename(checkpoint)}`,
    notes,
  })
}
