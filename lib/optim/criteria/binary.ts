/**
 * Binary cross-entropy: each class is a yes-or-no question of its own (Wightman et al., arXiv:2110.00476). Source of the
 * details: timm's BinaryCrossEntropy.
 */
import { z } from 'zod'
import { binaryCrossEntropyWithLogits } from '../../nn/functional'
import { fraction } from '../../schema/fields'
import { scope } from '../../tensor/core/scope'
import {
  type ClassWeights,
  classWeightsField,
  classWeightTensor,
  type PosWeight,
  posWeightField,
  posWeightTensor,
} from './class-weights'
import type { Criterion, CriterionKind, DataFacts } from './criterion'
import { denseTargets, fullLogits, labelSmoothingField, reduced } from './targets'

/** The configuration key `sumClasses`, of the losses that treat each class on its own. */
export const sumClassesField = () =>
  z
    .boolean()
    .nullable()
    .default(null)
    .describe('with bce and focal, add the losses of the classes; null or false: their mean')

export interface BinaryOptions {
  labelSmoothing: number
  classWeights: ClassWeights
  /** Missing in runs older than it. */
  posWeight?: PosWeight
  targetThreshold: number | null
  sumClasses: boolean | null
}

/** The entry in kinds.ts. */
export const binaryKind = {
  name: 'bce',
  isMultiLabel: true,
  keys: {
    labelSmoothing: labelSmoothingField(),
    classWeights: classWeightsField(),
    posWeight: posWeightField(),
    targetThreshold: fraction()
      .nullable()
      .default(null)
      .describe('with bce, targets above this count as 1 and the others as 0; null: as they are'),
    sumClasses: sumClassesField(),
  },
  make(options: BinaryOptions, facts: DataFacts): Criterion {
    const { labelSmoothing, classWeights, posWeight: positive = null, targetThreshold, sumClasses } = options
    const weight = classWeightTensor(classWeights, facts)
    const posWeight = posWeightTensor(positive, facts)
    const loss: Criterion = (logits, targets) =>
      scope(() => {
        const full = fullLogits(logits)
        const smooth = denseTargets(full, targets, labelSmoothing)
        const wanted = targetThreshold === null ? smooth : smooth.gt(targetThreshold).to({ dtype: smooth.dtype })
        return reduced(binaryCrossEntropyWithLogits(full, wanted, { weight, posWeight, reduction: 'none' }), sumClasses)
      })
    const dispose = () => {
      weight?.dispose()
      posWeight?.dispose()
    }
    return Object.assign(loss, { dispose })
  },
} satisfies CriterionKind
