// What is said of many numbers, and the order in which contestants take their turns.
import { median } from '../median.mjs'

export { median }

/** The median, and the range in which the middle half of the values lies. */
export function middleHalf(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const quantile = (share) => {
    const at = share * (sorted.length - 1)
    const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]]
    return low + (high - low) * (at - Math.floor(at))
  }
  return { median: median(values), low: quantile(0.25), high: quantile(0.75) }
}

/** Numbers from 0 to 1, the same ones for the same seed (Tommy Ettinger's mulberry32). */
export function randomNumbers(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The values in a random order (Fisher and Yates). */
export function shuffled(values, random) {
  const order = [...values]
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    ;[order[last], order[other]] = [order[other], order[last]]
  }
  return order
}
