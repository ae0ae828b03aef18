/**
 * Stochastic gradient descent with momentum, classic or Nesterov's, as torch.optim.SGD computes it (dampening 0):
 *
 *     buf = momentum · buf + g
 *     v   = v - lr · (buf, or g + momentum · buf with Nesterov)
 */
import { z } from 'zod'
import { checkRange } from '../errors/check'
import { MbconvError } from '../errors/error'
import { native } from '../native/addon'
import { fraction } from '../schema/fields'
import { zerosLike } from '../tensor/core/create'
import type { Tensor } from '../tensor/core/tensor'
import { layerDecay, learningRate, type OptimizerKind, weightDecay } from './kind'
import { type Group, Optimizer, type OptimizerOptions, type ParamGroup } from './optimizer'

/** The options of {@link SGD}. */
export interface SGDOptions extends OptimizerOptions {
  /** Learning rate, at least 0. */
  lr: number
  /** Default 0: no momentum, and no state. */
  momentum?: number
  /** Default false. Needs momentum. */
  nesterov?: boolean
  /** L2 penalty: this fraction of the parameter is added to the gradient. Default 0. */
  weightDecay?: number
}

/** Stochastic gradient descent with momentum, classic or Nesterov's, as torch.optim.SGD computes it (dampening 0). */
export class SGD extends Optimizer {
  /** How much of the momentum buffer a step keeps. */
  readonly momentum: number
  /** Whether a step looks ahead along the momentum. */
  readonly nesterov: boolean

  constructor(params: Tensor[] | ParamGroup[], options: SGDOptions) {
    const { lr, momentum = 0, nesterov = false, weightDecay = 0 } = options
    checkRange('SGD', 'momentum', momentum, 0, 1)
    if (nesterov && momentum === 0)
      throw new MbconvError('ERR_VALUE', 'SGD: nesterov needs momentum above 0', { op: 'SGD' })
    super('SGD', params, lr, weightDecay, options)
    this.momentum = momentum
    this.nesterov = nesterov
    // Starting from zero equals torch's starting from the first gradient, because nothing is dampened.
    if (momentum > 0) this.makeState({ momentumBuffer: (p) => zerosLike(p) })
  }

  protected override update(group: Group): void {
    const { params, state, weightDecay } = group
    native().sgdStep(params, state.momentumBuffer ?? [], this.rate(group), this.momentum, this.nesterov, weightDecay)
  }
}

const schema = z.strictObject({
  name: z.literal('sgd').describe('stochastic gradient descent with momentum'),
  lr: learningRate(),
  momentum: fraction().default(0.9).describe('how much of the momentum buffer a step keeps'),
  nesterov: z.boolean().default(true).describe('look ahead along the momentum'),
  weightDecay: weightDecay(0, 'times the weight, added to the gradient'),
  layerDecay: layerDecay(),
})

/** The entry in kinds.ts. */
export const sgdKind = {
  schema,
  make: (groups: ParamGroup[], options: z.output<typeof schema>) => new SGD(groups, options),
  slots: 1, // with momentum, the default
  lists: { float32: 0, other: 2 },
  check: ({ momentum, nesterov }: Record<string, unknown>) =>
    momentum === 0 && nesterov !== false
      ? [
          {
            path: ['momentum'],
            message: 'must be above 0 for nesterov',
            hint: 'write nesterov: false for plain gradient descent',
          },
        ]
      : [],
} satisfies OptimizerKind
