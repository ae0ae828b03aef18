/**
 * Finds the network of a given cost along one coefficient. Also holds what this search shares with the search along the
 * compound ray.
 *
 * Cost as a function of a coefficient is a staircase: repeats are rounded up, channels to multiples, sides to pixels.
 * It never falls, so bisection finds the step that passes the target.
 */
import type { CheckedArch } from '../arch/check'
import { type FitBase, networkOf, type Point, RESOLUTIONS, tableAt } from './base'

export interface Problem {
  base: FitBase
  /** The cost of a table at a resolution; Infinity if unknown. Never lower for a larger network. */
  cost: (table: CheckedArch, resolution: number) => number
  target: number
  tolerance: number
  /** A cost above the target counts as a miss. */
  atMost: boolean
  /** Sides are multiples of this, px. */
  step: number
}

export interface Found extends Point {
  table: CheckedArch
  cost: number
  /** cost / target − 1 */
  error: number
  /** Null off the compound ray. */
  phi: number | null
  /** How far the coefficients are from the ray's at `phi`, at most; relative. */
  deviation: number
}

/** Range of the coefficients; the search uses steps of a thousandth. */
export const COEFFICIENTS = { min: 0.01, max: 100, steps: 1000 }

export const isHit = ({ tolerance, atMost }: Problem, error: number): boolean =>
  Math.abs(error) <= tolerance && !(atMost && error > 0)

/** The size of a miss, for comparison. Above an upper limit, a network is worse than any below it. */
export const missOf = ({ atMost }: Problem, error: number): number =>
  atMost && error > 0 ? 1e9 + error : Math.abs(error)

export function evaluate(problem: Problem, point: Point, phi: number | null, deviation = 0): Found | undefined {
  const table = tableAt(problem.base, point)
  if (table === undefined) return undefined
  const cost = problem.cost(table, point.resolution)
  return { ...point, table, cost, error: cost / problem.target - 1, phi, deviation }
}

/** The last whole number in [low, high) for which `below` holds; it must hold for low and not for high. */
export function lastBelow(low: number, high: number, below: (k: number) => boolean): number {
  let [yes, no] = [low, high]
  while (no - yes > 1) {
    const middle = Math.floor((yes + no) / 2)
    if (below(middle)) yes = middle
    else no = middle
  }
  return yes
}

/**
 * Like {@link lastBelow}, but from `start` upwards with growing strides, since distant values are costly. At most
 * `high`.
 */
export function gallop(start: number, high: number, below: (k: number) => boolean): number {
  let [yes, stride] = [start, 1]
  while (yes + stride < high && below(yes + stride)) {
    yes += stride
    stride *= 2
  }
  const no = Math.min(yes + stride, high)
  return no === high && below(high) ? high : lastBelow(yes, no, below)
}

/** The value with the fewest decimals that `same` accepts, four at most. */
function shortened(value: number, same: (candidate: number) => boolean): number {
  for (const unit of [1, 10, 100, 1000, 10_000]) {
    const [down, up] = [Math.floor(value * unit) / unit, Math.ceil(value * unit) / unit]
    const near = value - down < up - value ? [down, up] : [up, down]
    for (const candidate of near) if (candidate > 0 && same(candidate)) return candidate
  }
  return value
}

/** The coefficients with the fewest decimals that give the same network. */
function tidy(problem: Problem, found: Found): Found {
  const wanted = networkOf(found.table)
  const isSame = (point: Point) => {
    const table = tableAt(problem.base, point)
    return table !== undefined && networkOf(table) === wanted
  }
  const { resolution } = found
  const depth = shortened(found.depth, (depth) => isSame({ depth, width: found.width, resolution }))
  const width = shortened(found.width, (width) => isSame({ depth, width, resolution }))
  // On the ray, φ defines the network, so it stays exact. Off the ray it is only information.
  const phi = found.phi === null || found.deviation === 0 ? found.phi : Number(found.phi.toFixed(4))
  return { ...found, ...evaluate(problem, { depth, width, resolution }, phi, found.deviation) }
}

export function nearest(problem: Problem, candidates: (Found | undefined)[]): Found | undefined {
  let best: Found | undefined
  for (const found of candidates) {
    if (found === undefined || !Number.isFinite(found.cost)) continue
    if (best === undefined || missOf(problem, found.error) < missOf(problem, best.error)) best = found
  }
  return best
}

/** The network nearest to the target along one coefficient; the other two stay at the base's values. */
export function searchLine(problem: Problem, dimension: 'depth' | 'width' | 'resolution'): Found | undefined {
  const { base, step } = problem
  const here: Point = { depth: 1, width: 1, resolution: base.arch.resolution }
  const isSide = dimension === 'resolution'
  const unit = isSide ? step : 1 / COEFFICIENTS.steps
  const range = isSide ? RESOLUTIONS : COEFFICIENTS
  const at = (k: number) => {
    const value = isSide ? k * step : k / COEFFICIENTS.steps
    return evaluate(problem, { ...here, [dimension]: value }, null)
  }
  const first = Math.ceil(range.min / unit - 1e-9)
  const last = Math.floor(range.max / unit + 1e-9)
  const isBelow = (k: number) => (at(k)?.cost ?? Number.POSITIVE_INFINITY) <= problem.target
  const start = Math.min(Math.max(Math.round(here[dimension] / unit), first), last)
  let crossing: number
  if (isBelow(start)) crossing = gallop(start, last, isBelow)
  else if (isBelow(first)) crossing = lastBelow(first, start, isBelow)
  else return tidied(problem, at(first))
  return tidied(problem, nearest(problem, [at(crossing), crossing < last ? at(crossing + 1) : undefined]))
}

export const tidied = (problem: Problem, found: Found | undefined) => found && tidy(problem, found)
