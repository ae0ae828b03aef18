/**
 * LAMB (You et al., "Large Batch Optimization for Deep Learning", arXiv:1904.00962), as timm's Lamb computes it: Adam's
 * step, rescaled for each tensor to the norm of its weights.
 *
 *     g = g / max(1, ‖all gradients‖ / maxGradNorm)
 *     m = β₁ · m + (1 - β₁) · g,   s = β₂ · s + (1 - β₂) · g²
 *     u = (m / (1 - β₁ᵗ)) / (√(s / (1 - β₂ᵗ)) + eps) + weightDecay · v
 *     v = v - lr · (‖v‖ / ‖u‖) · u
 *
 * Tensors without weight decay are not rescaled unless `alwaysAdapt` is set.
 */
import { z } from 'zod'
import { checkPositive, checkRange } from '../errors/check'
import { MbconvError } from '../errors/error'
import { fraction, positive } from '../schema/fields'
import { noGrad } from '../tensor/core/autograd'
import { zerosLike } from '../tensor/core/create'
import { scope } from '../tensor/core/scope'
import type { Tensor } from '../tensor/core/tensor'
import { stack, where } from '../tensor/ops/combining'
import { add_, addcmul_, div, div_, mul_, norm, sqrt, sub_ } from '../tensor/ops/foreach'
import { layerDecay, learningRate, type OptimizerKind, weightDecay } from './kind'
import { type Group, Optimizer, type OptimizerOptions, type ParamGroup } from './optimizer'

/** The options of {@link Lamb}. */
export interface LambOptions extends OptimizerOptions {
  /** Learning rate, at least 0. */
  lr: number
  /** Decay rates of the first and second moment. Default [0.9, 0.999]. */
  betas?: readonly [number, number]
  /** Added to the root. Default 1e-6. */
  eps?: number
  /** This fraction of the parameter is added to the update before it is rescaled. Default 0.01. */
  weightDecay?: number
  /** Gradients of all parameters are scaled down to this common norm; null: they are not. Default 1. */
  maxGradNorm?: number | null
  /** Never enlarge an update. Default false. */
  trustClip?: boolean
  /** Rescale tensors without weight decay, too. Default false. */
  alwaysAdapt?: boolean
}

/**
 * LAMB (arXiv:1904.00962): Adam whose steps are scaled by the norm of each weight, for large batches. As timm computes
 * it.
 */
export class Lamb extends Optimizer {
  /** How much of the averages of gradients and of their squares a step keeps. */
  readonly betas: readonly [number, number]
  /** Is added to the root of the squares' average. */
  readonly eps: number
  /** All gradients together are scaled down to this norm; null: no limit. */
  readonly maxGradNorm: number | null
  /** Whether the ratio of norms is at most 1. */
  readonly trustClip: boolean
  /** Whether weights without decay are scaled by the ratio of norms, too. */
  readonly alwaysAdapt: boolean
  /** What this step's gradients are divided by, without dimensions; undefined for nothing. */
  #divisor: Tensor | undefined

  constructor(params: Tensor[] | ParamGroup[], options: LambOptions) {
    const { lr, betas = [0.9, 0.999], eps = 1e-6, weightDecay = 0.01 } = options
    const { maxGradNorm = 1, trustClip = false, alwaysAdapt = false } = options
    if (!Array.isArray(betas) || betas.length !== 2) {
      throw new MbconvError('ERR_TYPE', 'Lamb: betas must be two numbers', { op: 'Lamb' })
    }
    checkRange('Lamb', 'betas[0]', betas[0], 0, 1)
    checkRange('Lamb', 'betas[1]', betas[1], 0, 1)
    checkRange('Lamb', 'eps', eps, 0)
    if (maxGradNorm !== null) checkPositive('Lamb', 'maxGradNorm', maxGradNorm)
    super('Lamb', params, lr, weightDecay, options)
    this.betas = [betas[0], betas[1]]
    this.eps = eps
    this.maxGradNorm = maxGradNorm
    this.trustClip = trustClip
    this.alwaysAdapt = alwaysAdapt
    this.makeState({ expAvg: (p) => zerosLike(p), expAvgSq: (p) => zerosLike(p) })
  }

  /** Makes one update. The norm of the gradients is taken over all groups first. */
  override step(): void {
    noGrad(() =>
      scope(() => {
        this.#divisor = this.#divisorOf(this.groups.flatMap(({ params }) => params))
        super.step()
      }),
    )
  }

  #divisorOf(params: Tensor[]): Tensor | undefined {
    const gradients = params.flatMap(({ grad }) => (grad === null ? [] : [grad]))
    if (this.maxGradNorm === null || gradients.length === 0) return undefined
    return stack(norm(gradients), 0).norm().div(this.maxGradNorm).clamp({ min: 1 })
  }

  protected override update(group: Group): void {
    const [beta1, beta2] = this.betas
    const { eps } = this
    const { weightDecay } = group
    const rate = this.rate(group)
    const t = this.currentStep
    scope(() => {
      const gradients = group.params.map((param) => param.grad)
      const present = <T>(list: readonly T[]) => list.filter((_, i) => gradients[i] !== null)
      const params = present(group.params)
      if (params.length === 0) return
      const [averages, squares] = [present(group.state.expAvg), present(group.state.expAvgSq)]
      const given = present(gradients) as Tensor[]
      const { dtype } = params[0]
      /** A number, or a tensor in the dtype of the lists, which the list-wise kernels need. */
      const factor = (value: number | Tensor) => (typeof value === 'number' ? value : value.to({ dtype }))
      const g = this.#divisor === undefined ? given : div(given, factor(this.#divisor))
      mul_(averages, beta1)
      add_(averages, g, { alpha: 1 - beta1 })
      mul_(squares, beta2)
      addcmul_(squares, g, g, { value: 1 - beta2 })
      const denominator = sqrt(squares)
      div_(denominator, factor(rootOf(correction(beta2, t))))
      add_(denominator, eps)
      const update = div(averages, factor(correction(beta1, t)))
      div_(update, denominator)
      if (weightDecay !== 0) add_(update, params, { alpha: weightDecay })
      if (weightDecay !== 0 || this.alwaysAdapt) mul_(update, trustRatios(params, update, this.trustClip))
      if (typeof rate === 'number') {
        add_(params, update, { alpha: -rate })
      } else {
        mul_(update, factor(rate))
        sub_(params, update)
      }
    })
  }
}

/** 1 - βᵗ, for a count that may be kept on the device. */
function correction(beta: number, t: number | Tensor): number | Tensor {
  if (typeof t === 'number') return 1 - beta ** t
  return beta === 0 ? 1 : t.mul(Math.log(beta)).exp().neg().add(1)
}

const rootOf = (value: number | Tensor) => (typeof value === 'number' ? Math.sqrt(value) : value.sqrt())

/** For each tensor, the norm of its weights over that of its update; 1 where one of them is 0. */
function trustRatios(params: Tensor[], updates: Tensor[], isClipped: boolean): Tensor[] {
  const weights = stack(norm(params), 0)
  const steps = stack(norm(updates), 0)
  const ratios = where(weights.gt(0).logicalAnd(steps.gt(0)), weights.div(steps), 1)
  return (isClipped ? ratios.clamp({ max: 1 }) : ratios).unbind(0)
}

const schema = z.strictObject({
  name: z.literal('lamb').describe('LAMB: Adam for large batches, with steps scaled by the norm of each weight'),
  lr: learningRate(),
  betas: z.tuple([fraction(), fraction()]).default([0.9, 0.999]).describe('decay of the first and second moment'),
  eps: positive().default(1e-6).describe('added to the root of the second moment'),
  weightDecay: weightDecay(0.01, 'times the weight, added to the update before it is rescaled'),
  maxGradNorm: positive().nullable().default(1).describe('norm that all gradients are scaled down to; null: none'),
  trustClip: z.boolean().default(false).describe('never enlarge an update'),
  alwaysAdapt: z.boolean().default(false).describe('rescale the updates of batch-norm parameters, too'),
  layerDecay: layerDecay(),
})

/** The entry in kinds.ts. */
export const lambKind = {
  schema,
  make: (groups: ParamGroup[], options: z.output<typeof schema>) => new Lamb(groups, options),
  slots: 2,
  lists: { float32: 3, other: 3 },
} satisfies OptimizerKind
