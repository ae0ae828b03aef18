/**
 * The blocks that networks are made of, from their plans. State-dict keys and their order are those of torchvision's
 * EfficientNet: `block.N` in the order of computation, ResNet's projection behind it as `downsample`.
 */
import * as F from '../../nn/functional'
import { BatchNorm2d, Conv2d, DropPath, type Init, SqueezeExcite } from '../../nn/layers'
import { Module, Sequential } from '../../nn/module'
import type { Tensor } from '../../tensor/core/tensor'
import type { ActivationName, Squeeze } from '../arch/arch'
import type { BlockPlan } from '../arch/plan'
import type { Profile } from './profiles'

/** What the layers of one network share. */
export interface Context {
  profile: Profile
  init: Init
  squeeze: Squeeze
  /** Convolutions with a bias and no batch norm, which is folded into them. */
  fused: boolean
}

interface ConvSettings {
  stride?: number
  groups?: number
  /** Behind the batch norm; null for none. */
  activation: ActivationName | null
}

/**
 * Convolution without bias, batch norm, activation. Children `0` and `1`, as torchvision numbers them. In a fused network
 * the convolution has a bias and there is no batch norm.
 */
export class ConvNorm extends Sequential {
  readonly conv: Conv2d
  readonly norm: BatchNorm2d | undefined
  readonly activation: ActivationName | null

  constructor(input: number, output: number, kernel: number, context: Context, settings: ConvSettings) {
    const { padding, bnEps, bnMomentum } = context.profile
    const { stride = 1, groups = 1, activation } = settings
    // At stride 1 an odd kernel's padding is symmetric under both rules.
    const same = padding === 'same' && stride > 1
    const conv = new Conv2d(input, output, kernel, {
      stride,
      groups,
      padding: same ? 'same' : (kernel - 1) / 2,
      bias: context.fused,
      init: context.init,
    })
    const norm = context.fused ? undefined : new BatchNorm2d(output, { eps: bnEps, momentum: bnMomentum })
    super(conv, ...(norm === undefined ? [] : [norm]))
    this.conv = conv
    this.norm = norm
    this.activation = activation
  }

  override forward(x: Tensor): Tensor {
    const convolved = this.conv.forward(x)
    const y = this.norm === undefined ? convolved : this.norm.forward(convolved)
    return this.activation === null ? y : activate(y, this.activation)
  }
}

/** Of a value that nobody else needs. Where gradients are recorded, in place would first copy: dearer than a new output. */
export function activate(y: Tensor, name: ActivationName): Tensor {
  const options = { inplace: !y.requiresGrad }
  switch (name) {
    case 'silu':
      return F.silu(y, options)
    case 'relu':
      return F.relu(y, options)
    case 'relu6':
      return F.relu6(y, options)
    case 'hardswish':
      return F.hardswish(y, options)
  }
}

/** The convolutions of a block one after the other and, where the plan says so, its input added to their output. */
export class Block extends Module {
  readonly block: Sequential
  /** The input's way where it has to change its shape (ResNet). */
  readonly downsample: ConvNorm | undefined
  /** Undefined where nothing is added. */
  readonly dropPath: DropPath | undefined
  readonly plan: BlockPlan

  /** @param dropPath probability of dropping this block's branch */
  constructor(plan: BlockPlan, dropPath: number, context: Context) {
    super()
    this.plan = plan
    this.block = new Sequential(...layersOf(plan, context))
    if (plan.projected) {
      const { input, output, stride } = plan
      this.downsample = new ConvNorm(input, output, 1, context, { stride, activation: null })
    }
    this.dropPath = plan.residual ? new DropPath(dropPath) : undefined
  }

  forward(x: Tensor): Tensor {
    const branch = this.block.forward(x)
    if (this.dropPath === undefined) return branch
    const input = this.downsample === undefined ? x : this.downsample.forward(x)
    // In place: neither batch norm nor the product with the mask needs its output for the gradient.
    const sum = this.dropPath.forward(branch).add_(input)
    return activatesSum(this.plan) ? activate(sum, this.plan.activation) : sum
  }
}

/** Whether the sum of input and branch is activated (ResNet); the others are linear there. */
export function activatesSum({ kind }: BlockPlan): boolean {
  return kind === 'basic' || kind === 'bottleneck'
}

function layersOf(plan: BlockPlan, context: Context): Module[] {
  const { kind, input, inner, squeezed, output, kernel, stride, activation } = plan
  const conv = (from: number, to: number, side: number, settings: ConvSettings) =>
    new ConvNorm(from, to, side, context, settings)
  const project = (active: boolean) => conv(inner, output, 1, { activation: active ? activation : null })
  switch (kind) {
    case 'mbconv': {
      const { activation: act, gate } = context.squeeze
      return [
        ...(inner === input ? [] : [conv(input, inner, 1, { activation })]),
        conv(inner, inner, kernel, { stride, groups: inner, activation }),
        ...(squeezed === 0 ? [] : [new SqueezeExcite(inner, squeezed, { init: context.init, activation: act, gate })]),
        project(false),
      ]
    }
    case 'fused':
      if (inner === input) return [conv(input, output, kernel, { stride, activation })]
      return [conv(input, inner, kernel, { stride, activation }), project(false)]
    case 'separable':
      return [conv(input, input, kernel, { stride, groups: input, activation }), project(true)]
    case 'basic':
      return [conv(input, output, kernel, { stride, activation }), conv(output, output, kernel, { activation: null })]
    case 'bottleneck':
      return [conv(input, inner, 1, { activation }), conv(inner, inner, kernel, { stride, activation }), project(false)]
  }
}
