/** Normalisations. */
import { checkNumber, checkOptions, checkPositive, shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { full, zeros } from '../../tensor/core/create'
import { isRecomputing } from '../../tensor/core/recompute'
import { scope } from '../../tensor/core/scope'
import { Tensor } from '../../tensor/core/tensor'
import * as F from '../functional'
import { python, pythonFloat } from '../modules/describe'
import { Module } from '../modules/module'
import { batchShape, checkFlag, checkSize } from './common'

/** Settings beside the first arguments of the layer. */
export interface BatchNormLayerOptions {
  /** Default 1e-5. */
  eps?: number
  /**
   * Weight of the new batch in the running statistics (PyTorch's definition). null: the mean of all batches, which
   * waits for the device at each of them. Default 0.1.
   */
  momentum?: number | null
  /** Whether there are a trained scale and shift. Default true. */
  affine?: boolean
  /** Whether there are running statistics. Without, the batch's are used in evaluation, too. Default true. */
  trackRunningStats?: boolean
}

/** What the batch norms of all dimensions share. */
abstract class BatchNorm extends Module {
  /** Channels of the input. */
  readonly numFeatures: number
  /** A small number that keeps divisions and logarithms finite. */
  readonly eps: number
  /** Weight of a new batch in the running statistics. */
  readonly momentum: number | null
  /** Whether there are a trained scale and shift. */
  readonly affine: boolean
  /** Whether statistics of training are kept for evaluation. */
  readonly trackRunningStats: boolean
  /** Undefined in a layer that is not affine. */
  declare weight: Tensor
  /** Undefined in a layer that is not affine. */
  declare bias: Tensor
  // The names of the state dict.
  /** The buffer of {@link runningMean}. */
  declare running_mean: Tensor
  /** The buffer of {@link runningVar}. */
  declare running_var: Tensor
  /** The buffer of {@link numBatchesTracked}. */
  declare num_batches_tracked: Tensor

  protected constructor(op: string, numFeatures: number, options: BatchNormLayerOptions) {
    super()
    checkOptions(op, options, ['eps', 'momentum', 'affine', 'trackRunningStats'])
    const { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true } = options
    checkPositive(op, 'eps', eps)
    if (momentum !== null) checkNumber(op, 'momentum', momentum)
    checkFlag(op, 'affine', affine)
    checkFlag(op, 'trackRunningStats', trackRunningStats)
    checkSize(op, 'channels', numFeatures)
    this.numFeatures = numFeatures
    this.eps = eps
    this.momentum = momentum
    this.affine = affine
    this.trackRunningStats = trackRunningStats
    this.registerParameter('weight', affine ? full([numFeatures], 1) : null)
    this.registerParameter('bias', affine ? zeros([numFeatures]) : null)
    this.registerBuffer('running_mean', trackRunningStats ? zeros([numFeatures]) : null)
    this.registerBuffer('running_var', trackRunningStats ? full([numFeatures], 1) : null)
    this.registerBuffer('num_batches_tracked', trackRunningStats ? zeros([], { dtype: 'int64' }) : null)
  }

  /** Mean of each channel over the batches of training. */
  get runningMean(): Tensor {
    return this.running_mean
  }
  /** Variance of each channel over the batches of training. */
  get runningVar(): Tensor {
    return this.running_var
  }
  /** Batches seen in training mode, int64. */
  get numBatchesTracked(): Tensor {
    return this.num_batches_tracked
  }

  protected abstract checkInput(x: Tensor): void

  forward(x: Tensor): Tensor {
    this.checkInput(x)
    const { weight, bias, eps, trackRunningStats } = this
    const training = this.training || !trackRunningStats
    // A batch that is computed again has been counted.
    const usesRunning = trackRunningStats && !(training && isRecomputing())
    const isCounted = usesRunning && training
    const momentum = this.momentum ?? (isCounted ? 1 / (Number(this.numBatchesTracked.item()) + 1) : 0)
    const [runningMean, runningVar] = usesRunning ? [this.runningMean, this.runningVar] : [null, null]
    const y = F.batchNorm(x, { weight, bias, runningMean, runningVar, training, momentum, eps })
    if (isCounted) this.numBatchesTracked.add_(1) // after the line above, so that a refused batch is not counted
    return y
  }

  override extraRepr(): string {
    const { numFeatures, eps, momentum, affine, trackRunningStats } = this
    const rate = momentum === null ? 'None' : pythonFloat(momentum)
    const flags = `affine=${python(affine)}, bias=${python(affine)}, track_running_stats=${python(trackRunningStats)}`
    return `${numFeatures}, eps=${pythonFloat(eps)}, momentum=${rate}, ${flags}`
  }
}

/** Batch normalisation of each channel of [N, C] or [N, C, L]. The buffers have PyTorch's names. */
export class BatchNorm1d extends BatchNorm {
  constructor(channels: number, options: BatchNormLayerOptions = {}) {
    super('BatchNorm1d', channels, options)
  }
  protected checkInput(x: Tensor): void {
    if (!(x instanceof Tensor) || x.ndim !== 2) batchShape('BatchNorm1d', x, 1)
  }
}

/** Batch normalisation of each channel of [N, C, H, W]. Parameters `weight`, `bias`; buffers have PyTorch's names. */
export class BatchNorm2d extends BatchNorm {
  constructor(channels: number, options: BatchNormLayerOptions = {}) {
    super('BatchNorm2d', channels, options)
  }
  protected checkInput(x: Tensor): void {
    batchShape('BatchNorm2d', x, 2)
  }
}

/** Batch normalisation of each channel of [N, C, D, H, W]. The buffers have PyTorch's names. */
export class BatchNorm3d extends BatchNorm {
  constructor(channels: number, options: BatchNormLayerOptions = {}) {
    super('BatchNorm3d', channels, options)
  }
  protected checkInput(x: Tensor): void {
    batchShape('BatchNorm3d', x, 3)
  }
}

/** Settings beside the first arguments of the layer. */
export interface InstanceNormOptions {
  /** Default 1e-5. */
  eps?: number
  /** Whether there are a trained scale and shift. Default false. */
  affine?: boolean
}

/** What the instance norms of all dimensions share. They keep no running statistics. */
abstract class InstanceNorm extends Module {
  /** Channels of the input. */
  readonly numFeatures: number
  /** A small number that keeps divisions and logarithms finite. */
  readonly eps: number
  /** Whether there are a trained scale and shift. */
  readonly affine: boolean
  /** Undefined in a layer that is not affine. */
  declare weight: Tensor
  /** Undefined in a layer that is not affine. */
  declare bias: Tensor

  protected constructor(op: string, numFeatures: number, options: InstanceNormOptions) {
    super()
    checkOptions(op, options, ['eps', 'affine'])
    const { eps = 1e-5, affine = false } = options
    checkPositive(op, 'eps', eps)
    checkFlag(op, 'affine', affine)
    checkSize(op, 'channels', numFeatures)
    this.numFeatures = numFeatures
    this.eps = eps
    this.affine = affine
    this.registerParameter('weight', affine ? full([numFeatures], 1) : null)
    this.registerParameter('bias', affine ? zeros([numFeatures]) : null)
  }

  /** The number of dimensions after the channels. */
  protected abstract readonly dimensions: number

  /** @param x [N, C, …] or [C, …] */
  forward(x: Tensor): Tensor {
    const op = `InstanceNorm${this.dimensions}d`
    const isSingle = x instanceof Tensor && x.ndim === this.dimensions + 1
    const channels = isSingle ? x.shape[0] : batchShape(op, x, this.dimensions)[1]
    if (this.affine && channels !== this.numFeatures) {
      throw new MbconvError('ERR_SHAPE', `${op}: expected ${this.numFeatures} channels, got ${channels}`, { op })
    }
    const { weight, bias, eps } = this
    if (!isSingle) return F.instanceNorm(x, { weight, bias, eps })
    return scope(() => F.instanceNorm(x.unsqueeze(0), { weight, bias, eps }).squeeze(0))
  }

  override extraRepr(): string {
    const flags = `affine=${python(this.affine)}, bias=${python(this.affine)}, track_running_stats=False`
    return `${this.numFeatures}, eps=${pythonFloat(this.eps)}, momentum=0.1, ${flags}`
  }
}

/** Normalises each channel of each sample of [N, C, L]. */
export class InstanceNorm1d extends InstanceNorm {
  protected readonly dimensions = 1

  constructor(channels: number, options: InstanceNormOptions = {}) {
    super('InstanceNorm1d', channels, options)
  }
}
/** Normalises each channel of each sample of [N, C, H, W]. */
export class InstanceNorm2d extends InstanceNorm {
  protected readonly dimensions = 2

  constructor(channels: number, options: InstanceNormOptions = {}) {
    super('InstanceNorm2d', channels, options)
  }
}
/** Normalises each channel of each sample of [N, C, D, H, W]. */
export class InstanceNorm3d extends InstanceNorm {
  protected readonly dimensions = 3

  constructor(channels: number, options: InstanceNormOptions = {}) {
    super('InstanceNorm3d', channels, options)
  }
}

/** Settings beside the first arguments of the layer. */
export interface LayerNormOptions {
  /** Default 1e-5. */
  eps?: number
  /** Whether there are a trained scale and shift of the normalised shape. Default true. */
  elementwiseAffine?: boolean
  /** Whether there is a shift beside the scale. Default true. */
  bias?: boolean
}

/** Normalises over the last dimensions, whose sizes are `normalizedShape`. */
export class LayerNorm extends Module {
  /** Sizes of the last dimensions, over which is normalised. */
  readonly normalizedShape: number[]
  /** A small number that keeps divisions and logarithms finite. */
  readonly eps: number
  /** Whether there are a trained scale and shift. */
  readonly elementwiseAffine: boolean
  /** Undefined in a layer that is not affine. */
  declare weight: Tensor
  /** Undefined in a layer that is not affine, or without a bias. */
  declare bias: Tensor | undefined

  constructor(normalizedShape: number | number[], options: LayerNormOptions = {}) {
    super()
    const op = 'LayerNorm'
    checkOptions(op, options, ['eps', 'elementwiseAffine', 'bias'])
    const { eps = 1e-5, elementwiseAffine = true, bias = true } = options
    const shape = Array.isArray(normalizedShape) ? [...normalizedShape] : [normalizedShape]
    if (shape.length === 0) {
      throw new MbconvError('ERR_VALUE', `${op}: normalizedShape must not be empty, got ${shown(normalizedShape)}`, {
        op,
      })
    }
    for (const size of shape) checkSize(op, 'normalizedShape', size)
    checkNumber(op, 'eps', eps)
    checkFlag(op, 'elementwiseAffine', elementwiseAffine)
    checkFlag(op, 'bias', bias)
    this.normalizedShape = shape
    this.eps = eps
    this.elementwiseAffine = elementwiseAffine
    this.registerParameter('weight', elementwiseAffine ? full(shape, 1) : null)
    this.registerParameter('bias', elementwiseAffine && bias ? zeros(shape) : null)
  }

  forward(x: Tensor): Tensor {
    return F.layerNorm(x, this.normalizedShape, { weight: this.weight, bias: this.bias, eps: this.eps })
  }

  override extraRepr(): string {
    const flags = `elementwise_affine=${python(this.elementwiseAffine)}, bias=${python(this.bias !== undefined)}`
    return `${python(this.normalizedShape)}, eps=${pythonFloat(this.eps)}, ${flags}`
  }
}

/** Settings beside the first arguments of the layer. */
export interface GroupNormOptions {
  /** Default 1e-5. */
  eps?: number
  /** Whether there are a trained scale and shift for each channel. Default true. */
  affine?: boolean
}

/** Normalises each of `numGroups` equal groups of channels of each sample of [N, C, …]. */
export class GroupNorm extends Module {
  /** Groups of channels. */
  readonly numGroups: number
  /** Channels of the input. */
  readonly numChannels: number
  /** A small number that keeps divisions and logarithms finite. */
  readonly eps: number
  /** Whether there are a trained scale and shift. */
  readonly affine: boolean
  /** Undefined in a layer that is not affine. */
  declare weight: Tensor
  /** Undefined in a layer that is not affine. */
  declare bias: Tensor

  constructor(numGroups: number, numChannels: number, options: GroupNormOptions = {}) {
    super()
    const op = 'GroupNorm'
    checkOptions(op, options, ['eps', 'affine'])
    const { eps = 1e-5, affine = true } = options
    checkSize(op, 'numGroups', numGroups)
    checkSize(op, 'numChannels', numChannels)
    if (numChannels % numGroups !== 0) {
      throw new MbconvError('ERR_VALUE', `${op}: ${numGroups} groups do not divide ${numChannels} channels`, { op })
    }
    checkNumber(op, 'eps', eps)
    checkFlag(op, 'affine', affine)
    this.numGroups = numGroups
    this.numChannels = numChannels
    this.eps = eps
    this.affine = affine
    this.registerParameter('weight', affine ? full([numChannels], 1) : null)
    this.registerParameter('bias', affine ? zeros([numChannels]) : null)
  }

  forward(x: Tensor): Tensor {
    return F.groupNorm(x, this.numGroups, { weight: this.weight, bias: this.bias, eps: this.eps })
  }

  override extraRepr(): string {
    const { numGroups, numChannels, eps, affine } = this
    return `${numGroups}, ${numChannels}, eps=${pythonFloat(eps)}, affine=${python(affine)}, bias=${python(affine)}`
  }
}

/** Settings beside the first arguments of the layer. */
export interface LocalResponseNormOptions {
  /** Default 1e-4. */
  alpha?: number
  /** Default 0.75. */
  beta?: number
  /** Default 1. */
  k?: number
}

/** Divides by a power of the mean square of `size` neighbouring channels; see `functional.localResponseNorm`. */
export class LocalResponseNorm extends Module {
  /** As it was given. */
  readonly size: number
  /** The constant α. */
  readonly alpha: number
  /** The constant β. */
  readonly beta: number
  /** The constant k. */
  readonly k: number

  constructor(size: number, options: LocalResponseNormOptions = {}) {
    super()
    const op = 'LocalResponseNorm'
    checkOptions(op, options, ['alpha', 'beta', 'k'])
    const { alpha = 1e-4, beta = 0.75, k = 1 } = options
    checkSize(op, 'size', size)
    for (const [name, value] of Object.entries({ alpha, beta, k })) checkNumber(op, name, value)
    this.size = size
    this.alpha = alpha
    this.beta = beta
    this.k = k
  }

  forward(x: Tensor): Tensor {
    return F.localResponseNorm(x, this.size, { alpha: this.alpha, beta: this.beta, k: this.k })
  }

  override extraRepr(): string {
    return `${this.size}, alpha=${pythonFloat(this.alpha)}, beta=${pythonFloat(this.beta)}, k=${pythonFloat(this.k)}`
  }
}
