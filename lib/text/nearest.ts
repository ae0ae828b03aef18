/**
 * Which known name a mistyped one was probably meant to be.
 */

/**
 * Damerau–Levenshtein distance in its restricted form (optimal string alignment): insertions, deletions, substitutions
 * and swaps of two neighbours cost 1 each, and no part is edited twice.
 */
export function editDistance(a: string, b: string): number {
  // Three rows of the table are alive at once: a swap looks two rows back.
  let before: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const differs = a[i - 1] === b[j - 1] ? 0 : 1
      let cost = Math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + differs)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2] + 1)
      row.push(cost)
    }
    before = previous
    previous = row
  }
  return previous[b.length]
}

/** `weight_decay`, `Weight-Decay` and `weightDecay` are the same word to a reader. */
const fold = (name: string) => name.toLowerCase().replace(/[_\-\s]/g, '')

/** Whether two names differ in spelling only. */
export const sameWord = (a: string, b: string): boolean => fold(a) === fold(b)

/**
 * The known name nearest to `name`, or undefined when none is near enough to be worth suggesting: a third of the
 * letters may differ, two in short words, never more than half.
 */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  // A name of kilobytes is no typing mistake, and the table is quadratic.
  if (name.length > 64) return undefined
  const wanted = fold(name)
  let best: string | undefined
  let bestDistance = Number.POSITIVE_INFINITY
  for (const candidate of known) {
    if (candidate.length > 64) continue
    const folded = fold(candidate)
    const longer = Math.max(wanted.length, folded.length)
    // Two edits turn any three-letter word into nearly any other.
    const most = Math.min(Math.max(2, Math.floor(longer / 3)), longer / 2)
    if (Math.abs(wanted.length - folded.length) > most) continue
    const distance = editDistance(wanted, folded)
    if (distance > most) continue
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}
