/** The registry of schedules: what configurations read. */
import type { z } from 'zod'
import { checkOneOf } from '../../errors/check'
import { kindNamed, namesOf } from '../../schema/kinds'
import { constantKind } from './constant'
import { cosineKind } from './cosine'
import type { Schedule, ScheduleKind } from './schedule'
import { staircaseKind } from './staircase'

/** Every schedule that a configuration can name. */
export const SCHEDULES = [staircaseKind, cosineKind, constantKind] as const

/** The schedule of a configuration that names none: the paper's. */
export const DEFAULT_SCHEDULE = 'staircase'

/** A schedule as a training configuration spells it, in epochs. */
export type ScheduleConfig = z.output<(typeof SCHEDULES)[number]['schema']>

/**
 * The schedule a configuration means. Where a step is a whole epoch, none is wasted on a rate of 0.
 *
 * @param lr peak learning rate
 * @param stepsPerEpoch updates in an epoch
 * @param totalSteps updates in the run
 * @throws MbconvError ERR_VALUE for a name that is none
 */
export function scheduleOf(config: ScheduleConfig, lr: number, stepsPerEpoch: number, totalSteps: number): Schedule {
  checkOneOf('scheduleOf', 'name', config.name, namesOf(SCHEDULES))
  const kind = kindNamed<ScheduleKind>(SCHEDULES, config.name) as ScheduleKind
  // Whole steps of warm-up, rounded down, as in the reference.
  const warmupSteps = Math.floor(config.warmupEpochs * stepsPerEpoch)
  return kind.make(config as never, { lr, warmupSteps, skipZero: stepsPerEpoch === 1, stepsPerEpoch, totalSteps })
}
