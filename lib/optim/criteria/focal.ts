/**
 * The focal loss of Lin et al. (arXiv:1708.02002, equations 4 and 5), on the sigmoid of each class, as torchvision's
 * sigmoid_focal_loss computes it:
 *
 *     loss = αₜ · (1 - pₜ)^γ · bce,   pₜ = p · y + (1 - p) · (1 - y),   αₜ = α · y + (1 - α) · (1 - y)
 */
import { z } from 'zod'
import { binaryCrossEntropyWithLogits } from '../../nn/functional'
import { scope } from '../../tensor/core/scope'
import { sumClassesField } from './binary'
import { type ClassWeights, classWeightsField, classWeightTensor } from './class-weights'
import type { Criterion, CriterionKind, DataFacts } from './criterion'
import { denseTargets, fullLogits, labelSmoothingField, reduced } from './targets'

/** The paper's best values, which are torchvision's defaults, too. */
const ALPHA = 0.25
const GAMMA = 2

export interface FocalOptions {
  labelSmoothing: number
  classWeights: ClassWeights
  focalAlpha: number | false | null
  focalGamma: number | null
  sumClasses: boolean | null
}

/** The entry in kinds.ts. */
export const focalKind = {
  name: 'focal',
  isMultiLabel: true,
  keys: {
    labelSmoothing: labelSmoothingField(),
    classWeights: classWeightsField(),
    focalAlpha: z
      .union([z.literal(false), z.number().min(0).max(1)])
      .nullable()
      .default(null)
      .describe(
        `with focal, the share of the right class in the balance with the others; false: no balance; null: ${ALPHA}`,
      ),
    focalGamma: z
      .number()
      .min(0)
      .max(100)
      .nullable()
      .default(null)
      .describe(`with focal, how much less easy images count; null: ${GAMMA}`),
    sumClasses: sumClassesField(),
  },
  make(
    { labelSmoothing, classWeights, focalAlpha, focalGamma, sumClasses }: FocalOptions,
    facts: DataFacts,
  ): Criterion {
    const weight = classWeightTensor(classWeights, facts)
    const gamma = focalGamma ?? GAMMA
    const alpha = focalAlpha ?? ALPHA
    const loss: Criterion = (logits, targets) =>
      scope(() => {
        const full = fullLogits(logits)
        const y = denseTargets(full, targets, labelSmoothing)
        const not = y.neg().add(1)
        const p = full.sigmoid()
        const right = p.mul(y).add(p.neg().add(1).mul(not))
        const bce = binaryCrossEntropyWithLogits(full, y, { weight, reduction: 'none' })
        const focused = bce.mul(right.neg().add(1).pow(gamma))
        if (alpha === false) return reduced(focused, sumClasses)
        return reduced(focused.mul(y.mul(alpha).add(not.mul(1 - alpha))), sumClasses)
      })
    return Object.assign(loss, { dispose: () => weight?.dispose() })
  },
} satisfies CriterionKind
