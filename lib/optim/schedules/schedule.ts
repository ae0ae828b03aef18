/**
 * Learning rates over time, as closures from the step to the rate.
 *
 * `step` counts the updates done before this one, so the first update asks for step 0. All schedules can begin with a
 * warm-up that rises in a line from 0, which the first update therefore gets unless `skipZero` is set.
 */
import { MbconvError } from '../../errors/error'

/** The learning rate of the update that follows `step` others. */
export type Schedule = (step: number) => number

export interface WarmupOptions {
  /** Peak learning rate. */
  lr: number
  /** Updates over which the rate rises from 0 to `lr`. Default 0. */
  warmupSteps?: number
  /** The warm-up's line begins one step later, so that no update gets 0. Default false. */
  skipZero?: boolean
}

export interface StaircaseOptions extends WarmupOptions {
  /** Updates between two drops; need not be whole. */
  decaySteps: number
  /** Factor of a drop. */
  decayRate: number
}

export interface CosineOptions extends WarmupOptions {
  /** Updates in all, the warm-up included. */
  totalSteps: number
  /** Rate at the end. Default 0. */
  minLr?: number
}

/** `schedule`, but a line from 0 to `lr` for the first `warmupSteps`. */
function warmedUp({ lr, warmupSteps = 0, skipZero = false }: WarmupOptions, schedule: Schedule): Schedule {
  requireRange('lr', lr, 0)
  requireRange('warmupSteps', warmupSteps, 0)
  const skipped = skipZero ? 1 : 0
  return (step) => (step < warmupSteps ? (lr * (step + skipped)) / (warmupSteps + skipped) : schedule(step))
}

function requireRange(name: string, value: number, min: number, open = false): void {
  if (typeof value !== 'number' || !(open ? value > min : value >= min) || value === Number.POSITIVE_INFINITY) {
    throw new MbconvError(
      'ERR_VALUE',
      `schedule: ${name} must be a number ${open ? 'above' : 'of at least'} ${min}, not ${value}`,
    )
  }
}

/** The same rate throughout, after the warm-up. */
export function constant(options: WarmupOptions): Schedule {
  return warmedUp(options, () => options.lr)
}

/**
 * The paper's: times `decayRate` every `decaySteps`, in stairs. The clock runs from step 0, through the warm-up, so
 * some drops may be due when the warm-up ends (tensorflow/tpu, efficientnet/utils.py, build_learning_rate).
 */
export function staircase(options: StaircaseOptions): Schedule {
  const { lr, decaySteps, decayRate } = options
  requireRange('decaySteps', decaySteps, 0, true)
  requireRange('decayRate', decayRate, 0)
  return warmedUp(options, (step) => lr * decayRate ** Math.floor(step / decaySteps))
}

/**
 * Half a cosine from `lr` to `minLr`. Its clock runs from the end of the warm-up, so that the rate has no jump there;
 * after `totalSteps` it stays at `minLr`.
 */
export function cosine(options: CosineOptions): Schedule {
  const { lr, totalSteps, warmupSteps = 0, minLr = 0 } = options
  requireRange('totalSteps', totalSteps, 0, true)
  requireRange('minLr', minLr, 0)
  const span = Math.max(1, totalSteps - warmupSteps)
  return warmedUp(options, (step) => {
    const progress = Math.min(1, (step - warmupSteps) / span)
    return minLr + 0.5 * (lr - minLr) * (1 + Math.cos(Math.PI * progress))
  })
}

/** A schedule as a training configuration spells it, in epochs. */
export type ScheduleConfig =
  | { name: 'staircase'; warmupEpochs: number; decayEpochs: number; decayRate: number }
  | { name: 'cosine'; warmupEpochs: number; minLr: number }
  | { name: 'constant'; warmupEpochs: number }

/**
 * The schedule a configuration means. Where a step is a whole epoch, none is wasted on a rate of 0.
 *
 * @param lr peak learning rate
 * @param stepsPerEpoch updates in an epoch
 * @param totalSteps updates in the run
 */
export function scheduleOf(config: ScheduleConfig, lr: number, stepsPerEpoch: number, totalSteps: number): Schedule {
  // Whole steps of warm-up, rounded down, as in the reference.
  const warmup = { warmupSteps: Math.floor(config.warmupEpochs * stepsPerEpoch), skipZero: stepsPerEpoch === 1 }
  switch (config.name) {
    case 'staircase':
      return staircase({ lr, ...warmup, decaySteps: config.decayEpochs * stepsPerEpoch, decayRate: config.decayRate })
    case 'cosine':
      return cosine({ lr, ...warmup, totalSteps, minLr: config.minLr })
    case 'constant':
      return constant({ lr, ...warmup })
  }
}
