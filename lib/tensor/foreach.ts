/**
 * Operations on lists of tensors, as few kernel launches as the device allows: what optimisers and averages are made of.
 * With autograd, except for maximum_, minimum_ and copy_, of which libtorch has no derivative. The lists must be as long as each other (ERR_SHAPE), and pairs must broadcast and lie on one device.
 */
import { native } from '../native'
import type { ForeachOperand } from '../native-operations'
import type { Tensor } from './tensor'

/** The other side: a number or a tensor without dimensions for the whole list, or a number or tensor for each element. */
export type { ForeachOperand } from '../native-operations'

export function neg(tensors: Tensor[]): Tensor[] {
  return native().foreachNeg(tensors)
}
export function neg_(tensors: Tensor[]): Tensor[] {
  native().foreachNeg_(tensors)
  return tensors
}
export function abs(tensors: Tensor[]): Tensor[] {
  return native().foreachAbs(tensors)
}
export function abs_(tensors: Tensor[]): Tensor[] {
  native().foreachAbs_(tensors)
  return tensors
}
export function exp(tensors: Tensor[]): Tensor[] {
  return native().foreachExp(tensors)
}
export function exp_(tensors: Tensor[]): Tensor[] {
  native().foreachExp_(tensors)
  return tensors
}
/** Natural logarithm. */
export function log(tensors: Tensor[]): Tensor[] {
  return native().foreachLog(tensors)
}
export function log_(tensors: Tensor[]): Tensor[] {
  native().foreachLog_(tensors)
  return tensors
}
export function sqrt(tensors: Tensor[]): Tensor[] {
  return native().foreachSqrt(tensors)
}
export function sqrt_(tensors: Tensor[]): Tensor[] {
  native().foreachSqrt_(tensors)
  return tensors
}
/** 1 / √x. */
export function rsqrt(tensors: Tensor[]): Tensor[] {
  return native().foreachRsqrt(tensors)
}
export function rsqrt_(tensors: Tensor[]): Tensor[] {
  native().foreachRsqrt_(tensors)
  return tensors
}
/** 1 / x. */
export function reciprocal(tensors: Tensor[]): Tensor[] {
  return native().foreachReciprocal(tensors)
}
export function reciprocal_(tensors: Tensor[]): Tensor[] {
  native().foreachReciprocal_(tensors)
  return tensors
}
/** −1, 0 or 1. */
export function sign(tensors: Tensor[]): Tensor[] {
  return native().foreachSign(tensors)
}
export function sign_(tensors: Tensor[]): Tensor[] {
  native().foreachSign_(tensors)
  return tensors
}
export function zero_(tensors: Tensor[]): Tensor[] {
  native().foreachZero_(tensors)
  return tensors
}
/** The p-norm of each, default the Euclidean. */
export function norm(tensors: Tensor[], { p = 2 }: { p?: number } = {}): Tensor[] {
  return native().foreachNorm(tensors, p)
}

/** tensors + alpha · other; alpha for tensors only. */
export function add(tensors: Tensor[], other: ForeachOperand, { alpha = 1 }: { alpha?: number } = {}): Tensor[] {
  return native().foreachAdd(tensors, other, alpha)
}
export function add_(tensors: Tensor[], other: ForeachOperand, { alpha = 1 }: { alpha?: number } = {}): Tensor[] {
  native().foreachAdd_(tensors, other, alpha)
  return tensors
}
/** tensors − alpha · other; alpha for tensors only. */
export function sub(tensors: Tensor[], other: ForeachOperand, { alpha = 1 }: { alpha?: number } = {}): Tensor[] {
  return native().foreachSub(tensors, other, alpha)
}
export function sub_(tensors: Tensor[], other: ForeachOperand, { alpha = 1 }: { alpha?: number } = {}): Tensor[] {
  native().foreachSub_(tensors, other, alpha)
  return tensors
}
export function mul(tensors: Tensor[], other: ForeachOperand): Tensor[] {
  return native().foreachMul(tensors, other)
}
export function mul_(tensors: Tensor[], other: ForeachOperand): Tensor[] {
  native().foreachMul_(tensors, other)
  return tensors
}
export function div(tensors: Tensor[], other: ForeachOperand): Tensor[] {
  return native().foreachDiv(tensors, other)
}
export function div_(tensors: Tensor[], other: ForeachOperand): Tensor[] {
  native().foreachDiv_(tensors, other)
  return tensors
}
export function pow(tensors: Tensor[], exponent: ForeachOperand): Tensor[] {
  return native().foreachPow(tensors, exponent)
}
export function pow_(tensors: Tensor[], exponent: ForeachOperand): Tensor[] {
  native().foreachPow_(tensors, exponent)
  return tensors
}
/** Element by element the larger. */
export function maximum(tensors: Tensor[], other: ForeachOperand): Tensor[] {
  return native().foreachMaximum(tensors, other)
}
export function maximum_(tensors: Tensor[], other: ForeachOperand): Tensor[] {
  native().foreachMaximum_(tensors, other)
  return tensors
}
/** Element by element the smaller. */
export function minimum(tensors: Tensor[], other: ForeachOperand): Tensor[] {
  return native().foreachMinimum(tensors, other)
}
export function minimum_(tensors: Tensor[], other: ForeachOperand): Tensor[] {
  native().foreachMinimum_(tensors, other)
  return tensors
}
/** At least `min`: {@link maximum} by another name. */
export function clampMin(tensors: Tensor[], min: ForeachOperand): Tensor[] {
  return native().foreachMaximum(tensors, min)
}
export function clampMin_(tensors: Tensor[], min: ForeachOperand): Tensor[] {
  native().foreachMaximum_(tensors, min)
  return tensors
}
/** At most `max`: {@link minimum} by another name. */
export function clampMax(tensors: Tensor[], max: ForeachOperand): Tensor[] {
  return native().foreachMinimum(tensors, max)
}
export function clampMax_(tensors: Tensor[], max: ForeachOperand): Tensor[] {
  native().foreachMinimum_(tensors, max)
  return tensors
}
/** Takes over the elements of `sources`, converting dtype and device. */
export function copy_(tensors: Tensor[], sources: Tensor[]): Tensor[] {
  native().foreachCopy_(tensors, sources)
  return tensors
}
/** tensors + weight · (ends − tensors). */
export function lerp(tensors: Tensor[], ends: Tensor[], weight: ForeachOperand): Tensor[] {
  return native().foreachLerp(tensors, ends, weight)
}
export function lerp_(tensors: Tensor[], ends: Tensor[], weight: ForeachOperand): Tensor[] {
  native().foreachLerp_(tensors, ends, weight)
  return tensors
}

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
export function addcdiv_(
  tensors: Tensor[],
  left: Tensor[],
  right: Tensor[],
  { value = 1 }: PointwiseOptions = {},
): Tensor[] {
  native().foreachAddcdiv_(tensors, left, right, value)
  return tensors
}
