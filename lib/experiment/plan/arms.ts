/** Arms that are known in advance: the base, points, curves, crosses, and networks fitted to the budget. */

import { dropPathOf } from '../../config/model-table'
import type { TrainConfig } from '../../config/train'
import { MbconvError } from '../../errors/error'
import { compound } from '../../models/arch/scaling'
import { type FitBase, fitBase, modelConfig, type Point, type SquareArch, tableAt } from '../../models/fit/base'
import { type Amount, type Fit, fit } from '../../models/fit/fit'
import type { Dimension } from '../../models/fit/request'
import { percent, short, signedPercent, whole } from '../../text/figures'
import { archFor } from '../../train/session/model'
import { countOn, type DataFacts } from '../search/kind'
import type { ArmCoefficients, Comparison, PlannedArm, RefusedArm } from '../types/types'
import type { ArmSpec, Side } from './arm-schema'
import type { ExperimentSpec } from './spec'

/** A base, and the budget for scaling it. */
export interface Ground {
  config: TrainConfig
  arch: SquareArch
  /** Multiply-adds of the base itself. */
  macs: number
  params: number
  facts: DataFacts
  budget: { macs: number; times: number | null; tolerance: number } | null
  ray: ExperimentSpec['ray']
  resolutionStep: number
  /** Prefix of the ids of arms of another base, and the name of its series. */
  group: string | null
  scaling: FitBase
}

export interface ArmList {
  arms: PlannedArm[]
  refused: RefusedArm[]
  /** Compound scaling against each single dimension, if both were requested. */
  comparisons: Comparison[]
}

export function groundOf(
  spec: Pick<ExperimentSpec, 'ray' | 'resolutionStep'>,
  config: TrainConfig,
  facts: DataFacts,
  budget: ExperimentSpec['budget'],
  group: string | null = null,
): Ground {
  const scaling = fitBase('experiment', archFor(config))
  const { arch } = scaling
  const { macs, params } = countOn(facts, arch)
  const { ray, resolutionStep } = spec
  const target = budget && { ...resolved(budget.macs, macs), tolerance: budget.tolerance }
  return {
    ...{ config, arch, macs, params, facts, budget: target, ray, resolutionStep, group },
    scaling,
  }
}

const resolved = (amount: Amount, own: number) =>
  typeof amount === 'number'
    ? { macs: amount, times: null }
    : { macs: Math.round(amount.times * own), times: amount.times }

/** The configuration of an arm: the experiment's, with another model. Seed, threads and folder belong to a job. */
export function armConfig(config: TrainConfig, model: Partial<TrainConfig['model']>): PlannedArm['config'] {
  const { seed, run, threads, device, ...rest } = config
  return { ...rest, model: { ...config.model, ...model } }
}

/**
 * The arms of a list. An arm outside the tolerance of the budget is refused, with the nearest possible one. The base,
 * crosses, and curves by values are exempt: their purpose is another cost.
 *
 * @param at the key of the list
 * @throws MbconvError ERR_CONFIG for coefficients that no table supports
 */
export function staticArms(specs: readonly ArmSpec[], ground: Ground, spec: ExperimentSpec, at = 'arms'): ArmList {
  const list: ArmList = { arms: [], refused: [], comparisons: [] }
  const put = (made: PlannedArm | RefusedArm) => {
    if ('reason' in made) list.refused.push(made)
    else list.arms.push(made)
  }
  for (const [i, each] of specs.entries())
    refusing(`${at}.${i}`, () => {
      switch (each.kind) {
        case 'base':
          put(armAt(ground, basePoint(ground), { id: 'base', what: 'base', series: 'baseline' }))
          break
        case 'dimension':
          put(solved(ground, each.dimension, ground.budget!, each.dimension))
          break
        case 'point':
          put(within(ground, pointArm(ground, each)))
          break
        case 'curve':
          for (const value of each.values) put(curveArm(ground, each.of, value))
          for (const budget of each.budgets) {
            const target = { ...resolved(budget, ground.macs), tolerance: ground.budget?.tolerance ?? 0.03 }
            const name = target.times === null ? `${target.macs}` : `${short(target.times)}x`
            put(solved(ground, each.of, target, `${each.of}-${name}`))
          }
          break
        case 'cross':
          for (const side of each.resolution)
            for (const depth of each.depth)
              for (const width of each.width) put(crossArm(ground, { depth, width, resolution: pixels(ground, side) }))
          break
        case 'group': {
          // If the base does not set a drop path, each architecture uses its own default.
          const own = { ...ground.config.model, dropPath: spec.dropPathGiven ? ground.config.model.dropPath : null }
          const asked = { ...own, ...each.base }
          const model = { ...asked, dropPath: dropPathOf(asked) }
          const budget = each.budget ?? spec.budget
          const inner = groundOf(spec, { ...ground.config, model }, ground.facts, budget, model.name)
          const { arms, refused, comparisons } = staticArms(each.arms, inner, spec, `${at}.${i}.arms`)
          list.arms.push(...arms)
          list.refused.push(...refused)
          list.comparisons.push(...comparisons)
          break
        }
        case 'search':
          break // gives its arms phase by phase, see plan.ts
      }
    })
  const id = (dimension: string) => (ground.group === null ? dimension : `${ground.group}-${dimension}`)
  const has = (wanted: string) => list.arms.some((arm) => arm.id === wanted)
  for (const dimension of ['depth', 'width', 'resolution'].map(id))
    if (has(id('compound')) && has(dimension)) list.comparisons.push({ arm: id('compound'), against: dimension })
  return list
}

/** Values that give no network are a mistake in the configuration; the error names their key. */
function refusing(key: string, make: () => void): void {
  try {
    make()
  } catch (error) {
    if (!(error instanceof MbconvError) || error.code !== 'ERR_VALUE') throw error
    throw new MbconvError('ERR_CONFIG', `${key}: ${error.message}`, { hint: error.hint, cause: error })
  }
}

const basePoint = ({ arch }: Ground): Point => ({ depth: 1, width: 1, resolution: arch.resolution })

const pixels = ({ arch }: Ground, side: Side): number =>
  typeof side === 'number' ? side : Math.round(side.times * arch.resolution)

interface Naming {
  id: string
  /** First word of the label. */
  what: string
  series: string
  label?: string
}

function named(ground: Ground, { id, what, series, label }: Naming, { depth, width, resolution }: ArmCoefficients) {
  const { group } = ground
  const parts = [`d ${short(depth)}`, `w ${short(width)}`, `r ${resolution}`].join(', ')
  const plain: Record<string, string> = {
    ...{ base: `base, ${resolution} px`, depth: `depth × ${short(depth)}` },
    ...{ width: `width × ${short(width)}`, resolution: `resolution ${resolution} px` },
  }
  const text = label ?? plain[what] ?? `${what} ${parts}`.trim()
  return group === null
    ? { id, label: text, series }
    : { id: `${group}-${id}`, label: label ?? `${group}: ${text}`, series: group }
}

/** @throws MbconvError ERR_VALUE if no table supports these coefficients */
function armAt(ground: Ground, point: Point, naming: Naming): PlannedArm {
  const table = tableAt(ground.scaling, point)
  const { min, max } = { min: 8, max: 4096 }
  if (table === undefined || point.resolution < min || point.resolution > max) {
    const { depth, width, resolution } = point
    const message = `${naming.id}: ${ground.arch.name} cannot be scaled by depth ${depth}, width ${width} to ${resolution} px`
    throw new MbconvError('ERR_VALUE', message, { op: 'experiment' })
  }
  const { macs, params } = countOn(ground.facts, table, point.resolution)
  return {
    ...named(ground, naming, point),
    coefficients: { ...point },
    ...{ params, macs, budgetError: null },
    config: armConfig(ground.config, modelConfig(ground.scaling, point)!),
    phase: 0,
  }
}

function pointArm(ground: Ground, spec: ArmSpec & { kind: 'point' }): PlannedArm {
  const { depth, width, resolution = { times: 1 }, label, series = 'points' } = spec
  const point = { depth, width, resolution: pixels(ground, resolution) }
  return armAt(ground, point, { id: spec.id ?? idOf(point), what: '', series, label })
}

const idOf = ({ depth, width, resolution }: Point) => `d${short(depth)}-w${short(width)}-r${resolution}`

function crossArm(ground: Ground, point: Point): PlannedArm {
  return armAt(ground, point, { id: idOf(point), what: '', series: `d ${short(point.depth)}, r ${point.resolution}` })
}

function curveArm(ground: Ground, of: Dimension, value: Side): PlannedArm {
  const start = basePoint(ground)
  if (of === 'resolution') {
    const resolution = pixels(ground, value)
    return armAt(ground, { ...start, resolution }, { id: `resolution-${resolution}`, what: of, series: of })
  }
  const number = value as number
  if (of !== 'compound')
    return armAt(ground, { ...start, [of]: number }, { id: `${of}-${short(number)}`, what: of, series: of })
  const { ray, arch } = ground
  const point = compound({ ...ray, phi: number, resolution: arch.resolution })
  const arm = armAt(ground, point, { id: `compound-phi${short(number)}`, what: of, series: of })
  return { ...arm, compound: { ...ray, phi: number } }
}

/** The arm, or its refusal if it misses the budget. */
function within(ground: Ground, arm: PlannedArm): PlannedArm | RefusedArm {
  const { budget } = ground
  if (budget === null) return arm
  const error = arm.macs / budget.macs - 1
  if (Math.abs(error) <= budget.tolerance) return { ...arm, budgetError: error }
  const { id, label, series, macs, coefficients } = arm
  const reason = `has ${whole(macs)} multiply-adds, ${signedPercent(error)} off the budget of ${whole(budget.macs)}`
  return { id, label, series, reason, nearest: { macs, error, coefficients } }
}

/** The arm of a dimension at the budget, found by counted cost. */
function solved(
  ground: Ground,
  dimension: Dimension,
  budget: NonNullable<Ground['budget']>,
  id: string,
): PlannedArm | RefusedArm {
  const { arch, facts, ray, resolutionStep } = ground
  const result = fit({
    ...{ base: arch, budget: { macs: budget.macs }, dimension, tolerance: budget.tolerance, ...ray, resolutionStep },
    ...{ numClasses: facts.classes, inChannels: facts.channels },
  })
  const found: Fit = result.reached ? result : result.nearest
  const naming = { id, what: dimension, series: dimension }
  const coefficients = { ...found.coefficients }
  if (!result.reached) {
    const { macs } = found.counts
    return {
      ...named(ground, naming, coefficients),
      reason:
        `no network within ${percent(budget.tolerance)} of ${whole(budget.macs)} multiply-adds by ${dimension}: ` +
        `the nearest has ${whole(macs)} (${signedPercent(found.error)})`,
      nearest: { macs, error: found.error, coefficients },
    }
  }
  const arm: PlannedArm = {
    ...named(ground, naming, coefficients),
    ...{ coefficients, params: found.counts.params, macs: found.counts.macs, budgetError: found.error },
    config: armConfig(ground.config, found.config!),
    phase: 0,
  }
  return found.phi === null ? arm : { ...arm, compound: { ...ray, phi: found.phi } }
}
