/** Giving memory back at once. */
import { native } from '../../native/addon'

/** Bytes from which an array is worth it; smaller ones are left to the garbage collector. */
const LEAST = 2 ** 20

/**
 * Frees the memory behind arrays that nothing will look into any more; their length is 0 then, and that of every other view
 * of the same memory. The garbage collector would see small objects only, and come by when several large images are there.
 */
export async function release(arrays: Iterable<Uint8Array>): Promise<void> {
  let any = false
  for (const array of arrays) {
    if (array.buffer.byteLength < LEAST) continue
    native().releaseBytes(array)
    any = true
  }
  if (!any) return
  // Memory of other addons is given back by the event loop. The decoders' threads have each kept some.
  await new Promise((done) => setImmediate(done))
  native().returnFreeMemory()
}
