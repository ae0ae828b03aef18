/** Methods of Tensor: comparison with a tolerance, special functions, statistics, and more of them in place. */
import { native } from '../../native/addon'
import type { ClampOptions, Tensor } from '../../native/types'
import type { CloseOptions, Operand } from './arithmetic'
import { Conversions } from './conversions'

/** Which distance {@link Tensor.dist} computes. */
export interface DistOptions {
  /** Which norm. Default 2. */
  p?: number
}

/** The divisor of {@link Tensor.cov}. */
export interface CovarianceOptions {
  /** 1 (the default) divides by n − 1, 0 by n. */
  correction?: number
}

/** Where the samples of an integral lie. */
export interface TrapezoidOptions {
  /** Positions of the samples. */
  x?: Tensor
  /** Distance of neighbours, without `x`. Default 1. */
  dx?: number
  /** Dimension to integrate along. Default −1, the last. */
  dim?: number
}

/** A base class of Tensor; see {@link Arithmetic}. */
export abstract class Numeric extends Conversions {
  /** Whether |this − other| ≤ atol + rtol · |other|, for each element: bool. */
  isclose(this: Tensor, other: Operand, { rtol = 1e-5, atol = 1e-8, equalNan = false }: CloseOptions = {}): Tensor {
    return native().isclose(this, other, rtol, atol, equalNan)
  }
  /** {@link clamp} under NumPy's name. */
  clip(this: Tensor, limits: ClampOptions): Tensor {
    return this.clamp(limits)
  }
  /** {@link clip} in place. */
  clip_(this: Tensor, limits: ClampOptions): Tensor {
    return this.clamp_(limits)
  }

  // --- element by element --------------------------------------------------------------------------------------------

  /** The larger element of each pair; the other one if one is NaN. */
  fmax(this: Tensor, other: Operand): Tensor {
    return native().fmax(this, other)
  }
  /** The smaller element of each pair; the other one if one is NaN. */
  fmin(this: Tensor, other: Operand): Tensor {
    return native().fmin(this, other)
  }
  /** log₂(2^this + 2^other), accurate for large values. */
  logaddexp2(this: Tensor, other: Operand): Tensor {
    return native().logaddexp2(this, other)
  }
  /** The next number of the dtype after this one, towards the other. */
  nextafter(this: Tensor, other: Operand): Tensor {
    return native().nextafter(this, other)
  }
  /** Greatest common divisor of integers. */
  gcd(this: Tensor, other: Operand): Tensor {
    return native().gcd(this, other)
  }
  /** Least common multiple of integers. */
  lcm(this: Tensor, other: Operand): Tensor {
    return native().lcm(this, other)
  }
  /** {@link pow}, computed in float64. */
  floatPower(this: Tensor, exponent: Operand): Tensor {
    return native().floatPower(this, exponent)
  }
  /** 0 below 0, 1 above, and `values` at 0. */
  heaviside(this: Tensor, values: Tensor): Tensor {
    return native().heaviside(this, values)
  }
  /** this · 2^exponent. */
  ldexp(this: Tensor, exponent: Operand): Tensor {
    return native().ldexp(this, exponent)
  }
  /** sin(πx) / (πx), 1 at 0. */
  sinc(this: Tensor): Tensor {
    return native().sinc(this)
  }
  /** The modified Bessel function of the first kind, order 0. */
  i0(this: Tensor): Tensor {
    return native().i0(this)
  }
  /** Degrees to radians. */
  deg2rad(this: Tensor): Tensor {
    return native().deg2rad(this)
  }
  /** Radians to degrees. */
  rad2deg(this: Tensor): Tensor {
    return native().rad2deg(this)
  }
  /** Whether the sign of each element is minus: bool. −0 has that sign. */
  signbit(this: Tensor): Tensor {
    return native().signbit(this)
  }
  /** Whether each element is ∞: bool. */
  isposinf(this: Tensor): Tensor {
    return native().isposinf(this)
  }
  /** Whether each element is −∞: bool. */
  isneginf(this: Tensor): Tensor {
    return native().isneginf(this)
  }

  // --- of all elements -----------------------------------------------------------------------------------------------

  /** The p-norm of this − other. */
  dist(this: Tensor, other: Tensor, { p = 2 }: DistOptions = {}): Tensor {
    return native().dist(this, other, p)
  }
  /** Covariances [n, n] of n variables in the rows of [n, observations]. `correction` 1 (default) divides by n − 1. */
  cov(this: Tensor, { correction = 1 }: CovarianceOptions = {}): Tensor {
    return native().cov(this, correction, null, null)
  }
  /** Correlations [n, n] of n variables in the rows of [n, observations]. */
  corrcoef(this: Tensor): Tensor {
    return native().corrcoef(this)
  }
  /** The integral along `dim` by the trapezoidal rule, of samples at the positions `x` or with the spacing `dx`. */
  trapezoid(this: Tensor, { x, dx = 1, dim = -1 }: TrapezoidOptions = {}): Tensor {
    return native().trapezoid(this, x ?? dx, dim)
  }

  // --- in place ------------------------------------------------------------------------------------------------------

  /** {@link exp2} in place. */
  exp2_(this: Tensor): Tensor {
    native().exp2_(this)
    return this
  }
  /** {@link expm1} in place. */
  expm1_(this: Tensor): Tensor {
    native().expm1_(this)
    return this
  }
  /** {@link log1p} in place. */
  log1p_(this: Tensor): Tensor {
    native().log1p_(this)
    return this
  }
  /** {@link log2} in place. */
  log2_(this: Tensor): Tensor {
    native().log2_(this)
    return this
  }
  /** {@link log10} in place. */
  log10_(this: Tensor): Tensor {
    native().log10_(this)
    return this
  }
  /** {@link tan} in place. */
  tan_(this: Tensor): Tensor {
    native().tan_(this)
    return this
  }
  /** {@link erf} in place. */
  erf_(this: Tensor): Tensor {
    native().erf_(this)
    return this
  }
  /** {@link frac} in place. */
  frac_(this: Tensor): Tensor {
    native().frac_(this)
    return this
  }
  /** {@link sign} in place. */
  sign_(this: Tensor): Tensor {
    native().sign_(this)
    return this
  }
  /** {@link fmod} in place. */
  fmod_(this: Tensor, other: Operand): Tensor {
    native().fmod_(this, other)
    return this
  }
  /** {@link atan2} in place. */
  atan2_(this: Tensor, other: Tensor): Tensor {
    native().atan2_(this, other)
    return this
  }
  /** {@link hypot} in place. */
  hypot_(this: Tensor, other: Tensor): Tensor {
    native().hypot_(this, other)
    return this
  }
  /** {@link clampMin} in place. */
  clampMin_(this: Tensor, min: Operand): Tensor {
    native().clampMin_(this, min)
    return this
  }
  /** {@link clampMax} in place. */
  clampMax_(this: Tensor, max: Operand): Tensor {
    native().clampMax_(this, max)
    return this
  }
}
