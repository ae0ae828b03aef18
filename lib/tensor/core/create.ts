/** Tensors from data, constants, sequences and random numbers. */
import { MbconvError } from '../../errors/error'
import { native } from '../../native/addon'
import type { Device, DType, Element, MemoryFormat, NestedArray, TensorOptions, TypedArray } from '../../native/types'
import { flatten } from './nested'
import { Tensor } from './tensor'

const FLOAT: DType = 'float32'
const CPU: Device = 'cpu'

function isTypedArray(value: unknown): value is TypedArray {
  return ArrayBuffer.isView(value) && !(value instanceof DataView)
}

/**
 * A tensor with the given data, always a copy.
 *
 * @param data A number, BigInt or boolean, rectangular nested arrays of them, a typed array (1-d), or a tensor.
 * @throws MbconvError ERR_SHAPE for rows of different lengths, ERR_TYPE for other data, ERR_VALUE for a number that an
 *   integer dtype cannot hold (a typed array's elements are converted as a cast in C does).
 */
export function tensor<D extends DType = 'float32'>(data: NestedArray<number>, options?: TensorOptions<D>): Tensor<D>
export function tensor<D extends DType = 'int64'>(data: NestedArray<bigint>, options?: TensorOptions<D>): Tensor<D>
export function tensor<D extends DType = 'bool'>(data: NestedArray<boolean>, options?: TensorOptions<D>): Tensor<D>
export function tensor<D extends DType = DType>(
  data: NestedArray<Element> | TypedArray | Tensor,
  options?: TensorOptions<D>,
): Tensor<D>
export function tensor(data: NestedArray<Element> | TypedArray | Tensor, options: TensorOptions = {}): Tensor {
  if (data instanceof Tensor) {
    const source = data.detach()
    const copy = source.to({ dtype: options.dtype, device: options.device, copy: true })
    source.dispose()
    return options.requiresGrad ? copy.requiresGrad_() : copy
  }
  if (isTypedArray(data)) return fromTypedArray(data, [data.length], options)
  const { flat, shape, dtype } = flatten(data, 'tensor', options.dtype)
  return fromTypedArray(flat, shape, { ...options, dtype })
}

/**
 * A tensor of the given shape holding a copy of a typed array's elements in row-major order.
 *
 * @param data Its kind decides the dtype, unless one is given. A Uint16Array holds the bits of 16-bit floats: give
 *   dtype `float16` or `bfloat16`.
 */
export function fromTypedArray(data: TypedArray, shape: number[], options: TensorOptions = {}): Tensor {
  const result = native().fromTypedArray(data, shape, options.dtype, options.device ?? CPU)
  return options.requiresGrad ? result.requiresGrad_() : result
}

/** A tensor of zeros. Default dtype float32. */
export function zeros<D extends DType = 'float32'>(shape: number[], options: TensorOptions<D> = {}): Tensor<D> {
  return native().zeros(
    shape,
    options.dtype ?? FLOAT,
    options.device ?? CPU,
    options.requiresGrad ?? false,
  ) as Tensor<D>
}

/** A tensor of ones. Default dtype float32. */
export function ones<D extends DType = 'float32'>(shape: number[], options: TensorOptions<D> = {}): Tensor<D> {
  return full(shape, 1, options)
}

/** A tensor whose elements all have one value. Default dtype float32. */
export function full<D extends DType = 'float32'>(
  shape: number[],
  value: Element,
  options: TensorOptions<D> = {},
): Tensor<D> {
  const { dtype = FLOAT, device = CPU, requiresGrad = false } = options
  return native().full(shape, value, dtype, device, requiresGrad) as Tensor<D>
}

/** The options of {@link empty}. */
export interface EmptyOptions<D extends DType = DType> extends TensorOptions<D> {
  /** How the elements lie in memory. Default `contiguous`. */
  memoryFormat?: MemoryFormat
}

/** Uninitialised memory: write before reading. */
export function empty<D extends DType = 'float32'>(shape: number[], options: EmptyOptions<D> = {}): Tensor<D> {
  const { dtype = FLOAT, device = CPU, requiresGrad = false, memoryFormat } = options
  return native().empty(shape, dtype, device, requiresGrad, memoryFormat) as Tensor<D>
}

/** Whether a value is a tensor of this package. */
export function isTensor(value: unknown): value is Tensor {
  return value instanceof Tensor
}

/**
 * As {@link tensor}, but a tensor shares memory and graph with the one given if neither dtype nor device has to change.
 */
export function asTensor(
  data: NestedArray<Element> | TypedArray | Tensor,
  options: Omit<TensorOptions, 'requiresGrad'> = {},
): Tensor {
  return data instanceof Tensor ? data.to({ dtype: options.dtype, device: options.device }) : tensor(data, options)
}

/** Uniform numbers in [0, 1). */
export function rand<D extends DType = 'float32'>(shape: number[], options: TensorOptions<D> = {}): Tensor<D> {
  return native().rand(shape, options.dtype ?? FLOAT, options.device ?? CPU, options.requiresGrad ?? false) as Tensor<D>
}

/** Standard normal numbers. */
export function randn<D extends DType = 'float32'>(shape: number[], options: TensorOptions<D> = {}): Tensor<D> {
  return native().randn(
    shape,
    options.dtype ?? FLOAT,
    options.device ?? CPU,
    options.requiresGrad ?? false,
  ) as Tensor<D>
}

/** Uniform integers in [low, high); dtype int64 unless given. */
export function randint<D extends DType = 'int64'>(
  low: number,
  high: number,
  shape: number[],
  options: TensorOptions<D> = {},
): Tensor<D> {
  return native().randint(low, high, shape, options.dtype ?? 'int64', options.device ?? CPU) as Tensor<D>
}

/** A random permutation of 0 … n − 1, int64. */
export function randperm<D extends DType = 'int64'>(n: number, options: TensorOptions<D> = {}): Tensor<D> {
  return native().randperm(n, options.dtype ?? 'int64', options.device ?? CPU) as Tensor<D>
}

/**
 * start, start + step, … below end. `arange(n)`, `arange(start, end)`, `arange(start, end, step)`, each with options
 * last. int64 for whole numbers, float32 otherwise, unless a dtype is given.
 */
export function arange(...args: (number | TensorOptions)[]): Tensor {
  const last = args.at(-1)
  const options: TensorOptions = typeof last === 'object' ? last : {}
  const numbers = (typeof last === 'object' ? args.slice(0, -1) : args) as number[]
  if (numbers.length < 1 || numbers.length > 3 || numbers.some((n) => typeof n !== 'number')) {
    throw new MbconvError('ERR_TYPE', 'arange: takes one to three numbers, then options', { op: 'arange' })
  }
  const [start, end, step = 1] = numbers.length === 1 ? [0, numbers[0]] : numbers
  const dtype = options.dtype ?? (numbers.every(Number.isInteger) ? 'int64' : FLOAT)
  const result = native().arange(start, end, step, dtype, options.device ?? CPU)
  return options.requiresGrad ? result.requiresGrad_() : result
}

/** `steps` numbers from start to end, both included. */
export function linspace<D extends DType = 'float32'>(
  start: number,
  end: number,
  steps: number,
  options: TensorOptions<D> = {},
): Tensor<D> {
  return native().linspace(start, end, steps, options.dtype ?? FLOAT, options.device ?? CPU) as Tensor<D>
}

/** The options of {@link logspace}. */
export interface LogspaceOptions extends TensorOptions {
  /** What is raised to powers. Default 10. */
  base?: number
}

/** `steps` numbers from base^start to base^end, both included, with equal ratios. */
export function logspace(start: number, end: number, steps: number, options: LogspaceOptions = {}): Tensor {
  const { base = 10, dtype = FLOAT, device = CPU, requiresGrad = false } = options
  const result = native().logspace(start, end, steps, base, dtype, device)
  return requiresGrad ? result.requiresGrad_() : result
}

/** The options of {@link trilIndices} and {@link triuIndices}. */
export interface TriangleOptions {
  /** Of the diagonal at the edge: above the main one for positive numbers, below for negative ones. Default 0. */
  offset?: number
  /** Default `cpu`. */
  device?: Device
}

/** The indices of the lower triangle of a matrix [rows, columns]: int64 [2, elements]. */
export function trilIndices(rows: number, columns: number, options: TriangleOptions = {}): Tensor {
  return native().trilIndices(rows, columns, options.offset ?? 0, options.device ?? CPU)
}

/** The indices of the upper triangle of a matrix [rows, columns]: int64 [2, elements]. */
export function triuIndices(rows: number, columns: number, options: TriangleOptions = {}): Tensor {
  return native().triuIndices(rows, columns, options.offset ?? 0, options.device ?? CPU)
}

/** A matrix with ones on the diagonal, 0 elsewhere. */
export function eye<D extends DType = 'float32'>(
  rows: number,
  columns = rows,
  options: TensorOptions<D> = {},
): Tensor<D> {
  return native().eye(rows, columns, options.dtype ?? FLOAT, options.device ?? CPU) as Tensor<D>
}

type LikeOptions = {
  /** The dtype of the result. Default: that of the given tensor. */
  dtype?: DType
  /** The device of the result. Default: that of the given tensor. */
  device?: Device
}

/** Has the other tensor's shape, layout, dtype and device, except those given in `options`. */
export function emptyLike(t: Tensor, options: LikeOptions = {}): Tensor {
  return native().emptyLike(t, options.dtype, options.device)
}
/** A tensor of the same shape, dtype and device, whose elements all have one value. */
export function fullLike(t: Tensor, value: Element, options: LikeOptions = {}): Tensor {
  return native().fullLike(t, value, options.dtype, options.device)
}
/** A tensor of zeros of the same shape, dtype and device. */
export function zerosLike(t: Tensor, options: LikeOptions = {}): Tensor {
  return fullLike(t, 0, options)
}
/** A tensor of ones of the same shape, dtype and device. */
export function onesLike(t: Tensor, options: LikeOptions = {}): Tensor {
  return fullLike(t, 1, options)
}
/** Uniform random numbers from 0 to below 1, of the same shape, dtype and device. */
export function randLike(t: Tensor, options: LikeOptions = {}): Tensor {
  return emptyLike(t, options).uniform_()
}
/** Normal random numbers with mean 0 and variance 1, of the same shape, dtype and device. */
export function randnLike(t: Tensor, options: LikeOptions = {}): Tensor {
  return emptyLike(t, options).normal_()
}
