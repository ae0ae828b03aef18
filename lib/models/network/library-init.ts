/**
 * The initial weights of other libraries, where they differ from the paper's (lib/nn/layers/paper-init.ts).
 *
 * Sources: torchvision 0.28, models/efficientnet.py, mobilenetv2.py, mobilenetv3.py, mnasnet.py, resnet.py; timm 1.0.29,
 * models/resnet.py (`init_weights`), models/_efficientnet_builder.py (`_init_weight_goog`).
 */
import { BatchNorm2d, Conv2d, Linear } from '../../nn/layers'
import { initConv } from '../../nn/layers/paper-init'
import { noGrad } from '../../tensor/core/autograd'
import type { Tensor } from '../../tensor/core/tensor'
import type { CheckedArch } from '../arch/check'
import { type Family, familyOf } from '../families/family'
import { Block } from './blocks'
import type { Network } from './network'

interface InitRules {
  conv(weight: Tensor, groups: number): void
  /** The last linear layer, and the hidden one unless it has a rule of its own. */
  linear(layer: Linear): void
  hidden?(layer: Linear): void
  /** Whether the last batch norm of each residual branch begins at 0, so that the block passes its input on. */
  zeroLast?: boolean
}

/** Kaiming's normal distribution by the outputs, which counts all channels also in a depthwise convolution. */
const kaiming = (weight: Tensor) => void initConv(weight)

const uniform = (layer: Linear, outputs: boolean, gain: number, bias: boolean) => {
  const [rows, columns] = layer.weight.shape
  const bound = gain / Math.sqrt(outputs ? rows : columns)
  layer.weight.uniform_(-bound, bound)
  if (bias) layer.bias?.uniform_(-bound, bound)
}

/** What a linear layer of PyTorch begins with: uniform within ±1/√inputs, the bias too. */
const pytorch = (layer: Linear) => uniform(layer, false, 1, true)
const small = (layer: Linear) => void layer.weight.normal_(0, 0.01)

const EFFICIENTNET: InitRules = { conv: kaiming, linear: (layer) => uniform(layer, true, 1, false) }

const TORCHVISION: Readonly<Record<Family, InitRules>> = {
  efficientnet: EFFICIENTNET,
  mobilenet_v1: EFFICIENTNET, // torchvision has none
  mobilenet_v2: { conv: kaiming, linear: small },
  mobilenet_v3: { conv: kaiming, linear: small },
  mnasnet: { conv: kaiming, linear: (layer) => uniform(layer, true, Math.sqrt(3), false) },
  resnet: { conv: kaiming, linear: pytorch },
}

/** timm draws the weights of the other families as the paper does. */
const TIMM: Readonly<Partial<Record<Family, InitRules>>> = {
  resnet: { conv: kaiming, linear: pytorch, zeroLast: true },
  mobilenet_v3: {
    conv: (weight, groups) => void initConv(weight, groups),
    linear: (layer) => uniform(layer, true, 1, false),
    // A 1x1 convolution there.
    hidden: ({ weight }) => void weight.normal_(0, Math.sqrt(2 / weight.shape[0])),
  },
}

/** How the library of a profile begins with a network; undefined where it begins as the paper does. */
export function libraryInit(arch: CheckedArch, profileName: string): InitRules | undefined {
  if (profileName === 'torchvision') return TORCHVISION[familyOf(arch)]
  return profileName === 'timm' || profileName === 'tf' ? TIMM[familyOf(arch)] : undefined
}

/** Draws all weights, in the order of the state dict. Biases and batch norms keep 0 and 1 where no rule changes them. */
export function initLike(network: Network, rules: InitRules): void {
  noGrad(() => {
    const linear = network.modules().filter((module) => module instanceof Linear)
    const last = network.numClasses === 0 ? undefined : linear.at(-1)
    for (const module of network.modules()) {
      if (module instanceof Conv2d) rules.conv(module.weight, module.groups)
      if (module instanceof Linear) (module === last ? rules.linear : (rules.hidden ?? rules.linear))(module)
    }
    if (rules.zeroLast !== true) return
    for (const block of network.features.modules()) {
      if (!(block instanceof Block)) continue
      const norms = block.block.modules().filter((module) => module instanceof BatchNorm2d)
      norms.at(-1)?.weight.zero_()
    }
  })
}
