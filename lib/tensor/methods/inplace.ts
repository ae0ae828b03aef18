/** Methods of Tensor that write into it, and return it. */
import { native } from '../../native/addon'
import type {
  AlphaOptions,
  ClampOptions,
  CopyOptions,
  DivOptions,
  Element,
  RoundOptions,
  Tensor,
  ValueOptions,
} from '../../native/types'
import type { NanOptions, Operand } from './arithmetic'
import { Reductions } from './reductions'

/** How {@link Tensor.scatterReduce} combines elements. */
export interface ScatterReduceOptions {
  /** How elements written to the same place are combined. */
  reduce: 'sum' | 'prod' | 'mean' | 'amax' | 'amin'
  /** Whether the value already there takes part. Default true. */
  includeSelf?: boolean
}

/** A base class of Tensor; see {@link Arithmetic}. */
export abstract class InPlace extends Reductions {
  // --- in place: return this -----------------------------------------------------------------------------------------

  /** {@link add} in place. */
  add_(this: Tensor, other: Operand, { alpha = 1 }: AlphaOptions = {}): Tensor {
    native().add_(this, other, alpha)
    return this
  }
  /** {@link sub} in place. */
  sub_(this: Tensor, other: Operand, { alpha = 1 }: AlphaOptions = {}): Tensor {
    native().sub_(this, other, alpha)
    return this
  }
  /** {@link mul} in place. */
  mul_(this: Tensor, other: Operand): Tensor {
    native().mul_(this, other)
    return this
  }
  /** {@link div} in place. */
  div_(this: Tensor, other: Operand, { roundingMode }: DivOptions = {}): Tensor {
    native().div_(this, other, roundingMode)
    return this
  }
  /** {@link pow} in place. */
  pow_(this: Tensor, exponent: Operand): Tensor {
    native().pow_(this, exponent)
    return this
  }
  /** {@link floorDivide} in place. */
  floorDivide_(this: Tensor, other: Operand): Tensor {
    native().floorDivide_(this, other)
    return this
  }
  /** {@link remainder} in place. */
  remainder_(this: Tensor, other: Operand): Tensor {
    native().remainder_(this, other)
    return this
  }
  /** {@link neg} in place. */
  neg_(this: Tensor): Tensor {
    native().neg_(this)
    return this
  }
  /** {@link abs} in place. */
  abs_(this: Tensor): Tensor {
    native().abs_(this)
    return this
  }
  /** {@link exp} in place. */
  exp_(this: Tensor): Tensor {
    native().exp_(this)
    return this
  }
  /** {@link log} in place. */
  log_(this: Tensor): Tensor {
    native().log_(this)
    return this
  }
  /** {@link sqrt} in place. */
  sqrt_(this: Tensor): Tensor {
    native().sqrt_(this)
    return this
  }
  /** {@link rsqrt} in place. */
  rsqrt_(this: Tensor): Tensor {
    native().rsqrt_(this)
    return this
  }
  /** {@link square} in place. */
  square_(this: Tensor): Tensor {
    native().square_(this)
    return this
  }
  /** {@link reciprocal} in place. */
  reciprocal_(this: Tensor): Tensor {
    native().reciprocal_(this)
    return this
  }
  /** {@link sigmoid} in place. */
  sigmoid_(this: Tensor): Tensor {
    native().sigmoid_(this)
    return this
  }
  /** {@link tanh} in place. */
  tanh_(this: Tensor): Tensor {
    native().tanh_(this)
    return this
  }
  /** {@link relu} in place. */
  relu_(this: Tensor): Tensor {
    native().relu_(this)
    return this
  }
  /** {@link silu} in place. */
  silu_(this: Tensor): Tensor {
    native().silu_(this)
    return this
  }
  /** {@link sin} in place. */
  sin_(this: Tensor): Tensor {
    native().sin_(this)
    return this
  }
  /** {@link cos} in place. */
  cos_(this: Tensor): Tensor {
    native().cos_(this)
    return this
  }
  /** {@link floor} in place. */
  floor_(this: Tensor): Tensor {
    native().floor_(this)
    return this
  }
  /** {@link ceil} in place. */
  ceil_(this: Tensor): Tensor {
    native().ceil_(this)
    return this
  }
  /** {@link trunc} in place. */
  trunc_(this: Tensor): Tensor {
    native().trunc_(this)
    return this
  }
  /** {@link round} in place. */
  round_(this: Tensor, { decimals = 0 }: RoundOptions = {}): Tensor {
    native().round_(this, decimals)
    return this
  }
  /** {@link erfinv} in place. */
  erfinv_(this: Tensor): Tensor {
    native().erfinv_(this)
    return this
  }
  /** {@link logicalAnd} in place. */
  logicalAnd_(this: Tensor, other: Operand): Tensor {
    native().logicalAnd_(this, other)
    return this
  }
  /** {@link logicalOr} in place. */
  logicalOr_(this: Tensor, other: Operand): Tensor {
    native().logicalOr_(this, other)
    return this
  }
  /** {@link bitwiseAnd} in place. */
  bitwiseAnd_(this: Tensor, other: Operand): Tensor {
    native().bitwiseAnd_(this, other)
    return this
  }
  /** {@link bitwiseOr} in place. */
  bitwiseOr_(this: Tensor, other: Operand): Tensor {
    native().bitwiseOr_(this, other)
    return this
  }
  /** {@link bitwiseXor} in place. */
  bitwiseXor_(this: Tensor, other: Operand): Tensor {
    native().bitwiseXor_(this, other)
    return this
  }
  /** Sets every element to the value. */
  fill_(this: Tensor, value: Element): Tensor {
    native().fill_(this, value)
    return this
  }
  /** Sets every element to 0. */
  zero_(this: Tensor): Tensor {
    native().zero_(this)
    return this
  }
  /**
   * Copies the elements of `source`, converting dtype and device, broadcasting the shape.
   *
   * @param options.nonBlocking Between a GPU and pinned host memory: does not wait for the copy, which is queued on the
   *   current stream like other work. Until that stream has been waited for, do not touch the host memory.
   */
  copy_(this: Tensor, source: Tensor, { nonBlocking = false }: CopyOptions = {}): Tensor {
    native().copy_(this, source, nonBlocking)
    return this
  }
  /** {@link clamp} in place. */
  clamp_(this: Tensor, { min, max }: ClampOptions): Tensor {
    native().clamp_(this, min, max)
    return this
  }
  /** this + weight · (end − this). */
  lerp_(this: Tensor, end: Tensor, weight: Operand): Tensor {
    native().lerp_(this, end, weight)
    return this
  }
  /** this + value · left · right. */
  addcmul_(this: Tensor, left: Tensor, right: Tensor, { value = 1 }: ValueOptions = {}): Tensor {
    native().addcmul_(this, left, right, value)
    return this
  }
  /** this + value · left / right. */
  addcdiv_(this: Tensor, left: Tensor, right: Tensor, { value = 1 }: ValueOptions = {}): Tensor {
    native().addcdiv_(this, left, right, value)
    return this
  }
  /** {@link nanToNum} in place. */
  nanToNum_(this: Tensor, { nan, posinf, neginf }: NanOptions = {}): Tensor {
    native().nanToNum_(this, nan, posinf, neginf)
    return this
  }
  /** {@link tril} in place. */
  tril_(this: Tensor, diagonal = 0): Tensor {
    native().tril_(this, diagonal)
    return this
  }
  /** {@link triu} in place. */
  triu_(this: Tensor, diagonal = 0): Tensor {
    native().triu_(this, diagonal)
    return this
  }
  /** Sets the main diagonal (elements with equal indices) to the value. */
  fillDiagonal_(this: Tensor, value: Element): Tensor {
    native().fillDiagonal_(this, value)
    return this
  }

  // --- in place by index or mask: out of place these are methods without the underscore ------------------------------

  /** {@link maskedFill} in place. */
  maskedFill_(this: Tensor, mask: Tensor, value: Element): Tensor {
    native().maskedFill_(this, mask, value)
    return this
  }
  /** {@link maskedScatter} in place. */
  maskedScatter_(this: Tensor, mask: Tensor, source: Tensor): Tensor {
    native().maskedScatter_(this, mask, source)
    return this
  }
  /** {@link scatter} in place. */
  scatter_(this: Tensor, dim: number, indices: Tensor, source: Operand): Tensor {
    native().scatter_(this, dim, indices, source)
    return this
  }
  /** {@link scatterAdd} in place. */
  scatterAdd_(this: Tensor, dim: number, indices: Tensor, source: Tensor): Tensor {
    native().scatterAdd_(this, dim, indices, source)
    return this
  }
  /** {@link scatterReduce} in place. */
  scatterReduce_(
    this: Tensor,
    dim: number,
    indices: Tensor,
    source: Tensor,
    { reduce, includeSelf = true }: ScatterReduceOptions,
  ): Tensor {
    native().scatterReduce_(this, dim, indices, source, reduce, includeSelf)
    return this
  }
  /** {@link indexAdd} in place. */
  indexAdd_(this: Tensor, dim: number, indices: Tensor, source: Tensor, { alpha = 1 }: AlphaOptions = {}): Tensor {
    native().indexAdd_(this, dim, indices, source, alpha)
    return this
  }
  /** {@link indexCopy} in place. */
  indexCopy_(this: Tensor, dim: number, indices: Tensor, source: Tensor): Tensor {
    native().indexCopy_(this, dim, indices, source)
    return this
  }
  /** {@link indexFill} in place. */
  indexFill_(this: Tensor, dim: number, indices: Tensor, value: Element): Tensor {
    native().indexFill_(this, dim, indices, value)
    return this
  }

  // --- random numbers, from this thread's generator ------------------------------------------------------------------

  /** Fills with uniform numbers in [low, high). */
  uniform_(this: Tensor, low = 0, high = 1): Tensor {
    native().uniform_(this, low, high)
    return this
  }
  /** Fills with normal numbers. */
  normal_(this: Tensor, mean = 0, std = 1): Tensor {
    native().normal_(this, mean, std)
    return this
  } /** Exponentially distributed numbers of mean 1 / rate. */
  /** Overwrites the elements with random numbers of the exponential distribution of this rate. */
  exponential_(this: Tensor, rate = 1): Tensor {
    native().exponential_(this, rate)
    return this
  }
  /** Number of trials up to the first success, each with probability p. */
  geometric_(this: Tensor, p: number): Tensor {
    native().geometric_(this, p)
    return this
  }
  /** Cauchy distribution. */
  cauchy_(this: Tensor, median = 0, sigma = 1): Tensor {
    native().cauchy_(this, median, sigma)
    return this
  }
  /** Exponentials of normal numbers. */
  logNormal_(this: Tensor, mean = 1, std = 2): Tensor {
    native().logNormal_(this, mean, std)
    return this
  }
  /** Uniform integers in [low, high); without bounds, all that the dtype holds exactly. `random_(high)` starts at 0. */
  random_(this: Tensor, lowOrHigh?: number, high?: number): Tensor {
    if (high === undefined) native().random_(this, undefined, lowOrHigh)
    else native().random_(this, lowOrHigh, high)
    return this
  }
  /** 1 with probability p (a number, or a tensor broadcast), else 0. */
  bernoulli_(this: Tensor, p: number | Tensor = 0.5): Tensor {
    native().bernoulli_(this, p)
    return this
  }
}
