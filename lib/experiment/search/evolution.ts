/**
 * A search for stages by evolution.
 *
 * The paper's first step is a search for the baseline with the objective ACC · (cost / target)^−0.07 (see ./objective),
 * by reinforcement learning over MnasNet's space. Here a population of stage tables evolves instead. The first
 * generation is the base and mutants of it. Each later generation has children of the best so far (`plus`, µ + λ), or
 * of the youngest (`aging`, where the oldest die first: Real et al., arXiv:1802.01548). A child changes one property of
 * one stage: kernel, expansion, number of layers, channels, squeeze-excitation, or kind of block.
 *
 * Every random choice is a function of the search's seed, the generation and the child, so the same results give the same
 * children.
 */
import { z } from 'zod'
import type { Arch, Stage } from '../../models/arch/arch'
import { formatStage, parseStage } from '../../models/arch/block-string'
import { checkArch } from '../../models/arch/check'
import { BLOCK_KINDS, DEFAULT_KIND, KINDS } from '../../models/arch/kinds'
import { KeyedRandom, PURPOSE } from '../../random/philox'
import { seedSchema } from '../../schema/fields'
import type { ArmSource, Plan, PlannedArm, ResultRow } from '../types/types'
import { countOn, type Search, type SearchContext } from './kind'
import { meanTop1, objective } from './objective'

/** Kinds of blocks that every change of a stage is possible in. */
const VARIABLE = BLOCK_KINDS.filter((kind) => KINDS[kind].expands && KINDS[kind].squeezes)
const SEARCHED = VARIABLE.filter((kind) => KINDS[kind].searched)

const choices = <T extends z.ZodType>(each: T, values: z.output<T>[], what: string) =>
  z
    .array(each)
    .min(1)
    .default(values as never)
    .describe(what)

export const evolutionSchema = z.strictObject({
  population: z
    .int()
    .min(2)
    .max(1000)
    .default(8)
    .describe('tables of the first generation, and parents to choose from'),
  children: z.int().min(1).max(1000).default(8).describe('of a generation'),
  generations: z.int().min(0).max(1000).default(4).describe('after the first'),
  survival: z.enum(['plus', 'aging']).default('plus').describe('who may be a parent: the best, or the youngest'),
  sample: z.int().min(1).default(3).describe('how many are drawn for the best of them to be a parent'),
  seed: seedSchema.prefault(0).describe('of everything drawn'),
  mutations: z
    .int()
    .min(1)
    .max(20)
    .default(1)
    .describe('changes of a child; those of the first generation have twice as many'),
  cost: z
    .tuple([z.number().positive(), z.number().positive()])
    .default([0.25, 2])
    .describe('least and largest multiply-adds of a child, times the target'),
  kernels: choices(z.int().min(1).max(31), [3, 5], 'sides of kernels'),
  expansions: choices(z.number().positive().max(64), [1, 3, 4, 6], 'expansions of blocks'),
  squeezes: choices(z.number().min(0).max(1), [0, 0.25], 'ratios of squeeze-excitation'),
  blocks: choices(z.enum(VARIABLE), SEARCHED, 'kinds of blocks'),
  layers: z.int().min(1).max(100).default(4).describe('most blocks of a stage'),
})

export type EvolutionOptions = z.output<typeof evolutionSchema>

/** Most attempts to draw a child that is new and within the limits of cost; the space may be exhausted. */
const TRIES = 200

/** The search, for the registry in searches.ts. */
export const EVOLUTION: Search = {
  schema: evolutionSchema,
  source: (options: never, context: SearchContext): ArmSource => evolutionSource(options, context),
}

export function evolutionSource(options: EvolutionOptions, context: SearchContext): ArmSource {
  return (phase, plan, results) => {
    if (phase > options.generations) return undefined
    const arms = phase === 0 ? founders(options, context) : children(phase, options, context, plan, results)
    // The search ends if nothing new can be drawn or nothing survived.
    return arms.length === 0 ? undefined : { arms, refused: [] }
  }
}

/** The target cost: the budget, or the base's own cost. */
const targetOf = ({ budget, base, facts }: SearchContext) => budget?.macs ?? countOn(facts, base).macs

const textOf = ({ stages }: Arch) => stages.map(formatStage)

/** The base, and mutants of it. */
function founders(options: EvolutionOptions, context: SearchContext): PlannedArm[] {
  const { base } = context
  const arms = [armOf(base, 0, 0, 'the base', context)]
  const known = new Set([textOf(base).join()])
  for (let i = 1; i < options.population; i++) {
    const child = draw(base, 2 * options.mutations, known, new KeyedRandom(options.seed, PURPOSE.evolution, 0, i), {
      options,
      context,
    })
    if (child !== undefined) arms.push(armOf(child, 0, i, 'of the base', context))
  }
  return arms
}

/** The networks that may be parents, best first. */
export function parentsOf(
  { survival, population }: Pick<EvolutionOptions, 'survival' | 'population'>,
  target: number,
  plan: Pick<Plan, 'arms' | 'seeds'>,
  results: readonly ResultRow[],
): PlannedArm[] {
  const scored = plan.arms.flatMap((arm) => {
    const accuracy = arm.stages === undefined ? null : meanTop1(arm.id, plan.seeds, results)
    return accuracy === null ? [] : [{ arm, score: objective(accuracy, arm.macs, target) }]
  })
  const alive = survival === 'aging' ? scored.slice(-population) : scored
  // The sort is stable: among equals, the older comes first.
  return alive
    .sort((a, b) => b.score - a.score)
    .slice(0, population)
    .map(({ arm }) => arm)
}

function children(
  phase: number,
  options: EvolutionOptions,
  context: SearchContext,
  plan: Plan,
  results: readonly ResultRow[],
): PlannedArm[] {
  const parents = parentsOf(options, targetOf(context), plan, results)
  if (parents.length === 0) return []
  const known = new Set(plan.arms.flatMap(({ stages }) => (stages === undefined ? [] : [stages.join()])))
  const arms: PlannedArm[] = []
  for (let i = 0; i < options.children; i++) {
    const random = new KeyedRandom(options.seed, PURPOSE.evolution, phase, i)
    // A tournament: the best of a few drawn networks. They are sorted, so the best has the smallest index.
    const drawn = Array.from({ length: options.sample }, () => random.below(parents.length))
    const parent = parents[Math.min(...drawn)]
    const table = { ...context.base, stages: (parent.stages as string[]).map(parseStage) }
    const child = draw(table, options.mutations, known, random, { options, context })
    if (child !== undefined) arms.push(armOf(child, phase, i, `of ${parent.id}`, context))
  }
  return arms
}

interface Space {
  options: EvolutionOptions
  context: SearchContext
}

/** A mutant that is not in `known` and is within the limits of cost. It is added to `known`. */
function draw(parent: Arch, changes: number, known: Set<string>, random: KeyedRandom, space: Space): Arch | undefined {
  const { options, context } = space
  const [least, most] = options.cost.map((times) => times * targetOf(context))
  for (let tries = 0; tries < TRIES; tries++) {
    let child = parent
    for (let i = 0; i < changes; i++) child = mutate(child, random, options)
    const text = textOf(child).join()
    const { macs } = countOn(context.facts, child)
    if (known.has(text) || macs < least || macs > most) continue
    known.add(text)
    return child
  }
  return undefined
}

const MUTATIONS = ['kernel', 'expand', 'layers', 'channels', 'seRatio', 'block'] as const

/**
 * A table with one property of one stage changed. Strides never change, so the side of every stage's output stays the
 * same.
 *
 * @throws MbconvError ERR_VALUE if the options' values give an invalid table: for example, half an odd width as expansion
 */
export function mutate(
  table: Arch,
  random: KeyedRandom,
  options: Pick<EvolutionOptions, 'kernels' | 'expansions' | 'squeezes' | 'blocks' | 'layers'>,
): Arch {
  const at = random.below(table.stages.length)
  const stage = table.stages[at]
  const changed = changedStage(stage, MUTATIONS[random.below(MUTATIONS.length)], table.divisor, random, options)
  return checkArch('evolution', { ...table, stages: table.stages.map((each, i) => (i === at ? changed : each)) })
}

function changedStage(
  stage: Stage,
  mutation: (typeof MUTATIONS)[number],
  divisor: number,
  random: KeyedRandom,
  { kernels, expansions, squeezes, blocks, layers }: Parameters<typeof mutate>[2],
): Stage {
  const other = <T>(values: readonly T[], now: T): T => {
    const others = values.filter((value) => value !== now)
    return others.length === 0 ? now : others[random.below(others.length)]
  }
  switch (mutation) {
    case 'kernel':
      return { ...stage, kernel: other(kernels, stage.kernel) }
    case 'expand':
      return { ...stage, expand: other(expansions, stage.expand) }
    case 'seRatio':
      return { ...stage, seRatio: other(squeezes, stage.seRatio) }
    case 'block':
      return { ...stage, block: other(blocks, stage.block ?? DEFAULT_KIND) }
    case 'layers': {
      const near = [stage.layers - 1, stage.layers + 1].filter((value) => value >= 1 && value <= layers)
      return { ...stage, layers: other(near, stage.layers) }
    }
    case 'channels': {
      // A step is at least an eighth; otherwise wide stages would hardly change.
      const step = divisor * Math.max(1, Math.round(stage.channels / 8 / divisor))
      const near = [stage.channels - step, stage.channels + step].filter((value) => value >= divisor)
      return { ...stage, channels: other(near, stage.channels) }
    }
  }
}

function armOf(table: Arch, phase: number, index: number, origin: string, context: SearchContext): PlannedArm {
  const { macs, params } = countOn(context.facts, table)
  const stages = textOf(table)
  const { stem, head, divisor } = table
  const { resolution } = context.base
  return {
    id: `g${phase}-${index}`,
    label: `generation ${phase}, ${index}: ${origin}`,
    series: `generation ${phase}`,
    coefficients: { depth: 1, width: 1, resolution },
    ...{ params, macs, budgetError: null, stages, phase },
    // The stages are the final table, so nothing is scaled.
    config: context.configOf({ stages, stem, head, resolution, divisor, width: 1, depth: 1 }),
  }
}
