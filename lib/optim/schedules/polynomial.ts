import { z } from 'zod'
import {
  type Course,
  minLrField,
  minLrProblems,
  requireRange,
  type Schedule,
  type ScheduleKind,
  timeFields,
  timeProblems,
  type WarmupOptions,
  warmedUp,
} from './schedule'

/** The options of {@link polynomial}. */
export interface PolynomialOptions extends WarmupOptions {
  /** Total number of updates, including the warm-up. */
  totalSteps: number
  /** Exponent; 1 is a straight line. Default 1. */
  power?: number
  /** Final rate. Default 0. */
  minLr?: number
}

/**
 * Falls from `lr` at the end of the warm-up to `minLr` at `totalSteps`, by a power of the remaining share of the steps.
 * Source: torch's PolynomialLR; timm's PolyLRScheduler computes the same, with a default power of 0.5.
 */
export function polynomial(options: PolynomialOptions): Schedule {
  const { lr, totalSteps, warmupSteps = 0, power = 1, minLr = 0 } = options
  requireRange('totalSteps', totalSteps, 0, true)
  requireRange('power', power, 0, true)
  requireRange('minLr', minLr, 0)
  const span = Math.max(1, totalSteps - warmupSteps)
  return warmedUp(options, (step) => {
    const progress = Math.min(1, (step - warmupSteps) / span)
    return minLr + (lr - minLr) * (1 - progress) ** power
  })
}

const schema = z.strictObject({
  name: z.literal('polynomial').describe('a power of the time that is left'),
  ...timeFields(0),
  power: z.number().positive().max(100).default(1).describe('exponent of the fall; 1: a straight line'),
  minLr: minLrField(),
})

/** The entry in kinds.ts. */
export const polynomialKind = {
  schema,
  make: ({ power, minLr }: z.output<typeof schema>, { lr, warmupSteps, skipZero, totalSteps }: Course) =>
    polynomial({ lr, warmupSteps, skipZero, totalSteps, power, minLr }),
  check: (raw: Record<string, unknown>, lr: unknown) => [...minLrProblems(raw, lr), ...timeProblems(raw)],
} satisfies ScheduleKind
