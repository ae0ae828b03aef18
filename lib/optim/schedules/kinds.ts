/** The registry of schedules, which configurations read. */
import type { z } from 'zod'
import { checkOneOf } from '../../errors/check'
import { kindNamed, namesOf } from '../../schema/kinds'
import { constantKind } from './constant'
import { cosineKind } from './cosine'
import { oneCycleKind } from './one-cycle'
import { plateauKind } from './plateau'
import { polynomialKind } from './polynomial'
import type { Schedule, ScheduleKind, TimeOptions } from './schedule'
import { staircaseKind } from './staircase'
import { stepKind } from './step'

/** Every schedule that a configuration may name. */
export const SCHEDULES = [
  staircaseKind,
  cosineKind,
  constantKind,
  stepKind,
  polynomialKind,
  oneCycleKind,
  plateauKind,
] as const

/** The schedule of a configuration that names none: the paper's. */
export const DEFAULT_SCHEDULE = 'staircase'

type Described = z.output<(typeof SCHEDULES)[number]['schema']>

/** A schedule in a training configuration, with lengths in epochs. The keys of its clock may be left out. */
export type ScheduleConfig = Described extends infer Each
  ? Each extends unknown
    ? Omit<Each, keyof TimeOptions> & TimeOptions
    : never
  : never

/**
 * The schedule that a configuration requests. If an epoch has only one step, or the rate changes only from epoch to
 * epoch, the warm-up skips the rate 0.
 *
 * @param lr peak learning rate
 * @param stepsPerEpoch updates in an epoch
 * @param totalSteps updates in the run
 * @throws MbconvError ERR_VALUE for an unknown name
 */
export function scheduleOf(config: ScheduleConfig, lr: number, stepsPerEpoch: number, totalSteps: number): Schedule {
  checkOneOf('scheduleOf', 'name', config.name, namesOf(SCHEDULES))
  const { every = 'update' } = config
  if (every === 'epoch') {
    // The same schedule on a clock whose unit is the epoch, as timm's schedulers have by default.
    const byEpoch = scheduleOf({ ...config, every: 'update' }, lr, 1, totalSteps / stepsPerEpoch)
    return (step) => byEpoch(Math.floor(step / stepsPerEpoch))
  }
  const kind = kindNamed<ScheduleKind>(SCHEDULES, config.name) as ScheduleKind
  const warmupSteps = warmupLength(config, stepsPerEpoch)
  return kind.make(config as never, { lr, warmupSteps, skipZero: stepsPerEpoch === 1, stepsPerEpoch, totalSteps })
}

/** Length of a configuration's warm-up in updates. Epochs are rounded down to whole updates, as in the reference. */
export function warmupLength({ warmupEpochs = 0, warmupSteps = null }: TimeOptions, stepsPerEpoch: number): number {
  return warmupSteps ?? Math.floor(warmupEpochs * stepsPerEpoch)
}
