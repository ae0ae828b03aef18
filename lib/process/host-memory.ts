/** The memory of this machine, or what a container leaves of it. */
import { totalmem } from 'node:os'

/** Bytes that this process can have at most; swap space is not counted, since a training that lives there never ends. */
export function hostMemory(): number {
  // 0 or undefined where nothing limits it; 2^63 and the like where the limit is "none".
  return Math.min(totalmem(), process.constrainedMemory?.() || Number.POSITIVE_INFINITY)
}
