/**
 * Who may decode an image now. What decoding takes does not follow from a file's length: of images that are decoded side by
 * side the memory is bounded, and a large one is decoded alone.
 */

/** Pixels of an image that is not decoded beside others. */
export const LARGE = 16e6

/** Bytes that all images that are decoded side by side may take; so may a single one whose pixels nobody has allowed. */
export const ROOM = 255e6

let taken = 0
const waiting: { cost: number; start: () => void }[] = []

function startWaiting(): void {
  // In order: a large image would wait for ever if small ones could pass it.
  while (waiting.length > 0 && taken + waiting[0].cost <= ROOM) {
    const { cost, start } = waiting.shift() as (typeof waiting)[number]
    taken += cost
    start()
  }
}

/**
 * Does the work when there is room for so many bytes; what takes more than all room is done alone. The work must not ask
 * for more room itself, and has given back what it took when it is done.
 *
 * @returns what the work returns; the room is free again whatever happens
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
