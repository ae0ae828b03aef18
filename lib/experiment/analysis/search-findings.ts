/** Findings of searches only: the ranking of candidates, predicted and counted cost, objective and Pareto front. */

import type { StoredSeed } from '../../random/seed'
import { constraintOf, objective } from '../search/objective'
import type { Plan } from '../types/types'
import type { ArmFindings } from './analysis'
import { type Ranking, rank } from './statistics'

export interface RankedArms {
  /** All candidates of a ranking are trained in the same phase and with the same φ. */
  phase: number
  phi: number
  /** The ranked arms; `ranking.ranked[i].index` is an index into this list. */
  candidates: ArmFindings[]
  seeds: StoredSeed[]
  ranking: Ranking
  /** Not ranked, because they lack seeds that the others have. */
  left: ArmFindings[]
}

const withRay = (arms: readonly ArmFindings[]) => arms.filter(({ arm }) => arm.compound !== undefined)

/** Ranks the candidates of each phase and φ that have all the seeds which any of them has finished. */
export function rankings(arms: readonly ArmFindings[], plan: Plan): RankedArms[] {
  const groups = new Map<string, ArmFindings[]>()
  for (const entry of withRay(arms)) {
    const key = `${entry.arm.phase} ${entry.arm.compound!.phi}`
    groups.set(key, [...(groups.get(key) ?? []), entry])
  }
  return [...groups.values()].flatMap((group) => {
    const most = Math.max(...group.map(({ values }) => values.length))
    const candidates = group.filter(({ values }) => values.length === most && most > 0)
    const left = group.filter((entry) => !candidates.includes(entry))
    // The same number of seeds need not be the same seeds.
    const seeds = plan.seeds.filter((seed) => candidates.every(({ values }) => values.some((v) => v.seed === seed)))
    if (candidates.length < 2 || seeds.length === 0) return []
    const table = candidates.map(({ values }) => seeds.map((seed) => values.find((v) => v.seed === seed)!.top1))
    const { phase, compound } = candidates[0].arm
    return [{ phase, phi: compound!.phi, candidates, seeds, ranking: rank(table), left }]
  })
}

export interface Prediction {
  entry: ArmFindings
  /** Base · (α·β²·γ²)^φ: the formula's multiply-adds. */
  predicted: number
  /** counted / predicted − 1. */
  error: number
}

/** The formula's cost beside the counted one, of all arms on a ray. */
export function predictions(arms: readonly ArmFindings[], plan: Plan): Prediction[] {
  return withRay(arms).map((entry) => {
    const ray = entry.arm.compound!
    const predicted = plan.base.macs * constraintOf(ray) ** ray.phi
    return { entry, predicted, error: entry.arm.macs / predicted - 1 }
  })
}

export interface Objective {
  entry: ArmFindings
  /** accuracy · (cost / target)^−0.07 */
  value: number
  /** No other arm is at least as accurate for at most the cost. */
  front: boolean
}

/** The objective of all arms that have a result, best first. The target is the budget, or else the base's cost. */
export function objectives(arms: readonly ArmFindings[], plan: Plan): Objective[] {
  const target = plan.budget?.macs ?? plan.base.macs
  const trained = arms.filter(({ values }) => values.length > 0)
  const beats = (a: ArmFindings, b: ArmFindings) =>
    a.arm.macs <= b.arm.macs && a.top1.mean >= b.top1.mean && (a.arm.macs < b.arm.macs || a.top1.mean > b.top1.mean)
  return trained
    .map((entry) => ({
      entry,
      value: objective(entry.top1.mean, entry.arm.macs, target),
      front: !trained.some((other) => beats(other, entry)),
    }))
    .sort((a, b) => b.value - a.value)
}
