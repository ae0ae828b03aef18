/**
 * Learning rates over time, as closures from the step to the rate.
 *
 * `step` counts the updates done before this one, so the first update asks for step 0. All schedules can begin with a
 * warm-up that rises in a line from 0, which the first update therefore gets unless `skipZero` is set.
 */
import { z } from 'zod'
import { MbconvError } from '../../errors/error'
import type { CrossProblem, NamedSchema } from '../../schema/kinds'

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

/** What a schedule is laid over: the peak rate, the warm-up in steps, and the lengths of an epoch and of the run. */
export interface Course extends Required<WarmupOptions> {
  stepsPerEpoch: number
  totalSteps: number
}

/** A schedule's description. Each stands beside its function; kinds.ts lists them. */
export interface ScheduleKind {
  /** Of `schedule:` in a configuration: a strict object with `name` and `warmupEpochs`, all lengths in epochs. */
  readonly schema: NamedSchema
  /** @param options checked by the schema, defaults filled in */
  make(options: never, course: Course): Schedule
  /**
   * What no single option can tell. Looks at what was written, of which anything may be wrong.
   *
   * @param lr what was written for the peak learning rate
   */
  check?(raw: Record<string, unknown>, lr: unknown): CrossProblem[]
}

export const epochs = () => z.number().max(Number.MAX_SAFE_INTEGER)

export const warmupEpochs = (length: number) =>
  epochs().min(0).default(length).describe('the learning rate rises from 0 in a line over so many epochs')

/** `schedule`, but a line from 0 to `lr` for the first `warmupSteps`. */
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
