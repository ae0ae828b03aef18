/**
 * RMSProp as TensorFlow computes it, the optimiser of the EfficientNet paper.
 *
 * It differs from torch.optim.RMSprop in three places: epsilon is added inside the root; the squared average starts at
 * 1; and the learning rate enters the momentum buffer, so that a change of rate affects only new gradients:
 *
 *     ms  = decay · ms + (1 - decay) · g²
 *     mom = momentum · mom + lr · g / √(ms + eps)
 *     v   = v - mom
 *
 * Source: tf.compat.v1.train.RMSPropOptimizer; timm's RMSpropTF computes the same.
 */
import { z } from 'zod'
import { checkRange } from '../errors/check'
import { native } from '../native/addon'
import { fraction, positive } from '../schema/fields'
import { onesLike, zerosLike } from '../tensor/core/create'
import type { Tensor } from '../tensor/core/tensor'
import { layerDecay, learningRate, type OptimizerKind, weightDecay } from './kind'
import { type Group, Optimizer, type OptimizerOptions, type ParamGroup } from './optimizer'

/** The options of {@link RMSprop}. */
export interface RMSpropOptions extends OptimizerOptions {
  /** Learning rate, at least 0. */
  lr: number
  /** Fraction of the squared-gradient average that a step keeps (torch's alpha). Default 0.9. */
  decay?: number
  /** Default 0.9. */
  momentum?: number
  /** Added inside the root. Default 1e-3. */
  eps?: number
  /** L2 penalty: this fraction of the parameter is added to the gradient. Default 0. */
  weightDecay?: number
}

/**
 * TensorFlow's RMSProp, with which EfficientNet was trained. torch.optim.RMSprop differs: here ε is inside the root,
 * the squared average starts at 1, and the learning rate is in the momentum buffer.
 */
export class RMSprop extends Optimizer {
  /** How much of the squared average a step keeps. */
  readonly decay: number
  /** How much of the momentum buffer a step keeps. */
  readonly momentum: number
  /** Is added to the squared average, inside the root. */
  readonly eps: number

  constructor(params: Tensor[] | ParamGroup[], options: RMSpropOptions) {
    const { lr, decay = 0.9, momentum = 0.9, eps = 1e-3, weightDecay = 0 } = options
    checkRange('RMSprop', 'decay', decay, 0, 1)
    checkRange('RMSprop', 'momentum', momentum, 0, 1)
    checkRange('RMSprop', 'eps', eps, 0)
    super('RMSprop', params, lr, weightDecay, options)
    this.decay = decay
    this.momentum = momentum
    this.eps = eps
    this.makeState({ squareAvg: (p) => onesLike(p), momentumBuffer: (p) => zerosLike(p) })
  }

  protected override update(group: Group): void {
    const { params, state, weightDecay } = group
    const { squareAvg, momentumBuffer } = state
    native().rmspropTfStep(
      params,
      squareAvg,
      momentumBuffer,
      this.rate(group),
      this.decay,
      this.momentum,
      this.eps,
      weightDecay,
    )
  }
}

const schema = z.strictObject({
  name: z.literal('rmsprop').describe("TensorFlow's RMSProp, the paper's optimiser"),
  lr: learningRate().optional(), // see rateFor
  decay: fraction().default(0.9).describe('how much of the squared-gradient average a step keeps'),
  momentum: fraction().default(0.9).describe('how much of the momentum buffer a step keeps'),
  eps: positive().default(1e-3).describe('added to the squared average inside the root'),
  weightDecay: weightDecay(1e-5, 'times the weight, added to the gradient'),
  layerDecay: layerDecay(),
})

/** The entry in kinds.ts. */
export const rmspropKind = {
  schema,
  make: (groups: ParamGroup[], options: z.output<typeof schema> & { lr: number }) => new RMSprop(groups, options),
  slots: 2,
  lists: { float32: 0, other: 2 },
  // The paper's rule: the rate is proportional to the batch size, 0.016 at 256 images.
  rateFor: (batchSize: number) => (0.016 * batchSize) / 256,
} satisfies OptimizerKind
