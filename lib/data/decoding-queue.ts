/**
 * Who may decode an image now. A decoded image takes three bytes a pixel or more, whatever its file takes: of images that are
 * decoded side by side, the memory is bounded, and a large one is decoded alone.
 */
import { collect } from './collect'

/** Pixels of an image that is not decoded beside others, and bytes of a file that is not read beside others. */
export const LARGE = 16e6

/** Pixels of all images that are decoded side by side. */
const TOTAL = 3 * LARGE

let taken = 0
const waiting: { cost: number; start: () => void }[] = []

function startWaiting(): void {
  // In order: a large image would wait for ever if small ones could pass it.
  while (waiting.length > 0 && taken + waiting[0].cost <= TOTAL) {
    const { cost, start } = waiting.shift() as (typeof waiting)[number]
    taken += cost
    start()
  }
}

/**
 * Does the work when there is room for an image of so many pixels. The work must not ask for more room itself.
 *
 * @param weight how often the memory of plain pixels decoding takes
 * @returns what the work returns; the room is free again whatever happens
 */
export async function inTurn<T>(pixels: number, work: () => Promise<T>, weight = 1): Promise<T> {
  const cost = pixels > LARGE ? TOTAL : Math.min(pixels * weight, TOTAL)
  await new Promise<void>((start) => {
    waiting.push({ cost, start })
    startWaiting()
  })
  try {
    return await work()
  } finally {
    if (cost === TOTAL) await collect()
    taken -= cost
    startWaiting()
  }
}
