/**
 * The grid search for α, β and γ.
 *
 * The paper's second step: at φ = 1, values of α, β and γ with α·β²·γ² ≈ 2 are found by training small networks. A grid
 * lists the values to try. Candidates are the points that are near enough to the constraint and whose *counted* cost is
 * near enough to the target; because of rounding, the cost of small networks differs from the formula's. The other
 * points are refused with their counted cost. Then the best ray, the worst ray and the paper's are scaled to a larger φ
 * with the same counted cost. This shows whether the ranking of small networks holds for larger ones. Source:
 * arXiv:1905.11946, section 3.3.
 */

import { z } from 'zod'
import { compound } from '../../models/arch/scaling'
import { fitBase, modelConfig, networkOf, type Point, tableAt } from '../../models/fit/base'
import { fit } from '../../models/fit/fit'
import { signedPercent, whole } from '../../text/figures'
import type { ArmSource, Plan, PlannedArm, Ray, RefusedArm, ResultRow } from '../types/types'
import { countOn, type Search, type SearchContext } from './kind'
import { constraintOf, meanTop1 } from './objective'

const factors = (what: string) => z.array(z.number().min(1).max(10)).min(1).describe(`values of ${what}, at least 1`)
const share = (value: number) => z.number().positive().lt(1).default(value)

const ray = z.strictObject({ alpha: z.number().min(1), beta: z.number().min(1), gamma: z.number().min(1) })

/** The paper's. */
const PAPER = { alpha: 1.2, beta: 1.1, gamma: 1.15 }

export const gridSchema = z.strictObject({
  alpha: factors('α, of depth'),
  beta: factors('β, of width'),
  gamma: factors('γ, of resolution'),
  times: z.number().gt(1).default(2).describe('what α·β²·γ² is to be, and φ = 1 to cost, times the base'),
  constraint: share(0.1).describe('how far α·β²·γ² may be from that, as a share of it'),
  tolerance: share(0.1).describe('how far the counted cost may be from that, as a share of it'),
  raise: z
    .strictObject({
      phi: z.array(z.number().gt(1)).min(1).default([2]).describe('to which φ; the budget is times^φ'),
      best: z.int().min(1).default(1).describe('how many of the best rays'),
      worst: z.int().min(0).default(0).describe('how many of the worst'),
      rays: z.array(ray).default([PAPER]).describe("rays besides; default: the paper's"),
      tolerance: share(0.03).describe('of the counted cost'),
    })
    .nullable()
    .prefault({})
    .describe('what is trained afterwards; null: nothing'),
})

export type GridOptions = z.output<typeof gridSchema>

type Bases = Omit<Ray, 'phi'>

const idOf = ({ alpha, beta, gamma }: Bases) => `a${alpha}-b${beta}-g${gamma}`
const nameOf = ({ alpha, beta, gamma }: Bases) => `α ${alpha}, β ${beta}, γ ${gamma}`

/**
 * The points of the grid that meet the constraint, nearest to it first.
 *
 * @returns an empty list if no point is near enough
 */
export function pointsOf({ alpha, beta, gamma, times, constraint }: GridOptions): Bases[] {
  const points = alpha.flatMap((a) => beta.flatMap((b) => gamma.map((g) => ({ alpha: a, beta: b, gamma: g }))))
  const off = (bases: Bases) => Math.abs(constraintOf(bases) / times - 1)
  // A value exactly on the limit counts as within it, although 1.1 · 2 is not exactly 2.2.
  return points.filter((bases) => off(bases) <= constraint + 1e-9).sort((a, b) => off(a) - off(b))
}

/** The search, for the registry in searches.ts. */
export const GRID: Search = {
  schema: gridSchema,
  source: (options: never, context: SearchContext): ArmSource => gridSource(options, context),
}

export function gridSource(options: GridOptions, context: SearchContext): ArmSource {
  return (phase, plan, results) => {
    if (phase === 0) return candidates(options, context)
    if (phase === 1 && options.raise !== null) return raised(options.raise, options.times, context, plan, results)
    return undefined
  }
}

/** Candidates at φ = 1, each network once. */
function candidates(options: GridOptions, context: SearchContext): { arms: PlannedArm[]; refused: RefusedArm[] } {
  const { base, facts } = context
  const scaling = fitBase('experiment', base)
  const target = options.times * countOn(facts, base).macs
  const arms: PlannedArm[] = []
  const refused: RefusedArm[] = []
  const seen = new Map<string, string>()
  for (const bases of pointsOf(options)) {
    const point: Point = compound({ ...bases, phi: 1, resolution: base.resolution })
    const named = { id: idOf(bases), label: nameOf(bases), series: 'φ 1' }
    const table = tableAt(scaling, point)
    if (table === undefined) {
      refused.push({ ...named, reason: 'no table has these coefficients' })
      continue
    }
    const { macs, params } = countOn(facts, table)
    const error = macs / target - 1
    const nearest = { macs, error, coefficients: { ...point } }
    const network = `${networkOf(table)} ${table.resolution}`
    const twin = seen.get(network)
    if (twin !== undefined) {
      refused.push({ ...named, reason: `is the same network as ${twin} after rounding`, nearest })
    } else if (Math.abs(error) > options.tolerance) {
      const reason = `has ${whole(macs)} multiply-adds, ${signedPercent(error, 1)} off ${options.times} times the base’s`
      refused.push({ ...named, reason, nearest })
    } else {
      seen.set(network, named.label)
      const ray = { ...bases, phi: 1 }
      arms.push({ ...named, ...armOf(context, point, ray), params, macs, budgetError: error, phase: 0 })
    }
  }
  return { arms, refused }
}

/** The best and the worst rays of φ = 1, and the requested rays, at larger φ. */
function raised(
  { phi: exponents, best, worst, rays, tolerance }: NonNullable<GridOptions['raise']>,
  times: number,
  context: SearchContext,
  plan: Plan,
  results: readonly ResultRow[],
): { arms: PlannedArm[]; refused: RefusedArm[] } {
  const ranked = plan.arms
    .filter(({ compound, series, phase }) => phase === 0 && compound?.phi === 1 && series === 'φ 1')
    .map(({ id, compound }) => ({ bases: compound as Ray, score: meanTop1(id, plan.seeds, results) }))
    .filter(({ score }) => score !== null)
    .sort((a, b) => (b.score as number) - (a.score as number))
    .map(({ bases }) => bases)
  const chosen = [...ranked.slice(0, best), ...(worst > 0 ? ranked.slice(best).slice(-worst) : []), ...rays]
  const arms: PlannedArm[] = []
  const refused: RefusedArm[] = []
  for (const phi of exponents) {
    const seen = new Map<string, string>()
    for (const { alpha, beta, gamma } of chosen) {
      const bases = { alpha, beta, gamma }
      const named = { id: `phi${phi}-${idOf(bases)}`, label: `φ ${phi}: ${nameOf(bases)}`, series: `φ ${phi}` }
      if ([...arms, ...refused].some(({ id }) => id === named.id)) continue
      const { base, facts } = context
      const result = fit({
        ...{ base, ...bases, tolerance, budget: { macs: { times: times ** phi } } },
        ...{ numClasses: facts.classes, inChannels: facts.channels },
      })
      const found = result.reached ? result : result.nearest
      const { macs, params } = found.counts
      const { depth, width, resolution } = found.coefficients
      const coefficients = { depth, width, resolution }
      const nearest = { macs, error: found.error, coefficients }
      const network = `${networkOf(found.arch)} ${found.arch.resolution}`
      const twin = seen.get(network)
      if (twin !== undefined) {
        refused.push({ ...named, reason: `is the same network as ${twin} after rounding`, nearest })
      } else if (!result.reached) {
        const reason = `the nearest along the ray has ${whole(macs)} multiply-adds (${signedPercent(found.error, 1)})`
        refused.push({ ...named, reason, nearest })
      } else {
        seen.set(network, named.label)
        arms.push({
          ...named,
          ...armOf(context, coefficients, { ...bases, phi }),
          params,
          macs,
          budgetError: found.error,
          phase: 1,
        })
      }
    }
  }
  return { arms, refused }
}

function armOf(
  context: SearchContext,
  point: Point,
  ray: Ray,
): Pick<PlannedArm, 'coefficients' | 'compound' | 'config'> {
  // A base that no configuration can name has no arms at all, see plan.ts.
  const model = modelConfig(fitBase('experiment', context.base), point) ?? {}
  return { coefficients: { ...point }, compound: ray, config: context.configOf(model) }
}
