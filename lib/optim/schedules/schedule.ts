/**
 * Learning-rate schedules: functions from the step to the rate.
 *
 * `step` counts the earlier updates, so the first update asks for step 0. A schedule can begin with a warm-up that
 * rises linearly from 0. The first update then gets rate 0, unless `skipZero` is set.
 */
import { z } from 'zod'
import { MbconvError } from '../../errors/error'
import type { CrossProblem, NamedSchema } from '../../schema/kinds'

/** The result of an evaluation, for schedules that depend on it. */
export interface ScheduleMetrics {
  /** Mean loss of the latest evaluation. */
  loss: number
  /** Where images have one class. */
  top1?: number
  /** Where images have several labels. */
  mAP?: number
}

/** Their names: what a schedule, or the end of a run, can depend on. */
export const METRICS = ['top1', 'mAP', 'loss'] as const satisfies readonly (keyof ScheduleMetrics)[]

/** What a schedule remembers, as JSON; null stands for no number. */
export type ScheduleState = Record<string, number | null>

/** The learning rate of the update that follows `step` earlier ones. */
export interface Schedule {
  (step: number): number
  /** Only where the rate depends on results: takes those of an evaluation after `step` updates. */
  observe?(step: number, metrics: ScheduleMetrics): void
  /** What {@link observe} has changed, for {@link restore}. */
  state?(): ScheduleState
  /** @throws MbconvError ERR_VALUE for a state of another form */
  restore?(state: ScheduleState): void
}

/** How a learning rate rises at the beginning. */
export interface WarmupOptions {
  /** Peak learning rate. */
  lr: number
  /** Updates over which the rate rises from 0 to `lr`. Default 0. */
  warmupSteps?: number
  /** Moves the linear warm-up on by one step, so that no update gets 0. Default false. */
  skipZero?: boolean
}

/** The course of a run: the peak rate, the warm-up in steps, and the lengths of an epoch and of the run. */
export interface Course extends Required<WarmupOptions> {
  stepsPerEpoch: number
  totalSteps: number
}

/** The description of a schedule. Each is beside its function; kinds.ts lists them. */
export interface ScheduleKind {
  /** Schema of a configuration's `schedule:`, a strict object with `name`; all lengths are in epochs. */
  readonly schema: NamedSchema
  /** @param options checked by the schema, defaults filled in */
  make(options: never, course: Course): Schedule
  /**
   * Finds problems that involve several options. Gets the raw configuration, in which anything may be wrong.
   *
   * @param lr the raw value of the peak learning rate
   */
  check?(raw: Record<string, unknown>, lr: unknown): CrossProblem[]
}

export const epochs = () => z.number().max(Number.MAX_SAFE_INTEGER)

/** The configuration keys of the warm-up. */
export const warmupFields = (length: number) => ({
  warmupEpochs: epochs()
    .min(0)
    .default(length)
    .describe('the learning rate rises from 0 in a line over so many epochs'),
  warmupSteps: z.int().min(1).nullable().default(null).describe('the same in steps; null: warmupEpochs says how long'),
})

/** The configuration key for the clock. */
export const everyField = () =>
  z.enum(['update', 'epoch']).default('update').describe('whether the rate changes with each update or each epoch')

/** The warm-up and the clock, which most schedules have. */
export const timeFields = (length: number) => ({ ...warmupFields(length), every: everyField() })

/** The options that {@link timeFields} describes, as a configuration has them; older runs lack the last two. */
export interface TimeOptions {
  /** Length of the warm-up, in epochs. */
  warmupEpochs?: number
  /** Length of the warm-up, in steps, in place of epochs; null: as `warmupEpochs` says. */
  warmupSteps?: number | null
  /** When the learning rate changes: with every update, or once an epoch. */
  every?: 'update' | 'epoch'
}

/** Problems of a warm-up that is given twice, or in a unit that the clock does not have. */
export function timeProblems({ warmupEpochs, warmupSteps, every }: Record<string, unknown>): CrossProblem[] {
  if (typeof warmupSteps !== 'number') return []
  if (typeof warmupEpochs === 'number' && warmupEpochs > 0) {
    return [{ path: ['warmupSteps'], message: 'is given besides warmupEpochs', hint: 'leave one of them out' }]
  }
  if (every === 'epoch') {
    const hint = 'write warmupEpochs, or every: update'
    return [{ path: ['warmupSteps'], message: 'counts updates, and every: epoch counts epochs', hint }]
  }
  return []
}

/** `schedule`, with a linear rise from 0 to `lr` over the first `warmupSteps`. */
export function warmedUp({ lr, warmupSteps = 0, skipZero = false }: WarmupOptions, schedule: Schedule): Schedule {
  requireRange('lr', lr, 0)
  requireRange('warmupSteps', warmupSteps, 0)
  const skipped = skipZero ? 1 : 0
  return (step) => (step < warmupSteps ? (lr * (step + skipped)) / (warmupSteps + skipped) : schedule(step))
}

export function requireRange(name: string, value: number, min: number, open = false): void {
  if (typeof value !== 'number' || !(open ? value > min : value >= min) || value === Number.POSITIVE_INFINITY) {
    throw new MbconvError(
      'ERR_VALUE',
      `schedule: ${name} must be a number ${open ? 'above' : 'of at least'} ${min}, not ${value}`,
    )
  }
}

/** `minLr` must not exceed the peak rate. */
export function minLrProblems({ minLr }: Record<string, unknown>, lr: unknown): CrossProblem[] {
  return typeof lr === 'number' && typeof minLr === 'number' && minLr > lr
    ? [{ path: ['minLr'], message: `must be at most optimizer.lr, ${lr}` }]
    : []
}

export const minLrField = () => z.number().min(0).default(0).describe('learning rate at the end')
