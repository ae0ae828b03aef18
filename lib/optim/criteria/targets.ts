/** Targets of losses that treat each class on its own. */
import { fraction } from '../../schema/fields'
import { scope } from '../../tensor/core/scope'
import type { Tensor } from '../../tensor/core/tensor'
import { oneHot } from '../../tensor/ops/combining'

/** The configuration key `labelSmoothing`, which every loss reads. */
export const labelSmoothingField = () =>
  fraction().default(0.1).describe('share of the target spread evenly over all classes')

/**
 * Targets [N, K] in the dtype of the logits, smoothed: (1 - s) · y + s / K. Classes [N] become one-hot rows first.
 *
 * Source: timm's BinaryCrossEntropy smooths classes like this, and timm's Mixup distributions.
 */
export function denseTargets(logits: Tensor, targets: Tensor, smoothing: number): Tensor {
  return scope(() => {
    const classes = logits.shape[1]
    const rows = (targets.ndim === 1 ? oneHot(targets, classes) : targets).to({ dtype: logits.dtype })
    return smoothing === 0 ? rows : rows.mul(1 - smoothing).add(smoothing / classes)
  })
}

/** Logits with the range that a sum of exponentials needs: 16-bit floats become float32. */
export function fullLogits(logits: Tensor): Tensor {
  return ['float32', 'float64'].includes(logits.dtype) ? logits : logits.to({ dtype: 'float32' })
}

/** Mean of a loss [N, K] over all elements, or over the images after a sum over the classes. */
export function reduced(losses: Tensor, sumClasses: boolean | null): Tensor {
  return sumClasses === true ? losses.sum({ dim: 1 }).mean() : losses.mean()
}
