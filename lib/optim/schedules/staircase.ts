import { z } from 'zod'
import {
  type Course,
  epochs,
  requireRange,
  type Schedule,
  type ScheduleKind,
  timeFields,
  timeProblems,
  type WarmupOptions,
  warmedUp,
} from './schedule'

/** The options of {@link staircase}. */
export interface StaircaseOptions extends WarmupOptions {
  /** Updates between two drops; may be fractional. */
  decaySteps: number
  /** Factor of each drop. */
  decayRate: number
}

/**
 * The paper's schedule: multiplies the rate by `decayRate` every `decaySteps`. Steps count from 0 and include the
 * warm-up, so some drops may be due when the warm-up ends (tensorflow/tpu, efficientnet/utils.py, build_learning_rate).
 */
export function staircase(options: StaircaseOptions): Schedule {
  const { lr, decaySteps, decayRate } = options
  requireRange('decaySteps', decaySteps, 0, true)
  requireRange('decayRate', decayRate, 0)
  return warmedUp(options, (step) => lr * decayRate ** Math.floor(step / decaySteps))
}

const schema = z.strictObject({
  name: z.literal('staircase').describe("the paper's: times decayRate every decayEpochs"),
  ...timeFields(5),
  decayEpochs: epochs().positive().default(2.4).describe('epochs between two drops, counted from the first step'),
  decayRate: z.number().positive().max(1).default(0.97).describe('factor of a drop'),
})

/** The entry in kinds.ts. */
export const staircaseKind = {
  schema,
  make: ({ decayEpochs, decayRate }: z.output<typeof schema>, { lr, warmupSteps, skipZero, stepsPerEpoch }: Course) =>
    staircase({ lr, warmupSteps, skipZero, decaySteps: decayEpochs * stepsPerEpoch, decayRate }),
  check: timeProblems,
} satisfies ScheduleKind
