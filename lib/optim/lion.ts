/**
 * Lion (Chen et al., "Symbolic Discovery of Optimization Algorithms", arXiv:2302.06675, algorithm 2), as timm computes
 * it. Every weight moves by the learning rate, in the direction of the sign of an average of gradients.
 *
 *     v = v · (1 - lr · weightDecay)
 *     v = v - lr · sign(β₁ · m + (1 - β₁) · g)
 *     m = β₂ · m + (1 - β₂) · g
 *
 * The paper's advice: use a learning rate 3 to 10 times smaller than AdamW's, and a weight decay larger by the same
 * factor.
 */
import { z } from 'zod'
import { checkRange } from '../errors/check'
import { MbconvError } from '../errors/error'
import { fraction } from '../schema/fields'
import { noGrad } from '../tensor/core/autograd'
import { zerosLike } from '../tensor/core/create'
import { scope } from '../tensor/core/scope'
import type { Tensor } from '../tensor/core/tensor'
import { add_, lerp_, mul, mul_, sign_, sub_ } from '../tensor/ops/foreach'
import { layerDecay, learningRate, type OptimizerKind, weightDecay } from './kind'
import { type Group, Optimizer, type OptimizerOptions, type ParamGroup } from './optimizer'

/** The options of {@link Lion}. */
export interface LionOptions extends OptimizerOptions {
  /** Learning rate, at least 0. Lion wants about a tenth of AdamW's. */
  lr: number
  /** Fraction of the average kept for the direction, and for the next step. Default [0.9, 0.99]. */
  betas?: readonly [number, number]
  /** Fraction of the parameter, multiplied by the learning rate, that a step subtracts. Default 0. */
  weightDecay?: number
}

/** Lion (arXiv:2302.06675): steps by the sign of an averaged gradient, equal to timm's. */
export class Lion extends Optimizer {
  /** How much of the average the step and the next average keep. */
  readonly betas: readonly [number, number]

  constructor(params: Tensor[] | ParamGroup[], options: LionOptions) {
    const { lr, betas = [0.9, 0.99], weightDecay = 0 } = options
    if (!Array.isArray(betas) || betas.length !== 2) {
      throw new MbconvError('ERR_TYPE', 'Lion: betas must be two numbers', { op: 'Lion' })
    }
    checkRange('Lion', 'betas[0]', betas[0], 0, 1)
    checkRange('Lion', 'betas[1]', betas[1], 0, 1)
    super('Lion', params, lr, weightDecay, options)
    this.betas = [betas[0], betas[1]]
    this.makeState({ expAvg: (p) => zerosLike(p) })
  }

  protected override update(group: Group): void {
    const { weightDecay } = group
    const [beta1, beta2] = this.betas
    const rate = this.rate(group)
    noGrad(() =>
      scope(() => {
        const gradients = group.params.map((param) => param.grad)
        const present = <T>(list: readonly T[]) => list.filter((_, i) => gradients[i] !== null)
        const [params, averages] = [present(group.params), present(group.state.expAvg)]
        if (params.length === 0) return
        const g = present(gradients) as Tensor[]
        const direction = mul(averages, beta1)
        add_(direction, g, { alpha: 1 - beta1 })
        sign_(direction)
        if (typeof rate === 'number') {
          if (weightDecay !== 0) mul_(params, 1 - rate * weightDecay)
          add_(params, direction, { alpha: -rate })
        } else {
          // The list-wise kernels need numbers in the dtype of their list.
          const { dtype } = params[0]
          if (weightDecay !== 0) mul_(params, rate.mul(-weightDecay).add(1).to({ dtype }))
          mul_(direction, rate.to({ dtype }))
          sub_(params, direction)
        }
        lerp_(averages, g, 1 - beta2)
      }),
    )
  }
}

const schema = z.strictObject({
  name: z.literal('lion').describe('Lion: steps by the sign of an averaged gradient'),
  lr: learningRate(),
  betas: z
    .tuple([fraction(), fraction()])
    .default([0.9, 0.99])
    .describe('how much of the average the direction keeps, and how much of it the next step sees'),
  weightDecay: weightDecay(0, 'times the learning rate times the weight, taken off the weight'),
  layerDecay: layerDecay(),
})

/** The entry in kinds.ts. */
export const lionKind = {
  schema,
  make: (groups: ParamGroup[], options: z.output<typeof schema>) => new Lion(groups, options),
  slots: 1,
  lists: { float32: 1, other: 1 },
} satisfies OptimizerKind
