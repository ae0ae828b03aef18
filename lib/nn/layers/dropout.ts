/** Layers that drop something in training mode. */
import { checkRate } from '../../errors/check'
import type { Tensor } from '../../tensor/core/tensor'
import * as F from '../functional'
import { pythonFloat } from '../modules/describe'
import { Module } from '../modules/module'
import { batchShape } from './common'

abstract class Dropping extends Module {
  /** Probability of dropping. A new value takes effect in the next forward pass. */
  p: number

  protected constructor(op: string, p: number) {
    super()
    checkRate(op, 'p', p)
    this.p = p
  }

  protected get drops(): boolean {
    return this.training && this.p > 0
  }

  override extraRepr(): string {
    return `p=${pythonFloat(this.p)}, inplace=False`
  }
}

/** In training mode, zeroes each element with probability p and divides the others by 1 − p. */
export class Dropout extends Dropping {
  constructor(p = 0.5) {
    super('Dropout', p)
  }
  forward(x: Tensor): Tensor {
    return this.drops ? F.dropout(x, this.p) : x
  }
}

/** In training mode, zeroes whole channels of [N, C, L] with probability p and divides the others by 1 − p. */
export class Dropout1d extends Dropping {
  constructor(p = 0.5) {
    super('Dropout1d', p)
  }
  forward(x: Tensor): Tensor {
    batchShape('Dropout1d', x, 1)
    return this.drops ? F.featureDropout(x, this.p) : x
  }
}
/** In training mode, zeroes whole channels of [N, C, H, W] with probability p and divides the others by 1 − p. */
export class Dropout2d extends Dropping {
  constructor(p = 0.5) {
    super('Dropout2d', p)
  }
  forward(x: Tensor): Tensor {
    batchShape('Dropout2d', x, 2)
    return this.drops ? F.featureDropout(x, this.p) : x
  }
}
/** In training mode, zeroes whole channels of [N, C, D, H, W] with probability p and divides the others by 1 − p. */
export class Dropout3d extends Dropping {
  constructor(p = 0.5) {
    super('Dropout3d', p)
  }
  forward(x: Tensor): Tensor {
    batchShape('Dropout3d', x, 3)
    return this.drops ? F.featureDropout(x, this.p) : x
  }
}

/** Dropout that keeps mean and variance of SELU's outputs. */
export class AlphaDropout extends Dropping {
  constructor(p = 0.5) {
    super('AlphaDropout', p)
  }
  forward(x: Tensor): Tensor {
    return this.drops ? F.alphaDropout(x, this.p) : x
  }
}

/**
 * Stochastic depth on a residual branch [N, …]: in training mode, a sample loses the whole branch with probability p.
 * The branches that remain are divided by 1 − p. Source: arXiv:1603.09382. The reference code draws floor(1 − p + U)
 * per sample, which is the same event.
 */
export class DropPath extends Module {
  /** The probability, or the degree, as it was given. */
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

  override extraRepr(): string {
    return `drop_prob=${pythonFloat(this.p)}`
  }
}
