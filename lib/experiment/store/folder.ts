/** The folder of an experiment: its plan, its finished jobs, and whether it can continue with another plan. */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { formerDropPathHint } from '../../config/model-table'
import { MbconvError } from '../../errors/error'
import { removeStaleTemporaries, writeFileAtomic } from '../../files/atomic'
import { makeFolder } from '../../files/folders'
import { readableJson } from '../../files/json'
import { IN_USE, lockRun, unlockRun } from '../../files/lock'
import { readText } from '../../files/open'
import { differingKeys } from '../../schema/values'
import { type Job, jobConfig, jobsOf } from '../plan/plan'
import type { Plan, PlannedArm, ResultRow, TimingRow } from '../types/types'
import { jobsFolder, readRecord, removeRecord, tidyJob } from './job-record'
import { FILES, keyOf, LineFile } from './results'

export const folderOf = ({ name, profile }: Pick<Plan, 'name' | 'profile'>, dir: string): string =>
  resolve(dir, `${name}-${profile}`)

/** Whether a folder contains an experiment. */
export const isExperiment = (folder: string): boolean => existsSync(join(folder, FILES.plan))

/**
 * The plan of an experiment.
 *
 * @param folder the experiment's
 * @throws MbconvError ERR_DATA if the plan is missing or damaged
 */
export function readPlan(folder: string): Plan {
  const path = join(folder, FILES.plan)
  if (!isExperiment(folder))
    throw new MbconvError('ERR_DATA', `${folder} is not the folder of an experiment: it has no ${FILES.plan}`)
  try {
    const plan = JSON.parse(readText(path, { op: 'readPlan' })) as Plan
    if (plan.format !== 1) throw new TypeError(`format ${plan.format} is none that is known`)
    return plan
  } catch (cause) {
    throw new MbconvError('ERR_DATA', `${path} cannot be used: ${(cause as Error).message}`, { cause })
  }
}

export const writePlan = (folder: string, plan: Plan): void =>
  writeFileAtomic(join(folder, FILES.plan), readableJson(plan))

/** Creates the folder and locks it. @returns a function that releases the lock */
export function lockExperiment(folder: string): () => void {
  const token = randomUUID()
  makeFolder(jobsFolder(folder))
  lockRun(folder, token)
  removeStaleTemporaries(folder)
  // Orphaned jobs of a killed runner may still be running here, with their own temporary files.
  removeStaleTemporaries(jobsFolder(folder))
  return () => unlockRun(folder, token)
}

interface ArmChange {
  text: string
  /** See {@link formerDropPathHint}. */
  hint?: string
  /** Whether the hint is about all that has changed. */
  isExplained: boolean
}

/** What has changed between two plans in the arms that began. */
function changedArms(before: readonly PlannedArm[], after: readonly PlannedArm[]): ArmChange[] {
  const known = new Map(after.map((arm) => [arm.id, arm]))
  return before.flatMap((arm): ArmChange[] => {
    const now = known.get(arm.id)
    if (now === undefined) return arm.phase === 0 ? [{ text: `arm ${arm.id} is gone`, isExplained: false }] : []
    const keys = differingKeys(arm.config, now.config)
    if (keys.length === 0) return []
    const hint = formerDropPathHint('experiment', 'base.dropPath', arm.config.model, now.config.model)
    const text = `arm ${arm.id} is another one (${keys.join(', ')})`
    return [{ text, hint, isExplained: hint !== undefined && keys.length === 1 }]
  })
}

/**
 * The plan to continue with in a folder that may already have one. New arms and seeds may be added, and texts about the
 * experiment may change. The settings of finished jobs may not.
 *
 * @param searched whether arms follow from results, so that other seeds give other arms
 * @throws MbconvError ERR_CONFIG if the folder has another experiment
 */
export function planToGoOnWith(folder: string, plan: Plan, searched: boolean): { plan: Plan; warnings: string[] } {
  if (!isExperiment(folder)) return { plan, warnings: [] }
  const stored = readPlan(folder)
  const lost = stored.seeds.filter((seed) => !plan.seeds.includes(seed))
  const arms = changedArms(stored.arms, plan.arms)
  const others = [
    ...lost.map((seed) => `seed ${seed} is gone`),
    ...(searched && stored.seeds.length !== plan.seeds.length ? ['the seeds, which a search depends on'] : []),
  ]
  const changes = [...arms.map(({ text }) => text), ...others]
  if (changes.length > 0) {
    const hints = ['Give it another --dir or name, or remove the folder.']
    const former = arms.find(({ hint }) => hint !== undefined)?.hint
    const isExplained = others.length === 0 && arms.every((arm) => arm.isExplained)
    if (former !== undefined) hints.splice(0, isExplained ? 1 : 0, former)
    throw new MbconvError('ERR_CONFIG', `${folder} holds another experiment of this name: ${changes.join(', ')}`, {
      hint: hints.join(' '),
    })
  }
  const differing = (what: string, a: unknown, b: unknown) =>
    JSON.stringify(a) === JSON.stringify(b) ? [] : [`${what} differs from what the experiment began with`]
  const warnings = [
    ...differing('the version', stored.versions, plan.versions),
    ...differing('the revision', stored.revision, plan.revision),
    ...differing('the machine', stored.machine, plan.machine),
  ]
  const { versions, revision, machine } = stored
  return { plan: { ...plan, versions, revision, machine }, warnings }
}

/** results.jsonl and timings.jsonl, open for writing. */
export class Results {
  readonly rows: LineFile<ResultRow>
  readonly timings: LineFile<TimingRow>

  constructor(readonly folder: string) {
    this.rows = new LineFile(join(folder, FILES.results))
    this.timings = new LineFile(join(folder, FILES.timings))
  }

  /** Collects results of jobs that ended without a runner, and of tasks on a cluster. */
  gather(plan: Plan): void {
    for (const { arm, seed, id } of jobsOf(plan)) {
      const line = { arm: arm.id, seed }
      if (this.rows.has(line) && this.timings.has(line)) continue
      const { outcome } = readRecord(this.folder, id)
      if (outcome !== undefined) this.add(id, outcome)
    }
  }

  add(id: string, { row, timing }: { row: ResultRow; timing: TimingRow }): void {
    this.timings.add(timing)
    this.rows.add(row)
    tidyJob(this.folder, id)
  }

  /**
   * The jobs of a list that are not finished.
   *
   * @throws MbconvError ERR_CONFIG if a finished job of the same name trained something else
   */
  left(jobs: readonly Job[]): Job[] {
    const rows = new Map(this.rows.lines.map((row) => [keyOf(row), row]))
    return jobs.filter((job) => {
      const row = rows.get(job.id)
      // If earlier results have changed, a search gives other arms of the same name.
      if (row !== undefined && JSON.stringify(row.config) !== JSON.stringify(jobConfig(job)))
        throw new MbconvError('ERR_CONFIG', `${this.folder}: the results of ${job.id} are those of another arm`, {
          hint: 'Give the experiment another --dir or name, or remove the folder.',
        })
      return row === undefined
    })
  }

  /** Resets failed jobs so that they run again; their checkpoints are kept. */
  forgetFailures(): void {
    const failed = new Set(this.rows.lines.flatMap((row) => (row.status === 'failed' ? [keyOf(row)] : [])))
    if (failed.size === 0) return
    this.rows.remove((row) => failed.has(keyOf(row)))
    this.timings.remove((timing) => failed.has(keyOf(timing)))
    for (const id of failed) removeRecord(this.folder, id)
  }

  /** The results of some arms in the order of the plan, so that a search does not depend on which job finished first. */
  inOrder(plan: Plan, wanted: (arm: PlannedArm) => boolean): ResultRow[] {
    const rows = new Map(this.rows.lines.map((row) => [keyOf(row), row]))
    return jobsOf(plan).flatMap(({ arm, id }) => (wanted(arm) ? (rows.get(id) ?? []) : []))
  }

  close(): void {
    this.rows.close()
    this.timings.close()
  }
}

/** Collects the results of cluster tasks. A running experiment does this itself. */
export function gather(folder: string): void {
  const plan = readPlan(folder)
  let unlock: () => void
  try {
    unlock = lockExperiment(folder)
  } catch (error) {
    if ((error as MbconvError).op === IN_USE) return
    throw error
  }
  try {
    const results = new Results(folder)
    results.gather(plan)
    results.close()
  } finally {
    unlock()
  }
}
