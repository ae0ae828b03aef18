import { z } from 'zod'
import {
  type Course,
  type Schedule,
  type ScheduleKind,
  timeProblems,
  type WarmupOptions,
  warmedUp,
  warmupFields,
} from './schedule'

/** A constant rate after the warm-up. */
export function constant(options: WarmupOptions): Schedule {
  return warmedUp(options, () => options.lr)
}

const schema = z.strictObject({
  name: z.literal('constant').describe('one rate throughout, after the warm-up'),
  ...warmupFields(0),
})

/** The entry in kinds.ts. */
export const constantKind = {
  schema,
  make: (_: z.output<typeof schema>, { lr, warmupSteps, skipZero }: Course) => constant({ lr, warmupSteps, skipZero }),
  check: timeProblems,
} satisfies ScheduleKind
