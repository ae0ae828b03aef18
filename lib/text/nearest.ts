/** Guesses the known name that a mistyped one was meant to be. */

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

/** A reader sees `weight_decay`, `Weight-Decay` and `weightDecay` as the same word. */
const fold = (name: string) => name.toLowerCase().replace(/[_\-\s]/g, '')

/** Whether two names differ only in spelling. */
export const sameWord = (a: string, b: string): boolean => fold(a) === fold(b)

/**
 * The known name nearest to `name`, or undefined if none is near enough to suggest. At most a third of the letters may
 * differ, two in short words, never more than half.
 */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  // A name of kilobytes is not a typing mistake, and the table grows quadratically.
  if (name.length > 64) return undefined
  const wanted = fold(name)
  let best: string | undefined
  let bestDistance = Number.POSITIVE_INFINITY
  for (const candidate of known) {
    if (candidate.length > 64) continue
    const folded = fold(candidate)
    const longer = Math.max(wanted.length, folded.length)
    // Two edits turn nearly any three-letter word into another.
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
