import { z } from 'zod'
import {
  type Course,
  requireRange,
  type Schedule,
  type ScheduleKind,
  type WarmupOptions,
  warmedUp,
  warmupEpochs,
} from './schedule'

export interface CosineOptions extends WarmupOptions {
  /** Total number of updates, including the warm-up. */
  totalSteps: number
  /** Final rate. Default 0. */
  minLr?: number
}

/**
 * Half a cosine from `lr` to `minLr`. It begins at the end of the warm-up, so that the rate does not jump there. After
 * `totalSteps` it stays at `minLr`.
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

const schema = z.strictObject({
  name: z.literal('cosine'),
  warmupEpochs: warmupEpochs(0),
  minLr: z.number().min(0).default(0).describe('learning rate at the end'),
})

/** The entry in kinds.ts. */
export const cosineKind = {
  schema,
  make: ({ minLr }: z.output<typeof schema>, { lr, warmupSteps, skipZero, totalSteps }: Course) =>
    cosine({ lr, warmupSteps, skipZero, totalSteps, minLr }),
  check: ({ minLr }: Record<string, unknown>, lr: unknown) =>
    typeof lr === 'number' && typeof minLr === 'number' && minLr > lr
      ? [{ path: ['minLr'], message: `must be at most optimizer.lr, ${lr}` }]
      : [],
} satisfies ScheduleKind
