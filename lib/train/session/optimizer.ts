/** The parts of a training run that update weights: the optimiser, its schedule and the moving average. */
import type { TrainConfig } from '../../config/train'
import type { Module } from '../../nn/modules/module'
import { Ema } from '../../optim/ema'
import { optimizerOf } from '../../optim/kinds'
import type { Optimizer } from '../../optim/optimizer'
import { type Schedule, scheduleOf } from '../../optim/schedules'

/**
 * The optimiser of a model's trained parameters, and the average of its weights if the configuration asks for one. The
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

/** Number of steps in a whole run. */
export function stepsOf({ epochs, maxSteps }: TrainConfig, stepsPerEpoch: number): number {
  return Math.min(epochs * stepsPerEpoch, maxSteps ?? Number.POSITIVE_INFINITY)
}

/** The configuration's schedule, stretched over the given number of steps. */
export function scheduleOver({ schedule, optimizer }: TrainConfig, stepsPerEpoch: number, steps: number): Schedule {
  return scheduleOf(schedule, optimizer.lr, stepsPerEpoch, steps)
}
