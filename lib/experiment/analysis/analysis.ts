/**
 * The findings of an experiment: every number of its report, computed once. Accuracies are shares, 0 to 1.
 */

import type { StoredSeed } from '../../random/seed'
import { type ExperimentFiles, readExperiment } from '../store/read'
import type { JobError, Plan, PlannedArm } from '../types/types'
import { detectable, holm, type PairedTest, pairedTest, type Summary, summarize } from './statistics'

/** Significance level, over all declared comparisons together. */
export const LEVEL = 0.05
/** Probability with which a difference that is called detectable is detected. */
export const POWER = 0.8

export interface ArmFindings {
  arm: PlannedArm
  /**
   * Family and scaled dimension: `mobilenet_v2` and `depth` for the arm `mobilenet_v2-depth` in series `mobilenet_v2`.
   */
  group: string
  dimension: string
  /** Top-1 of the seeds that are done. */
  values: { seed: StoredSeed; top1: number }[]
  top1: Summary
  failed: { seed: StoredSeed; error: JobError }[]
  /** Seeds without a result. */
  missing: StoredSeed[]
  /** Mean seconds of training of the seeds that are done; null where no time is known. */
  seconds: number | null
}

/** `better`: the arm's accuracy is significantly higher than the other's, after correction. */
export type Verdict = 'better' | 'worse' | 'undecided' | 'no spread' | 'one seed' | 'no data'

export interface ComparisonFindings {
  arm: string
  against: string
  /** The seeds that both have finished. */
  seeds: StoredSeed[]
  /** Test of the differences arm − against. */
  test: PairedTest
  /** Corrected with Holm's method for all declared comparisons. */
  p: number | null
  verdict: Verdict
  /** The smallest true difference that these seeds would detect with probability {@link POWER}. */
  detectable: number | null
}

/** How the arms were chosen; the contents of the report depend on it. */
export type StudyKind = 'study' | 'grid' | 'evolution'

export interface Analysis {
  plan: Plan
  kind: StudyKind
  arms: ArmFindings[]
  comparisons: ComparisonFindings[]
  jobs: { planned: number; done: number; failed: number }
  /** Every job of the plan is done or has failed. */
  finished: boolean
  /** Seconds of all jobs' training together; null where no time is known. */
  seconds: number | null
  strangers: number
}

const DIMENSIONS = ['baseline', 'depth', 'width', 'resolution', 'compound']

/**
 * `mobilenet_v2-depth` in series `mobilenet_v2` is depth, and `mobilenet_v2-base` is the baseline; otherwise the series
 * is the dimension.
 */
function placeOf({ id, series }: PlannedArm): { group: string; dimension: string } {
  if (DIMENSIONS.includes(series) || !id.startsWith(`${series}-`)) return { group: '', dimension: series }
  const word = id.slice(series.length + 1).split('-')[0]
  const dimension = word === 'base' ? 'baseline' : word
  return DIMENSIONS.includes(dimension) ? { group: series, dimension } : { group: '', dimension: series }
}

function kindOf(arms: readonly PlannedArm[]): StudyKind {
  if (arms.filter(({ stages }) => stages !== undefined).length > 1) return 'evolution'
  const first = arms.filter(({ compound, phase }) => compound !== undefined && phase === 0)
  const rays = new Set(first.map(({ compound }) => JSON.stringify(compound)))
  return rays.size > 2 && new Set(first.map(({ compound }) => compound!.phi)).size === 1 ? 'grid' : 'study'
}

function armFindings({ plan, results, timings }: ExperimentFiles): ArmFindings[] {
  return plan.arms.map((arm) => {
    const rows = results.filter((row) => row.arm === arm.id)
    const values = rows.flatMap((row) => (row.status === 'done' ? [{ seed: row.seed, top1: row.top1 }] : []))
    const failed = rows.flatMap((row) => (row.status === 'failed' ? [{ seed: row.seed, error: row.error }] : []))
    const seen = new Set(rows.map(({ seed }) => seed))
    const done = new Set(values.map(({ seed }) => seed))
    const times = timings.filter((line) => line.arm === arm.id && done.has(line.seed)).map(({ seconds }) => seconds)
    return {
      arm,
      ...placeOf(arm),
      values,
      top1: summarize(values.map(({ top1 }) => top1)),
      failed,
      missing: plan.seeds.filter((seed) => !seen.has(seed)),
      seconds: times.length > 0 ? times.reduce((a, b) => a + b) / times.length : null,
    }
  })
}

function verdictOf({ n, mean, p: raw }: PairedTest, p: number | null): Verdict {
  if (n === 0) return 'no data'
  if (n === 1) return 'one seed'
  if (raw === null || p === null) return 'no spread'
  if (p >= LEVEL) return 'undecided'
  return mean > 0 ? 'better' : 'worse'
}

function comparisonFindings(plan: Plan, arms: readonly ArmFindings[]): ComparisonFindings[] {
  const valuesOf = (id: string) =>
    new Map(arms.find(({ arm }) => arm.id === id)?.values.map(({ seed, top1 }) => [seed, top1]))
  const tested = plan.comparisons.map(({ arm, against }) => {
    const [ours, theirs] = [valuesOf(arm), valuesOf(against)]
    const seeds = plan.seeds.filter((seed) => ours.has(seed) && theirs.has(seed))
    return { arm, against, seeds, test: pairedTest(seeds.map((seed) => ours.get(seed)! - theirs.get(seed)!)) }
  })
  const adjusted = holm(tested.map(({ test }) => test.p))
  return tested.map((comparison, i) => {
    const { n, sd } = comparison.test
    return {
      ...comparison,
      p: adjusted[i],
      verdict: verdictOf(comparison.test, adjusted[i]),
      // The strictest step of Holm's correction: a difference detected there is detected at every step.
      detectable: detectable(n, sd, { alpha: LEVEL / tested.length, power: POWER }),
    }
  })
}

/** Computes every number in the report of these files. */
export function analyze(files: ExperimentFiles): Analysis {
  const { plan, results, timings, strangers } = files
  const arms = armFindings(files)
  const planned = plan.arms.length * plan.seeds.length
  const done = results.filter(({ status }) => status === 'done').length
  const failed = results.length - done
  return {
    plan,
    kind: kindOf(plan.arms),
    arms,
    comparisons: comparisonFindings(plan, arms),
    jobs: { planned, done, failed },
    finished: planned > 0 && done + failed === planned,
    seconds: timings.length > 0 ? timings.reduce((sum, { seconds }) => sum + seconds, 0) : null,
    strangers,
  }
}

/** {@link analyze} of the files in an experiment's folder. */
export const analyzeFolder = (folder: string): Analysis => analyze(readExperiment(folder))

/** The base of an arm's family, if it is among the arms. */
export const baseOf = (arms: readonly ArmFindings[], group: string) =>
  arms.find((entry) => entry.dimension === 'baseline' && entry.group === group)
