/** Turns an experiment into its plan: every arm with its counted cost, before any training. */

import type { TrainConfig, TrainConfigInput } from '../../config/train'
import { resolveDevice } from '../../cuda/choice'
import { channelsOf } from '../../data/dataset/image-dataset'
import { DEFAULT_DATASET, datasetKind, datasetOf } from '../../data/sources/kinds'
import { MbconvError } from '../../errors/error'
import type { StoredSeed } from '../../random/seed'
import { nearest } from '../../text/nearest'
import type { DataFacts, Search, SearchContext } from '../search/kind'
import { SEARCHES } from '../search/kinds'
import type { ArmSource, Plan, PlannedArm, RefusedArm, ResultRow } from '../types/types'
import { armConfig, groundOf, staticArms } from './arms'
import { machineHere, revisionHere, versionsHere } from './machine'
import type { ExperimentSpec } from './spec'

/** A plan, and the sources of the arms that its searches add. */
export interface Planned {
  plan: Plan
  sources: ArmSource[]
}

/**
 * Plans an experiment: finds its arms, counts them, and records the environment.
 *
 * @param dir the folder of all experiments, if it is not the default one
 * @throws MbconvError ERR_CONFIG for duplicate arm names and comparisons with unknown arms; ERR_UNREACHED if no arm is
 *   possible; ERR_DATA, ERR_VALUE, ERR_CUDA_UNAVAILABLE, ERR_NATIVE_LOAD
 */
export function planExperiment(spec: ExperimentSpec, dir?: string): Planned {
  const { config } = spec
  const facts = factsOf(config.data)
  const ground = groundOf(spec, config, facts, spec.budget)
  const { arms, refused, comparisons } = staticArms(spec.arms, ground, spec)
  const context: SearchContext = {
    ...{ base: ground.arch, facts, budget: ground.budget, seeds: spec.seeds },
    configOf: (model) => armConfig(config, model as Partial<TrainConfig['model']>),
  }
  const sources = spec.arms.flatMap((arm) => {
    if (arm.kind !== 'search') return []
    const search = SEARCHES[arm.search] as Search
    return [search.source(arm.options as never, context)]
  })
  const plan: Plan = {
    format: 1,
    ...{ name: spec.name, title: spec.title, question: spec.question, profile: spec.profile },
    ...(spec.set.length === 0 ? {} : { set: spec.set }),
    ...(dir === undefined ? {} : { dir }),
    base: { name: config.model.name, arch: ground.arch.name, params: ground.params, macs: ground.macs },
    budget: ground.budget,
    metric: 'top1',
    chance: 1 / facts.classes,
    seeds: spec.seeds,
    device: deviceOf(spec),
    threads: spec.threads,
    data: config.data,
    ...{ arms, refused, comparisons: spec.compare ?? comparisons },
    ...(spec.paper === undefined ? {} : { paper: spec.paper }),
    limits: spec.limits,
    ...{ versions: versionsHere(), revision: revisionHere(), machine: machineHere() },
  }
  checkNames(plan.arms, plan.refused)
  if (sources.length > 0) addPhase(plan, sources, 0, [])
  else checkComparisons(plan)
  const there = new Set(plan.arms.map(({ id }) => id))
  if (there.size === 0) {
    const reasons = plan.refused.map(({ id, reason }) => `${id}: ${reason}`)
    throw new MbconvError('ERR_UNREACHED', `no arm can be had\n${reasons.join('\n')}`, {
      hint: 'Widen budget.tolerance, or change the base.',
    })
  }
  // A comparison with a refused arm is impossible, but the refusal itself reports that.
  if (sources.length === 0)
    plan.comparisons = plan.comparisons.filter(({ arm, against }) => there.has(arm) && there.has(against))
  return { plan, sources }
}

/**
 * Adds the arms of a phase to a plan.
 *
 * @param results of the phases before
 * @returns false if there is no such phase: the experiment is over
 */
export function addPhase(plan: Plan, sources: readonly ArmSource[], phase: number, results: readonly ResultRow[]) {
  const before = { ...plan, arms: plan.arms.filter((arm) => arm.phase < phase) }
  const given = sources.flatMap((source) => source(phase, before, results) ?? [])
  for (const { arms, refused } of given) {
    plan.arms.push(...arms.map((arm) => ({ ...arm, phase })))
    plan.refused.push(...refused)
  }
  checkNames(plan.arms, plan.refused)
  return given.length > 0
}

function deviceOf({ device, slurm }: ExperimentSpec): string {
  // On a cluster, the machine that plans is not the one that runs.
  if (slurm !== undefined) return device
  const found = resolveDevice(device)
  return device !== 'auto' ? device : found === 'cpu' ? 'cpu' : 'cuda'
}

/** @throws MbconvError ERR_DATA if the files cannot be used */
function factsOf(data: TrainConfig['data']): DataFacts {
  const announced = datasetKind(data.dataset).announced?.(data as never)
  if (announced !== undefined) return { classes: announced.classes, channels: announced.channels }
  const { train } = datasetOf(data)
  return { classes: train.classes.length, channels: channelsOf(train) }
}

function checkNames(arms: readonly PlannedArm[], refused: readonly RefusedArm[]): void {
  const seen = new Set<string>()
  for (const { id } of [...arms, ...refused]) {
    // On a case-insensitive file system they would share a folder.
    const key = id.toLowerCase()
    if (seen.has(key))
      throw new MbconvError('ERR_CONFIG', `arms: two are called ${id}`, {
        hint: 'give one an id of its own: {width: 2, id: wide}',
      })
    seen.add(key)
  }
}

function checkComparisons({ comparisons, arms, refused }: Plan): void {
  const known = [...arms, ...refused].map(({ id }) => id)
  for (const [i, comparison] of comparisons.entries())
    for (const key of ['arm', 'against'] as const) {
      if (known.includes(comparison[key])) continue
      const near = nearest(comparison[key], known)
      throw new MbconvError('ERR_CONFIG', `compare.${i}.${key}: no arm is called ${comparison[key]}`, {
        hint: near ? `did you mean ${near}?` : `there are ${known.join(', ')}`,
      })
    }
}

/** A job: an arm with a seed. */
export interface Job {
  arm: PlannedArm
  seed: StoredSeed
  /** Name of its folder: `compound-s0`. */
  id: string
}

/** Ordered by seed, so that an interrupted experiment has compared all arms under some seeds. */
export function jobsOf(plan: Plan, phase?: number): Job[] {
  const arms = plan.arms.filter((arm) => phase === undefined || arm.phase === phase)
  return plan.seeds.flatMap((seed) => arms.map((arm) => ({ arm, seed, id: `${arm.id}-s${seed}` })))
}

/**
 * The training of a job. Initial weights, image order and augmentation follow the seed, as do generated images. All
 * arms see the same ones under a seed, so that they can be compared in pairs.
 */
export function jobConfig({ arm, seed }: Pick<Job, 'arm' | 'seed'>): TrainConfigInput {
  const { data } = arm.config
  const { reseeded } = datasetKind(data?.dataset ?? DEFAULT_DATASET)
  if (reseeded === undefined) return { ...arm.config, seed }
  return { ...arm.config, seed, data: reseeded(data as never, seed) as TrainConfigInput['data'] }
}
