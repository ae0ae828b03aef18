/**
 * Fitting to a measured time: a few candidates, ordered by counted multiply-adds, each built and run.
 *
 * Measurements are noisy, and a network with fewer multiply-adds need not be faster. So the bracket around the target
 * takes all measurements into account, and a measurement that contradicts another is repeated. A hit is measured again
 * before it counts, since the best of many noisy figures would be too good.
 */
import { MbconvError } from '../../errors/error'
import type { CheckedArch } from '../arch/check'
import type { Latency } from '../cost/latency'
import { networkOf } from './base'
import { type Found, isHit, missOf } from './line'
import { type FitPlan, solve } from './ray'

/** The most networks that a fit builds; each is measured once or twice. */
const MOST = 12

/** Limits of the seconds per batch: from a clock's resolution to the time that users can wait for some twenty runs. */
const SHORTEST = 1e-9
const LONGEST = 3600

function checkTime(seconds: number): void {
  if (seconds >= SHORTEST && seconds <= LONGEST) return
  const message = `fit: budget.latency must be ${SHORTEST} to ${LONGEST} s, got ${seconds}`
  throw new MbconvError('ERR_VALUE', message, { op: 'fit' })
}

/** The share of the bracket, in multiply-adds, that a guess keeps clear at either end. */
const MARGIN = 0.1

interface Trial {
  found: Found
  macs: number
  latency: Latency
  /** How often this network was measured. */
  times: number
}

interface LatencyFit {
  found: Found
  latency: Latency
  /** Seconds. */
  target: number
  measured: { name: string; macs: number; latency: Latency }[]
}

/**
 * @param plan its problem must cost in multiply-adds
 * @param amount seconds, or a multiple of the base's time
 * @param measure returns the time of a network
 * @param fits whether a network can be built and run here
 * @throws MbconvError ERR_VALUE for more than an hour, or less than a nanosecond
 */
export function fitLatency(
  plan: FitPlan,
  amount: number | { times: number },
  measure: (table: CheckedArch) => Latency,
  fits: (table: CheckedArch) => boolean = () => true,
): LatencyFit {
  const { base, problem } = plan
  const measured: LatencyFit['measured'] = []
  const trials = new Map<string, Trial>()
  const keyOf = ({ table, resolution }: Found) => `${resolution} ${networkOf(table)}`

  const take = (trial: Trial) => {
    trial.latency = measure(trial.found.table)
    trial.times++
    measured.push({ name: trial.found.table.name, macs: trial.macs, latency: trial.latency })
  }
  const add = (found: Found): Trial => {
    const trial = { found, macs: found.cost, latency: undefined as unknown as Latency, times: 0 }
    take(trial)
    trials.set(keyOf(found), trial)
    return trial
  }

  const { arch } = base
  const phi = plan.dimension === 'compound' ? 0 : null
  const here: Found = {
    depth: 1,
    width: 1,
    resolution: arch.resolution,
    table: arch,
    cost: problem.cost(arch, arch.resolution),
    error: 0,
    phi,
    deviation: 0,
  }
  if (typeof amount === 'number') checkTime(amount)
  let latest = add(here)
  const target = typeof amount === 'number' ? amount : amount.times * latest.latency.median
  checkTime(target)
  // With another divisor the base is only a starting point, not an answer.
  const isAnswer = ({ found }: Trial) => found !== here || base.divisor === arch.divisor
  const errorOf = ({ latency }: Trial) => latency.median / target - 1

  for (;;) {
    if (isAnswer(latest) && isHit(problem, errorOf(latest))) {
      take(latest)
      if (isHit(problem, errorOf(latest))) break
    }
    // If two measurements contradict each other, one was disturbed, or the smaller network really is slower.
    for (const other of trials.values()) {
      if (other.times > 1 || other === latest) continue
      if ((other.macs - latest.macs) * (other.latency.median - latest.latency.median) < 0) take(other)
    }
    if (trials.size >= MOST) break
    const next = candidate(plan, [...trials.values()], target)
    if (next === undefined || trials.has(keyOf(next)) || !fits(next.table)) break
    latest = add(next)
  }

  const answers = [...trials.values()].filter(isAnswer)
  if (answers.length === 0) {
    const message = `fit: no scaling of ${arch.name} gives a table with channels in multiples of ${base.divisor}`
    throw new MbconvError('ERR_VALUE', message, { op: 'fit' })
  }
  const best = answers.reduce((a, b) => (missOf(problem, errorOf(b)) < missOf(problem, errorOf(a)) ? b : a))
  // Unless it ended the loop above, a hit has been measured only once: measure it again.
  if (best !== latest && best.times === 1 && isHit(problem, errorOf(best))) take(best)
  const found = { ...best.found, cost: best.latency.median, error: errorOf(best) }
  return { found, latency: best.latency, target, measured }
}

/** The untried network whose multiply-adds promise the target time; undefined if there is none. */
function candidate(plan: FitPlan, trials: Trial[], target: number): Found | undefined {
  const ordered = [...trials].sort((a, b) => a.macs - b.macs)
  const low = ordered.filter(({ latency }) => latency.median <= target).pop()
  const high = ordered.find(({ macs, latency }) => latency.median > target && macs > (low?.macs ?? 0))
  const tried = new Set(trials.map(({ found }) => networkOf(found.table) + found.resolution))
  for (const macs of guesses(low, high, target)) {
    const found = solve({ ...plan, problem: { ...plan.problem, target: macs, tolerance: 0.01, atMost: false } })
    if (found !== undefined && !tried.has(networkOf(found.table) + found.resolution)) return found
  }
  return undefined
}

/** Multiply-adds to try: inside the bracket, or beyond its only end. */
function guesses(low: Trial | undefined, high: Trial | undefined, target: number): number[] {
  if (low === undefined || high === undefined) {
    const { macs, latency } = (low ?? high) as Trial
    const ratio = target / latency.median
    // For small networks, time grows more slowly than multiply-adds, so also try farther out.
    return [ratio, ratio ** 2, ratio ** 4].map((factor) => macs * Math.min(Math.max(factor, 0.1), 10))
  }
  const share = Math.log(target / low.latency.median) / Math.log(high.latency.median / low.latency.median)
  const at = (part: number) => low.macs * (high.macs / low.macs) ** part
  return [Math.min(Math.max(share, MARGIN), 1 - MARGIN), 0.5, 0.25, 0.75].map(at)
}
