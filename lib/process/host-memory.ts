/** The memory of this machine, or the part that a container may use. */
import { totalmem } from 'node:os'

/** Largest memory of this process in bytes. Swap space is not counted, since training in swap would never end. */
export function hostMemory(): number {
  // The limit is 0 or undefined without a container's limit, and about 2^63 if that is "none".
  return Math.min(totalmem(), process.constrainedMemory?.() || Number.POSITIVE_INFINITY)
}
