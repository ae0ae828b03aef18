import { z } from 'zod'
import { MbconvError } from '../../errors/error'
import {
  type Course,
  METRICS,
  minLrField,
  minLrProblems,
  requireRange,
  type Schedule,
  type ScheduleKind,
  type ScheduleMetrics,
  timeProblems,
  type WarmupOptions,
  warmedUp,
  warmupFields,
} from './schedule'

/** The options of {@link plateau}. */
export interface PlateauOptions extends WarmupOptions {
  /** The result that must improve. Default top1. */
  metric?: keyof ScheduleMetrics
  /** Factor of each drop, below 1. Default 0.1. */
  factor?: number
  /** Evaluations without an improvement that are tolerated; the next one lowers the rate. Default 10. */
  patience?: number
  /** An improvement must be larger than this. Default 1e-4. */
  threshold?: number
  /** Whether `threshold` is a share of the best result, or a difference. Default rel. */
  thresholdMode?: 'rel' | 'abs'
  /** Evaluations after a drop that do not count. Default 0. */
  cooldown?: number
  /** Least rate. Default 0. */
  minLr?: number
}

/** A schedule that follows the results of evaluations. */
export type PlateauSchedule = Schedule & Required<Pick<Schedule, 'observe' | 'state' | 'restore'>>

/** A smaller change of the rate is left out, as in torch. */
const LEAST_CHANGE = 1e-8

/**
 * Lowers the rate when evaluations stop improving, as torch's ReduceLROnPlateau does. Evaluations during the warm-up do
 * not count, as in timm's PlateauLRScheduler. The rate depends on {@link Schedule.observe}, so save
 * {@link Schedule.state} with a checkpoint.
 */
export function plateau(options: PlateauOptions): PlateauSchedule {
  const { lr, warmupSteps = 0, metric = 'top1', factor = 0.1, patience = 10, threshold = 1e-4 } = options
  const { thresholdMode = 'rel', cooldown = 0, minLr = 0 } = options
  requireRange('factor', factor, 0)
  requireRange('1 - factor', 1 - factor, 0, true)
  requireRange('patience', patience, 0)
  requireRange('threshold', threshold, 0)
  requireRange('cooldown', cooldown, 0)
  requireRange('minLr', minLr, 0)
  const sign = metric === 'loss' ? -1 : 1
  let rate = lr
  let best: number | null = null
  let bad = 0
  let cooling = 0

  const isBetter = (value: number): boolean => {
    if (best === null) return Number.isFinite(value)
    return sign * value > sign * (thresholdMode === 'rel' ? best * (1 + sign * threshold) : best + sign * threshold)
  }
  const observe = (step: number, metrics: ScheduleMetrics): void => {
    if (step <= warmupSteps && warmupSteps > 0) return
    const value = metrics[metric] ?? Number.NaN
    if (isBetter(value)) {
      best = value
      bad = 0
    } else {
      bad++
    }
    if (cooling > 0) {
      cooling--
      bad = 0
    }
    if (bad <= patience) return
    const next = Math.max(rate * factor, minLr)
    if (rate - next > LEAST_CHANGE) rate = next
    cooling = cooldown
    bad = 0
  }
  const restore = (state: Record<string, number | null>): void => {
    const { rate: saved, best: reached, bad: misses, cooling: left } = state
    if (![saved, misses, left].every((value) => typeof value === 'number') || reached === undefined) {
      throw new MbconvError('ERR_VALUE', 'plateau: the state must have rate, best, bad and cooling')
    }
    rate = saved as number
    best = reached
    bad = misses as number
    cooling = left as number
  }
  const schedule = warmedUp(options, () => rate)
  return Object.assign(schedule, { observe, restore, state: () => ({ rate, best, bad, cooling }) })
}

const schema = z.strictObject({
  name: z.literal('plateau').describe('lower when evaluations stop improving'),
  ...warmupFields(0),
  metric: z
    .enum(METRICS)
    .default('top1')
    .describe('the result of evaluations that must improve; mAP with task: multiLabel'),
  factor: z.number().positive().lt(1).default(0.1).describe('factor of a drop'),
  patience: z.int().min(0).default(10).describe('evaluations without an improvement before the rate drops'),
  threshold: z.number().min(0).max(1e9).default(1e-4).describe('an improvement must be larger'),
  thresholdMode: z
    .enum(['rel', 'abs'])
    .default('rel')
    .describe('threshold is a share of the best result, or a difference'),
  cooldown: z.int().min(0).default(0).describe('evaluations after a drop that do not count'),
  minLr: minLrField(),
})

/** The entry in kinds.ts. */
export const plateauKind = {
  schema,
  make: (
    { name, warmupEpochs, warmupSteps: _, ...options }: z.output<typeof schema>,
    { lr, warmupSteps, skipZero }: Course,
  ) => plateau({ ...options, lr, warmupSteps, skipZero }),
  check: (raw: Record<string, unknown>, lr: unknown) => [...minLrProblems(raw, lr), ...timeProblems(raw)],
} satisfies ScheduleKind
