/** Frees memory immediately instead of waiting for the garbage collector. */
import { native } from '../../native/addon'

/** Arrays from this many bytes on are freed here; smaller ones are left to the garbage collector. */
const LEAST = 2 ** 20

/**
 * Frees the memory of arrays that nothing will use any more. Their length becomes 0, as does that of every other view
 * of the same memory. The garbage collector sees only small objects here, and would run after several large images have
 * piled up.
 */
export async function release(arrays: Iterable<Uint8Array>): Promise<void> {
  let any = false
  for (const array of arrays) {
    if (array.buffer.byteLength < LEAST) continue
    native().releaseBytes(array)
    any = true
  }
  if (!any) return
  // The event loop frees memory of other addons. Each of the decoders' threads has kept some.
  await new Promise((done) => setImmediate(done))
  native().returnFreeMemory()
}
