/**
 * Operations on lists of tensors, in as few kernel launches as the device allows. Optimisers and moving averages use
 * them. They support autograd, except maximum_, minimum_ and copy_: libtorch has no derivative of those. The lists must
 * have equal lengths (ERR_SHAPE), and pairs must broadcast and lie on one device.
 */
import { native } from '../../native/addon'
import type { ForeachOperand } from '../../native/operations'
import type { AlphaOptions } from '../../native/types'
import type { Tensor } from '../core/tensor'

/** The other side: a number or a 0-d tensor for the whole list, or a number or tensor for each element. */
export type { ForeachOperand } from '../../native/operations'

/** −x. */
export function neg(tensors: Tensor[]): Tensor[] {
  return native().foreachNeg(tensors)
}
/** {@link neg} in place. */
export function neg_(tensors: Tensor[]): Tensor[] {
  native().foreachNeg_(tensors)
  return tensors
}
/** |x|. */
export function abs(tensors: Tensor[]): Tensor[] {
  return native().foreachAbs(tensors)
}
/** {@link abs} in place. */
export function abs_(tensors: Tensor[]): Tensor[] {
  native().foreachAbs_(tensors)
  return tensors
}
/** The exponential function. */
export function exp(tensors: Tensor[]): Tensor[] {
  return native().foreachExp(tensors)
}
/** {@link exp} in place. */
export function exp_(tensors: Tensor[]): Tensor[] {
  native().foreachExp_(tensors)
  return tensors
}
/** Natural logarithm. */
export function log(tensors: Tensor[]): Tensor[] {
  return native().foreachLog(tensors)
}
/** {@link log} in place. */
export function log_(tensors: Tensor[]): Tensor[] {
  native().foreachLog_(tensors)
  return tensors
}
/** √x. */
export function sqrt(tensors: Tensor[]): Tensor[] {
  return native().foreachSqrt(tensors)
}
/** {@link sqrt} in place. */
export function sqrt_(tensors: Tensor[]): Tensor[] {
  native().foreachSqrt_(tensors)
  return tensors
}
/** 1 / √x. */
export function rsqrt(tensors: Tensor[]): Tensor[] {
  return native().foreachRsqrt(tensors)
}
/** {@link rsqrt} in place. */
export function rsqrt_(tensors: Tensor[]): Tensor[] {
  native().foreachRsqrt_(tensors)
  return tensors
}
/** 1 / x. */
export function reciprocal(tensors: Tensor[]): Tensor[] {
  return native().foreachReciprocal(tensors)
}
/** {@link reciprocal} in place. */
export function reciprocal_(tensors: Tensor[]): Tensor[] {
  native().foreachReciprocal_(tensors)
  return tensors
}
/** −1, 0 or 1. */
export function sign(tensors: Tensor[]): Tensor[] {
  return native().foreachSign(tensors)
}
/** {@link sign} in place. */
export function sign_(tensors: Tensor[]): Tensor[] {
  native().foreachSign_(tensors)
  return tensors
}
/** Sets every element to 0. */
export function zero_(tensors: Tensor[]): Tensor[] {
  native().foreachZero_(tensors)
  return tensors
}
/** The options of {@link norm}. */
export interface NormOptions {
  /** Which norm: 1, 2, Infinity … Default 2. */
  p?: number
}

/** The p-norm of each; the Euclidean norm by default. */
export function norm(tensors: Tensor[], { p = 2 }: NormOptions = {}): Tensor[] {
  return native().foreachNorm(tensors, p)
}

/** tensors + alpha · other; alpha only if `other` is tensors. */
export function add(tensors: Tensor[], other: ForeachOperand, { alpha = 1 }: AlphaOptions = {}): Tensor[] {
  return native().foreachAdd(tensors, other, alpha)
}
/** {@link add} in place. */
export function add_(tensors: Tensor[], other: ForeachOperand, { alpha = 1 }: AlphaOptions = {}): Tensor[] {
  native().foreachAdd_(tensors, other, alpha)
  return tensors
}
/** tensors − alpha · other; alpha only if `other` is tensors. */
export function sub(tensors: Tensor[], other: ForeachOperand, { alpha = 1 }: AlphaOptions = {}): Tensor[] {
  return native().foreachSub(tensors, other, alpha)
}
/** {@link sub} in place. */
export function sub_(tensors: Tensor[], other: ForeachOperand, { alpha = 1 }: AlphaOptions = {}): Tensor[] {
  native().foreachSub_(tensors, other, alpha)
  return tensors
}
/** tensors · other. */
export function mul(tensors: Tensor[], other: ForeachOperand): Tensor[] {
  return native().foreachMul(tensors, other)
}
/** {@link mul} in place. */
export function mul_(tensors: Tensor[], other: ForeachOperand): Tensor[] {
  native().foreachMul_(tensors, other)
  return tensors
}
/** tensors / other. */
export function div(tensors: Tensor[], other: ForeachOperand): Tensor[] {
  return native().foreachDiv(tensors, other)
}
/** {@link div} in place. */
export function div_(tensors: Tensor[], other: ForeachOperand): Tensor[] {
  native().foreachDiv_(tensors, other)
  return tensors
}
/** tensors to the power of `exponent`. */
export function pow(tensors: Tensor[], exponent: ForeachOperand): Tensor[] {
  return native().foreachPow(tensors, exponent)
}
/** {@link pow} in place. */
export function pow_(tensors: Tensor[], exponent: ForeachOperand): Tensor[] {
  native().foreachPow_(tensors, exponent)
  return tensors
}
/** The larger element of each pair. */
export function maximum(tensors: Tensor[], other: ForeachOperand): Tensor[] {
  return native().foreachMaximum(tensors, other)
}
/** {@link maximum} in place. */
export function maximum_(tensors: Tensor[], other: ForeachOperand): Tensor[] {
  native().foreachMaximum_(tensors, other)
  return tensors
}
/** The smaller element of each pair. */
export function minimum(tensors: Tensor[], other: ForeachOperand): Tensor[] {
  return native().foreachMinimum(tensors, other)
}
/** {@link minimum} in place. */
export function minimum_(tensors: Tensor[], other: ForeachOperand): Tensor[] {
  native().foreachMinimum_(tensors, other)
  return tensors
}
/** At least `min`: another name of {@link maximum}. */
export function clampMin(tensors: Tensor[], min: ForeachOperand): Tensor[] {
  return native().foreachMaximum(tensors, min)
}
/** {@link clampMin} in place. */
export function clampMin_(tensors: Tensor[], min: ForeachOperand): Tensor[] {
  native().foreachMaximum_(tensors, min)
  return tensors
}
/** At most `max`: another name of {@link minimum}. */
export function clampMax(tensors: Tensor[], max: ForeachOperand): Tensor[] {
  return native().foreachMinimum(tensors, max)
}
/** {@link clampMax} in place. */
export function clampMax_(tensors: Tensor[], max: ForeachOperand): Tensor[] {
  native().foreachMinimum_(tensors, max)
  return tensors
}
/** Copies the elements of `sources`, converting dtype and device. */
export function copy_(tensors: Tensor[], sources: Tensor[]): Tensor[] {
  native().foreachCopy_(tensors, sources)
  return tensors
}
/** tensors + weight · (ends − tensors). */
export function lerp(tensors: Tensor[], ends: Tensor[], weight: ForeachOperand): Tensor[] {
  return native().foreachLerp(tensors, ends, weight)
}
/** {@link lerp} in place. */
export function lerp_(tensors: Tensor[], ends: Tensor[], weight: ForeachOperand): Tensor[] {
  native().foreachLerp_(tensors, ends, weight)
  return tensors
}

/** The options of functions of three lists. */
export interface PointwiseOptions {
  /** A factor, or one for each element. Default 1. */
  value?: number | number[]
}

/** tensors + value · left · right. */
export function addcmul(
  tensors: Tensor[],
  left: Tensor[],
  right: Tensor[],
  { value = 1 }: PointwiseOptions = {},
): Tensor[] {
  return native().foreachAddcmul(tensors, left, right, value)
}
/** {@link addcmul} in place. */
export function addcmul_(
  tensors: Tensor[],
  left: Tensor[],
  right: Tensor[],
  { value = 1 }: PointwiseOptions = {},
): Tensor[] {
  native().foreachAddcmul_(tensors, left, right, value)
  return tensors
}
/** tensors + value · left / right. */
export function addcdiv(
  tensors: Tensor[],
  left: Tensor[],
  right: Tensor[],
  { value = 1 }: PointwiseOptions = {},
): Tensor[] {
  return native().foreachAddcdiv(tensors, left, right, value)
}
/** {@link addcdiv} in place. */
export function addcdiv_(
  tensors: Tensor[],
  left: Tensor[],
  right: Tensor[],
  { value = 1 }: PointwiseOptions = {},
): Tensor[] {
  native().foreachAddcdiv_(tensors, left, right, value)
  return tensors
}
