/** Several experiments side by side: the same arms under another profile, data set or revision. */
import { isDeepStrictEqual } from 'node:util'
import { shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { counted } from '../../text/figures'
import { readExperiment } from '../store/read'
import type { Plan } from '../types/types'
import { type Analysis, analyze } from './analysis'
import { conclusions } from './conclusions'
import { percent, points, times } from './wording'

/** Experiments side by side: what their arms reached, and what each concluded. */
export interface ExperimentComparison {
  /** `Arm`, then one column per experiment. */
  columns: string[]
  /** One row per arm, in order of first appearance; `–` where an experiment lacks the arm. */
  rows: string[][]
  /** The same as numbers, by arm and experiment; null where there is no result. */
  arms: {
    /** The arm's id, the same in all experiments. */
    id: string
    /** Its result in each experiment, in the order given; null where an experiment lacks the arm. */
    results: (null | {
      /** Mean top-1 over the seeds, a share from 0 to 1. */
      mean: number
      /** Standard deviation over the seeds; null for a single seed. */
      sd: number | null
      /** Number of seeds that finished. */
      n: number
      /** Multiply-adds of the arm for one image. */
      macs: number
    })[]
  }[]
  /** What each of them concludes by itself. */
  conclusions: {
    /** The name of the experiment. */
    name: string
    /** Its conclusions, one sentence each. */
    texts: string[]
  }[]
  /** How the experiments differ, and what must therefore not be read from the table. */
  notes: string[]
}

const titleOf = ({ name, profile }: Plan) => `${name}-${profile}`

/** The settings that differ between the experiments and may explain different accuracies of the same arm. */
function differences(plans: readonly Plan[]): string[] {
  const parts: [string, (plan: Plan) => unknown][] = [
    ['base', ({ base }) => base],
    ['budget', ({ budget }) => budget],
    ['data', ({ data }) => data],
    ['seeds', ({ seeds }) => seeds],
    ['device', ({ device }) => device],
    ['versions', ({ versions }) => versions],
    ['revision', ({ revision }) => revision],
    ['machine', ({ machine }) => machine],
  ]
  const differ = parts.filter(([, part]) => !plans.every((plan) => isDeepStrictEqual(part(plan), part(plans[0]))))
  return differ.length === 0 ? [] : [`The experiments differ in ${differ.map(([name]) => name).join(', ')}.`]
}

function cell({ plan, arms }: Analysis, id: string): string {
  const entry = arms.find(({ arm }) => arm.id === id)
  if (entry === undefined || entry.values.length === 0) return '–'
  const { mean, sd, n } = entry.top1
  const spread = sd === null ? '' : ` ± ${points(sd)}`
  return `${percent(mean)}${spread} (${counted(n, 'seed')}, ${times(entry.arm.macs / plan.base.macs)})`
}

/**
 * Puts experiments side by side. Nothing is tested across experiments, because they share no seeds.
 *
 * @param folders of the experiments, at least one
 * @throws MbconvError ERR_DATA where one of them cannot be read; ERR_VALUE without any
 */
export function compareExperiments(folders: readonly string[]): ExperimentComparison {
  if (!Array.isArray(folders)) {
    const message = `compareExperiments: folders must be an array, got ${shown(folders)}`
    throw new MbconvError('ERR_TYPE', message, { op: 'compareExperiments' })
  }
  if (folders.length === 0) {
    throw new MbconvError('ERR_VALUE', 'compareExperiments: there is no folder', { op: 'compareExperiments' })
  }
  const all = folders.map((folder) => analyze(readExperiment(folder)))
  const ids = [...new Set(all.flatMap(({ arms }) => arms.map(({ arm }) => arm.id)))]
  const unfinished = all.filter(({ finished }) => !finished).map(({ plan }) => titleOf(plan))
  return {
    columns: ['Arm', ...all.map(({ plan }) => titleOf(plan))],
    rows: ids.map((id) => [id, ...all.map((analysis) => cell(analysis, id))]),
    arms: ids.map((id) => ({
      id,
      results: all.map(({ arms }) => {
        const entry = arms.find(({ arm }) => arm.id === id)
        if (entry === undefined || entry.values.length === 0) return null
        const { mean, sd, n } = entry.top1
        return { mean, sd, n, macs: entry.arm.macs }
      }),
    })),
    conclusions: all.map((analysis) => ({ name: titleOf(analysis.plan), texts: conclusions(analysis) })),
    notes: [
      ...differences(all.map(({ plan }) => plan)),
      ...(unfinished.length > 0 ? [`Not finished: ${unfinished.join(', ')}.`] : []),
      'Nothing is tested across experiments.',
    ],
  }
}
