/**
 * Builds the blocks of a network from their plans. State-dict keys and their order are those of torchvision's
 * EfficientNet: `block.N` in the order of computation, followed by ResNet's projection as `downsample`.
 */
import { MbconvError } from '../../errors/error'
import { DropPath } from '../../nn/layers/dropout'
import { SqueezeExcite } from '../../nn/layers/squeeze-excite'
import { Sequential } from '../../nn/modules/containers'
import { Module } from '../../nn/modules/module'
import type { Tensor } from '../../tensor/core/tensor'
import { KINDS, type LayerPlan } from '../arch/kinds'
import { type BlockPlan, layersOf } from '../arch/plan'
import type { Backend } from './backend'
import { activate, type Context, ConvNorm, lastIsPlain } from './conv-norm'
import { trainNatively } from './native-block'

/** Whether nothing else may hold the output of a block's branch, so that it may change in place. */
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
  backend: Backend = 'auto'

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
      if (this.backend === 'native') notNative(y)
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

function notNative(reason: string): never {
  const hint = `With the backend 'auto' libtorch's operations train it.`
  const op = 'Block.forward'
  throw new MbconvError('ERR_NOT_IMPLEMENTED', `${op}: no native training: ${reason}`, { op, hint })
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
