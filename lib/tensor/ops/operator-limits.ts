/** Argument checks that libtorch's operators lack. {@link callOp} makes them. */
import { native } from '../../native/addon'
import { scope } from '../core/scope'
import { Tensor } from '../core/tensor'

/** Reads one argument of the call, by position or name; undefined if it was left out. */
type Get = (position: number, name: string) => unknown

interface Limit {
  /** Full names, whose overloads all have the arguments in these positions. */
  operators: RegExp
  /** What is wrong with a call; undefined if nothing is. */
  wrong(get: Get): string | undefined
}

const shape = (value: unknown) => (value instanceof Tensor ? value.shape : undefined)
const text = (value: unknown) => `[${(value as number[]).join(', ')}]`
const isInteger = (value: unknown): value is Tensor => value instanceof Tensor && /^u?int\d+$/.test(value.dtype)
/** The numbers in a tensor of whole numbers. The host waits for the device. */
const values = (tensor: Tensor): number[] => Array.from(tensor.toTypedArray() as ArrayLike<number | bigint>, Number)

/** Numbers that a kernel counts up to, or multiplies until they overflow. */
function atMost(operators: RegExp, position: number, name: string, most: number): Limit {
  return {
    operators,
    wrong(get) {
      const value = get(position, name)
      const largest = value instanceof Tensor && value.numel > 0 ? Number(value.max().item()) : Number(value)
      return largest > most ? `${name} must be at most ${most}, got ${largest}` : undefined
    },
  }
}

/**
 * Sizes, strides and an offset: libtorch computes the last element's place in 64 bits, so that on overflow it may seem
 * valid.
 */
function strided(operators: RegExp, [sizes, strides, offset]: [number, number, number]): Limit {
  return {
    operators,
    wrong(get) {
      const list = (position: number, name: string) => [get(position, name) ?? []].flat().map(Number)
      const [size, stride] = [list(sizes, 'size'), list(strides, 'stride')]
      const steps = size.map((count, dim) => Math.abs(count * (stride[dim] ?? 1)))
      const reach = steps.reduce((sum, step) => sum + step, Math.abs(Number(get(offset, 'storage_offset') ?? 0)))
      return reach > 2 ** 48 ? `storage_offset, size and stride reach ${reach} elements far` : undefined
    },
  }
}

/** Numbers whose kernels never end if they are not finite. */
function finite(operators: RegExp, places: [number, string][]): Limit {
  return {
    operators,
    wrong(get) {
      for (const [position, name] of places) {
        const value = get(position, name)
        if (!(value instanceof Tensor)) continue
        if (!(native().callOp('aten::isfinite', [value]) as Tensor).all().item()) return `${name} holds NaN or infinity`
      }
      return undefined
    },
  }
}

/** Row numbers that LAPACK uses unchecked. */
function pivots(operators: RegExp, matrix: [number, string], position: [number, string], blocks: boolean): Limit {
  return {
    operators,
    wrong(get) {
      const [of, given] = [shape(get(...matrix)), get(...position)]
      if (of === undefined || of.length < 2 || !isInteger(given)) return undefined
      const [rows, columns] = of.slice(-2) as [number, number]
      const expected = [...of.slice(0, -2), Math.min(rows, columns)]
      const name = position[1]
      if (text(given.shape) !== text(expected)) return `${name} must be ${text(expected)}, is ${text(given.shape)}`
      const list = values(given)
      const count = expected[expected.length - 1] as number
      for (let at = 0; at < list.length; at++) {
        const pivot = list[at] as number
        const block = blocks && pivot < 0
        if (!(Math.abs(pivot) >= 1 && Math.abs(pivot) <= rows && (pivot > 0 || block)))
          return `${name} must be rows from 1 to ${rows}, found ${pivot}`
        // A negative number belongs to a block of two rows.
        if (block && (++at % count === 0 || list[at] !== pivot)) return `${name} holds ${pivot} without its second row`
      }
      return undefined
    },
  }
}

const LIMITS: readonly Limit[] = [
  atMost(/^aten::mvlgamma_?$/, 1, 'p', 2 ** 20),
  atMost(/^aten::special_\w+_polynomial_\w+$/, 1, 'n', 2 ** 20),
  atMost(/^aten::combinations$/, 1, 'r', 64),
  atMost(/^aten::tensor_split$/, 1, 'sections', 2 ** 20),
  atMost(/^aten::random_?$/, 1, 'from', 2 ** 62),
  {
    operators: /^aten::(linalg_)?matrix_power$/,
    wrong: (get) => (Number(get(1, 'n')) < -(2 ** 62) ? `n must be at least -2^62, got ${get(1, 'n')}` : undefined),
  },
  strided(/^aten::as_strided(_|_copy)?$/, [1, 2, 3]),
  strided(/^aten::as_strided_scatter$/, [2, 3, 4]),
  strided(/^aten::set_?$/, [3, 4, 2]),
  {
    operators: /^aten::((reflection|replication)_pad\dd|pad|constant_pad_nd)$/,
    wrong(get) {
      const amount = [get(1, 'padding') ?? get(1, 'pad')].flat().find((one) => Math.abs(Number(one)) > 2 ** 40)
      return amount === undefined ? undefined : `padding must be at most 2^40, got ${amount}`
    },
  },
  {
    operators: /^aten::scaled_dot_product_attention$/,
    wrong: (get) =>
      get(7, 'enable_gqa') === true && [1, 2].some((at) => shape(get(at, at === 1 ? 'key' : 'value'))?.at(-3) === 0)
        ? 'key and value have no heads'
        : undefined,
  },
  finite(/^aten::linalg_eigvals$/, [[0, 'self']]),
  finite(/^aten::binomial$/, [
    [0, 'count'],
    [1, 'prob'],
  ]),
  {
    operators: /^aten::fractional_max_pool[23]d$/,
    wrong(get) {
      const sizes = [get(1, 'kernel_size'), get(2, 'output_size')].flat().map(Number)
      return sizes.some((size) => size < 1) ? 'kernel_size and output_size must be positive' : undefined
    },
  },
  {
    operators: /^aten::upsample_\w+$/,
    wrong(get) {
      // Scales come after the size, one by one or in a list. Some operators have flags before them.
      const names = ['scales', 'scales_d', 'scales_h', 'scales_w', 'scale_factors']
      const given = [...[2, 3, 4, 5].map((position) => get(position, '')), ...names.map((name) => get(-1, name))]
      const scales = given.flat().filter((scale) => typeof scale === 'number')
      const wrong = scales.find((scale) => !(scale >= 2 ** -20 && scale <= 2 ** 20))
      return wrong === undefined ? undefined : `scales must lie between 2^-20 and 2^20, got ${wrong}`
    },
  },
  {
    // The kernel assumes that an expanded tensor has as many elements in memory as in its shape, and reads out of
    // bounds.
    operators: /^aten::(nan)?median$/,
    wrong: (get) => {
      const self = get(0, 'self')
      if (!(self instanceof Tensor) || get(1, 'dim') === undefined) return undefined
      const expanded = self.shape.some(
        (size, dim) => size > 1 && native().callOp('aten::stride.int', [self, dim]) === 0,
      )
      return expanded ? 'self is expanded; call contiguous() first' : undefined
    },
  },
  pivots(/^aten::lu_unpack$/, [0, 'LU_data'], [1, 'LU_pivots'], false),
  pivots(/^aten::lu_solve$/, [1, 'LU_data'], [2, 'LU_pivots'], false),
  pivots(/^aten::linalg_lu_solve$/, [0, 'LU'], [1, 'pivots'], false),
  pivots(/^aten::linalg_ldl_solve$/, [0, 'LD'], [1, 'pivots'], true),
  {
    operators: /^aten::pdist$/,
    wrong: (get) => (shape(get(0, 'self'))?.[0] === 0 ? 'self has no rows' : undefined),
  },
  {
    operators: /^aten::embedding_bag$/,
    wrong(get) {
      const [indices, offsets, weights] = [get(1, 'indices'), get(2, 'offsets'), get(6, 'per_sample_weights')]
      if (!(indices instanceof Tensor && offsets instanceof Tensor)) return undefined
      if (!(isInteger(indices) && isInteger(offsets))) return 'indices and offsets must be integers'
      if (indices.shape.length !== 1 || offsets.shape.length !== 1) return 'indices and offsets must be vectors'
      if (weights instanceof Tensor && text(weights.shape) !== text(indices.shape))
        return `per_sample_weights must have the shape of indices, ${text(indices.shape)}, is ${text(weights.shape)}`
      return rising(values(offsets), indices.numel, 'offsets')
    },
  },
  {
    operators: /^aten::segment_reduce$/,
    wrong(get) {
      const [data, offsets, lengths] = [shape(get(0, 'data')), get(4, 'offsets'), get(2, 'lengths')]
      const axis = Number(get(5, 'axis') ?? 0)
      if (data === undefined || axis < 0 || axis >= data.length) return undefined
      for (const [name, given] of [
        ['offsets', offsets],
        ['lengths', lengths],
      ] as const) {
        if (!isInteger(given) || given.shape.length === 0) continue
        const outer = data.slice(0, axis)
        if (text(given.shape.slice(0, -1)) !== text(outer))
          return `${name} must be ${text([...outer, 'segments'])}, is ${text(given.shape)}`
        const list = values(given)
        const width = given.shape[given.shape.length - 1] as number
        for (let at = 0; width > 0 && at < list.length; at += width) {
          const row = list.slice(at, at + width)
          let sum = 0
          const ends = name === 'offsets' ? row : row.map((length) => (sum += length))
          if (row.some((value) => value < 0)) return `${name} must not be negative`
          const wrong = rising(ends, data[axis] as number, name)
          if (wrong) return wrong
        }
      }
      return undefined
    },
  },
]

function rising(list: number[], most: number, name: string): string | undefined {
  const wrong = list.findIndex((value, at) => value < (at === 0 ? 0 : (list[at - 1] as number)) || value > most)
  return wrong < 0 ? undefined : `${name} must rise from 0 to ${most} at most, found ${list[wrong]}`
}

/**
 * What is wrong with the arguments of an operator, in cases that libtorch does not check.
 *
 * @param operator Its full name without an overload.
 */
export function excessOf(operator: string, args: unknown[], kwargs?: Record<string, unknown>): string | undefined {
  const get: Get = (position, name) => args[position] ?? kwargs?.[name]
  for (const limit of LIMITS) {
    // The scope frees the tensors that a check makes.
    const wrong = limit.operators.test(operator) ? scope(() => limit.wrong(get)) : undefined
    if (wrong !== undefined) return wrong
  }
  return undefined
}
