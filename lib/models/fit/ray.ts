/**
 * Finds the network of a given cost where depth, width and resolution grow together.
 *
 * The search first follows the ray. If both sides of the step that passes the target miss, it searches all distinct
 * networks within a given distance of the ray, nearest first.
 */

import { type FitBase, networkOf, type Point, RESOLUTIONS, tableAt } from './base'
import {
  COEFFICIENTS,
  evaluate,
  type Found,
  gallop,
  isHit,
  lastBelow,
  missOf,
  nearest,
  type Problem,
  searchLine,
  tidied,
} from './line'
import type { Dimension } from './request'

/** The logarithms of α, β and γ: the direction of the ray. None is negative, and not all are 0. */
export interface Direction {
  depth: number
  width: number
  resolution: number
}

/** All coefficients that give the same network: an interval, in thousandths. */
interface Class {
  low: number
  high: number
  /** The same as logarithms. */
  interval: Interval
}
type Interval = readonly [number, number]

/**
 * The smallest distance of a box from the ray {φ·direction}, as a difference of logarithms, and the middle of the φ
 * that have this distance. A box is within distance δ if φ·g lies in [low − δ, high + δ] for each coefficient.
 */
function distance(box: Interval[], directions: number[]): { distance: number; phi: number } {
  let least = 0
  for (const [i, [low, high]] of box.entries()) {
    if (directions[i] === 0) least = Math.max(least, low, -high)
    else
      for (const [j, [, otherHigh]] of box.entries()) {
        if (j === i || directions[j] === 0) continue
        const gap = low / directions[i] - otherHigh / directions[j]
        least = Math.max(least, gap / (1 / directions[i] + 1 / directions[j]))
      }
  }
  const [from, to] = reachable(box, directions, least)
  return { distance: least, phi: Number.isFinite(from) ? (from + to) / 2 : 0 }
}

/** The range of φ at which a box is no farther than `within`. */
function reachable(box: Interval[], directions: number[], within: number): Interval {
  let [from, to] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
  for (const [i, [low, high]] of box.entries()) {
    if (directions[i] === 0) continue
    from = Math.max(from, (low - within) / directions[i])
    to = Math.min(to, (high + within) / directions[i])
  }
  return [from, to]
}

/** The search along one ray and in its neighbourhood. */
export class RaySearch {
  readonly #problem: Problem
  readonly #direction: Direction
  /** Largest distance from the ray, as a difference of logarithms. */
  readonly #reach: number

  constructor(problem: Problem, direction: Direction, maxDeviation: number) {
    this.#problem = problem
    this.#direction = direction
    this.#reach = Math.log1p(maxDeviation)
  }

  /** The network nearest to the ray that hits the target; if none does, the network nearest to the target. */
  search(): Found | undefined {
    const problem = this.#problem
    const onRay = this.#crossing()
    const best = nearest(problem, onRay.sides)
    const isEnd = onRay.sides.length < 2 // the ray ends before the target
    if (best === undefined || isEnd || isHit(problem, best.error)) return tidied(problem, best)
    return tidied(problem, this.#beside(onRay.phi, best))
  }

  #side(pixels: number): number {
    const { step } = this.#problem
    const least = Math.ceil(RESOLUTIONS.min / step)
    const most = Math.max(least, Math.floor(RESOLUTIONS.max / step))
    return step * Math.min(Math.max(Math.round(pixels / step), least), most)
  }

  /** The coefficients that the formula gives at φ, each times e^shift. */
  #at(phi: number, shift = 0): Point {
    const { depth, width, resolution } = this.#direction
    const limited = (log: number) => Math.min(Math.max(Math.exp(log + shift), COEFFICIENTS.min), COEFFICIENTS.max)
    const side = this.#problem.base.arch.resolution * Math.exp(phi * resolution + shift)
    return { depth: limited(phi * depth), width: limited(phi * width), resolution: this.#side(side) }
  }

  #costAt(phi: number, shift = 0): number {
    return evaluate(this.#problem, this.#at(phi, shift), phi)?.cost ?? Number.POSITIVE_INFINITY
  }

  /** The φ at which the first coefficient leaves its range. */
  #limits(): Interval {
    const { depth, width, resolution } = this.#direction
    const side = this.#problem.base.arch.resolution
    const limit = (range: { min: number; max: number }, growth: number, unit: number): Interval =>
      growth === 0
        ? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
        : [Math.log(range.min / unit) / growth, Math.log(range.max / unit) / growth]
    const all = [limit(COEFFICIENTS, depth, 1), limit(COEFFICIENTS, width, 1), limit(RESOLUTIONS, resolution, side)]
    return [Math.max(...all.map(([low]) => low)), Math.min(...all.map(([, high]) => high))]
  }

  /** The φ on both sides of the step at which the ray's cost passes a level; at the ray's ends, the same φ twice. */
  #passing(level: number, shift = 0): Interval {
    const [least, most] = this.#limits()
    const isBelow = (phi: number) => this.#costAt(phi, shift) <= level
    let [low, high, stride] = [0, 0, 0.5]
    if (isBelow(0)) {
      do {
        if (high >= most) return [most, most]
        low = high
        high = Math.min(low + stride, most)
        stride *= 2
      } while (isBelow(high))
    } else {
      do {
        if (low <= least) return [least, least]
        high = low
        low = Math.max(high - stride, least)
        stride *= 2
      } while (!isBelow(low))
    }
    while (high - low > 1e-6) {
      const middle = (low + high) / 2
      if (isBelow(middle)) low = middle
      else high = middle
    }
    return [low, high]
  }

  #crossing(): { phi: number; sides: (Found | undefined)[] } {
    const problem = this.#problem
    const [low, high] = this.#passing(problem.target)
    const found = (phi: number) => {
      const exact = evaluate(problem, this.#at(phi), phi)
      if (exact === undefined) return undefined
      // Shorten φ to few digits that give the same network. The step is at `phi`, so one of the two roundings is past
      // it.
      for (const unit of [1, 10, 100, 1000, 10_000, 100_000]) {
        for (const short of [Math.floor(phi * unit) / unit, Math.ceil(phi * unit) / unit]) {
          const other = evaluate(problem, this.#at(short), short)
          if (other?.resolution === exact.resolution && networkOf(other.table) === networkOf(exact.table)) return other
        }
      }
      return exact
    }
    return { phi: low, sides: low === high ? [found(low)] : [found(low), found(high)] }
  }

  /** The intervals of coefficients that give the same network, over a range of φ and `reach` beyond it. */
  #classes(dimension: 'depth' | 'width', [from, to]: Interval, upwards: boolean): Class[] {
    const { base } = this.#problem
    const { steps, min, max } = COEFFICIENTS
    const growth = this.#direction[dimension]
    const [least, most] = [Math.round(min * steps), Math.round(max * steps)]
    const [low, high] = upwards ? [steps, most] : [least, steps]
    const within = (k: number) => Math.min(Math.max(k, low), high)
    const first = within(Math.floor(steps * Math.exp(from * growth - this.#reach)))
    const last = within(Math.ceil(steps * Math.exp(to * growth + this.#reach)))
    const here: Point = { depth: 1, width: 1, resolution: base.arch.resolution }
    const networks = new Map<number, string>()
    const network = (k: number) => {
      let known = networks.get(k)
      if (known === undefined) {
        const table = tableAt(base, { ...here, [dimension]: k / steps })
        known = table === undefined ? `none ${k}` : networkOf(table)
        networks.set(k, known)
      }
      return known
    }
    const classes: Class[] = []
    for (let low = first; low <= last; ) {
      const high = gallop(low, last, (k) => network(k) === network(low))
      classes.push({ low, high, interval: [Math.log(low / steps), Math.log(high / steps)] })
      low = high + 1
    }
    return classes
  }

  /**
   * Searches the neighbourhood of the crossing, nearest to the ray first. `onRay` is the nearest network of the ray.
   */
  #beside(crossing: number, onRay: Found): Found {
    const problem = this.#problem
    const { target, atMost } = problem
    const upwards = crossing >= 0 // the base costs less; a step may follow at once
    const miss = Math.abs(onRay.error)
    // Outside these φ, no network within reach of the ray comes closer to the target than `onRay`.
    const [from] = this.#passing(target * (1 - miss), this.#reach)
    const [, to] = this.#passing(target * (atMost ? 1 : 1 + miss), -this.#reach)
    // When the target is above the base's cost, no coefficient may shrink; when it is below, none may grow.
    const window: Interval = upwards
      ? [Math.max(0, Math.min(from, crossing)), to]
      : [from, Math.min(0, Math.max(to, crossing))]
    const directions = [this.#direction.depth, this.#direction.width]
    const widths = this.#classes('width', window, upwards)
    const pairs = this.#classes('depth', window, upwards).flatMap((depth) =>
      widths.map((width) => ({ depth, width, ...distance([depth.interval, width.interval], directions) })),
    )
    pairs.sort((a, b) => a.distance - b.distance)

    let best = onRay
    let bestDistance = this.#reach
    for (const pair of pairs) {
      if (pair.distance > bestDistance || (isHit(problem, best.error) && pair.distance >= bestDistance)) break
      for (const { found, distance } of this.#sides(pair.depth, pair.width, bestDistance, upwards)) {
        const [hit, had] = [isHit(problem, found.error), isHit(problem, best.error)]
        const closer = missOf(problem, found.error) < missOf(problem, best.error)
        if (had ? hit && (distance < bestDistance || (distance === bestDistance && closer)) : hit || closer) {
          best = found
          if (hit) bestDistance = distance
        }
      }
    }
    return best
  }

  /** One network at the resolutions that hit; if none hits, at the two resolutions around the target. */
  *#sides(depth: Class, width: Class, reach: number, upwards: boolean): Generator<{ found: Found; distance: number }> {
    const problem = this.#problem
    const { base, step, target } = problem
    const { arch } = base
    const growth = this.#direction
    const directions = [growth.depth, growth.width, growth.resolution]
    const flat = [depth.interval, width.interval]
    const [from, to] = reachable(flat, directions.slice(0, 2), reach)
    const middle = { depth: Math.floor((depth.low + depth.high) / 2), width: Math.floor((width.low + width.high) / 2) }
    const [d, w] = [middle.depth / COEFFICIENTS.steps, middle.width / COEFFICIENTS.steps]
    const table = tableAt(base, { depth: d, width: w, resolution: arch.resolution })
    if (table === undefined) return
    const errors = new Map<number, number>()
    const errorAt = (k: number) => {
      const known = errors.get(k) ?? problem.cost(table, k * step) / target - 1
      errors.set(k, known)
      return known
    }
    // Half a step either way counts as rounding, not as distance.
    const bound = (phi: number, slack: number) => (arch.resolution * Math.exp(phi * growth.resolution + slack)) / step
    const [least, most] = upwards ? [arch.resolution, RESOLUTIONS.max] : [RESOLUTIONS.min, arch.resolution]
    const first = Math.max(Math.ceil(bound(from, -reach) - 0.5), Math.ceil(least / step))
    const last = Math.min(Math.floor(bound(to, reach) + 0.5), Math.floor(most / step))
    if (first > last) return
    const ks: number[] = []
    if (errorAt(first) === errorAt(last)) {
      // The resolution does not count: it is the ray's own.
      const { phi } = distance(flat, directions.slice(0, 2))
      ks.push(Math.min(Math.max(Math.round(bound(phi, 0)), first), last))
    } else {
      // The step that passes the target; the whole range may lie on one side of it.
      const before = (k: number) => errorAt(k) <= 0
      const low = !before(first) ? first - 1 : before(last) ? last : lastBelow(first, last, before)
      for (let k = low; k >= first && (k === low || isHit(problem, errorAt(k))); k--) ks.push(k)
      for (let k = low + 1; k <= last && (k === low + 1 || isHit(problem, errorAt(k))); k++) ks.push(k)
    }
    for (const k of ks) {
      const side: Interval = [
        Math.log(((k - 0.5) * step) / arch.resolution),
        Math.log(((k + 0.5) * step) / arch.resolution),
      ]
      const away = distance([...flat, side], directions)
      if (away.distance > reach) continue
      const coefficient = ({ low, high }: Class, log: number) =>
        Math.min(Math.max(Math.round(COEFFICIENTS.steps * Math.exp(log)), low), high) / COEFFICIENTS.steps
      const point = {
        depth: coefficient(depth, away.phi * growth.depth),
        width: coefficient(width, away.phi * growth.width),
        resolution: k * step,
      }
      const error = errorAt(k)
      const cost = (error + 1) * target
      const found = { ...point, table, cost, error, phi: away.phi, deviation: Math.expm1(away.distance) }
      yield { found, distance: away.distance }
    }
  }
}

/** The checked options, resolved. */
export interface FitPlan {
  base: FitBase
  dimension: Dimension
  direction: Direction
  maxDeviation: number
  problem: Problem
}

/** The network of a plan: on the ray, beside it, or along one dimension. Undefined if no table is possible. */
export function solve(plan: FitPlan): Found | undefined {
  const { problem, dimension } = plan
  if (dimension !== 'compound') return searchLine(problem, dimension)
  return new RaySearch(problem, plan.direction, plan.maxDeviation).search()
}
