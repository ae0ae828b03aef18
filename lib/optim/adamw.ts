/**
 * AdamW: Adam with weight decay taken off the weights directly (Loshchilov & Hutter, arXiv:1711.05101), as
 * torch.optim.AdamW computes it:
 *
 *     v = v · (1 - lr · weightDecay)
 *     m = β₁ · m + (1 - β₁) · g,   s = β₂ · s + (1 - β₂) · g²
 *     v = v - lr · (m / (1 - β₁ᵗ)) / (√(s / (1 - β₂ᵗ)) + eps)
 *
 * The step t is counted by the optimiser; torch counts it for each parameter. The two differ only for parameters that
 * had no gradient in some steps.
 */
import { z } from 'zod'
import { checkRange } from '../errors/check'
import { MbconvError } from '../errors/error'
import { native } from '../native/addon'
import { fraction, positive } from '../schema/fields'
import { zerosLike } from '../tensor/core/create'
import type { Tensor } from '../tensor/core/tensor'
import { layerDecay, learningRate, type OptimizerKind, weightDecay } from './kind'
import { type Group, Optimizer, type OptimizerOptions, type ParamGroup } from './optimizer'

/** The options of {@link AdamW}. */
export interface AdamWOptions extends OptimizerOptions {
  /** Learning rate, at least 0. */
  lr: number
  /** Decay rates of the first and second moment. Default [0.9, 0.999]. */
  betas?: readonly [number, number]
  /** Added to the root. Default 1e-8. */
  eps?: number
  /** Fraction of the parameter, multiplied by the learning rate, that a step subtracts. Default 0.01. */
  weightDecay?: number
}

/** Adam with weight decay apart from the gradient, as torch.optim.AdamW computes it (arXiv:1711.05101). */
export class AdamW extends Optimizer {
  /** How much of the averages of gradients and of their squares a step keeps. */
  readonly betas: readonly [number, number]
  /** Is added to the root of the squares' average. */
  readonly eps: number

  constructor(params: Tensor[] | ParamGroup[], options: AdamWOptions) {
    const { lr, betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0.01 } = options
    if (!Array.isArray(betas) || betas.length !== 2) {
      throw new MbconvError('ERR_TYPE', 'AdamW: betas must be two numbers', { op: 'AdamW' })
    }
    checkRange('AdamW', 'betas[0]', betas[0], 0, 1)
    checkRange('AdamW', 'betas[1]', betas[1], 0, 1)
    checkRange('AdamW', 'eps', eps, 0)
    super('AdamW', params, lr, weightDecay, options)
    this.betas = [betas[0], betas[1]]
    this.eps = eps
    this.makeState({ expAvg: (p) => zerosLike(p), expAvgSq: (p) => zerosLike(p) })
  }

  protected override update(group: Group): void {
    const { params, state, weightDecay } = group
    const [beta1, beta2] = this.betas
    const { expAvg, expAvgSq } = state
    native().adamwStep(
      params,
      expAvg,
      expAvgSq,
      this.currentStep,
      this.rate(group),
      beta1,
      beta2,
      this.eps,
      weightDecay,
    )
  }
}

const schema = z.strictObject({
  name: z.literal('adamw').describe('Adam with weight decay apart from the gradient'),
  lr: learningRate(),
  betas: z.tuple([fraction(), fraction()]).default([0.9, 0.999]).describe('decay of the first and second moment'),
  eps: positive().default(1e-8).describe('added to the root of the second moment'),
  weightDecay: weightDecay(0.01, 'times the learning rate times the weight, taken off the weight'),
  layerDecay: layerDecay(),
})

/** The entry in kinds.ts. */
export const adamwKind = {
  schema,
  make: (groups: ParamGroup[], options: z.output<typeof schema>) => new AdamW(groups, options),
  slots: 2,
  lists: { float32: 0, other: 1 },
} satisfies OptimizerKind
