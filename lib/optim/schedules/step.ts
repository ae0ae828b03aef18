import { z } from 'zod'
import { MbconvError } from '../../errors/error'
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

/** The options of {@link step}. */
export interface StepOptions extends WarmupOptions {
  /** Updates between two drops, or the updates at which the rate drops, in ascending order. May be fractional. */
  decaySteps: number | readonly number[]
  /** Factor of each drop. Default 0.1. */
  decayRate?: number
}

/**
 * Multiplies the rate by `decayRate` every `decaySteps`, or at listed steps. Unlike in {@link staircase}, the clock
 * starts at the end of the warm-up. Source: torch's StepLR and MultiStepLR.
 */
export function step(options: StepOptions): Schedule {
  const { lr, decaySteps, decayRate = 0.1, warmupSteps = 0 } = options
  requireRange('decayRate', decayRate, 0)
  if (typeof decaySteps === 'number') {
    requireRange('decaySteps', decaySteps, 0, true)
    return warmedUp(options, (at) => lr * decayRate ** Math.floor((at - warmupSteps) / decaySteps))
  }
  if (!Array.isArray(decaySteps) || decaySteps.length === 0) {
    throw new MbconvError('ERR_TYPE', 'schedule: decaySteps must be a number, or a list of them')
  }
  for (const drop of decaySteps) requireRange('decaySteps', drop, 0, true)
  return warmedUp(options, (at) => lr * decayRate ** decaySteps.filter((drop) => at - warmupSteps >= drop).length)
}

const schema = z.strictObject({
  name: z.literal('step').describe('times a factor at equal distances'),
  ...timeFields(0),
  decayEpochs: z
    .union([epochs().positive(), z.array(epochs().positive()).min(1).max(1000)])
    .default(30)
    .describe('epochs between two drops, or a list of the epochs of all drops; counted from the end of the warm-up'),
  decayRate: z.number().positive().max(1).default(0.1).describe('factor of a drop'),
})

/** The entry in kinds.ts. */
export const stepKind = {
  schema,
  make({ decayEpochs, decayRate }: z.output<typeof schema>, { lr, warmupSteps, skipZero, stepsPerEpoch }: Course) {
    const decaySteps =
      typeof decayEpochs === 'number' ? decayEpochs * stepsPerEpoch : decayEpochs.map((drop) => drop * stepsPerEpoch)
    return step({ lr, warmupSteps, skipZero, decaySteps, decayRate })
  },
  check: timeProblems,
} satisfies ScheduleKind
