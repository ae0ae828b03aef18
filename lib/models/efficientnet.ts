/**
 * EfficientNet from an architecture table. State-dict keys, their order and shapes are torchvision's.
 * Source: arXiv:1905.11946; block order as in tensorflow/tpu@7dc921f models/official/efficientnet.
 */
import { MbconvError } from '../errors'
import * as F from '../nn/functional'
import { BatchNorm2d, Conv2d, Dropout, DropPath, type Init, Linear, SqueezeExcite } from '../nn/layers'
import { Module, Sequential } from '../nn/module'
import { scope } from '../tensor/scope'
import { Tensor } from '../tensor/tensor'
import type { Arch, Stage } from './arch'
import { squeezeChannels } from './count'
import type { Profile } from './profiles'

/** What the layers of one network share. */
interface Context {
  profile: Profile
  init: Init
}

interface ConvSettings {
  stride?: number
  groups?: number
  /** SiLU behind the batch norm. Default true. */
  activation?: boolean
}

/** Convolution without bias, batch norm, SiLU. Children `0` and `1`, as torchvision numbers them. */
class ConvNorm extends Sequential {
  readonly #conv: Conv2d
  readonly #norm: BatchNorm2d
  readonly #activation: boolean

  constructor(input: number, output: number, kernel: number, context: Context, settings: ConvSettings = {}) {
    const { padding, bnEps, bnMomentum } = context.profile
    const { stride = 1, groups = 1, activation = true } = settings
    // At stride 1 an odd kernel's padding is symmetric under both rules.
    const same = padding === 'same' && stride > 1
    const conv = new Conv2d(input, output, kernel, {
      stride,
      groups,
      padding: same ? 'same' : (kernel - 1) / 2,
      bias: false,
      init: context.init,
    })
    const norm = new BatchNorm2d(output, { eps: bnEps, momentum: bnMomentum })
    super(conv, norm)
    this.#conv = conv
    this.#norm = norm
    this.#activation = activation
  }

  override forward(x: Tensor): Tensor {
    const y = this.#norm.forward(this.#conv.forward(x))
    if (!this.#activation) return y
    // Where gradients are recorded an in-place SiLU would first copy its input, which is dearer than a new output.
    return F.silu(y, { inplace: !y.requiresGrad })
  }
}

/**
 * Mobile inverted bottleneck: expand (left out when the ratio is 1), depthwise, squeeze-and-excite, project without
 * activation; where stride and channels allow, drop path and the input added.
 */
export class MBConv extends Module {
  readonly block: Sequential
  /** Undefined where there is no skip connection. */
  readonly dropPath: DropPath | undefined

  /**
   * @param input channels of the block's input
   * @param stride of the depthwise convolution
   * @param dropPath probability of dropping this block's branch
   */
  constructor(input: number, stride: number, stage: Stage, dropPath: number, context: Context) {
    super()
    const expanded = input * stage.expand
    const squeezed = squeezeChannels(input, stage.seRatio)
    this.block = new Sequential(
      ...(stage.expand === 1 ? [] : [new ConvNorm(input, expanded, 1, context)]),
      new ConvNorm(expanded, expanded, stage.kernel, context, { stride, groups: expanded }),
      new SqueezeExcite(expanded, squeezed, { init: context.init }),
      new ConvNorm(expanded, stage.channels, 1, context, { activation: false }),
    )
    this.dropPath = stride === 1 && input === stage.channels ? new DropPath(dropPath) : undefined
  }

  forward(x: Tensor): Tensor {
    const branch = this.block.forward(x)
    // In place: neither batch norm nor the product with the mask needs its output for the gradient.
    return this.dropPath === undefined ? branch : this.dropPath.forward(branch).add_(x)
  }
}

/** What {@link EfficientNet} is built from; `create` fills in the defaults. */
export interface EfficientNetSettings {
  numClasses: number
  inChannels: number
  profile: Profile
  /** Drop probability that block i of n takes i/n of. */
  dropPath: number
  /** Dropout before the classifier. */
  dropout: number
  init: Init
}

/** The network: images [N, inChannels, H, W], normalised, to logits [N, numClasses]. */
export class EfficientNet extends Module {
  readonly features: Sequential
  readonly classifier: Sequential
  readonly arch: Arch
  readonly profile: Profile
  readonly numClasses: number
  readonly inChannels: number

  constructor(arch: Arch, settings: EfficientNetSettings) {
    super()
    const { numClasses, inChannels, profile, dropPath, dropout, init } = settings
    this.arch = arch
    this.profile = profile
    this.numClasses = numClasses
    this.inChannels = inChannels
    const context = { profile, init }
    const total = arch.stages.reduce((sum, stage) => sum + stage.layers, 0)
    let index = 0
    let channels = arch.stem
    const stages = arch.stages.map((stage) => {
      const blocks: MBConv[] = []
      for (let i = 0; i < stage.layers; i++) {
        const rate = (dropPath * index++) / total
        blocks.push(new MBConv(channels, i === 0 ? stage.stride : 1, stage, rate, context))
        channels = stage.channels
      }
      return new Sequential(...blocks)
    })
    this.features = new Sequential(
      new ConvNorm(inChannels, arch.stem, 3, context, { stride: 2 }),
      ...stages,
      new ConvNorm(channels, arch.head, 1, context),
    )
    this.classifier = new Sequential(new Dropout(dropout), new Linear(arch.head, numClasses, { init }))
  }

  /**
   * @param x normalised images [N, inChannels, H, W]
   * @returns logits [N, numClasses]
   * @throws MbconvError ERR_TYPE, ERR_SHAPE
   */
  forward(x: Tensor): Tensor {
    const op = `${this.arch.name}.forward`
    if (!(x instanceof Tensor)) throw new MbconvError('ERR_TYPE', `${op}: expected a Tensor`, { op })
    const shape = x.shape
    if (shape.length !== 4 || shape[1] !== this.inChannels) {
      const wanted = `[N, ${this.inChannels}, H, W]`
      throw new MbconvError('ERR_SHAPE', `${op}: expected images ${wanted}, got [${shape.join(', ')}]`, { op })
    }
    return scope(() => {
      const features = this.#forwardFeatures(x)
      return this.classifier.forward(F.adaptiveAvgPool2d(features, 1).flatten(1))
    })
  }

  /** Block by block, each in a scope of its own: what no gradient needs is freed before the next block allocates. */
  #forwardFeatures(x: Tensor): Tensor {
    let y = x
    for (const part of this.features) {
      const blocks = part instanceof ConvNorm ? [part] : (part as Sequential)
      for (const block of blocks) {
        const input = y
        y = scope(() => block.forward(input))
        if (input !== x) input.dispose()
      }
    }
    return y
  }
}
