/** Finding tensors that are never freed. */

import { isOwnPlace, placesOf } from '../../errors/stack'
import { native } from '../../native/addon'
import type { Device, DType } from '../../native/types'

/** A tensor that is alive. */
export interface LiveTensor {
  /** The type of its elements. */
  dtype: DType
  /** Its sizes, the outermost first. */
  shape: number[]
  /** Where it is: `cpu`, `cuda:0`. */
  device: Device
  /** Bytes of its memory, which views share. */
  bytes: number
  /** The operation that made it; empty if it was made before {@link trackTensors}. */
  op: string
  /** The first line of the caller's own code on the stack that made it, `file:line:column`; empty likewise. */
  where: string
  /** The whole stack that made it. */
  stack: string
}

/**
 * Strict mode of this thread: a tensor made outside every scope is an error (ERR_SCOPE). Models and optimisers must
 * then be made inside a scope too; the tensors that they keep outlive it.
 */
export function setStrict(on: boolean): void {
  native().setStrict(on)
}

/**
 * Whether tensors made from now on remember the operation and stack that made them. Slows every operation by about 10
 * µs.
 */
export function trackTensors(on: boolean): void {
  native().setTracking(on)
}

/** Every live tensor of this thread, the largest memory first. */
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

/** The innermost stack frame that belongs neither to this package nor to Node. */
function where(stack: string): string {
  return placesOf(stack.slice(stack.indexOf('\n') + 1)).find((place) => !isOwnPlace(place)) ?? ''
}
