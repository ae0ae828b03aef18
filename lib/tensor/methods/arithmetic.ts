/** Methods of Tensor: element by element, comparison, products. */
import { native } from '../../native/addon'
import type {
  AlphaOptions,
  BoolTensor,
  ClampOptions,
  DivOptions,
  Element,
  RoundOptions,
  Tensor,
  ValueOptions,
} from '../../native/types'

/** The other side of an operation: a tensor, broadcast against this one, or a number (which never widens the dtype). */
export type Operand = Tensor | Element

/** Replacements for NaN and the infinities. */
export interface NanOptions {
  /** What replaces NaN. Default 0. */
  nan?: number
  /** What replaces infinity. Default: the largest number of the dtype. */
  posinf?: number
  /** What replaces -infinity. Default: the smallest number of the dtype. */
  neginf?: number
}

/** How far numbers may differ. */
export interface CloseOptions {
  /** Allowed difference, relative to `other`. Default 1e-5. */
  rtol?: number
  /** Allowed difference besides. Default 1e-8. */
  atol?: number
  /** Whether two NaN are equal. Default false. */
  equalNan?: boolean
}

/** The options of {@link Tensor.logit}. */
export interface LogitOptions {
  /** Elements are first limited to eps … 1 - eps. Default: no limit. */
  eps?: number
}

/** The first of Tensor's base classes. They split a long class into several files. */
export abstract class Arithmetic {
  // --- element by element --------------------------------------------------------------------------------------------

  /** this + alpha · other, broadcast. */
  add(this: Tensor, other: Operand, { alpha = 1 }: AlphaOptions = {}): Tensor {
    return native().add(this, other, alpha)
  }
  /** this − alpha · other, broadcast. */
  sub(this: Tensor, other: Operand, { alpha = 1 }: AlphaOptions = {}): Tensor {
    return native().sub(this, other, alpha)
  }
  /** The product, element by element; shapes are broadcast. */
  mul(this: Tensor, other: Operand): Tensor {
    return native().mul(this, other)
  }
  /**
   * The quotient. Integers give float32, or integers with `roundingMode`. The gradient of a rounded quotient is 0.
   *
   * @throws MbconvError ERR_VALUE for another `roundingMode`; ERR_NATIVE for integers divided by 0 with one
   */
  div(this: Tensor, other: Operand, { roundingMode }: DivOptions = {}): Tensor {
    return native().div(this, other, roundingMode)
  }
  /** Division rounded towards −∞. */
  floorDivide(this: Tensor, other: Operand): Tensor {
    return native().floorDivide(this, other)
  }
  /** Remainder with the divisor's sign, like Python's %. */
  remainder(this: Tensor, other: Operand): Tensor {
    return native().remainder(this, other)
  }
  /** Remainder with the dividend's sign, like JavaScript's %. */
  fmod(this: Tensor, other: Operand): Tensor {
    return native().fmod(this, other)
  }
  /** Each element to the power of `exponent`. */
  pow(this: Tensor, exponent: Operand): Tensor {
    return native().pow(this, exponent)
  }
  /** The angle of the point (other, this), in (−π, π]. */
  atan2(this: Tensor, other: Operand): Tensor {
    return native().atan2(this, other)
  }
  /** √(this² + other²), without overflow on the way. */
  hypot(this: Tensor, other: Operand): Tensor {
    return native().hypot(this, other)
  }
  /** This magnitude with the other's sign. */
  copysign(this: Tensor, other: Operand): Tensor {
    return native().copysign(this, other)
  }
  /** log(exp(this) + exp(other)), accurate for large values. */
  logaddexp(this: Tensor, other: Operand): Tensor {
    return native().logaddexp(this, other)
  }
  /** this · log(other), 0 where this is 0. */
  xlogy(this: Tensor, other: Operand): Tensor {
    return native().xlogy(this, other)
  }
  /** The larger element of each pair; NaN if either is NaN. */
  maximum(this: Tensor, other: Operand): Tensor {
    return native().maximum(this, other)
  }
  /** The smaller element of each pair; NaN if either is NaN. */
  minimum(this: Tensor, other: Operand): Tensor {
    return native().minimum(this, other)
  }
  /** Each element with the other sign. */
  neg(this: Tensor): Tensor {
    return native().neg(this)
  }
  /** Each element without its sign. */
  abs(this: Tensor): Tensor {
    return native().abs(this)
  }
  /** e to the power of each element. */
  exp(this: Tensor): Tensor {
    return native().exp(this)
  }
  /** 2 to the power of x. */
  exp2(this: Tensor): Tensor {
    return native().exp2(this)
  }
  /** exp(x) − 1, accurate near 0. */
  expm1(this: Tensor): Tensor {
    return native().expm1(this)
  }
  /** Natural logarithm. */
  log(this: Tensor): Tensor {
    return native().log(this)
  }
  /** log(1 + x), accurate near 0. */
  log1p(this: Tensor): Tensor {
    return native().log1p(this)
  }
  /** Logarithm to base 2. */
  log2(this: Tensor): Tensor {
    return native().log2(this)
  }
  /** Logarithm to base 10. */
  log10(this: Tensor): Tensor {
    return native().log10(this)
  }
  /** The square root of each element; NaN for negative ones. */
  sqrt(this: Tensor): Tensor {
    return native().sqrt(this)
  }
  /** 1 / √x. */
  rsqrt(this: Tensor): Tensor {
    return native().rsqrt(this)
  }
  /** Each element times itself. */
  square(this: Tensor): Tensor {
    return native().square(this)
  }
  /** 1 / x. */
  reciprocal(this: Tensor): Tensor {
    return native().reciprocal(this)
  }
  /** 1 / (1 + exp(-x)) of each element. */
  sigmoid(this: Tensor): Tensor {
    return native().sigmoid(this)
  }
  /** log(x / (1 − x)); with `eps`, x is first limited to [ε, 1 − ε]. */
  logit(this: Tensor, { eps }: LogitOptions = {}): Tensor {
    return native().logit(this, eps)
  }
  /** The hyperbolic tangent of each element. */
  tanh(this: Tensor): Tensor {
    return native().tanh(this)
  }
  /** max(0, x) of each element. */
  relu(this: Tensor): Tensor {
    return native().relu(this)
  }
  /** x · sigmoid(x), the paper's swish. */
  silu(this: Tensor): Tensor {
    return native().silu(this)
  }
  /** The sine of each element, in radians. */
  sin(this: Tensor): Tensor {
    return native().sin(this)
  }
  /** The cosine of each element, in radians. */
  cos(this: Tensor): Tensor {
    return native().cos(this)
  }
  /** Tangent, of radians. */
  tan(this: Tensor): Tensor {
    return native().tan(this)
  }
  /** Inverse sine, NaN outside [−1, 1]. */
  asin(this: Tensor): Tensor {
    return native().asin(this)
  }
  /** Inverse cosine, NaN outside [−1, 1]. */
  acos(this: Tensor): Tensor {
    return native().acos(this)
  }
  /** Inverse tangent, in (−π/2, π/2). */
  atan(this: Tensor): Tensor {
    return native().atan(this)
  }
  /** Hyperbolic sine. */
  sinh(this: Tensor): Tensor {
    return native().sinh(this)
  }
  /** Hyperbolic cosine. */
  cosh(this: Tensor): Tensor {
    return native().cosh(this)
  }
  /** Inverse hyperbolic sine. */
  asinh(this: Tensor): Tensor {
    return native().asinh(this)
  }
  /** Inverse hyperbolic cosine, NaN below 1. */
  acosh(this: Tensor): Tensor {
    return native().acosh(this)
  }
  /** Inverse hyperbolic tangent, NaN outside [−1, 1]. */
  atanh(this: Tensor): Tensor {
    return native().atanh(this)
  }
  /** The error function of each element. */
  erf(this: Tensor): Tensor {
    return native().erf(this)
  }
  /** 1 − erf(x), accurate for large x. */
  erfc(this: Tensor): Tensor {
    return native().erfc(this)
  }
  /** The inverse of erf, on (−1, 1). */
  erfinv(this: Tensor): Tensor {
    return native().erfinv(this)
  }
  /** log |Γ(x)|. */
  lgamma(this: Tensor): Tensor {
    return native().lgamma(this)
  }
  /** The derivative of {@link lgamma}. */
  digamma(this: Tensor): Tensor {
    return native().digamma(this)
  }
  /** The largest whole number at most each element. */
  floor(this: Tensor): Tensor {
    return native().floor(this)
  }
  /** The smallest whole number at least each element. */
  ceil(this: Tensor): Tensor {
    return native().ceil(this)
  }
  /** Each element without its fraction. */
  trunc(this: Tensor): Tensor {
    return native().trunc(this)
  }
  /** x − trunc(x), with the sign of x. */
  frac(this: Tensor): Tensor {
    return native().frac(this)
  }
  /** The nearest integer, or the nearest number with so many decimals; halves round to even. The gradient is 0. */
  round(this: Tensor, { decimals = 0 }: RoundOptions = {}): Tensor {
    return native().round(this, decimals)
  }
  /** −1, 0 or 1. */
  sign(this: Tensor): Tensor {
    return native().sign(this)
  }
  /** Limits every element to [min, max]. Either may be left out. */
  clamp(this: Tensor, { min, max }: ClampOptions): Tensor {
    return native().clamp(this, min, max)
  }
  /** At least `min`, a number or a tensor. */
  clampMin(this: Tensor, min: Operand): Tensor {
    return native().clampMin(this, min)
  }
  /** At most `max`, a number or a tensor. */
  clampMax(this: Tensor, max: Operand): Tensor {
    return native().clampMax(this, max)
  }
  /** Replaces NaN (default by 0) and the infinities (default by the dtype's largest and smallest number). */
  nanToNum(this: Tensor, { nan, posinf, neginf }: NanOptions = {}): Tensor {
    return native().nanToNum(this, nan, posinf, neginf)
  }
  /** this + value · left · right. */
  addcmul(this: Tensor, left: Tensor, right: Tensor, { value = 1 }: ValueOptions = {}): Tensor {
    return native().addcmul(this, left, right, value)
  }
  /** this + value · left / right. */
  addcdiv(this: Tensor, left: Tensor, right: Tensor, { value = 1 }: ValueOptions = {}): Tensor {
    return native().addcdiv(this, left, right, value)
  }
  /** this + weight · (end − this). */
  lerp(this: Tensor, end: Tensor, weight: Operand): Tensor {
    return native().lerp(this, end, weight)
  }

  // --- bits: integers and booleans -----------------------------------------------------------------------------------

  /** Inverts every bit; on booleans, logical not. */
  bitwiseNot(this: Tensor): Tensor {
    return native().bitwiseNot(this)
  }
  /** The bits set in both. */
  bitwiseAnd(this: Tensor, other: Operand): Tensor {
    return native().bitwiseAnd(this, other)
  }
  /** The bits set in either. */
  bitwiseOr(this: Tensor, other: Operand): Tensor {
    return native().bitwiseOr(this, other)
  }
  /** The bits set in exactly one of both. */
  bitwiseXor(this: Tensor, other: Operand): Tensor {
    return native().bitwiseXor(this, other)
  }
  /** this · 2^other. */
  bitwiseLeftShift(this: Tensor, other: Operand): Tensor {
    return native().bitwiseLeftShift(this, other)
  }
  /** Arithmetic shift: keeps the sign. */
  bitwiseRightShift(this: Tensor, other: Operand): Tensor {
    return native().bitwiseRightShift(this, other)
  }

  // --- comparison: bool tensors --------------------------------------------------------------------------------------

  /** Where elements are equal, as bool; shapes are broadcast. */
  eq(this: Tensor, other: Operand): BoolTensor {
    return native().eq(this, other) as BoolTensor
  }
  /** Where elements differ, as bool; shapes are broadcast. */
  ne(this: Tensor, other: Operand): BoolTensor {
    return native().ne(this, other) as BoolTensor
  }
  /** Where elements are less than those of `other`, as bool; shapes are broadcast. */
  lt(this: Tensor, other: Operand): BoolTensor {
    return native().lt(this, other) as BoolTensor
  }
  /** Where elements are at most those of `other`, as bool; shapes are broadcast. */
  le(this: Tensor, other: Operand): BoolTensor {
    return native().le(this, other) as BoolTensor
  }
  /** Where elements are greater than those of `other`, as bool; shapes are broadcast. */
  gt(this: Tensor, other: Operand): BoolTensor {
    return native().gt(this, other) as BoolTensor
  }
  /** Where elements are at least those of `other`, as bool; shapes are broadcast. */
  ge(this: Tensor, other: Operand): BoolTensor {
    return native().ge(this, other) as BoolTensor
  }
  /** Where both elements are other than zero, as bool. */
  logicalAnd(this: Tensor, other: Operand): BoolTensor {
    return native().logicalAnd(this, other) as BoolTensor
  }
  /** Where one of both elements is other than zero, as bool. */
  logicalOr(this: Tensor, other: Operand): BoolTensor {
    return native().logicalOr(this, other) as BoolTensor
  }
  /** Where exactly one of both elements is other than zero, as bool. */
  logicalXor(this: Tensor, other: Operand): BoolTensor {
    return native().logicalXor(this, other) as BoolTensor
  }
  /** Where elements are zero, as bool. */
  logicalNot(this: Tensor): BoolTensor {
    return native().logicalNot(this) as BoolTensor
  }
  /** Whether each element is NaN. */
  isnan(this: Tensor): BoolTensor {
    return native().isnan(this) as BoolTensor
  }
  /** Whether each element is ∞ or −∞. */
  isinf(this: Tensor): BoolTensor {
    return native().isinf(this) as BoolTensor
  }
  /** Whether each element is neither NaN nor infinite. */
  isfinite(this: Tensor): BoolTensor {
    return native().isfinite(this) as BoolTensor
  }
  /** Whether each element occurs among `values`. */
  isin(this: Tensor, values: Tensor): Tensor {
    return native().isin(this, values)
  }
  /** Whether the shapes and all elements are exactly equal. Waits for the device. */
  equal(this: Tensor, other: Tensor): boolean {
    return native().equal(this, other)
  }
  /** Whether |this − other| ≤ atol + rtol·|other| everywhere. Waits for the device. */
  allclose(this: Tensor, other: Tensor, { rtol = 1e-5, atol = 1e-8, equalNan = false }: CloseOptions = {}): boolean {
    return native().allclose(this, other, rtol, atol, equalNan)
  }

  // --- products ------------------------------------------------------------------------------------------------------

  /** Matrix product [.., n, k] × [.., k, m], batch dimensions broadcast; vectors as in PyTorch. */
  matmul(this: Tensor, other: Tensor): Tensor {
    return native().matmul(this, other)
  }
  /** [B, n, k] × [B, k, m]. */
  bmm(this: Tensor, other: Tensor): Tensor {
    return native().bmm(this, other)
  }
  /** Matrix [n, m] × vector [m]. */
  mv(this: Tensor, vector: Tensor): Tensor {
    return native().mv(this, vector)
  }
  /** Sum of the products of two vectors' elements. */
  dot(this: Tensor, other: Tensor): Tensor {
    return native().dot(this, other)
  }
  /** Vectors [n], [m] to [n, m]. */
  outer(this: Tensor, other: Tensor): Tensor {
    return native().outer(this, other)
  }
}
