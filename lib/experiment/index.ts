/** Experiments: many trainings that answer one question, planned, run and resumed as a whole. */

import { checkCount, checkOptions, shown } from '../errors/check'
import { MbconvError } from '../errors/error'
import type { ExperimentComparison } from './analysis/compare'
import { MOST_JOBS } from './plan/limits'
import { planExperiment } from './plan/plan'
import {
  type ExperimentInput,
  type ExperimentSpec,
  parseExperiment,
  parseExperimentFile,
  type SpecOptions,
} from './plan/spec'
import type { ReportPaths } from './report/write'
import { type ExperimentRun, type RunOptions, runSpec } from './run/runner'
import type { Plan } from './types/types'

export type { ExperimentComparison } from './analysis/compare'
export { type ExperimentInput, experimentSchema, type SpecOptions } from './plan/spec'
export type { ReportPaths } from './report/write'
export type {
  ExperimentEvent,
  ExperimentResult,
  JobEndEvent,
  JobProgressEvent,
  JobRetryEvent,
  JobStartEvent,
  MeasureEvent,
  PlanEvent,
} from './run/events'
export type { ExperimentRun, RunOptions } from './run/runner'
export { type ExperimentStatus, type JobState, status } from './run/status'
export type {
  ArmSource,
  Comparison,
  JobError,
  Plan,
  PlannedArm,
  RefusedArm,
  ResultRow,
  TimingRow,
} from './types/types'

function checkText(op: string, name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string' || value === '')
    throw new MbconvError('ERR_TYPE', `${op}: ${name} must be text, got ${shown(value)}`, { op })
}

function checkSpecOptions(op: string, { profile, set = [] }: SpecOptions): void {
  if (profile !== undefined) checkText(op, 'profile', profile)
  if (!Array.isArray(set)) throw new MbconvError('ERR_TYPE', `${op}: set must be a list, got ${shown(set)}`, { op })
  for (const [i, each] of set.entries()) checkText(op, `set[${i}]`, each)
}

function specOf(experiment: string | ExperimentInput, options: SpecOptions): ExperimentSpec {
  return typeof experiment === 'string'
    ? parseExperimentFile(experiment, options)
    : parseExperiment(experiment, options)
}

/**
 * Plans an experiment: its arms with their counted cost, and the arms that are refused because they miss the budget.
 * Trains nothing.
 *
 * @param experiment a YAML file, or an object with its keys
 * @throws MbconvError ERR_CONFIG for mistakes in it, ERR_UNREACHED if no arm is within the budget; ERR_DATA,
 *   ERR_CUDA_UNAVAILABLE, ERR_NATIVE_LOAD
 */
export function plan(experiment: string | ExperimentInput, options: SpecOptions = {}): Plan {
  checkOptions('plan', options, ['profile', 'set'])
  checkSpecOptions('plan', options)
  return planExperiment(specOf(experiment, options)).plan
}

/**
 * Runs or resumes an experiment: jobs run side by side, each in its own process with limits of time and memory.
 *
 * ```js
 * const run = mb.experiment.run('scripts/experiments/table7.yaml', { profile: 'cpu' })
 * for await (const event of run) if (event.type === 'job-end') console.log(event.row.arm, event.row.top1)
 * ```
 *
 * The folder `<dir>/<name>-<profile>` holds experiment.json, results.jsonl, timings.jsonl and the jobs' training runs.
 * A job that fails twice becomes a row with status `failed`; the other jobs still run.
 *
 * @throws MbconvError as {@link plan}; everything else through `result` and the iterator
 */
export function run(experiment: string | ExperimentInput, options: SpecOptions & RunOptions = {}): ExperimentRun {
  const op = 'run'
  checkOptions(op, options, ['profile', 'set', 'dir', 'jobs', 'retryFailed', 'signal'])
  checkSpecOptions(op, options)
  const { profile, set, ...rest } = options
  const { dir, jobs, retryFailed, signal } = rest
  if (dir !== undefined) checkText(op, 'dir', dir)
  if (jobs !== undefined) checkCount(op, 'jobs', jobs, { max: MOST_JOBS })
  if (retryFailed !== undefined && typeof retryFailed !== 'boolean')
    throw new MbconvError('ERR_TYPE', `${op}: retryFailed must be true or false, got ${shown(retryFailed)}`, { op })
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new MbconvError('ERR_TYPE', `${op}: signal must be an AbortSignal`, { op })
  return runSpec(specOf(experiment, { profile, set }), rest)
}

/**
 * Writes the report of an experiment into `report/` in its folder: a self-contained HTML page, Markdown, CSV, and each
 * figure as SVG and PNG. It can be called at any time; the report says what is missing.
 *
 * @param folder the experiment's
 * @throws MbconvError ERR_TYPE; ERR_DATA where its files are missing or damaged; ERR_IO when writing fails
 */
export async function report(folder: string): Promise<ReportPaths> {
  // Loaded here only: running an experiment needs no drawing library.
  const { writeReport } = await import('./report/write.js')
  return writeReport(folder)
}

/**
 * Experiments side by side: one row per arm, one column per experiment. Nothing is tested across experiments.
 *
 * @param folders at least one
 * @throws MbconvError ERR_TYPE; ERR_VALUE without any; ERR_DATA where one cannot be read
 */
export async function compare(folders: readonly string[]): Promise<ExperimentComparison> {
  const { compareExperiments } = await import('./analysis/compare.js')
  return compareExperiments(folders)
}
