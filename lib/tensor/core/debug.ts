/** Looking for tensors that nobody frees. */

import { isOwnPlace, placesOf } from '../../errors/stack'
import { native } from '../../native/addon'
import type { Device, DType } from '../../native/types'

/** A tensor that is alive. */
export interface LiveTensor {
  dtype: DType
  shape: number[]
  device: Device
  /** Of the memory behind it, which views share. */
  bytes: number
  /** The operation that made it; empty when it was made before {@link trackTensors}. */
  op: string
  /** The first line of the caller's own code on the stack that made it, `file:line:column`; empty as above. */
  where: string
  /** That stack whole. */
  stack: string
}

/**
 * Strict mode of this thread: a tensor made outside every scope is an error (ERR_SCOPE). Models and optimisers, too, are
 * then to be made inside a scope; what they keep lives on all the same.
 */
export function setStrict(on: boolean): void {
  native().setStrict(on)
}

/** Whether tensors made from now on remember what made them. Every operation becomes some 10 µs dearer. */
export function trackTensors(on: boolean): void {
  native().setTracking(on)
}

/** Every live tensor of this thread, largest memory first. */
export function liveTensors(): LiveTensor[] {
  const list = native()
    .liveTensorList()
    .map(([dtype, shape, device, bytes, op, stack]) => ({
      dtype,
      shape,
      device,
      bytes,
      op,
      where: where(stack),
      stack,
    }))
  return list.sort((a, b) => b.bytes - a.bytes)
}

/** The innermost frame that is neither this package's nor Node's. */
function where(stack: string): string {
  return placesOf(stack.slice(stack.indexOf('\n') + 1)).find((place) => !isOwnPlace(place)) ?? ''
}
