import { crossEntropy } from '../../nn/functional'
import { type ClassWeights, classWeightsField, classWeightTensor } from './class-weights'
import type { Criterion, CriterionKind, DataFacts } from './criterion'
import { labelSmoothingField } from './targets'

/**
 * The entry in kinds.ts. Class weights act as in torch: with classes as targets, the mean is divided by the sum of the
 * images' weights; with distributions, by the number of images.
 */
export const crossEntropyKind = {
  name: 'crossEntropy',
  keys: { labelSmoothing: labelSmoothingField(), classWeights: classWeightsField() },
  make({ labelSmoothing, classWeights = null }: CrossEntropyOptions, facts: DataFacts): Criterion {
    const weight = classWeightTensor(classWeights, facts)
    const loss: Criterion = (logits, targets) => crossEntropy(logits, targets, { labelSmoothing, weight })
    return Object.assign(loss, { dispose: () => weight?.dispose() })
  },
} satisfies CriterionKind

export interface CrossEntropyOptions {
  labelSmoothing: number
  /** Missing in runs older than it. */
  classWeights?: ClassWeights
}
