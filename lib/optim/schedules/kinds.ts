/** The registry of schedules, which configurations read. */
import type { z } from 'zod'
import { checkOneOf } from '../../errors/check'
import { kindNamed, namesOf } from '../../schema/kinds'
import { constantKind } from './constant'
import { cosineKind } from './cosine'
import type { Schedule, ScheduleKind } from './schedule'
import { staircaseKind } from './staircase'

/** Every schedule that a configuration may name. */
export const SCHEDULES = [staircaseKind, cosineKind, constantKind] as const

/** The schedule of a configuration that names none: the paper's. */
export const DEFAULT_SCHEDULE = 'staircase'

/** A schedule in a training configuration, with lengths in epochs. */
export type ScheduleConfig = z.output<(typeof SCHEDULES)[number]['schema']>

/**
 * The schedule that a configuration requests. If an epoch has only one step, the warm-up skips the rate 0.
 *
 * @param lr peak learning rate
 * @param stepsPerEpoch updates in an epoch
 * @param totalSteps updates in the run
 * @throws MbconvError ERR_VALUE for an unknown name
 */
export function scheduleOf(config: ScheduleConfig, lr: number, stepsPerEpoch: number, totalSteps: number): Schedule {
  checkOneOf('scheduleOf', 'name', config.name, namesOf(SCHEDULES))
  const kind = kindNamed<ScheduleKind>(SCHEDULES, config.name) as ScheduleKind
  // Warm-up steps are rounded down to whole ones, as in the reference.
  const warmupSteps = Math.floor(config.warmupEpochs * stepsPerEpoch)
  return kind.make(config as never, { lr, warmupSteps, skipZero: stepsPerEpoch === 1, stepsPerEpoch, totalSteps })
}
