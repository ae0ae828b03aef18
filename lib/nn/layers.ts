/** The layers of EfficientNet. Images are [N, C, H, W]. */
import { checkCount, checkNumber, checkOptions, checkPositive, checkRate, shown } from '../errors/check'
import { MbconvError } from '../errors/error'
import { empty, full, zeros } from '../tensor/core/create'
import { isRecomputing } from '../tensor/core/recompute'
import { Tensor } from '../tensor/core/tensor'
import * as F from './functional'
import { Module } from './module'
import { initConv, initLinear } from './paper-init'

/**
 * `paper` draws initial weights (see ./paper-init); `none` leaves the memory uninitialised, for weights to be loaded.
 */
export type Init = 'paper' | 'none'

function checkSize(op: string, name: string, value: unknown, min = 1): void {
  checkCount(op, name, value, { min, max: 2 ** 31 - 1 })
}

function checkInit(op: string, init: unknown): void {
  if (init === 'paper' || init === 'none') return
  throw new MbconvError('ERR_VALUE', `${op}: init must be 'paper' or 'none', got ${shown(init)}`, { op })
}

/** The shape of a batch of images [N, C, H, W]. */
function imageShape(op: string, x: unknown): number[] {
  if (!(x instanceof Tensor)) throw new MbconvError('ERR_TYPE', `${op}: expected a Tensor, got ${shown(x)}`, { op })
  const shape = x.shape
  if (shape.length === 4) return shape
  throw new MbconvError('ERR_SHAPE', `${op}: images are [N, C, H, W], got [${shape.join(', ')}]`, { op })
}

/** The options of {@link Conv2d}. */
export interface Conv2dOptions {
  /** Step of the kernel, px. Default 1. */
  stride?: number
  /** Zeros on each side, or `same`: TensorFlow's rule, output side = ceil(input side / stride). Default 0. */
  padding?: number | 'same'
  /** Channel groups. A depthwise convolution has as many groups as channels. Default 1. */
  groups?: number
  /** Whether it adds a number to each output channel. Default true. */
  bias?: boolean
  /** How weights are drawn. Default `paper`. */
  init?: Init
}

/**
 * Convolution with a square kernel: [N, in, H, W] → [N, out, H', W']. Parameters: `weight`, and `bias` if requested.
 */
export class Conv2d extends Module {
  /** Step of the kernel, px. */
  readonly stride: number
  /** Zeros around the input, px, or `same`: as many as TensorFlow adds. */
  readonly padding: number | 'same'
  /** Groups of channels that do not see each other. */
  readonly groups: number
  /** Side of the kernel, px. */
  readonly kernel: number

  constructor(inChannels: number, outChannels: number, kernel: number, options: Conv2dOptions = {}) {
    super()
    const op = 'Conv2d'
    checkOptions(op, options, ['stride', 'padding', 'groups', 'bias', 'init'])
    const { stride = 1, padding = 0, groups = 1, bias = true, init = 'paper' } = options
    for (const [name, value] of Object.entries({ inChannels, outChannels, kernel, stride, groups })) {
      checkSize(op, name, value)
    }
    if (padding !== 'same') checkSize(op, 'padding', padding, 0)
    checkInit(op, init)
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new MbconvError('ERR_VALUE', `${op}: ${groups} groups do not divide ${inChannels} and ${outChannels}`, {
        op,
      })
    }
    this.stride = stride
    this.padding = padding
    this.groups = groups
    this.kernel = kernel
    const weight = empty([outChannels, inChannels / groups, kernel, kernel])
    this.addParameter('weight', init === 'none' ? weight : initConv(weight, groups))
    if (bias) this.addParameter('bias', zeros([outChannels]))
  }

  /** The kernels, shape [outChannels, inChannels / groups, kernel, kernel]. */
  get weight(): Tensor {
    return this.parameter('weight')
  }
  /** Undefined for a layer without a bias. */
  get bias(): Tensor | undefined {
    return this.parameter('bias')
  }

  forward(x: Tensor): Tensor {
    if (this.padding === 'same') return this.#forwardSame(x)
    const { weight, bias, stride, padding, groups } = this
    return F.conv2d(x, weight, { bias, stride, padding, groups })
  }

  /**
   * When the total padding is odd, TensorFlow's rule needs one row less before the image than after it. Padding the
   * image would copy it. Here the kernel gets a row of zeros in front, and the image gets the larger padding on both
   * sides: the same sums, for as little as a third of the extra time (measured on CPU).
   */
  #forwardSame(x: Tensor): Tensor {
    const { weight, bias, stride, groups, kernel } = this
    const totals = imageShape('Conv2d', x)
      .slice(2)
      .map((size) => Math.max((Math.ceil(size / stride) - 1) * stride + kernel - size, 0))
    const [top, left] = totals.map((total) => total % 2)
    const padding = totals.map((total) => Math.ceil(total / 2)) as [number, number]
    const extended = top + left === 0 ? weight : F.pad(weight, [left, 0, top, 0])
    return F.conv2d(x, extended, { bias, stride, padding, groups })
  }
}

/** The options of {@link BatchNorm2d}. */
export interface BatchNorm2dOptions {
  /** Default 1e-5. */
  eps?: number
  /** Weight of the new batch in the running statistics (PyTorch's definition). Default 0.1. */
  momentum?: number
}

/** Batch normalisation of each channel. Parameters `weight`, `bias`; buffers have PyTorch's names. */
export class BatchNorm2d extends Module {
  /** Is added to the variance, ε. */
  readonly eps: number
  /** The share of a batch in the running statistics. */
  readonly momentum: number

  constructor(channels: number, options: BatchNorm2dOptions = {}) {
    super()
    checkOptions('BatchNorm2d', options, ['eps', 'momentum'])
    const { eps = 1e-5, momentum = 0.1 } = options
    checkPositive('BatchNorm2d', 'eps', eps)
    checkNumber('BatchNorm2d', 'momentum', momentum)
    checkSize('BatchNorm2d', 'channels', channels)
    this.eps = eps
    this.momentum = momentum
    this.addParameter('weight', full([channels], 1))
    this.addParameter('bias', zeros([channels]))
    this.addBuffer('running_mean', zeros([channels]))
    this.addBuffer('running_var', full([channels], 1))
    this.addBuffer('num_batches_tracked', zeros([], { dtype: 'int64' }))
  }

  /** Factor on each normalised channel, γ, shape [channels]. */
  get weight(): Tensor {
    return this.parameter('weight')
  }
  /** Is added to each normalised channel, β, shape [channels]. */
  get bias(): Tensor {
    return this.parameter('bias')
  }
  /** Running mean of each channel, shape [channels]. A buffer, without gradient. */
  get runningMean(): Tensor {
    return this.buffer('running_mean')
  }
  /** Running variance of each channel, shape [channels]. A buffer, without gradient. */
  get runningVar(): Tensor {
    return this.buffer('running_var')
  }
  /** Batches seen in training mode, int64. */
  get numBatchesTracked(): Tensor {
    return this.buffer('num_batches_tracked')
  }

  forward(x: Tensor): Tensor {
    imageShape('BatchNorm2d', x)
    const { weight, bias, training, momentum, eps } = this
    // A batch that is computed again has been counted.
    const isCounted = !(training && isRecomputing())
    const [runningMean, runningVar] = isCounted ? [this.runningMean, this.runningVar] : [null, null]
    const y = F.batchNorm(x, { weight, bias, runningMean, runningVar, training, momentum, eps })
    if (training && isCounted) this.numBatchesTracked.add_(1) // after the line above, so that a refused batch is not counted
    return y
  }
}

/** The options of {@link Linear}. */
export interface LinearOptions {
  /** Whether it adds a number to each output. Default true. */
  bias?: boolean
  /** How weights are drawn. Default `paper`. */
  init?: Init
}

/** x [.., in] · weightᵀ + bias: [.., out]. Parameters `weight` [out, in] and `bias` [out]. */
export class Linear extends Module {
  constructor(inFeatures: number, outFeatures: number, options: LinearOptions = {}) {
    super()
    checkOptions('Linear', options, ['bias', 'init'])
    const { bias = true, init = 'paper' } = options
    checkInit('Linear', init)
    checkSize('Linear', 'inFeatures', inFeatures)
    checkSize('Linear', 'outFeatures', outFeatures)
    const weight = empty([outFeatures, inFeatures])
    this.addParameter('weight', init === 'none' ? weight : initLinear(weight))
    if (bias) this.addParameter('bias', zeros([outFeatures]))
  }

  /** The matrix, shape [outFeatures, inFeatures]. */
  get weight(): Tensor {
    return this.parameter('weight')
  }
  /** Is added to the outputs, shape [outFeatures]; undefined without one. */
  get bias(): Tensor | undefined {
    return this.parameter('bias')
  }

  forward(x: Tensor): Tensor {
    return F.linear(x, this.weight, this.bias)
  }
}

/** In training mode, zeroes each element with probability p and divides the others by 1 − p. */
export class Dropout extends Module {
  /** Takes effect in the next forward pass. */
  p: number

  constructor(p = 0.5) {
    super()
    checkRate('Dropout', 'p', p)
    this.p = p
  }

  forward(x: Tensor): Tensor {
    return this.training && this.p > 0 ? F.dropout(x, this.p) : x
  }
}

/**
 * Stochastic depth on a residual branch [N, …]: in training mode, a sample loses the whole branch with probability p.
 * The branches that remain are divided by 1 − p. Source: arXiv:1603.09382. The reference code draws floor(1 − p + U)
 * per sample, which is the same event.
 */
export class DropPath extends Module {
  /** The probability that an image skips the block. */
  readonly p: number

  /** @param p probability of dropping, 0 ≤ p < 1 */
  constructor(p: number) {
    super()
    checkRate('DropPath', 'p', p)
    this.p = p
  }

  forward(x: Tensor): Tensor {
    return this.training && this.p > 0 ? F.dropPath(x, this.p) : x
  }
}

/** The options of {@link SqueezeExcite}. */
export interface SqueezeExciteOptions {
  /** How weights are drawn. Default `paper`. */
  init?: Init
  /** Activation between the two layers. Default `silu`. */
  activation?: 'silu' | 'relu'
  /** Activation that gives the factors. Default `sigmoid`. */
  gate?: 'sigmoid' | 'hardsigmoid'
}

/**
 * Squeeze-and-excitation: multiplies every channel by a factor of 0…1, computed from the means of all channels.
 * Parameters `fc1` and `fc2` are 1x1 convolutions, as in other libraries. Source: arXiv:1709.01507.
 */
export class SqueezeExcite extends Module {
  /** The first layer, which reduces the channels. */
  readonly fc1: Conv2d
  /** The second layer, which has as many outputs as the input has channels. */
  readonly fc2: Conv2d
  /** The activation between the two layers. */
  readonly activation: 'silu' | 'relu'
  /** The function that turns the second layer's output into factors from 0 to 1. */
  readonly gate: 'sigmoid' | 'hardsigmoid'

  constructor(channels: number, squeezed: number, options: SqueezeExciteOptions = {}) {
    super()
    const op = 'SqueezeExcite'
    checkOptions(op, options, ['init', 'activation', 'gate'])
    const { init = 'paper', activation = 'silu', gate = 'sigmoid' } = options
    if (activation !== 'silu' && activation !== 'relu') {
      throw new MbconvError('ERR_VALUE', `${op}: activation must be silu or relu, got ${shown(activation)}`, { op })
    }
    if (gate !== 'sigmoid' && gate !== 'hardsigmoid') {
      throw new MbconvError('ERR_VALUE', `${op}: gate must be sigmoid or hardsigmoid, got ${shown(gate)}`, { op })
    }
    this.activation = activation
    this.gate = gate
    checkSize('SqueezeExcite', 'channels', channels)
    checkSize('SqueezeExcite', 'squeezed', squeezed)
    this.fc1 = new Conv2d(channels, squeezed, 1, { init })
    this.fc2 = new Conv2d(squeezed, channels, 1, { init })
  }

  forward(x: Tensor): Tensor {
    const [n, channels] = imageShape('SqueezeExcite', x)
    const { fc1, fc2 } = this
    const squeezed = fc1.weight.shape[0]
    // On 1x1 images a matrix product costs up to a third less than a convolution (measured on CPU, both passes).
    const means = F.adaptiveAvgPool2d(x, 1).view([n, channels])
    const inner = F.linear(means, fc1.weight.view([squeezed, channels]), fc1.bias)
    const hidden = this.activation === 'silu' ? F.silu(inner) : F.relu(inner)
    const logits = F.linear(hidden, fc2.weight.view([channels, squeezed]), fc2.bias)
    const factors = this.gate === 'sigmoid' ? logits.sigmoid() : F.hardsigmoid(logits)
    return x.mul(factors.view([n, channels, 1, 1]))
  }
}

/** x · sigmoid(x), the paper's swish. */
export class SiLU extends Module {
  forward(x: Tensor): Tensor {
    return F.silu(x)
  }
}

/** max(0, x), element by element. */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return F.relu(x)
  }
}

/** min(max(x, 0), 6). */
export class ReLU6 extends Module {
  forward(x: Tensor): Tensor {
    return F.relu6(x)
  }
}

/** 1 / (1 + exp(-x)), element by element. */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return F.sigmoid(x)
  }
}

/** x · relu6(x + 3) / 6. */
export class Hardswish extends Module {
  forward(x: Tensor): Tensor {
    return F.hardswish(x)
  }
}
