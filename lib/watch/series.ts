/** The points of a curve in a bounded number, however long a run is. */

/** The most points of a run's curves: more than a screen has columns. */
const MOST_POINTS = 4096

/** A step, and one value per column; null where it is not a finite number. */
export type Point = readonly [step: number, ...values: (number | null)[]]

/**
 * Points in the order of their steps. While there are few, each is one step. Whenever there would be more than the most,
 * neighbours are joined: a point is then the mean of 2, 4, 8 … steps, at the last of them.
 */
export class Series {
  points: Point[] = []
  /** Rises whenever earlier points have changed, so that a reader must take all of them again. */
  version = 0
  /** Steps in a point. */
  every = 1
  /** Steps that do not fill a point yet. */
  #waiting: Point[] = []

  constructor(readonly most = MOST_POINTS) {}

  add(point: Point): void {
    this.#waiting.push(point)
    if (this.#waiting.length < this.every) return
    this.points.push(meanOf(this.#waiting))
    this.#waiting = []
    if (this.points.length > this.most) this.#join()
  }

  /** Forgets all points: the run has another history now. */
  clear(): void {
    this.points = []
    this.#waiting = []
    this.every = 1
    this.version++
  }

  #join(): void {
    const joined: Point[] = []
    for (let i = 0; i + 1 < this.points.length; i += 2) joined.push(meanOf(this.points.slice(i, i + 2)))
    // An odd one waits for its neighbour, with the weight of its steps.
    const odd = this.points.length % 2 === 1 ? this.points[this.points.length - 1] : undefined
    this.#waiting = odd === undefined ? [] : Array.from({ length: this.every }, () => odd)
    this.points = joined
    this.every *= 2
    this.version++
  }
}

/** The last step, and the mean of each column over the values that are numbers. */
function meanOf(points: readonly Point[]): Point {
  const last = points[points.length - 1]
  if (points.length === 1) return last
  const [step, ...columns] = last
  const means = columns.map((_, i) => {
    const values = points.map((point) => point[i + 1]).filter((value) => typeof value === 'number')
    return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length
  })
  return [step, ...means]
}
