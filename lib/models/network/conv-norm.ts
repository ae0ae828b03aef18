/**
 * A convolution with its batch norm and its activation: what stem, blocks and head consist of. State-dict keys are those
 * of torchvision.
 */
import * as F from '../../nn/functional'
import type { Init } from '../../nn/layers/common'
import { Conv2d } from '../../nn/layers/convolution'
import { BatchNorm2d } from '../../nn/layers/normalization'
import { Sequential } from '../../nn/modules/containers'
import type { Tensor } from '../../tensor/core/tensor'
import type { ActivationName, Squeeze } from '../arch/arch'
import type { LayerPlan } from '../arch/kinds'
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
export function lastIsPlain({ conv, norm }: ConvNorm): boolean {
  return norm === undefined ? conv.forward === Conv2d.prototype.forward : norm.forward === BatchNorm2d.prototype.forward
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
