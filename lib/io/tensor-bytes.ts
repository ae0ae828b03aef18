/** The bytes of a tensor, as files of weights hold them. */
import type { Tensor } from '../tensor/core/tensor'

/** The numbers in logical order, whatever the strides. Waits for the device. */
export function bytesOf(tensor: Tensor): Uint8Array {
  const values = tensor.toTypedArray()
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}
