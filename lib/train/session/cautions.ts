/** Warnings before the first step about valid settings that are probably a mistake. */

import type { TrainConfig } from '../../config/train'
import { classCountsOf, type Dataset, knowsLabels } from '../../data/dataset/image-dataset'
import { listed } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import type { CheckedArch } from '../../models/arch/check'
import { resolutionText } from '../../models/arch/resolution'
import { smallestNormalizedMap } from '../../models/cost/count'
import type { Schedule } from '../../optim/schedules'
import { warmupLength } from '../../optim/schedules/kinds'
import { counted } from '../../text/figures'

/** One warning for each setting of data and schedule that a user should know about. */
export function settingCautions(
  config: TrainConfig,
  train: Dataset,
  { stepsPerEpoch, totalSteps }: { stepsPerEpoch: number; totalSteps: number },
): string[] {
  const { batchSize } = config.data
  const warnings: string[] = []
  if (batchSize > train.length) {
    warnings.push(`data.batchSize is ${batchSize}, but there are ${train.length} training images: each step takes all`)
  }
  const without = classesWithoutImages(train)
  if (without.length > 0) warnings.push(`no training image is of class ${listed(without, { most: MOST_NAMED })}`)
  const { schedule, epochs } = config
  if ('warmupEpochs' in schedule && schedule.warmupEpochs >= epochs) {
    warnings.push(
      `schedule.warmupEpochs is ${schedule.warmupEpochs} and epochs is ${epochs}: optimizer.lr is not reached; lower the first`,
    )
  } else if (warmupLength(schedule, stepsPerEpoch) >= totalSteps) {
    warnings.push(`the warm-up is as long as the run, ${counted(totalSteps, 'step')}: optimizer.lr is not reached`)
  }
  return warnings
}

/** The most names that a warning lists. */
const MOST_NAMED = 10

function classesWithoutImages(train: Dataset): string[] {
  if (!knowsLabels(train)) return []
  const counts = classCountsOf(train)
  return train.classes.filter((_, label) => counts[label] === 0)
}

/**
 * Batch norm takes a channel's mean and variance over the images of a batch and the pixels of a map. A single number
 * has no variance, and its normalised value is 0 whatever the image.
 *
 * @throws MbconvError ERR_CONFIG if a batch has one image and a map one pixel. With frozen blocks, batch norm itself
 *   refuses in the first step
 */
export function checkNormalized(arch: CheckedArch, config: TrainConfig, trainImages: number): void {
  const images = Math.min(config.data.batchSize, trainImages)
  if (images > 1 || config.model.freeze != null || smallestNormalizedMap(arch, arch.resolution) > 1) return
  const one = trainImages === 1 ? 'there is one training image' : 'data.batchSize is 1'
  throw new MbconvError(
    'ERR_CONFIG',
    `${one}, and the last map of ${arch.name} at resolution ${resolutionText(arch.resolution)} has one pixel: batch norm needs more than one number a channel`,
    { hint: 'Raise data.batchSize to 2 or more, or model.resolution.' },
  )
}

/**
 * Notes for a resumed run: that fewer steps are requested than it has done, or that its learning rate jumps because the
 * schedule now stretches over another number of steps.
 *
 * @param step steps done
 * @param steps in the whole run
 * @param before the schedule of the steps done
 * @param after the schedule of the steps to come
 */
export function resumptionNotes(step: number, steps: number, before: Schedule, after: Schedule): string[] {
  if (step > steps) return [`${step} steps are done, and epochs and maxSteps ask for ${steps}: none is left to do`]
  const [expected, next] = [before(step), after(step)]
  if (step === 0 || step === steps || Math.abs(next - expected) <= 1e-9 * Math.max(next, expected)) return []
  return [
    `the learning rate goes from ${rate(before(step - 1))} to ${rate(next)}: the schedule is stretched over the new number of steps (epochs, maxSteps)`,
  ]
}

const rate = (lr: number): string => String(Number(lr.toPrecision(3)))
