/**
 * Progressive training: what grows with the size of the images. Small images need weaker regularisation than large ones
 * (Tan & Le, EfficientNetV2, arXiv:2104.00298, section 4.2 and table 6).
 */
import type { TrainConfig } from '../../config/train'
import type { AugmentationConfig } from '../../data/augment/kinds'
import { grown, type Progression, sizeOf, stageIn } from '../../data/progressive'
import { type Resolution, resolutionText } from '../../models/arch/resolution'
import type { MixOptions } from '../../optim/mixing/mix'

/** The plan of the sizes; null for images of one size. */
export function progressionOf({ data, epochs }: TrainConfig): Progression | null {
  return data.progressive === null ? null : { ...data.progressive, epochs }
}

/**
 * A note for a resumed run whose next epoch belongs to another stage than planned, because the plan now covers another
 * number of epochs.
 *
 * @param epoch the next one
 * @param before the configuration of the epochs done
 */
export function stageNotes(config: TrainConfig, resolution: Resolution, epoch: number, before: TrainConfig): string[] {
  const [planned, now] = [progressionOf(before), progressionOf(config)]
  if (planned === null || now === null) return []
  const [from, to] = [stageIn(planned, epoch), stageIn(now, epoch)]
  if (from === to) return []
  const stage = (at: number) => `stage ${at + 1}, ${resolutionText(sizeOf(now, resolution, at))} px`
  return [
    `the next epoch belongs to ${stage(to)}, in place of ${stage(from)}: data.progressive is stretched over the new number of epochs`,
  ]
}

/** The operations of augmentation in a stage. */
export function operationsIn({ data }: TrainConfig, stage: number): AugmentationConfig[] {
  const { progressive, augment } = data
  const magnitude = progressive?.magnitude ?? null
  if (progressive === null || magnitude === null) return augment.operations
  return augment.operations.map((each) =>
    each.name === 'randAugment' ? { ...each, magnitude: grown(magnitude, each.magnitude, progressive, stage) } : each,
  )
}

/** What a step is regularised with, besides the operations. */
export interface Regularization {
  mix: MixOptions
  /** Rate before the classifier. */
  dropout: number
}

/**
 * The regularisation in an epoch.
 *
 * @param own that of the last stage
 */
export function regularizationIn(config: TrainConfig, own: Regularization, epoch: number): Regularization {
  const progression = progressionOf(config)
  if (progression === null) return own
  const { mixup, cutmix, dropout } = config.data.progressive as NonNullable<TrainConfig['data']['progressive']>
  const stage = stageIn(progression, epoch)
  const at = (first: number | null, last: number) => (first === null ? last : grown(first, last, progression, stage))
  return {
    mix: { ...own.mix, mixup: at(mixup, own.mix.mixup), cutmix: at(cutmix, own.mix.cutmix) },
    dropout: at(dropout, own.dropout),
  }
}
