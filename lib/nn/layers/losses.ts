/** Losses as modules. A weight of classes or elements is a buffer, with PyTorch's name. */
import { checkNumber, checkOneOf, checkOptions, checkPositive, checkRange } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { Tensor } from '../../tensor/core/tensor'
import * as F from '../functional'
import { Module } from '../modules/module'
import { checkFlag } from './common'

type Pair = [x: Tensor, target: Tensor]
type Triple = [x: Tensor, y: Tensor, target: Tensor]

const REDUCTIONS: readonly F.Reduction[] = ['none', 'mean', 'sum']

abstract class Loss<Inputs extends unknown[], Reduction extends string = F.Reduction> extends Module<Inputs, Tensor> {
  /** How the losses of all elements are combined. */
  readonly reduction: Reduction

  protected constructor(
    op: string,
    options: object,
    known: readonly string[] = [],
    reductions: readonly string[] = REDUCTIONS,
  ) {
    super()
    checkOptions(op, options, ['reduction', ...known])
    const { reduction = 'mean' } = options as { reduction?: string }
    checkOneOf(op, 'reduction', reduction, reductions)
    this.reduction = reduction as Reduction
  }
}

/** Absolute differences. */
export class L1Loss extends Loss<Pair> {
  constructor(options: F.LossOptions = {}) {
    super('L1Loss', options)
  }
  forward(x: Tensor, target: Tensor): Tensor {
    return F.l1Loss(x, target, { reduction: this.reduction })
  }
}

/** Squared differences. */
export class MSELoss extends Loss<Pair> {
  constructor(options: F.LossOptions = {}) {
    super('MSELoss', options)
  }
  forward(x: Tensor, target: Tensor): Tensor {
    return F.mseLoss(x, target, { reduction: this.reduction })
  }
}

/** Settings beside the first arguments of the layer. */
export interface SmoothL1LossOptions extends F.LossOptions {
  /** Default 1. */
  beta?: number
}

/** d² / 2β for |d| < β, |d| − β / 2 beyond. */
export class SmoothL1Loss extends Loss<Pair> {
  /** The constant β. */
  readonly beta: number

  constructor(options: SmoothL1LossOptions = {}) {
    super('SmoothL1Loss', options, ['beta'])
    const { beta = 1 } = options
    checkRange('SmoothL1Loss', 'beta', beta, 0)
    this.beta = beta
  }
  forward(x: Tensor, target: Tensor): Tensor {
    return F.smoothL1Loss(x, target, { reduction: this.reduction, beta: this.beta })
  }
}

/** Settings beside the first arguments of the layer. */
export interface HuberLossOptions extends F.LossOptions {
  /** Default 1. */
  delta?: number
}

/** d² / 2 for |d| < δ, δ (|d| − δ / 2) beyond. */
export class HuberLoss extends Loss<Pair> {
  /** The constant δ. */
  readonly delta: number

  constructor(options: HuberLossOptions = {}) {
    super('HuberLoss', options, ['delta'])
    const { delta = 1 } = options
    checkPositive('HuberLoss', 'delta', delta)
    this.delta = delta
  }
  forward(x: Tensor, target: Tensor): Tensor {
    return F.huberLoss(x, target, { reduction: this.reduction, delta: this.delta })
  }
}

/** Cross-entropy of logits [N, K, …] against class indices [N, …] (int64) or probabilities [N, K, …]. */
export class CrossEntropyLoss extends Loss<Pair> {
  /** Targets that are ignored. */
  readonly ignoreIndex: number
  /** Share of the target that is spread over all classes. */
  readonly labelSmoothing: number
  /** The trained weight, or the factors that were given. */
  declare weight: Tensor | undefined

  constructor(options: F.CrossEntropyOptions = {}) {
    super('CrossEntropyLoss', options, ['weight', 'ignoreIndex', 'labelSmoothing'])
    const { weight = null, ignoreIndex = -100, labelSmoothing = 0 } = options
    checkNumber('CrossEntropyLoss', 'ignoreIndex', ignoreIndex)
    checkRange('CrossEntropyLoss', 'labelSmoothing', labelSmoothing, 0)
    if (labelSmoothing > 1) {
      const message = `CrossEntropyLoss: labelSmoothing must be at most 1, got ${labelSmoothing}`
      throw new MbconvError('ERR_VALUE', message, { op: 'CrossEntropyLoss' })
    }
    this.ignoreIndex = ignoreIndex
    this.labelSmoothing = labelSmoothing
    this.registerBuffer('weight', weight)
  }
  forward(logits: Tensor, target: Tensor): Tensor {
    const { weight, ignoreIndex, labelSmoothing, reduction } = this
    return F.crossEntropy(logits, target, { weight, ignoreIndex, labelSmoothing, reduction })
  }
}

/** Negative log-likelihood of log-probabilities [N, K, …] at class indices [N, …] (int64). */
export class NLLLoss extends Loss<Pair> {
  /** Targets that are ignored. */
  readonly ignoreIndex: number
  /** The trained weight, or the factors that were given. */
  declare weight: Tensor | undefined

  constructor(options: F.NllOptions = {}) {
    super('NLLLoss', options, ['weight', 'ignoreIndex'])
    const { weight = null, ignoreIndex = -100 } = options
    checkNumber('NLLLoss', 'ignoreIndex', ignoreIndex)
    this.ignoreIndex = ignoreIndex
    this.registerBuffer('weight', weight)
  }
  forward(logProbabilities: Tensor, target: Tensor): Tensor {
    const { weight, ignoreIndex, reduction } = this
    return F.nllLoss(logProbabilities, target, { weight, ignoreIndex, reduction })
  }
}

/** Binary cross-entropy of probabilities against targets in [0, 1]. */
export class BCELoss extends Loss<Pair> {
  /** The trained weight, or the factors that were given. */
  declare weight: Tensor | undefined

  constructor(options: F.BinaryCrossEntropyOptions = {}) {
    super('BCELoss', options, ['weight'])
    this.registerBuffer('weight', options.weight ?? null)
  }
  forward(x: Tensor, target: Tensor): Tensor {
    return F.binaryCrossEntropy(x, target, { weight: this.weight, reduction: this.reduction })
  }
}

/** Settings beside the first arguments of the layer. */
export interface BCEWithLogitsLossOptions extends F.BinaryCrossEntropyOptions {
  /** A factor for the positive targets, broadcast. */
  posWeight?: Tensor | null
}

/** Binary cross-entropy of logits, accurate for large ones. The buffers are `weight` and `pos_weight`. */
export class BCEWithLogitsLoss extends Loss<Pair> {
  /** The trained weight, or the factors that were given. */
  declare weight: Tensor | undefined
  /** The buffer of {@link posWeight}. */
  declare pos_weight: Tensor | undefined

  constructor(options: BCEWithLogitsLossOptions = {}) {
    super('BCEWithLogitsLoss', options, ['weight', 'posWeight'])
    this.registerBuffer('weight', options.weight ?? null)
    this.registerBuffer('pos_weight', options.posWeight ?? null)
  }
  /** Factors of the positive targets. */
  get posWeight(): Tensor | undefined {
    return this.pos_weight
  }
  forward(x: Tensor, target: Tensor): Tensor {
    const { weight, posWeight, reduction } = this
    return F.binaryCrossEntropyWithLogits(x, target, { weight, posWeight, reduction })
  }
}

/** Settings beside the first arguments of the layer. */
export interface KLDivLossOptions {
  /** `batchmean` divides by the batch size, which is the mathematical definition. Default mean, over all elements. */
  reduction?: F.Reduction | 'batchmean'
  /** Whether the target holds log-probabilities. Default false. */
  logTarget?: boolean
}

/** Kullback–Leibler divergence of log-probabilities from the target's probabilities. */
export class KLDivLoss extends Loss<Pair, F.Reduction | 'batchmean'> {
  /** Whether the target holds log-probabilities. */
  readonly logTarget: boolean

  constructor(options: KLDivLossOptions = {}) {
    super('KLDivLoss', options, ['logTarget'], [...REDUCTIONS, 'batchmean'])
    const { logTarget = false } = options
    checkFlag('KLDivLoss', 'logTarget', logTarget)
    this.logTarget = logTarget
  }
  forward(logProbabilities: Tensor, target: Tensor): Tensor {
    return F.klDiv(logProbabilities, target, { reduction: this.reduction, logTarget: this.logTarget })
  }
}

/** 1 − cos(x, y) where the target is 1, max(0, cos(x, y) − margin) where it is −1; x, y [N, D], target [N]. */
export class CosineEmbeddingLoss extends Loss<Triple> {
  /** Distance that is asked for. */
  readonly margin: number

  constructor(options: F.MarginOptions = {}) {
    super('CosineEmbeddingLoss', options, ['margin'])
    const { margin = 0 } = options
    checkNumber('CosineEmbeddingLoss', 'margin', margin)
    this.margin = margin
  }
  forward(x: Tensor, y: Tensor, target: Tensor): Tensor {
    return F.cosineEmbeddingLoss(x, y, target, { margin: this.margin, reduction: this.reduction })
  }
}

/** max(0, −target · (x − y) + margin), target 1 or −1. */
export class MarginRankingLoss extends Loss<Triple> {
  /** Distance that is asked for. */
  readonly margin: number

  constructor(options: F.MarginOptions = {}) {
    super('MarginRankingLoss', options, ['margin'])
    const { margin = 0 } = options
    checkNumber('MarginRankingLoss', 'margin', margin)
    this.margin = margin
  }
  forward(x: Tensor, y: Tensor, target: Tensor): Tensor {
    return F.marginRankingLoss(x, y, target, { margin: this.margin, reduction: this.reduction })
  }
}

/** max(0, ‖anchor − positive‖ − ‖anchor − negative‖ + margin), over the last dimension. */
export class TripletMarginLoss extends Loss<[anchor: Tensor, positive: Tensor, negative: Tensor]> {
  /** Distance that is asked for. */
  readonly margin: number
  /** The probability, or the degree, as it was given. */
  readonly p: number
  /** A small number that keeps divisions and logarithms finite. */
  readonly eps: number
  /** Whether the smaller of two distances counts. */
  readonly swap: boolean

  constructor(options: F.TripletOptions = {}) {
    const op = 'TripletMarginLoss'
    super(op, options, ['margin', 'p', 'eps', 'swap'])
    const { margin = 1, p = 2, eps = 1e-6, swap = false } = options
    checkPositive(op, 'margin', margin)
    checkNumber(op, 'p', p)
    checkNumber(op, 'eps', eps)
    checkFlag(op, 'swap', swap)
    this.margin = margin
    this.p = p
    this.eps = eps
    this.swap = swap
  }
  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    const { margin, p, eps, swap, reduction } = this
    return F.tripletMarginLoss(anchor, positive, negative, { margin, p, eps, swap, reduction })
  }
}

/** x where the target is 1, max(0, margin − x) where it is −1. */
export class HingeEmbeddingLoss extends Loss<Pair> {
  /** Distance that is asked for. */
  readonly margin: number

  constructor(options: F.MarginOptions = {}) {
    super('HingeEmbeddingLoss', options, ['margin'])
    const { margin = 1 } = options
    checkNumber('HingeEmbeddingLoss', 'margin', margin)
    this.margin = margin
  }
  forward(x: Tensor, target: Tensor): Tensor {
    return F.hingeEmbeddingLoss(x, target, { margin: this.margin, reduction: this.reduction })
  }
}

/** log(1 + exp(−target · x)), target 1 or −1. */
export class SoftMarginLoss extends Loss<Pair> {
  constructor(options: F.LossOptions = {}) {
    super('SoftMarginLoss', options)
  }
  forward(x: Tensor, target: Tensor): Tensor {
    return F.softMarginLoss(x, target, { reduction: this.reduction })
  }
}

/** Mean over the other classes of max(0, margin − x[target] + x[k])ᵖ, for x [N, K] and target [N]. */
export class MultiMarginLoss extends Loss<Pair> {
  /** The probability, or the degree, as it was given. */
  readonly p: number
  /** Distance that is asked for. */
  readonly margin: number
  /** The trained weight, or the factors that were given. */
  declare weight: Tensor | undefined

  constructor(options: F.MultiMarginOptions = {}) {
    const op = 'MultiMarginLoss'
    super(op, options, ['margin', 'p', 'weight'])
    const { p = 1, margin = 1, weight = null } = options
    checkOneOf(op, 'p', p, [1, 2])
    checkNumber(op, 'margin', margin)
    if (weight instanceof Tensor && weight.ndim !== 1) {
      throw new MbconvError('ERR_SHAPE', `${op}: weight must have one dimension, got [${weight.shape}]`, { op })
    }
    this.p = p
    this.margin = margin
    this.registerBuffer('weight', weight)
  }
  forward(x: Tensor, target: Tensor): Tensor {
    const { p, margin, weight, reduction } = this
    return F.multiMarginLoss(x, target, { p, margin, weight, reduction })
  }
}

/** Negative log-likelihood of counts under the Poisson distribution. */
export class PoissonNLLLoss extends Loss<Pair> {
  /** Whether inputs are logarithms of rates. */
  readonly logInput: boolean
  /** Whether constant terms are added. */
  readonly full: boolean
  /** A small number that keeps divisions and logarithms finite. */
  readonly eps: number

  constructor(options: F.PoissonNllOptions = {}) {
    const op = 'PoissonNLLLoss'
    super(op, options, ['logInput', 'full', 'eps'])
    const { logInput = true, full = false, eps = 1e-8 } = options
    checkFlag(op, 'logInput', logInput)
    checkFlag(op, 'full', full)
    checkNumber(op, 'eps', eps)
    this.logInput = logInput
    this.full = full
    this.eps = eps
  }
  forward(x: Tensor, target: Tensor): Tensor {
    const { logInput, full, eps, reduction } = this
    return F.poissonNllLoss(x, target, { logInput, full, eps, reduction })
  }
}

/** Negative log-likelihood of the target under normal distributions of mean x; see `functional.gaussianNllLoss`. */
export class GaussianNLLLoss extends Loss<[x: Tensor, target: Tensor, variance: Tensor]> {
  /** Whether constant terms are added. */
  readonly full: boolean
  /** A small number that keeps divisions and logarithms finite. */
  readonly eps: number

  constructor(options: F.GaussianNllOptions = {}) {
    const op = 'GaussianNLLLoss'
    super(op, options, ['full', 'eps'])
    const { full = false, eps = 1e-6 } = options
    checkFlag(op, 'full', full)
    checkNumber(op, 'eps', eps)
    this.full = full
    this.eps = eps
  }
  forward(x: Tensor, target: Tensor, variance: Tensor): Tensor {
    return F.gaussianNllLoss(x, target, variance, { full: this.full, eps: this.eps, reduction: this.reduction })
  }
}

type CtcInputs = [logProbabilities: Tensor, targets: Tensor, inputLengths: number[], targetLengths: number[]]

/** Connectionist temporal classification; see `functional.ctcLoss`. */
export class CTCLoss extends Loss<CtcInputs> {
  /** Index of the class that separates. */
  readonly blank: number
  /** Whether infinite losses count as 0. */
  readonly zeroInfinity: boolean

  constructor(options: F.CtcOptions = {}) {
    super('CTCLoss', options, ['blank', 'zeroInfinity'])
    const { blank = 0, zeroInfinity = false } = options
    checkNumber('CTCLoss', 'blank', blank)
    checkFlag('CTCLoss', 'zeroInfinity', zeroInfinity)
    this.blank = blank
    this.zeroInfinity = zeroInfinity
  }
  forward(logProbabilities: Tensor, targets: Tensor, inputLengths: number[], targetLengths: number[]): Tensor {
    const { blank, zeroInfinity, reduction } = this
    return F.ctcLoss(logProbabilities, targets, inputLengths, targetLengths, { blank, zeroInfinity, reduction })
  }
}
