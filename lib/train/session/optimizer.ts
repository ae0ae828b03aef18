/** What moves the weights of a training run: loss, optimiser, schedule and moving average. */
import type { TrainConfig } from '../../config/train'
import { crossEntropy } from '../../nn/functional'
import type { Module } from '../../nn/module'
import { AdamW } from '../../optim/adamw'
import { Ema } from '../../optim/ema'
import { layerwiseGroups } from '../../optim/layerwise'
import { decayGroups, type Optimizer } from '../../optim/optimizer'
import { RMSprop } from '../../optim/rmsprop'
import { type Schedule, scheduleOf } from '../../optim/schedules'
import { SGD } from '../../optim/sgd'
import type { StepParts } from '../../optim/step'

/**
 * The optimiser of a model's trained parameters, and the average of its weights where the configuration asks for one. The
 * caller disposes both.
 */
export function openOptimizer(config: TrainConfig, model: Module): { optimizer: Optimizer; ema: Ema | null } {
  const optimizer = optimizerOf(config, model)
  try {
    return { optimizer, ema: config.ema === false ? null : new Ema(model, config.ema) }
  } catch (error) {
    optimizer.dispose()
    throw error
  }
}

function optimizerOf(config: TrainConfig, model: Module): Optimizer {
  const options = config.optimizer
  const { weightDecay, layerDecay = 1 } = options
  const groups =
    layerDecay === 1 ? decayGroups(model, weightDecay) : layerwiseGroups(model, { weightDecay, decay: layerDecay })
  switch (options.name) {
    case 'rmsprop':
      return new RMSprop(groups, options)
    case 'sgd':
      return new SGD(groups, options)
    case 'adamw':
      return new AdamW(groups, options)
  }
}

/** The loss that training lowers. */
export function criterionOf({ labelSmoothing }: TrainConfig): StepParts['criterion'] {
  return (logits, labels) => crossEntropy(logits, labels, { labelSmoothing })
}

/** Steps in a whole run. */
export function stepsOf({ epochs, maxSteps }: TrainConfig, stepsPerEpoch: number): number {
  return Math.min(epochs * stepsPerEpoch, maxSteps ?? Number.POSITIVE_INFINITY)
}

/** The configuration's schedule, stretched over so many steps. */
export function scheduleOver({ schedule, optimizer }: TrainConfig, stepsPerEpoch: number, steps: number): Schedule {
  return scheduleOf(schedule, optimizer.lr, stepsPerEpoch, steps)
}
