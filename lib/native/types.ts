/** Types that describe tensors. */

/** The classes that higher layers register with the addon: see {@link Tensor}. */
// biome-ignore lint/suspicious/noEmptyInterface: tensor/core/tensor.ts adds its class
export interface Registered {}

/**
 * The class of tensors; the addon makes its instances. It is declared two layers above and registers itself here, so
 * that the layers between can name it.
 */
export type Tensor = Registered extends { tensor: infer T } ? T : never

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

/** `'cpu'`, `'cuda'` (the current device) or `'cuda:N'`. */
export type Device = string

/** `channelsLast`: a 4-d tensor's channels are adjacent in memory (NHWC), which convolutions prefer. */
export type MemoryFormat = 'contiguous' | 'channelsLast' | 'preserve'

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
export type Element = number | bigint | boolean

export interface TensorOptions {
  /** Default: `int64` for BigInts, `bool` for booleans, otherwise `float32`. */
  dtype?: DType
  /** Default `cpu`. */
  device?: Device
  /** Whether operations on this tensor are recorded for `backward()`. Default false. */
  requiresGrad?: boolean
}

/** One dimension, several, or (undefined) all. Negative ones count from the end. */
export type Dims = number | number[]

export interface ReduceOptions {
  dim?: Dims
  /** Keep reduced dimensions with size 1. Default false. */
  keepdim?: boolean
}

export interface ReduceOneOptions {
  dim?: number
  keepdim?: boolean
}
