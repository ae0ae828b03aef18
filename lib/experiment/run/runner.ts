/**
 * Runs an experiment: its jobs concurrently, each in a separate process, until all are over.
 *
 * Everything that must not be lost is in files that are written atomically, so the runner may die at any moment. The
 * next run repeats nothing that is finished and resumes the rest from checkpoints.
 */
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { deviceCount } from '../../cuda'
import { guarded } from '../../errors/coded'
import { MbconvError } from '../../errors/error'
import { writeFileAtomic } from '../../files/atomic'
import { readableJson } from '../../files/json'
import { readText } from '../../files/open'
import { EventQueue } from '../../process/event-queue'
import { stopReasonOf } from '../../process/stop-reason'
import { EXPERIMENTS } from '../plan/limits'
import { addPhase, type Job, jobConfig, jobsOf, type Planned, planExperiment } from '../plan/plan'
import type { ExperimentSpec } from '../plan/spec'
import { folderOf, lockExperiment, planToGoOnWith, Results, writePlan } from '../store/folder'
import { FILES } from '../store/results'
import type { Plan } from '../types/types'
import { attempt } from './attempt'
import type { ExperimentEvent, ExperimentResult } from './events'
import { watchJob } from './watch'

/** How an experiment runs on this machine. */
export interface RunOptions {
  /** Folder of all experiments. Default `runs/experiments`. */
  dir?: string
  /** Concurrent jobs. Default: the experiment's value, else as many as cores or GPUs allow. */
  jobs?: number
  /** Retry jobs that failed in an earlier run. Default false: they count as over. */
  retryFailed?: boolean
  /** Ends the experiment early; its jobs save first. If its reason is a signal's name, the result shows that. */
  signal?: AbortSignal
}

/** A running experiment. Iterating yields its events. There is a single sequence of them, shared by all iterators. */
export interface ExperimentRun extends AsyncIterable<ExperimentEvent> {
  /**
   * Rejects with the error that ended the run. Iterating throws the same error, so handling one of the two is enough.
   */
  readonly result: Promise<ExperimentResult>
}

type Emit = (event: ExperimentEvent) => void

/** @throws MbconvError planning errors, at once; everything else through `result` and the iterator */
export function runSpec(spec: ExperimentSpec, options: RunOptions = {}): ExperimentRun {
  const queue = new EventQueue<ExperimentEvent>(undefined, {
    expendable: 'job-progress',
    whereElse: 'they were about the progress of jobs only',
  })
  const planned = planExperiment(spec, options.dir)
  const outcome = guarded('run', runPlanned)(spec, planned, options, (event) => queue.push(event))
  outcome.then(
    () => queue.end(),
    (error) => queue.fail(error),
  )
  const result = outcome.then((value) => value)
  return {
    result,
    [Symbol.asyncIterator]() {
      result.catch(() => {})
      return queue
    },
  }
}

async function runPlanned(
  spec: ExperimentSpec,
  planned: Planned,
  { dir = EXPERIMENTS, jobs: wantedJobs, retryFailed = false, signal }: RunOptions,
  emit: Emit,
): Promise<ExperimentResult> {
  const folder = folderOf(planned.plan, dir)
  const unlock = lockExperiment(folder)
  try {
    const here = { versions: planned.plan.versions, revision: planned.plan.revision }
    const { plan, warnings } = planToGoOnWith(folder, planned.plan, planned.sources.length > 0)
    for (const message of warnings) emit({ type: 'warning', message })
    const slots = slotsOf(plan, wantedJobs ?? spec.jobs)
    const results = new Results(folder)
    try {
      results.gather(plan)
      if (retryFailed) results.forgetFailures()
      for (let phase = 0; ; phase++) {
        writePlan(folder, plan)
        results.gather(plan)
        const all = jobsOf(plan, phase)
        const left = results.left(all)
        const counts = { phase, jobs: all.length, finished: all.length - left.length, slots: slots.length }
        emit({ type: 'plan', plan: structuredClone(plan), folder, ...counts })
        if (spec.estimate && left.length > 0) {
          const estimates = await estimate({ plan, folder, left, gpu: slots[0], signal, emit })
          const seconds =
            left.reduce((sum, { arm }) => sum + (estimates[arm.id] ?? 0), 0) / Math.min(slots.length, left.length)
          emit({ type: 'plan', plan: structuredClone(plan), folder, ...counts, estimates, seconds })
        }
        await runJobs({ folder, plan, here, left, slots, results, signal, emit })
        if (signal?.aborted) break
        const before = results.inOrder(plan, (arm) => arm.phase <= phase)
        if (planned.sources.length === 0 || !addPhase(plan, planned.sources, phase + 1, before)) break
      }
      const rows = results.inOrder(plan, () => true)
      const result: ExperimentResult = {
        folder,
        done: rows.filter(({ status }) => status === 'done').length,
        failed: rows.filter(({ status }) => status === 'failed').length,
        jobs: jobsOf(plan).length,
        interrupted: signal?.aborted ? stopReasonOf(signal) : false,
      }
      emit({ type: 'end', result })
      return result
    } finally {
      results.close()
    }
  } finally {
    unlock()
  }
}

/**
 * One entry per concurrent job: the GPU that it sees, as a CUDA_VISIBLE_DEVICES value, or null.
 *
 * @throws MbconvError ERR_CUDA_UNAVAILABLE
 */
function slotsOf(plan: Plan, wanted: number | null): (string | null)[] {
  if (plan.device === 'cpu') {
    const most = Math.max(1, Math.floor(availableParallelism() / plan.threads))
    return new Array<null>(wanted ?? most).fill(null)
  }
  const named = /^cuda:(\d+)$/.exec(plan.device)?.[1]
  // A job that names its GPU must see all of them.
  if (named !== undefined) return new Array<null>(wanted ?? 1).fill(null)
  const visible = process.env.CUDA_VISIBLE_DEVICES?.split(',').map((id) => id.trim())
  const gpus = Array.from({ length: deviceCount() }, (_, i) => visible?.[i] ?? String(i))
  if (gpus.length === 0) throw new MbconvError('ERR_CUDA_UNAVAILABLE', 'experiment: there is no GPU to run jobs on')
  return Array.from({ length: wanted ?? gpus.length }, (_, i) => gpus[i % gpus.length])
}

interface EstimateOptions {
  plan: Plan
  folder: string
  left: readonly Job[]
  gpu: string | null
  signal?: AbortSignal
  emit: Emit
}

/** Measures the arms without an estimate, all in one process. Returns seconds of a job by arm. */
async function estimate({ plan, folder, left, gpu, signal, emit }: EstimateOptions) {
  const path = join(folder, FILES.estimate)
  const known = readEstimates(path)
  const jobs = [...new Map(left.map((job) => [job.arm.id, job])).values()].filter(({ arm }) => !(arm.id in known))
  if (jobs.length === 0) return known
  const { device, threads, limits } = plan
  const configs = jobs.map((job) => ({ ...jobConfig(job), device, threads }))
  const found: Record<string, number | null> = {}
  const { end } = await attempt({
    order: { type: 'measure', configs },
    ...{ limits, threads, gpu, signal },
    onMessage: (message) => {
      if (message.type !== 'measured') return
      const { index, seconds, why } = message
      const arm = jobs[index].arm.id
      found[arm] = seconds
      emit({ type: 'measure', arm, seconds, ...(why === undefined ? {} : { why }) })
    },
  })
  if (end.type === 'failed') emit({ type: 'warning', message: `the time cannot be estimated: ${end.error.message}` })
  const estimates = { ...known, ...found }
  if (!signal?.aborted) writeFileAtomic(path, readableJson(estimates))
  return estimates
}

function readEstimates(path: string): Record<string, number | null> {
  try {
    return existsSync(path) ? JSON.parse(readText(path, { op: 'estimate' })) : {}
  } catch {
    return {} // estimates are only informative, and are measured again next time
  }
}

interface JobsOptions {
  folder: string
  plan: Plan
  here: Pick<Plan, 'versions' | 'revision'>
  left: readonly Job[]
  slots: readonly (string | null)[]
  results: Results
  signal?: AbortSignal
  emit: Emit
}

/** Runs the jobs of a phase. A failed job does not stop the others; a job that cannot be run at all does. */
async function runJobs({ folder, plan, here, left, slots, results, signal, emit }: JobsOptions): Promise<void> {
  const waiting = [...left]
  let broken: unknown
  const worker = async (gpu: string | null, slot: number) => {
    for (;;) {
      if (broken !== undefined || signal?.aborted) return
      const job = waiting.shift()
      if (job === undefined) return
      const which = { arm: job.arm.id, seed: job.seed }
      let [steps, step] = [0, 0]
      let top1: number | null = null
      const outcome = await watchJob({
        ...{ folder, plan, job, here, gpu, signal },
        onAttempt: (attempt) => emit({ type: 'job-start', ...which, attempt, slot }),
        onMessage: (message, attempt) => {
          if (message.type === 'warning') emit({ type: 'warning', message: `${job.id}: ${message.message}` })
          if (message.type !== 'start' && message.type !== 'progress') return
          if (message.type === 'start') steps = message.steps
          step = message.step
          if (message.type === 'progress') top1 = message.top1 ?? top1
          const loss = message.type === 'progress' ? message.loss : null
          emit({ type: 'job-progress', ...which, attempt, step, steps, loss, top1 })
        },
        onRetry: (error, attempt) => emit({ type: 'job-retry', ...which, attempt, error }),
      })
      if (outcome === undefined) return
      results.add(job.id, outcome)
      emit({ type: 'job-end', ...outcome })
    }
  }
  const work = slots.map((gpu, slot) =>
    worker(gpu, slot).catch((error) => {
      broken ??= error
    }),
  )
  await Promise.all(work)
  if (broken !== undefined) throw broken
}
