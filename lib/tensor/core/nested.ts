/** Converts nested arrays to flat typed arrays and back. */
import { MbconvError } from '../../errors/error'
import type { DType, Element, NestedArray, TypedArray } from '../../native/types'

/** libtorch has kernels for at most 64 dimensions; deeper nesting is a mistake (or a cycle). */
const MAX_DIMENSIONS = 64

/**
 * Flattens nested arrays in row-major order.
 *
 * @returns The elements, the shape, and the dtype they suggest: bool, int64 (BigInts) or float32.
 * @throws MbconvError ERR_SHAPE when rows differ in length, ERR_TYPE for anything but numbers, BigInts and booleans.
 */
export function flatten(data: NestedArray<Element>, op: string): { flat: TypedArray; shape: number[]; dtype: DType } {
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
  if (kind === 'bigint') return { flat: BigInt64Array.from(elements as bigint[]), shape, dtype: 'int64' }
  if (kind === 'boolean') return { flat: Uint8Array.from(elements as never[]), shape, dtype: 'bool' }
  return { flat: Float64Array.from(elements as number[]), shape, dtype: 'float32' }
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
