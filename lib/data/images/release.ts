/** Frees memory immediately instead of waiting for the garbage collector. */
import { native, usesNative } from '../../native/addon'

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
    if (usesNative()) native().releaseBytes(array)
    else detached(array.buffer)
    any = true
  }
  if (!any || !usesNative()) return
  // The event loop frees memory of other addons. Each of the decoders' threads has kept some.
  await new Promise((done) => setImmediate(done))
  native().returnFreeMemory()
}

/**
 * Frees a buffer without the addon, from Node 22 on. Earlier ones leave it to the garbage collector. The decoders' spare
 * memory is then the system's to ask for.
 */
function detached(buffer: ArrayBufferLike & { transfer?: (length: number) => unknown }): void {
  buffer.transfer?.(0)
}
