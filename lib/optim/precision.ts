/** The precisions of a training step, under the names that a configuration uses. */
import type { Device, Synchronous } from '../native/types'
import { autocast } from '../tensor/core/autocast'

export const PRECISIONS = ['float32', 'bf16', 'fp16'] as const

/**
 * `float32`: everything. `bf16` and `fp16`: forward pass and loss run under autocast; weights, gradients and the
 * optimiser's state stay float32. fp16 needs a `optim.GradScaler`.
 */
export type Precision = (typeof PRECISIONS)[number]

const DTYPES = { bf16: 'bfloat16', fp16: 'float16' } as const

/** Runs a forward pass in a precision. Synchronous functions only. Call `backward()` outside. */
export function inPrecision<T>(precision: Precision, device: Device, fn: () => Synchronous<T>): T {
  return precision === 'float32' ? fn() : autocast<T>({ device, dtype: DTYPES[precision] }, fn)
}
