/** The progress of an experiment, from its files alone: it may be running elsewhere, or be over. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import type { StoredSeed } from '../../random/seed'
import { RUN_FILES } from '../../train/run/folder'
import { type EvalLine, readMetrics, type StepLine } from '../../train/run/metrics'
import { jobsOf } from '../plan/plan'
import { readPlan } from '../store/folder'
import { type JobRecord, readRecord, runFolder } from '../store/job-record'
import { keyOf, readResults } from '../store/results'
import type { JobError, Plan, ResultRow } from '../types/types'

/** How far one job is. */
export interface JobState {
  /** The id of the arm that it trains. */
  arm: string
  /** The seed of its training. */
  seed: StoredSeed
  /** `begun`: it has made steps and is not over. The files cannot tell whether a process is running it. */
  state: 'waiting' | 'begun' | 'done' | 'failed'
  /** Steps done. */
  step: number
  /** From the latest evaluation; null before the first. */
  top1: number | null
  /** Errors of failed attempts. */
  failures: JobError[]
}

/** How far an experiment is, from its files. */
export interface ExperimentStatus {
  /** The folder of the experiment. */
  folder: string
  /** The plan that its folder keeps. */
  plan: Plan
  /** All jobs that are known so far, in the plan's order. */
  jobs: JobState[]
  /** Number of jobs that finished. */
  done: number
  /** Number of jobs that failed in both attempts. */
  failed: number
}

function stateOf(folder: string, id: string, arm: string, seed: StoredSeed, row: ResultRow | undefined): JobState {
  const record: JobRecord = readRecord(folder, id)
  const over = row ?? record.outcome?.row
  const failures = over?.error === undefined ? record.failures : [...record.failures, over.error]
  if (over !== undefined) return { arm, seed, state: over.status, step: over.steps ?? 0, top1: over.top1, failures }
  const metrics = join(runFolder(folder, id), RUN_FILES.metrics)
  const lines = existsSync(metrics) ? readMetrics(metrics) : []
  const step = lines.findLast((line): line is StepLine => line.type === 'step')?.step ?? 0
  const top1 = lines.findLast((line): line is EvalLine => line.type === 'eval')?.top1 ?? null
  return { arm, seed, state: lines.length > 0 || failures.length > 0 ? 'begun' : 'waiting', step, top1, failures }
}

/**
 * The state of every job.
 *
 * @param folder of an experiment
 * @throws MbconvError ERR_DATA if it is not an experiment's folder, or its files are damaged
 */
export function status(folder: string): ExperimentStatus {
  if (typeof folder !== 'string')
    throw new MbconvError('ERR_TYPE', `status: folder must be text, got ${shown(folder)}`, { op: 'status' })
  const plan = readPlan(folder)
  const rows = new Map(readResults(folder).map((row) => [keyOf(row), row]))
  const jobs = jobsOf(plan).map(({ arm, seed, id }) => stateOf(folder, id, arm.id, seed, rows.get(id)))
  const count = (state: JobState['state']) => jobs.filter((job) => job.state === state).length
  return { folder, plan, jobs, done: count('done'), failed: count('failed') }
}
