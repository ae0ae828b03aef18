/**
 * Learning-rate schedules: functions from the step to the rate.
 *
 * `step` counts the earlier updates, so the first update asks for step 0. Every schedule can begin with a warm-up that
 * rises linearly from 0. The first update then gets rate 0, unless `skipZero` is set.
 */
import { z } from 'zod'
import { MbconvError } from '../../errors/error'
import type { CrossProblem, NamedSchema } from '../../schema/kinds'

/** The learning rate of the update that follows `step` earlier ones. */
export type Schedule = (step: number) => number

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
  /** Schema of a configuration's `schedule:`, a strict object with `name` and `warmupEpochs`; all lengths in epochs. */
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

export const warmupEpochs = (length: number) =>
  epochs().min(0).default(length).describe('the learning rate rises from 0 in a line over so many epochs')

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
