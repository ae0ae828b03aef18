import { crossEntropy } from '../../nn/functional'
import { fraction } from '../../schema/fields'
import type { Criterion, CriterionKind } from './criterion'

/** The entry in kinds.ts. */
export const crossEntropyKind = {
  name: 'crossEntropy',
  keys: {
    labelSmoothing: fraction().default(0.1).describe('share of the target spread evenly over all classes'),
  },
  make:
    ({ labelSmoothing }: { labelSmoothing: number }): Criterion =>
    (logits, labels) =>
      crossEntropy(logits, labels, { labelSmoothing }),
} satisfies CriterionKind
