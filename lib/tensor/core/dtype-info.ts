/** The limits of the dtypes, as IEEE 754 and two's complement define them. */
import { MbconvError } from '../../errors/error'
import { quoted } from '../../files/open'
import type { DType } from '../../native/types'

/** Limits of a floating-point dtype. */
export interface FloatInfo {
  /** The dtype; of a complex one, that of its parts. */
  dtype: DType
  /** Size of an element in bits. */
  bits: number
  /** The difference between 1 and the next larger number. */
  eps: number
  /** The largest finite number. */
  max: number
  /** The smallest finite number, −max. */
  min: number
  /** The smallest positive number of full precision. */
  tiny: number
  /** The smallest positive number. */
  smallestSubnormal: number
  /** 10^−k, where k is the number of decimal digits that the dtype keeps. */
  resolution: number
}

/** Limits of an integer dtype. */
export interface IntegerInfo {
  /** The dtype that these are the limits of. */
  dtype: DType
  /** Size of an element in bits. */
  bits: number
  /** The largest integer, a BigInt for int64, where a number is not exact. */
  max: number | bigint
  /** The smallest integer, a BigInt for int64. */
  min: number | bigint
}

/** Bits of the exponent and of the fraction. */
const FLOATS: Partial<Record<DType, [exponent: number, fraction: number]>> = {
  float16: [5, 10],
  bfloat16: [8, 7],
  float32: [8, 23],
  float64: [11, 52],
}
const INTEGERS: Partial<Record<DType, [bits: number, signed: boolean]>> = {
  uint8: [8, false],
  int8: [8, true],
  int16: [16, true],
  int32: [32, true],
  int64: [64, true],
}
/** The dtypes of the parts of complex numbers. */
const PARTS: Partial<Record<DType, DType>> = { complex64: 'float32', complex128: 'float64' }

/**
 * The limits of a floating-point dtype; of a complex one, those of its parts.
 *
 * @throws MbconvError ERR_TYPE for another dtype
 */
export function finfo(dtype: DType): FloatInfo {
  const part = PARTS[dtype] ?? dtype
  const bits = FLOATS[part]
  if (!Object.hasOwn(FLOATS, part) || bits === undefined) throw wrong('finfo', dtype, 'floating-point', 'iinfo')
  const [exponent, fraction] = bits
  const bias = 2 ** (exponent - 1) - 1
  const max = (2 - 2 ** -fraction) * 2 ** bias
  return {
    dtype: part,
    bits: 1 + exponent + fraction,
    eps: 2 ** -fraction,
    max,
    min: -max,
    tiny: 2 ** (1 - bias),
    smallestSubnormal: 2 ** (1 - bias - fraction),
    resolution: Number(`1e-${Math.floor(fraction * Math.log10(2))}`),
  }
}

/**
 * The limits of an integer dtype.
 *
 * @throws MbconvError ERR_TYPE for another dtype
 */
export function iinfo(dtype: DType): IntegerInfo {
  const kind = INTEGERS[dtype]
  if (!Object.hasOwn(INTEGERS, dtype) || kind === undefined) throw wrong('iinfo', dtype, 'integer', 'finfo')
  const [bits, signed] = kind
  const max = 2n ** BigInt(bits - (signed ? 1 : 0)) - 1n
  const min = signed ? -max - 1n : 0n
  if (bits === 64) return { dtype, bits, max, min }
  return { dtype, bits, max: Number(max), min: Number(min) }
}

function wrong(op: string, dtype: unknown, kind: string, other: string): MbconvError {
  const got = typeof dtype === 'string' ? quoted(dtype) : typeof dtype
  return new MbconvError('ERR_TYPE', `${op}: ${got} is no ${kind} dtype`, { op, hint: `${other}() has the other kind` })
}
