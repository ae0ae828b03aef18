/**
 * Builds the blocks of a network from their plans. State-dict keys and their order are those of torchvision's
 * EfficientNet: `block.N` in the order of computation, followed by ResNet's projection as `downsample`.
 */
import * as F from '../../nn/functional'
import type { Init } from '../../nn/layers/common'
import { Conv2d } from '../../nn/layers/convolution'
import { DropPath } from '../../nn/layers/dropout'
import { BatchNorm2d } from '../../nn/layers/normalization'
import { SqueezeExcite } from '../../nn/layers/squeeze-excite'
import { Sequential } from '../../nn/modules/containers'
import { Module } from '../../nn/modules/module'
import type { Tensor } from '../../tensor/core/tensor'
import type { ActivationName, Squeeze } from '../arch/arch'
import { KINDS, type LayerPlan } from '../arch/kinds'
import { type BlockPlan, layersOf } from '../arch/plan'
import type { Backend } from './backend'
import { trainNatively } from './native-block'
import type { Profile } from './profiles'

/** What all layers of one network share. */
export interface Context {
  profile: Profile
  init: Init
  squeeze: Squeeze
  /** Batch norms are folded into the convolutions, which then have a bias. */
  folded: boolean
}

/** Channels, kernel, stride, groups and activation of a convolution. */
export type ConvPlan = Pick<LayerPlan, 'input' | 'output' | 'kernel' | 'stride' | 'groups' | 'activation'>

/** At stride 1, an odd kernel has the same symmetric padding under both rules. */
const paddingOf = (kernel: number, stride: number, { padding }: Profile) =>
  padding === 'same' && stride > 1 ? 'same' : (kernel - 1) / 2

/**
 * Convolution without bias, batch norm, activation. The children are `0` and `1`, as in torchvision. In a folded
 * network the convolution has a bias and there is no batch norm.
 */
export class ConvNorm extends Sequential {
  /** The convolution. */
  readonly conv: Conv2d
  /** The batch norm behind it. */
  readonly norm: BatchNorm2d | undefined
  /** The activation behind both. */
  readonly activation: ActivationName | null

  constructor({ input, output, kernel, stride, groups, activation }: ConvPlan, context: Context) {
    const { bnEps, bnMomentum } = context.profile
    const conv = new Conv2d(input, output, kernel, {
      stride,
      groups,
      padding: paddingOf(kernel, stride, context.profile),
      bias: context.folded,
      init: context.init,
    })
    const norm = context.folded ? undefined : new BatchNorm2d(output, { eps: bnEps, momentum: bnMomentum })
    super(conv, ...(norm === undefined ? [] : [norm]))
    this.conv = conv
    this.norm = norm
    this.activation = activation
  }

  /** Computes under another numeric profile from now on, with the same weights. */
  adopt(profile: Profile): void {
    const { conv, norm } = this
    const padding = paddingOf(conv.kernelSize[0], conv.stride[0], profile)
    Object.assign(conv, { padding: padding === 'same' ? padding : [padding, padding] })
    if (norm !== undefined) Object.assign(norm, { eps: profile.bnEps, momentum: profile.bnMomentum })
  }

  override forward(x: Tensor): Tensor {
    const convolved = this.conv.forward(x)
    const y = this.norm === undefined ? convolved : this.norm.forward(convolved)
    return this.activation === null ? y : activate(y, this.activation, lastIsPlain(this))
  }

  override extraRepr(): string {
    return this.activation === null ? '' : `activation=${this.activation}`
  }
}

/**
 * Whether the last layer of a pair is as its class made it. Otherwise a hook, or a function that was assigned to
 * `forward`, may hold its output, which must not change in place then.
 */
function lastIsPlain({ conv, norm }: ConvNorm): boolean {
  return norm === undefined ? conv.forward === Conv2d.prototype.forward : norm.forward === BatchNorm2d.prototype.forward
}

/** The same for the branch of a block, up to the sum. */
function branchIsPlain({ block, dropPath }: Block): boolean {
  const last = block.at(-1)
  return (
    block.forward === Sequential.prototype.forward &&
    dropPath?.forward === DropPath.prototype.forward &&
    last instanceof ConvNorm &&
    last.forward === ConvNorm.prototype.forward &&
    lastIsPlain(last)
  )
}

/**
 * Activates a value. If nothing else uses it (`isOwn`), this works in place, unless gradients are recorded: then that
 * would copy it first.
 */
export function activate(y: Tensor, name: ActivationName, isOwn = true): Tensor {
  const options = { inplace: isOwn && !y.requiresGrad }
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

/** The layers of a block in sequence. If the plan has a residual, the input is added to their output. */
export class Block extends Module {
  /** The layers of the block, in order. */
  readonly block: Sequential
  /** The shortcut's projection, where the input has to change its shape (ResNet). */
  readonly downsample: ConvNorm | undefined
  /** Undefined where no input is added. */
  readonly dropPath: DropPath | undefined
  /** The description that the block was built from. */
  readonly plan: BlockPlan
  /** What computes the block in training. */
  backend: Backend = 'composite'

  /** @param dropPath probability that this block's branch is dropped */
  constructor(plan: BlockPlan, dropPath: number, context: Context) {
    super()
    this.plan = plan
    const layers = layersOf(plan)
    const branch = layers.filter(({ part }) => part !== 'downsample')
    this.block = new Sequential(...branch.map((layer) => moduleOf(layer, context)))
    const projection = layers.find(({ part }) => part === 'downsample')
    if (projection !== undefined) this.downsample = new ConvNorm(projection, context)
    this.dropPath = plan.residual ? new DropPath(dropPath) : undefined
  }

  forward(x: Tensor): Tensor {
    if (this.training && this.backend !== 'composite') {
      const y = trainNatively(this, x)
      if (typeof y !== 'string') return y
    }
    const branch = this.block.forward(x)
    if (this.dropPath === undefined) return branch
    const input = this.downsample === undefined ? x : this.downsample.forward(x)
    // In place: neither batch norm nor the product with the mask needs its output for the gradient.
    const dropped = this.dropPath.forward(branch)
    const sum = branchIsPlain(this) ? dropped.add_(input) : dropped.add(input)
    return activatesSum(this.plan) ? activate(sum, this.plan.activation) : sum
  }
}

/** Whether an activation follows the sum of input and branch. */
export function activatesSum({ kind }: BlockPlan): boolean {
  return KINDS[kind].activatesSum
}

function moduleOf(layer: LayerPlan, context: Context): Module {
  if (layer.op !== 'squeezeExcite') return new ConvNorm(layer, context)
  const { activation, gate } = context.squeeze
  return new SqueezeExcite(layer.input, layer.squeezed, { init: context.init, activation, gate })
}
