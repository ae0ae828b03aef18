/** Activations. */
import { checkNumber, checkOneOf, checkOptions, checkRange } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { full } from '../../tensor/core/create'
import { scope } from '../../tensor/core/scope'
import type { Tensor } from '../../tensor/core/tensor'
import * as F from '../functional'
import { pythonFloat } from '../modules/describe'
import { Module } from '../modules/module'
import { checkFlag, checkSize } from './common'

/** Whether an activation works in place. */
export interface InplaceOptions {
  /** Write into the input, and return it. Default false. */
  inplace?: boolean
}

abstract class Inplace extends Module {
  /** Whether it writes into its input. */
  readonly inplace: boolean

  constructor(options: InplaceOptions = {}) {
    super()
    const op = new.target.name
    checkOptions(op, options, ['inplace'])
    const { inplace = false } = options
    checkFlag(op, 'inplace', inplace)
    this.inplace = inplace
  }

  override extraRepr(): string {
    return this.inplace ? 'inplace=True' : ''
  }
}

/** max(x, 0). */
export class ReLU extends Inplace {
  forward(x: Tensor): Tensor {
    return F.relu(x, { inplace: this.inplace })
  }
}
/** min(max(x, 0), 6). */
export class ReLU6 extends Inplace {
  forward(x: Tensor): Tensor {
    return F.relu6(x, { inplace: this.inplace })
  }
}
/** x · sigmoid(x), the paper's swish. */
export class SiLU extends Inplace {
  forward(x: Tensor): Tensor {
    return F.silu(x, { inplace: this.inplace })
  }
}
/** x · relu6(x + 3) / 6. */
export class Hardswish extends Inplace {
  forward(x: Tensor): Tensor {
    return F.hardswish(x, { inplace: this.inplace })
  }
}
/** relu6(x + 3) / 6. */
export class Hardsigmoid extends Inplace {
  forward(x: Tensor): Tensor {
    return F.hardsigmoid(x, { inplace: this.inplace })
  }
}

/** 1 / (1 + exp(−x)). */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return F.sigmoid(x)
  }
}
/** The hyperbolic tangent. */
export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return x.tanh()
  }
}
/** x · tanh(softplus(x)). */
export class Mish extends Module {
  forward(x: Tensor): Tensor {
    return F.mish(x)
  }
}
/** λ x above 0, λ α (exp(x) − 1) below, with the constants of self-normalising networks. */
export class SELU extends Module {
  forward(x: Tensor): Tensor {
    return F.selu(x)
  }
}
/** x / (1 + |x|). */
export class Softsign extends Module {
  forward(x: Tensor): Tensor {
    return F.softsign(x)
  }
}
/** x − tanh(x). */
export class Tanhshrink extends Module {
  forward(x: Tensor): Tensor {
    return scope(() => x.sub(x.tanh()))
  }
}
/** log(sigmoid(x)), accurate for large |x|. */
export class LogSigmoid extends Module {
  forward(x: Tensor): Tensor {
    return F.logSigmoid(x)
  }
}

/** Settings beside the first arguments of the layer. */
export interface GeluOptions {
  /** `tanh` is the usual approximation. Default none. */
  approximate?: 'none' | 'tanh'
}

/** x · Φ(x). */
export class GELU extends Module {
  /** Whether the usual approximation is computed. */
  readonly approximate: 'none' | 'tanh'

  constructor(options: GeluOptions = {}) {
    super()
    checkOptions('GELU', options, ['approximate'])
    const { approximate = 'none' } = options
    checkOneOf('GELU', 'approximate', approximate, ['none', 'tanh'])
    this.approximate = approximate
  }
  forward(x: Tensor): Tensor {
    return F.gelu(x, { approximate: this.approximate })
  }
  override extraRepr(): string {
    return `approximate='${this.approximate}'`
  }
}

/** x above 0, slope · x below. */
export class LeakyReLU extends Module {
  /** Factor of values below 0. */
  readonly negativeSlope: number

  constructor(negativeSlope = 0.01) {
    super()
    checkNumber('LeakyReLU', 'negativeSlope', negativeSlope)
    this.negativeSlope = negativeSlope
  }
  forward(x: Tensor): Tensor {
    return F.leakyRelu(x, this.negativeSlope)
  }
  override extraRepr(): string {
    return `negative_slope=${pythonFloat(this.negativeSlope)}`
  }
}

/** x above 0, α (exp(x) − 1) below. */
export class ELU extends Module {
  /** The constant α. */
  readonly alpha: number

  constructor(alpha = 1) {
    super()
    checkNumber('ELU', 'alpha', alpha)
    this.alpha = alpha
  }
  forward(x: Tensor): Tensor {
    return F.elu(x, this.alpha)
  }
  override extraRepr(): string {
    return `alpha=${pythonFloat(this.alpha)}`
  }
}

/** x above 0, α (exp(x / α) − 1) below. */
export class CELU extends Module {
  /** The constant α. */
  readonly alpha: number

  constructor(alpha = 1) {
    super()
    checkNumber('CELU', 'alpha', alpha)
    if (alpha === 0) throw new MbconvError('ERR_VALUE', 'CELU: alpha must not be 0', { op: 'CELU' })
    this.alpha = alpha
  }
  forward(x: Tensor): Tensor {
    return F.celu(x, this.alpha)
  }
  override extraRepr(): string {
    return `alpha=${pythonFloat(this.alpha)}`
  }
}

/** Settings beside the first arguments of the layer. */
export interface PreluOptions {
  /** The initial slope. Default 0.25. */
  init?: number
}

/** weight · x below 0; `weight` has one element, or one for each channel of [N, C, …]. */
export class PReLU extends Module {
  /** Number of slopes: 1, or one for each channel. */
  readonly numParameters: number
  /** The trained weight, or the factors that were given. */
  declare weight: Tensor

  constructor(numParameters = 1, options: PreluOptions = {}) {
    super()
    checkOptions('PReLU', options, ['init'])
    const { init = 0.25 } = options
    checkSize('PReLU', 'numParameters', numParameters)
    checkNumber('PReLU', 'init', init)
    this.numParameters = numParameters
    this.registerParameter('weight', full([numParameters], init))
  }
  forward(x: Tensor): Tensor {
    return F.prelu(x, this.weight)
  }
  override extraRepr(): string {
    return `num_parameters=${this.numParameters}`
  }
}

/** Settings beside the first arguments of the layer. */
export interface SoftplusOptions {
  /** Default 1. */
  beta?: number
  /** Linear where β x exceeds it. Default 20. */
  threshold?: number
}

/** log(1 + exp(β x)) / β. */
export class Softplus extends Module {
  /** The constant β. */
  readonly beta: number
  /** Where the function changes. */
  readonly threshold: number

  constructor(options: SoftplusOptions = {}) {
    super()
    checkOptions('Softplus', options, ['beta', 'threshold'])
    const { beta = 1, threshold = 20 } = options
    checkNumber('Softplus', 'beta', beta)
    checkNumber('Softplus', 'threshold', threshold)
    this.beta = beta
    this.threshold = threshold
  }
  forward(x: Tensor): Tensor {
    return F.softplus(x, { beta: this.beta, threshold: this.threshold })
  }
  override extraRepr(): string {
    return `beta=${pythonFloat(this.beta)}, threshold=${pythonFloat(this.threshold)}`
  }
}

/** Settings beside the first arguments of the layer. */
export interface HardtanhOptions {
  /** Default −1. */
  min?: number
  /** Default 1. */
  max?: number
}

/** x limited to [min, max]. */
export class Hardtanh extends Module {
  /** Smallest value of the output. */
  readonly min: number
  /** Largest value of the output. */
  readonly max: number

  constructor(options: HardtanhOptions = {}) {
    super()
    checkOptions('Hardtanh', options, ['min', 'max'])
    const { min = -1, max = 1 } = options
    checkNumber('Hardtanh', 'min', min)
    checkRange('Hardtanh', 'max', max, min)
    if (min === max) throw new MbconvError('ERR_VALUE', 'Hardtanh: max must be greater than min', { op: 'Hardtanh' })
    this.min = min
    this.max = max
  }
  forward(x: Tensor): Tensor {
    return F.hardtanh(x, { min: this.min, max: this.max })
  }
  override extraRepr(): string {
    return `min_val=${pythonFloat(this.min)}, max_val=${pythonFloat(this.max)}`
  }
}

/** x where it exceeds the threshold, `value` elsewhere. */
export class Threshold extends Module {
  /** Where the function changes. */
  readonly threshold: number
  /** What takes the place of other values. */
  readonly value: number

  constructor(threshold: number, value: number) {
    super()
    checkNumber('Threshold', 'threshold', threshold)
    checkNumber('Threshold', 'value', value)
    this.threshold = threshold
    this.value = value
  }
  forward(x: Tensor): Tensor {
    return F.threshold(x, this.threshold, this.value)
  }
  override extraRepr(): string {
    return `threshold=${pythonFloat(this.threshold)}, value=${pythonFloat(this.value)}`
  }
}

/** x outside ±λ, 0 within. */
export class Hardshrink extends Module {
  /** The constant λ. */
  readonly lambda: number

  constructor(lambda = 0.5) {
    super()
    checkNumber('Hardshrink', 'lambda', lambda)
    this.lambda = lambda
  }
  forward(x: Tensor): Tensor {
    return F.hardshrink(x, this.lambda)
  }
  override extraRepr(): string {
    return pythonFloat(this.lambda)
  }
}

/** x shrunk towards 0 by λ; 0 within ±λ. */
export class Softshrink extends Module {
  /** The constant λ. */
  readonly lambda: number

  constructor(lambda = 0.5) {
    super()
    checkRange('Softshrink', 'lambda', lambda, 0)
    this.lambda = lambda
  }
  forward(x: Tensor): Tensor {
    return F.softshrink(x, this.lambda)
  }
  override extraRepr(): string {
    return pythonFloat(this.lambda)
  }
}

abstract class AlongDim extends Module {
  /** Along which dimension. */
  readonly dim: number

  protected constructor(op: string, dim: number) {
    super()
    checkNumber(op, 'dim', dim)
    this.dim = dim
  }
  override extraRepr(): string {
    return `dim=${this.dim}`
  }
}

/** a · sigmoid(b), where a and b are the halves of x along `dim`. */
export class GLU extends AlongDim {
  constructor(dim = -1) {
    super('GLU', dim)
  }
  forward(x: Tensor): Tensor {
    return F.glu(x, { dim: this.dim })
  }
}
/** exp(x) divided by its sum along `dim`. */
export class Softmax extends AlongDim {
  constructor(dim: number) {
    super('Softmax', dim)
  }
  forward(x: Tensor): Tensor {
    return x.softmax(this.dim)
  }
}
/** softmax(−x). */
export class Softmin extends AlongDim {
  constructor(dim: number) {
    super('Softmin', dim)
  }
  forward(x: Tensor): Tensor {
    return F.softmin(x, this.dim)
  }
}
/** log(softmax(x)), accurate for small probabilities. */
export class LogSoftmax extends AlongDim {
  constructor(dim: number) {
    super('LogSoftmax', dim)
  }
  forward(x: Tensor): Tensor {
    return x.logSoftmax(this.dim)
  }
}
