/** Types that describe tensors. */

/** The classes that higher layers register with the addon: see {@link Tensor}. */
// biome-ignore lint/suspicious/noEmptyInterface: tensor/core/tensor.ts adds its class
export interface Registered {}

/**
 * The class of tensors; the addon makes its instances. It is declared two layers above and registers itself here, so
 * that the layers between can name it.
 */
export type Tensor = Registered extends { tensor: infer T } ? T : never

/** A tensor of floating-point numbers. */
export type FloatTensor = Registered extends { float: infer T } ? T : never

/** A tensor of booleans. */
export type BoolTensor = Registered extends { bool: infer T } ? T : never

/** A tensor of indices, int64. */
export type IndexTensor = Registered extends { index: infer T } ? T : never

/** The types of a tensor's elements. Floating-point tensors can have gradients. */
export type DType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int64'
  | 'int32'
  | 'int16'
  | 'int8'
  | 'uint8'
  | 'bool'
  | 'complex64'
  | 'complex128'

/** The dtypes of floating-point numbers. */
export type FloatDType = 'float32' | 'float64' | 'float16' | 'bfloat16'

/** What an element of a dtype is in JavaScript; any element where the dtype is not known before the program runs. */
export type ElementOf<D extends DType> = D extends 'bool' ? boolean : D extends 'int64' ? number | bigint : number

/** `'cpu'`, `'cuda'` (the current device) or `'cuda:N'`. */
export type Device = string

/** `channelsLast`: a 4-d tensor's channels are adjacent in memory (NHWC), which convolutions prefer. */
export type MemoryFormat = 'contiguous' | 'channelsLast' | 'preserve'

/** How elements lie in memory: `strided` for all tensors but sparse ones. */
export type Layout = 'strided' | 'sparseCoo' | 'sparseCsr' | 'sparseCsc' | 'sparseBsr' | 'sparseBsc' | 'other'

/** The typed arrays that tensors are made from and read into. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | BigInt64Array

/** Numbers, BigInts and booleans, arbitrarily nested in rectangular arrays. */
export type NestedArray<T> = T | NestedArray<T>[]
/** One element: a bigint for int64, a boolean for bool, a number for all others. */
export type Element = number | bigint | boolean

/** What a new tensor is: its dtype, its device, and whether it gets a gradient. */
export interface TensorOptions<D extends DType = DType> {
  /** Default: `int64` for BigInts, `bool` for booleans, otherwise `float32`. */
  dtype?: D
  /** Default `cpu`. */
  device?: Device
  /** Whether operations on this tensor are recorded for `backward()`. Default false. */
  requiresGrad?: boolean
}

/** What a synchronous function returns: no promise, which would go on after a scope or a mode has ended. */
export type Synchronous<T> = T extends PromiseLike<unknown> ? never : T

/** One dimension, several, or (undefined) all. Negative ones count from the end. */
export type Dims = number | number[]

/** The dimensions that a reduction removes. */
export interface ReduceOptions {
  /** One dimension or several; negative ones count from the end. Default: all. */
  dim?: Dims
  /** Keep reduced dimensions with size 1. Default false. */
  keepdim?: boolean
}

/** The single dimension that a reduction removes. */
export interface ReduceOneOptions {
  /** The dimension; a negative one counts from the end. The default is the function's. */
  dim?: number
  /** Whether the dimension stays, with size 1. Default false. */
  keepdim?: boolean
}

/** How elements lie in memory. */
export interface MemoryFormatOptions {
  /** How the elements lie in memory. The default is the method's. */
  memoryFormat?: MemoryFormat
}

/** A factor on what is added or subtracted. */
export interface AlphaOptions {
  /** Factor on what is added or subtracted. Default 1. */
  alpha?: number
}

/** Limits of elements. */
export interface ClampOptions {
  /** Smaller elements become this. Default: no limit. */
  min?: number
  /** Larger elements become this. Default: no limit. */
  max?: number
}

/** A factor on a product or quotient that is added. */
export interface ValueOptions {
  /** Factor on the product or quotient. Default 1. */
  value?: number
}

/** How a quotient is rounded. */
export interface DivOptions {
  /**
   * `trunc` rounds the quotient towards 0, like C's division of integers; `floor` rounds it towards −∞, like Python's
   * `//`. Default: it is not rounded.
   */
  roundingMode?: 'trunc' | 'floor'
}

/** To how many decimals numbers are rounded. */
export interface RoundOptions {
  /** Decimals that stay; −2 rounds to hundreds. Other than 0 only for floating-point numbers. Default 0. */
  decimals?: number
}

/** How a copy between devices is made. */
export interface CopyOptions {
  /** Whether a copy between pinned memory and a GPU returns before it is done. Default false. */
  nonBlocking?: boolean
}

/** The options of sums and means. */
export interface SumOptions extends ReduceOptions {
  /** Elements are converted to this dtype first. Default: that of the tensor; `sum` of integers has int64. */
  dtype?: DType
}
