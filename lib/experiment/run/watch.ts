/** Follows one job from its first attempt to its outcome. */

import type { TrainConfigInput } from '../../config/train'
import { MbconvError } from '../../errors/error'
import { type Job, jobConfig } from '../plan/plan'
import { closeGap, type JobRecord, jobsFolder, logFile, readRecord, writeRecord } from '../store/job-record'
import type { JobError, Plan, ResultRow, TimingRow } from '../types/types'
import { type AttemptEnd, attempt } from './attempt'
import type { JobFigures, JobMessage } from './job'

/** The most attempts at a job. */
export const ATTEMPTS = 2

/** Errors whose cause is in the files to resume from, not in the training. */
const FILES_AT_FAULT: readonly string[] = ['ERR_CHECKPOINT', 'ERR_CONFIG', 'ERR_FORMAT']

export interface WatchOptions {
  folder: string
  plan: Plan
  job: Job
  /** Of this process: recorded with the result. */
  here: Pick<Plan, 'versions' | 'revision'>
  gpu?: string | null
  signal?: AbortSignal
  onAttempt?: (attempt: number) => void
  onMessage?: (message: JobMessage, attempt: number) => void
  onRetry?: (error: JobError, attempt: number) => void
}

export interface Outcome {
  row: ResultRow
  timing: TimingRow
}

/**
 * Runs a job, a second time if it fails, and stores its outcome in the job's record. Training resumes from the newest
 * checkpoint.
 *
 * @returns undefined if it was stopped before its end
 * @throws MbconvError ERR_IO if the record cannot be written, or another process runs the job
 */
export async function watchJob(options: WatchOptions): Promise<Outcome | undefined> {
  const { folder, plan, job, gpu = null, signal, onAttempt, onMessage, onRetry } = options
  const { threads, limits } = plan
  let record = closeGap(folder, job.id, readRecord(folder, job.id))
  if (record.outcome !== undefined) return record.outcome
  const keep = (change: Partial<JobRecord>) => {
    record = { ...record, ...change }
    writeRecord(folder, job.id, record)
  }
  for (;;) {
    const number = record.failures.length + 1
    const last = record.failures.at(-1)
    keep({ startedAt: Date.now() })
    onAttempt?.(number)
    const { end, wallSeconds, peakBytes } = await attempt({
      order: {
        type: 'train',
        config: runConfig(plan, job, folder),
        jobs: jobsFolder(folder),
        id: job.id,
        fresh: last !== undefined && FILES_AT_FAULT.includes(last.code),
      },
      ...{ limits, threads, gpu, signal, log: logFile(folder, job.id) },
      onMessage: (message) => onMessage?.(message, number),
    })
    const spent = {
      startedAt: null,
      wallSeconds: record.wallSeconds + wallSeconds,
      peakBytes: peakBytes === null ? record.peakBytes : Math.max(peakBytes, record.peakBytes ?? 0),
    }
    if (end.type === 'busy') throw new MbconvError('ERR_IO', end.message)
    if (end.type === 'failed' && number < ATTEMPTS) {
      keep({ ...spent, failures: [...record.failures, end.error] })
      onRetry?.(end.error, number)
      if (signal?.aborted) return undefined
      continue
    }
    if (end.type === 'done' || end.type === 'failed') {
      const outcome = outcomeOf(options, number, end, spent)
      keep({ ...spent, outcome })
      return outcome
    }
    keep(spent)
    return undefined
  }
}

/** Adds settings that belong to this machine and not to a result. */
function runConfig(plan: Plan, job: Job, folder: string): TrainConfigInput {
  const { device, threads } = plan
  return { ...jobConfig(job), device, threads, run: { dir: jobsFolder(folder), name: job.id, curves: false } }
}

function outcomeOf(
  { plan, job, here }: WatchOptions,
  attempt: number,
  end: AttemptEnd & { type: 'done' | 'failed' },
  spent: { wallSeconds: number; peakBytes: number | null },
): Outcome {
  const { arm, seed } = job
  const figures: Partial<JobFigures> = end.type === 'done' ? end.figures : {}
  const { top1, top5, loss, steps, epochs, seconds = 0, device = plan.device } = figures
  const row = {
    ...{ arm: arm.id, seed, status: end.type, attempt },
    ...(end.type === 'failed'
      ? { top1: null, top5: null, loss: null, params: arm.params, macs: arm.macs, steps: null, epochs: null }
      : { top1, top5, loss, params: arm.params, macs: arm.macs, steps, epochs }),
    ...(end.type === 'failed' ? { error: end.error } : {}),
    ...{ config: jobConfig(job), versions: here.versions, revision: here.revision },
  } as ResultRow
  const finishedAt = new Date().toISOString()
  const timing = { arm: arm.id, seed, attempt, seconds, ...pick(spent), finishedAt, device, threads: plan.threads }
  return { row, timing }
}

const pick = ({ wallSeconds, peakBytes }: { wallSeconds: number; peakBytes: number | null }) => ({
  wallSeconds,
  peakBytes,
})
