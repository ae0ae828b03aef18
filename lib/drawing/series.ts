/** What a plot of many noisy points needs: smoothing, thinning, and a range that outliers do not spoil. */

export interface Point {
  x: number
  y: number
}

/** How many points on either side {@link smooth} averages: about a fortieth of the series in all. */
export function smoothingRadius(count: number): number {
  return Math.floor(count / 80)
}

/**
 * Each point with the mean of its neighbours up to `radius` on either side. Near the start there are as many on the
 * right as on the left, or the steep fall there would be flattened; near the end, where little changes, the window is
 * merely cut off, or the last points would be as noisy as the raw ones.
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

/** At most `2 × bins` of the points: the lowest and the highest of each of `bins` equal runs, so that no spike is lost. */
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

/** The points without the hundredth with the smallest y and the hundredth with the largest. */
export function withoutExtremes(points: readonly Point[]): Point[] {
  const few = Math.ceil(points.length / 100)
  return [...points].sort((a, b) => a.y - b.y).slice(few, points.length - few)
}

/** The range of y of all the series, with a margin of a twentieth on both sides. */
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
