/** Converts nested arrays to flat typed arrays and back. */
import { MbconvError } from '../../errors/error'
import type { DType, Element, NestedArray, TypedArray } from '../../native/types'

/** libtorch has kernels for at most 64 dimensions; deeper nesting is a mistake (or a cycle). */
const MAX_DIMENSIONS = 64

/** Least and largest value of the integer dtypes. A number is cut off towards 0 after it has been compared. */
const RANGES: Partial<Record<DType, readonly [bigint, bigint]>> = {
  uint8: [0n, 255n],
  int8: [-(2n ** 7n), 2n ** 7n - 1n],
  int16: [-(2n ** 15n), 2n ** 15n - 1n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
}

/** Refuses what an integer dtype cannot hold: too large, too small, NaN, infinite. */
function checkRange(elements: readonly Element[], dtype: DType, op: string): void {
  const range = RANGES[dtype]
  if (range === undefined) return
  const [least, most] = range
  // As numbers, 2^63 - 1 becomes 2^63, the first value that does not fit.
  const [low, high] = [Number(least), Number(most)]
  const fits = (element: Element) =>
    typeof element === 'bigint'
      ? element >= least && element <= most
      : Number(element) >= low && (dtype === 'int64' ? Number(element) < high : Number(element) <= high)
  const wrong = elements.findIndex((element) => !fits(element))
  if (wrong < 0) return
  const message = `${op}: ${elements[wrong]} does not fit into ${dtype}, which holds ${least} to ${most}`
  throw new MbconvError('ERR_VALUE', message, { op })
}

/**
 * Flattens nested arrays in row-major order.
 *
 * @param wanted the dtype that the elements are to have; without it, the one that they suggest
 * @returns The elements, the shape, and the dtype: the wanted one, or bool, int64 (BigInts) or float32.
 * @throws MbconvError ERR_SHAPE when rows differ in length, ERR_TYPE for anything but numbers, BigInts and booleans,
 *   ERR_VALUE for what an integer dtype cannot hold.
 */
export function flatten(
  data: NestedArray<Element>,
  op: string,
  wanted?: DType,
): { flat: TypedArray; shape: number[]; dtype: DType } {
  const shape: number[] = []
  for (let level: unknown = data; Array.isArray(level); level = level[0]) {
    shape.push(level.length)
    if (shape.length > MAX_DIMENSIONS) {
      throw new MbconvError('ERR_SHAPE', `${op}: data are nested more than ${MAX_DIMENSIONS} deep`, { op })
    }
    if (level.length === 0) break
  }
  const elements: Element[] = []
  collect(data, shape, 0, elements, op)
  const kind = typeof (elements[0] ?? 0)
  const mixed = elements.findIndex((element) => typeof element !== kind)
  if (mixed >= 0) {
    throw new MbconvError('ERR_TYPE', `${op}: data mix ${kind}s and ${typeof elements[mixed]}s`, { op })
  }
  const dtype = wanted ?? ({ bigint: 'int64', boolean: 'bool' }[kind as string] as DType | undefined) ?? 'float32'
  checkRange(elements, dtype, op)
  if (kind === 'boolean') return { flat: Uint8Array.from(elements as never[]), shape, dtype }
  if (kind !== 'bigint') return { flat: Float64Array.from(elements as number[]), shape, dtype }
  // Whatever their dtype, BigInts pass through 64 bits.
  checkRange(elements, 'int64', op)
  return { flat: BigInt64Array.from(elements as bigint[]), shape, dtype }
}

function collect(data: unknown, shape: number[], depth: number, into: Element[], op: string): void {
  if (depth === shape.length) {
    if (typeof data !== 'number' && typeof data !== 'bigint' && typeof data !== 'boolean') {
      const got = data === null ? 'null' : Array.isArray(data) ? 'an array' : typeof data
      throw new MbconvError('ERR_TYPE', `${op}: data must be numbers, BigInts or booleans, got ${got}`, { op })
    }
    into.push(data)
    return
  }
  if (!Array.isArray(data) || data.length !== shape[depth]) {
    const got = Array.isArray(data) ? `one of ${data.length}` : `${typeof data}`
    throw new MbconvError(
      'ERR_SHAPE',
      `${op}: rows must be equally long: expected ${shape[depth]} in dimension ${depth}, got ${got}`,
      { op },
    )
  }
  for (const element of data) collect(element, shape, depth + 1, into, op)
}

/** Row-major elements as nested arrays of plain numbers, booleans, and BigInts beyond ±2^53. */
export function nest(flat: TypedArray, shape: number[], dtype: DType): NestedArray<Element> {
  const read = reader(flat, dtype)
  let position = 0
  const build = (dim: number): NestedArray<Element> => {
    if (dim === shape.length) return read(position++)
    const row = new Array<NestedArray<Element>>(shape[dim])
    for (let i = 0; i < shape[dim]; i++) row[i] = build(dim + 1)
    return row
  }
  return build(0)
}

function reader(flat: TypedArray, dtype: DType): (index: number) => Element {
  switch (dtype) {
    case 'bool':
      return (index) => flat[index] !== 0
    case 'int64':
      return (index) => {
        const value = flat[index] as bigint
        const number = Number(value)
        return Number.isSafeInteger(number) ? number : value
      }
    case 'float16':
      return (index) => float16(flat[index] as number)
    case 'bfloat16':
      return (index) => bfloat16(flat[index] as number)
    default:
      return (index) => flat[index]
  }
}

/** IEEE 754 binary16 bits to a number. */
export function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  if (exponent === 0) return sign * fraction * 2 ** -24
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

const word = new Uint32Array(1)
const asFloat = new Float32Array(word.buffer)

/** bfloat16 bits, the upper half of a float32, to a number. */
export function bfloat16(bits: number): number {
  word[0] = bits << 16
  return asFloat[0]
}
