/**
 * Experiments on a SLURM cluster: writes an array script with one task per remaining job.
 *
 * The script is written, not submitted. Each task writes its result to the job's own record. The next `report` or `run`
 * collects the records into results.jsonl. Source: sbatch(1), "--array".
 */
import { join } from 'node:path'
import { MbconvError } from '../../errors/error'
import { unlinkIfThere, writeFileAtomic } from '../../files/atomic'
import { packageRoot } from '../../package/manifest'
import { printable, quoted as quotedText } from '../../text/foreign-text'
import { EXPERIMENTS } from '../plan/limits'
import { revisionHere, versionsHere } from '../plan/machine'
import { addPhase, jobsOf, planExperiment } from '../plan/plan'
import type { ExperimentSpec } from '../plan/spec'
import { folderOf, lockExperiment, planToGoOnWith, Results, readPlan, writePlan } from '../store/folder'
import type { Plan } from '../types/types'
import { ATTEMPTS, type Outcome, watchJob } from './watch'

export interface SlurmScript {
  folder: string
  /** Null if no job is left. */
  path: string | null
  /** Number of remaining jobs. */
  tasks: number
  /** Their indices, in the syntax of `--array`. */
  array: string
}

/** Minutes that a task gets in addition, for starting and saving. */
const SPARE_MINUTES = 5

/** Quotes any text as a word of the script. */
const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`

/** Quotes a value for an #SBATCH line, which supports quotes but is not parsed by a shell. */
function optionWord(word: string): string {
  if (/^[\w./%+-]+$/.test(word)) return word
  // A line break would begin a new command.
  if (word.includes('"') || printable(word) !== word)
    throw new MbconvError('ERR_CONFIG', `no script for sbatch can name ${quotedText(word)}`, { hint: 'another --dir' })
  return `"${word}"`
}

/** Formats 0, 1, 2, 5 as `0-2,5`. */
export function ranges(numbers: readonly number[]): string {
  const parts: [number, number][] = []
  for (const number of numbers) {
    const last = parts.at(-1)
    if (last !== undefined && last[1] === number - 1) last[1] = number
    else parts.push([number, number])
  }
  return parts.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',')
}

/**
 * Plans an experiment and writes the script for its remaining jobs; for a search, those of its current phase.
 *
 * @throws MbconvError as planning; ERR_IO while another process runs the experiment
 */
export function writeSlurm(spec: ExperimentSpec, { dir }: { dir?: string } = {}): SlurmScript {
  const { plan: planned, sources } = planExperiment(spec, dir)
  const folder = folderOf(planned, dir ?? EXPERIMENTS)
  const unlock = lockExperiment(folder)
  try {
    const { plan } = planToGoOnWith(folder, planned, sources.length > 0)
    const results = new Results(folder)
    try {
      let left: number[] = []
      for (let phase = 0; ; phase++) {
        results.gather(plan)
        const jobs = jobsOf(plan)
        const open = new Set(results.left(jobs))
        left = jobs.flatMap((job, i) => (open.has(job) ? [i] : []))
        if (
          left.length > 0 ||
          !addPhase(
            plan,
            sources,
            phase + 1,
            results.inOrder(plan, () => true),
          )
        )
          break
      }
      writePlan(folder, plan)
      const path = join(folder, 'array.sh')
      unlinkIfThere(path)
      if (left.length === 0) return { folder, path: null, tasks: 0, array: '' }
      const array = ranges(left)
      writeFileAtomic(path, scriptOf(spec, plan, folder, array))
      return { folder, path, tasks: left.length, array }
    } finally {
      results.close()
    }
  } finally {
    unlock()
  }
}

function scriptOf({ slurm, limits, name }: ExperimentSpec, { threads }: Plan, folder: string, array: string): string {
  const { partition, account, cpus = threads, gpus = 0, atOnce, options = [], setup = [] } = slurm ?? {}
  const minutes = Math.ceil(slurm?.minutes ?? ATTEMPTS * limits.minutes + SPARE_MINUTES)
  const memory = slurm?.memory ?? `${Math.ceil(limits.memory / 2 ** 20)}M`
  const given = [
    `--job-name=${name}`,
    `--array=${array}${atOnce === undefined ? '' : `%${atOnce}`}`,
    `--time=${minutes}`,
    `--cpus-per-task=${cpus}`,
    `--mem=${memory}`,
    ...(gpus > 0 ? [`--gpus=${gpus}`] : []),
    ...(partition === undefined ? [] : [`--partition=${partition}`]),
    ...(account === undefined ? [] : [`--account=${account}`]),
    `--output=${optionWord(join(folder, 'jobs', 'task-%a.out'))}`,
    ...options,
  ]
  const command = [process.execPath, join(packageRoot, 'dist', 'cli', 'main.js'), 'experiment', 'job', folder]
  return [
    '#!/bin/bash',
    ...given.map((option) => `#SBATCH ${option}`),
    '# Time is up in two minutes: the job saves and goes on when this script is submitted again.',
    '#SBATCH --signal=B:TERM@120',
    '#SBATCH --requeue',
    'set -eu',
    ...setup,
    `exec ${command.map(quoted).join(' ')} "$SLURM_ARRAY_TASK_ID"`,
    '',
  ].join('\n')
}

/**
 * Runs one task: the job with a given number in a folder's plan.
 *
 * @returns undefined if it was stopped before its end
 * @throws MbconvError ERR_USAGE for a number without a job
 */
export async function runTask(folder: string, index: string, signal?: AbortSignal): Promise<Outcome | undefined> {
  const plan = readPlan(folder)
  const jobs = jobsOf(plan)
  const job = /^\d+$/.test(index) ? jobs[Number(index)] : undefined
  if (job === undefined)
    throw new MbconvError('ERR_USAGE', `there is no job ${index} in ${folder}`, {
      hint: jobs.length > 0 ? `0 to ${jobs.length - 1}` : 'the experiment has none',
    })
  const here = { versions: versionsHere(), revision: revisionHere() }
  return watchJob({ folder, plan, job, here, signal })
}
