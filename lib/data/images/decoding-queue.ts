/**
 * Limits the memory of images that are decoded side by side. A file's length does not tell what decoding takes; a large
 * image is decoded alone.
 */

/** Images of at least this many pixels are decoded alone. */
export const LARGE = 16e6

/**
 * Bytes that all concurrent decodings may take together. Also the limit of a single image unless the caller raised it.
 */
export const ROOM = 255e6

let taken = 0
const waiting: { cost: number; start: () => void }[] = []

function startWaiting(): void {
  // First in, first out: if small images could pass it, a large one might wait for ever.
  while (waiting.length > 0 && taken + waiting[0].cost <= ROOM) {
    const { cost, start } = waiting.shift() as (typeof waiting)[number]
    taken += cost
    start()
  }
}

/**
 * Runs the work when so many bytes are free; work that needs more than all room runs alone. The work must not call this
 * function itself, and must have freed its memory when it ends.
 *
 * @returns the work's result; the room is freed even if the work fails
 */
export async function inTurn<T>(bytes: number, work: () => Promise<T>): Promise<T> {
  const cost = Math.min(bytes, ROOM)
  await new Promise<void>((start) => {
    waiting.push({ cost, start })
    startWaiting()
  })
  try {
    return await work()
  } finally {
    taken -= cost
    startWaiting()
  }
}
