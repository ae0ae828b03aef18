/** Preparation of many noisy points for a plot: smoothing, thinning, and a range without outliers. */

export interface Point {
  x: number
  y: number
}

/** How many points {@link smooth} averages on either side. Both sides together are about a fortieth of the series. */
export function smoothingRadius(count: number): number {
  return Math.floor(count / 80)
}

/**
 * Replaces each point by the mean of its neighbours up to `radius` on either side. Near the start, the window shrinks
 * on both sides, since the steep fall there would be flattened otherwise. Near the end, where little changes, only its
 * right side is cut off, since the last points would be as noisy as the raw ones otherwise.
 */
export function smooth(points: readonly Point[], radius: number): Point[] {
  const sums = new Float64Array(points.length + 1)
  points.forEach(({ y }, i) => {
    sums[i + 1] = sums[i] + y
  })
  return points.map(({ x }, i) => {
    const left = Math.min(radius, i)
    const end = Math.min(i + left + 1, points.length)
    return { x, y: (sums[end] - sums[i - left]) / (end - i + left) }
  })
}

/** At most `2 × bins` points: the lowest and the highest of each of `bins` equal sections, so that no spike is lost. */
export function thin(points: readonly Point[], bins: number): Point[] {
  if (points.length <= 2 * bins) return [...points]
  const kept: Point[] = []
  for (let bin = 0; bin < bins; bin++) {
    const from = Math.floor((bin * points.length) / bins)
    const to = Math.floor(((bin + 1) * points.length) / bins)
    let low = from
    let high = from
    for (let i = from + 1; i < to; i++) {
      if (points[i].y < points[low].y) low = i
      if (points[i].y > points[high].y) high = i
    }
    kept.push(points[Math.min(low, high)])
    if (low !== high) kept.push(points[Math.max(low, high)])
  }
  return kept
}

/** The points without the 1 % with the smallest y and the 1 % with the largest. */
export function withoutExtremes(points: readonly Point[]): Point[] {
  const few = Math.ceil(points.length / 100)
  return [...points].sort((a, b) => a.y - b.y).slice(few, points.length - few)
}

/** The range of y over all series, with a margin of a twentieth on both sides. */
export function rangeOf(...series: readonly (readonly Point[])[]): [number, number] {
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (const points of series) {
    for (const { y } of points) {
      low = Math.min(low, y)
      high = Math.max(high, y)
    }
  }
  if (low > high) return [0, 1]
  const margin = high > low ? (high - low) / 20 : Math.abs(high) / 2 || 1
  return [low - margin, high + margin]
}
