/** What moves the weights of a training run: loss, optimiser, schedule and moving average. */
import type { TrainConfig } from '../../config/train'
import { crossEntropy } from '../../nn/functional'
import type { Module } from '../../nn/module'
import { Ema } from '../../optim/ema'
import { optimizerOf } from '../../optim/kinds'
import type { Optimizer } from '../../optim/optimizer'
import { type Schedule, scheduleOf } from '../../optim/schedules'
import type { StepParts } from '../../optim/step'

/**
 * The optimiser of a model's trained parameters, and the average of its weights where the configuration asks for one. The
 * caller disposes both.
 */
export function openOptimizer(config: TrainConfig, model: Module): { optimizer: Optimizer; ema: Ema | null } {
  const optimizer = optimizerOf(model, config.optimizer)
  try {
    return { optimizer, ema: config.ema === false ? null : new Ema(model, config.ema) }
  } catch (error) {
    optimizer.dispose()
    throw error
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
