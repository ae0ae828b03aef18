/** The methods of Tensor that compute: element by element, reductions, products, comparisons, and in place. */
import { native } from '../native'
import type { Tensor } from './tensor'
import type { Dims, DType, Element, ReduceOneOptions, ReduceOptions } from './types'

/** The other side of an operation: a tensor, broadcast against this one, or a number (which never widens the dtype). */
export type Operand = Tensor | Element

const list = (dim: Dims | undefined): number[] | undefined => (typeof dim === 'number' ? [dim] : dim)

/** Base class of Tensor; it exists to keep the two halves of a long class in two files. */
export abstract class Arithmetic {
  // --- element by element ---------------------------------------------------------------------------------------------

  /** this + alpha · other, broadcast. */
  add(this: Tensor, other: Operand, { alpha = 1 }: { alpha?: number } = {}): Tensor {
    return native().add(this, other, alpha)
  }
  /** this − alpha · other, broadcast. */
  sub(this: Tensor, other: Operand, { alpha = 1 }: { alpha?: number } = {}): Tensor {
    return native().sub(this, other, alpha)
  }
  mul(this: Tensor, other: Operand): Tensor {
    return native().mul(this, other)
  }
  /** True division: integers give float32. */
  div(this: Tensor, other: Operand): Tensor {
    return native().div(this, other)
  }
  /** Division rounded towards −∞. */
  floorDivide(this: Tensor, other: Operand): Tensor {
    return native().floorDivide(this, other)
  }
  /** Remainder with the divisor's sign, as Python's %. */
  remainder(this: Tensor, other: Operand): Tensor {
    return native().remainder(this, other)
  }
  pow(this: Tensor, exponent: Operand): Tensor {
    return native().pow(this, exponent)
  }
  /** Element by element the larger; NaN wins. */
  maximum(this: Tensor, other: Operand): Tensor {
    return native().maximum(this, other)
  }
  /** Element by element the smaller; NaN wins. */
  minimum(this: Tensor, other: Operand): Tensor {
    return native().minimum(this, other)
  }
  neg(this: Tensor): Tensor {
    return native().neg(this)
  }
  abs(this: Tensor): Tensor {
    return native().abs(this)
  }
  exp(this: Tensor): Tensor {
    return native().exp(this)
  }
  /** exp(x) − 1, exact near 0. */
  expm1(this: Tensor): Tensor {
    return native().expm1(this)
  }
  /** Natural logarithm. */
  log(this: Tensor): Tensor {
    return native().log(this)
  }
  /** log(1 + x), exact near 0. */
  log1p(this: Tensor): Tensor {
    return native().log1p(this)
  }
  log2(this: Tensor): Tensor {
    return native().log2(this)
  }
  sqrt(this: Tensor): Tensor {
    return native().sqrt(this)
  }
  /** 1 / √x. */
  rsqrt(this: Tensor): Tensor {
    return native().rsqrt(this)
  }
  square(this: Tensor): Tensor {
    return native().square(this)
  }
  /** 1 / x. */
  reciprocal(this: Tensor): Tensor {
    return native().reciprocal(this)
  }
  sigmoid(this: Tensor): Tensor {
    return native().sigmoid(this)
  }
  tanh(this: Tensor): Tensor {
    return native().tanh(this)
  }
  relu(this: Tensor): Tensor {
    return native().relu(this)
  }
  /** x · sigmoid(x), the paper's swish. */
  silu(this: Tensor): Tensor {
    return native().silu(this)
  }
  sin(this: Tensor): Tensor {
    return native().sin(this)
  }
  cos(this: Tensor): Tensor {
    return native().cos(this)
  }
  erf(this: Tensor): Tensor {
    return native().erf(this)
  }
  floor(this: Tensor): Tensor {
    return native().floor(this)
  }
  ceil(this: Tensor): Tensor {
    return native().ceil(this)
  }
  trunc(this: Tensor): Tensor {
    return native().trunc(this)
  }
  /** To the nearest integer, halves to even. */
  round(this: Tensor): Tensor {
    return native().round(this)
  }
  /** −1, 0 or 1. */
  sign(this: Tensor): Tensor {
    return native().sign(this)
  }
  /** Limits every element to [min, max]; either may be left out. */
  clamp(this: Tensor, { min, max }: { min?: number; max?: number }): Tensor {
    return native().clamp(this, min, max)
  }

  // --- comparison: bool tensors ---------------------------------------------------------------------------------------

  eq(this: Tensor, other: Operand): Tensor {
    return native().eq(this, other)
  }
  ne(this: Tensor, other: Operand): Tensor {
    return native().ne(this, other)
  }
  lt(this: Tensor, other: Operand): Tensor {
    return native().lt(this, other)
  }
  le(this: Tensor, other: Operand): Tensor {
    return native().le(this, other)
  }
  gt(this: Tensor, other: Operand): Tensor {
    return native().gt(this, other)
  }
  ge(this: Tensor, other: Operand): Tensor {
    return native().ge(this, other)
  }
  logicalAnd(this: Tensor, other: Operand): Tensor {
    return native().logicalAnd(this, other)
  }
  logicalOr(this: Tensor, other: Operand): Tensor {
    return native().logicalOr(this, other)
  }
  logicalXor(this: Tensor, other: Operand): Tensor {
    return native().logicalXor(this, other)
  }
  logicalNot(this: Tensor): Tensor {
    return native().logicalNot(this)
  }
  isnan(this: Tensor): Tensor {
    return native().isnan(this)
  }
  isfinite(this: Tensor): Tensor {
    return native().isfinite(this)
  }
  /** Whether shapes, and all elements exactly, agree. Waits for the device. */
  equal(this: Tensor, other: Tensor): boolean {
    return native().equal(this, other)
  }
  /** Whether |this − other| ≤ atol + rtol·|other| everywhere. Waits for the device. */
  allclose(this: Tensor, other: Tensor, { rtol = 1e-5, atol = 1e-8, equalNan = false } = {}): boolean {
    return native().allclose(this, other, rtol, atol, equalNan)
  }

  // --- reductions: over all dimensions where none is given --------------------------------------------------------------

  sum(this: Tensor, { dim, keepdim = false, dtype }: ReduceOptions & { dtype?: DType } = {}): Tensor {
    return native().sum(this, list(dim), keepdim, dtype)
  }
  mean(this: Tensor, { dim, keepdim = false, dtype }: ReduceOptions & { dtype?: DType } = {}): Tensor {
    return native().mean(this, list(dim), keepdim, dtype)
  }
  /** Variance; `correction` 1 (the default) divides by n − 1, 0 by n. */
  var(this: Tensor, { dim, keepdim = false, correction = 1 }: ReduceOptions & { correction?: number } = {}): Tensor {
    return native().var(this, list(dim), correction, keepdim)
  }
  /** Standard deviation; `correction` as for {@link Arithmetic.var}. */
  std(this: Tensor, { dim, keepdim = false, correction = 1 }: ReduceOptions & { correction?: number } = {}): Tensor {
    return native().std(this, list(dim), correction, keepdim)
  }
  prod(this: Tensor, { dim, keepdim = false }: ReduceOneOptions = {}): Tensor {
    return native().prod(this, dim, keepdim)
  }
  /** Largest element; gradients are shared among equal ones. */
  amax(this: Tensor, { dim, keepdim = false }: ReduceOptions = {}): Tensor {
    return native().amax(this, list(dim) ?? [], keepdim)
  }
  /** Smallest element; gradients are shared among equal ones. */
  amin(this: Tensor, { dim, keepdim = false }: ReduceOptions = {}): Tensor {
    return native().amin(this, list(dim) ?? [], keepdim)
  }
  /** Index (int64) of the largest element, along `dim` or in the flattened tensor. */
  argmax(this: Tensor, { dim, keepdim = false }: ReduceOneOptions = {}): Tensor {
    return native().argmax(this, dim, keepdim)
  }
  argmin(this: Tensor, { dim, keepdim = false }: ReduceOneOptions = {}): Tensor {
    return native().argmin(this, dim, keepdim)
  }
  all(this: Tensor, { dim, keepdim = false }: ReduceOneOptions = {}): Tensor {
    return native().all(this, dim, keepdim)
  }
  any(this: Tensor, { dim, keepdim = false }: ReduceOneOptions = {}): Tensor {
    return native().any(this, dim, keepdim)
  }
  /** p-norm, default the Euclidean. */
  norm(this: Tensor, { p = 2, dim, keepdim = false }: ReduceOptions & { p?: number } = {}): Tensor {
    return native().norm(this, p, list(dim) ?? [], keepdim)
  }
  logsumexp(this: Tensor, { dim, keepdim = false }: { dim: Dims; keepdim?: boolean }): Tensor {
    return native().logsumexp(this, list(dim) as number[], keepdim)
  }
  cumsum(this: Tensor, dim: number): Tensor {
    return native().cumsum(this, dim)
  }
  softmax(this: Tensor, dim: number): Tensor {
    return native().softmax(this, dim)
  }
  logSoftmax(this: Tensor, dim: number): Tensor {
    return native().logSoftmax(this, dim)
  }
  /** The k largest (or smallest) along `dim`, in order, with their indices (int64). */
  topk(this: Tensor, k: number, { dim = -1, largest = true } = {}): { values: Tensor; indices: Tensor } {
    const [values, indices] = native().topk(this, k, dim, largest)
    return { values, indices }
  }
  sort(this: Tensor, { dim = -1, descending = false } = {}): { values: Tensor; indices: Tensor } {
    const [values, indices] = native().sort(this, dim, descending)
    return { values, indices }
  }
  argsort(this: Tensor, options: { dim?: number; descending?: boolean } = {}): Tensor {
    const { values, indices } = this.sort(options)
    values.dispose()
    return indices
  }
  /** How often each of 0, 1, 2 … occurs in a 1-d integer tensor. */
  bincount(this: Tensor, { minLength = 0 } = {}): Tensor {
    return native().bincount(this, minLength)
  }

  // --- products -------------------------------------------------------------------------------------------------------

  /** Matrix product [.., n, k] × [.., k, m], batch dimensions broadcast; vectors as in PyTorch. */
  matmul(this: Tensor, other: Tensor): Tensor {
    return native().matmul(this, other)
  }

  // --- in place: return this --------------------------------------------------------------------------------------------

  add_(this: Tensor, other: Operand, { alpha = 1 }: { alpha?: number } = {}): Tensor {
    native().add_(this, other, alpha)
    return this
  }
  sub_(this: Tensor, other: Operand, { alpha = 1 }: { alpha?: number } = {}): Tensor {
    native().sub_(this, other, alpha)
    return this
  }
  mul_(this: Tensor, other: Operand): Tensor {
    native().mul_(this, other)
    return this
  }
  div_(this: Tensor, other: Operand): Tensor {
    native().div_(this, other)
    return this
  }
  fill_(this: Tensor, value: Element): Tensor {
    native().fill_(this, value)
    return this
  }
  zero_(this: Tensor): Tensor {
    native().zero_(this)
    return this
  }
  /**
   * Takes over the elements of `source`, converting dtype and device, broadcasting the shape.
   *
   * @param options.nonBlocking Between a GPU and pinned host memory: does not wait for the copy, which is work of the
   *   current stream like any other. Host memory must then be left alone until that stream has been waited for.
   */
  copy_(this: Tensor, source: Tensor, { nonBlocking = false }: { nonBlocking?: boolean } = {}): Tensor {
    native().copy_(this, source, nonBlocking)
    return this
  }
  clamp_(this: Tensor, { min, max }: { min?: number; max?: number }): Tensor {
    native().clamp_(this, min, max)
    return this
  }
  /** this + weight · (end − this). */
  lerp_(this: Tensor, end: Tensor, weight: number): Tensor {
    native().lerp_(this, end, weight)
    return this
  }
  /** Fills with uniform numbers of [low, high). */
  uniform_(this: Tensor, low = 0, high = 1): Tensor {
    native().uniform_(this, low, high)
    return this
  }
  /** Fills with normal numbers. */
  normal_(this: Tensor, mean = 0, std = 1): Tensor {
    native().normal_(this, mean, std)
    return this
  }
}
