import { z } from 'zod'
import { count } from '../../schema/fields'
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

/** The options of {@link cosine}. Learning rates are absolute, times are in steps. */
export interface CosineOptions extends WarmupOptions {
  /** Total number of updates, including the warm-up. */
  totalSteps: number
  /** Final rate. Default 0. */
  minLr?: number
  /** Number of falls, each followed by a jump back up; the last one ends the run. Default 1. */
  cycles?: number
  /** Length of a cycle divided by that of the one before. Default 1. */
  cycleMul?: number
  /** Peak of a cycle divided by that of the one before. Default 1. */
  cycleDecay?: number
}

/**
 * Half a cosine from `lr` to `minLr`, once or in several cycles (Loshchilov & Hutter, arXiv:1608.03983). It begins at
 * the end of the warm-up, so that the rate does not jump there. After `totalSteps` it stays at `minLr`. The cycles are
 * those of timm's CosineLRScheduler with `warmup_prefix`; the first one is as long as it takes for all to fill the run.
 */
export function cosine(options: CosineOptions): Schedule {
  const { lr, totalSteps, warmupSteps = 0, minLr = 0, cycles = 1, cycleMul = 1, cycleDecay = 1 } = options
  requireRange('totalSteps', totalSteps, 0, true)
  requireRange('minLr', minLr, 0)
  requireRange('cycles', cycles, 1)
  requireRange('cycleMul', cycleMul, 0, true)
  requireRange('cycleDecay', cycleDecay, 0, true)
  const span = Math.max(1, totalSteps - warmupSteps)
  const fall = (peak: number, progress: number) => minLr + 0.5 * (peak - minLr) * (1 + Math.cos(Math.PI * progress))
  if (cycles === 1) return warmedUp(options, (step) => fall(lr, Math.min(1, (step - warmupSteps) / span)))

  const lengths = Array.from({ length: cycles }, (_, i) => cycleMul ** i)
  const first = span / lengths.reduce((sum, length) => sum + length, 0)
  return warmedUp(options, (step) => {
    let within = step - warmupSteps
    for (const [i, relative] of lengths.entries()) {
      const length = first * relative
      if (within < length) return fall(lr * cycleDecay ** i, within / length)
      within -= length
    }
    return minLr
  })
}

const schema = z.strictObject({
  name: z.literal('cosine').describe('half a cosine from the peak to minLr, once or in cycles'),
  ...timeFields(0),
  minLr: minLrField(),
  cycles: count().max(1000).default(1).describe('how often the rate falls; it jumps up again in between'),
  cycleMul: z.number().min(0.01).max(100).default(1).describe('length of a cycle over that of the one before'),
  cycleDecay: z.number().positive().max(1).default(1).describe('peak of a cycle over that of the one before'),
})

/** The entry in kinds.ts. */
export const cosineKind = {
  schema,
  make: (
    { minLr, cycles, cycleMul, cycleDecay }: z.output<typeof schema>,
    { lr, warmupSteps, skipZero, totalSteps }: Course,
  ) => cosine({ lr, warmupSteps, skipZero, totalSteps, minLr, cycles, cycleMul, cycleDecay }),
  check: (raw: Record<string, unknown>, lr: unknown) => [...minLrProblems(raw, lr), ...timeProblems(raw)],
} satisfies ScheduleKind
