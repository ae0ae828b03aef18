/**
 * The process of one job: trains, and reports its progress to the process that started it.
 *
 * It does not outlive its watcher for long. If the watcher dies, for any reason, the job saves a checkpoint and ends;
 * the next process of the same job waits for that. Messages use Node's IPC channel.
 */

import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { TrainConfigInput } from '../../config/train'
import type { MbconvError } from '../../errors/error'
import { toPlainError } from '../../errors/plain-error'
import { removeAll } from '../../files/atomic'
import { IN_USE, lockPath, unlockPath } from '../../files/lock'
import { RUN_FILES } from '../../train/run/folder'
import { train } from '../../train/train'
import type { JobError } from '../types/types'
import { measureJob } from './estimate'

/** The first message to the process. */
export type JobOrder =
  | { type: 'train'; config: TrainConfigInput; jobs: string; id: string; fresh: boolean }
  | { type: 'measure'; configs: TrainConfigInput[] }

/** A later message to the process. */
export interface StopOrder {
  type: 'stop'
  reason: string
}

export interface JobFigures {
  top1: number
  top5: number
  loss: number
  steps: number
  epochs: number
  seconds: number
  device: string
}

export type JobMessage =
  | { type: 'start'; step: number; steps: number; epochs: number }
  | { type: 'progress'; step: number; loss: number | null; top1: number | null }
  | { type: 'warning'; message: string }
  /** Bytes: current, and peak so far. */
  | { type: 'memory'; resident: number; peak: number }
  | { type: 'done'; figures: JobFigures }
  /** It was asked to stop and has saved. */
  | { type: 'stopped' }
  | { type: 'failed'; error: JobError }
  /** Another living process is running this job. */
  | { type: 'busy'; message: string }
  /** Estimated seconds of a job of `configs[index]`; null if a step failed. */
  | { type: 'measured'; index: number; seconds: number | null; why?: string }

/** Time that an orphan may need to save, ms; the next process of the job waits longer. */
const FAREWELL = 30_000
const PATIENCE = 45_000
/** Interval of memory and progress reports, ms. */
const EVERY = 250

/** Settles when the message has been sent. The watcher may be gone at any time; then nobody is left to notify. */
function send(message: JobMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send!(message, () => resolve())
    else resolve()
  })
}

const sleep = (milliseconds: number) => new Promise((resume) => setTimeout(resume, milliseconds))

/** Locks the job. Waits for an orphan of an earlier run to end. */
async function lock(path: string, id: string, token: string): Promise<void> {
  for (const began = Date.now(); ; await sleep(50)) {
    try {
      return lockPath(path, id, token)
    } catch (error) {
      if ((error as MbconvError).op !== IN_USE || Date.now() - began > PATIENCE) throw error
    }
  }
}

async function trainJob({ config, jobs, id, fresh }: JobOrder & { type: 'train' }, stop: AbortController) {
  const token = randomUUID()
  const lockFile = join(jobs, `.${id}.lock`)
  try {
    await lock(lockFile, id, token)
  } catch (error) {
    return await send({ type: 'busy', message: (error as Error).message })
  }
  try {
    const folder = join(jobs, id)
    const begun = existsSync(join(folder, RUN_FILES.config))
    // A folder without a configuration is left over from a process that died before its first step.
    if (fresh || !begun) removeAll(folder)
    if (stop.signal.aborted) return await send({ type: 'stopped' })
    const resume = begun && !fresh ? folder : undefined
    const run = train(config, { signal: stop.signal, resume })
    let [steps, told, top1] = [0, 0, null as number | null]
    let device = ''
    for await (const event of run) {
      if (event.type === 'start') {
        steps = event.steps
        device = event.device
        send({ type: 'start', step: event.startStep, steps, epochs: event.epochs })
      } else if (event.type === 'eval') {
        top1 = event.top1 ?? null
        send({ type: 'progress', step: event.step, loss: null, top1 })
      } else if (event.type === 'step' && Date.now() - told > EVERY) {
        told = Date.now()
        send({ type: 'progress', step: event.step, loss: event.loss, top1 })
      } else if (event.type === 'warning') send({ type: 'warning', message: event.message })
    }
    const result = await run.result
    if (result.interrupted) return await send({ type: 'stopped' })
    if (result.task !== 'classification') throw new Error('an experiment compares top-1') // its plan refuses others
    const { top1: share, top5, loss, epochs, seconds } = result
    await send({ type: 'done', figures: { top1: share, top5, loss, steps: result.steps, epochs, seconds, device } })
  } finally {
    unlockPath(lockFile, token)
  }
}

async function obey(order: JobOrder, stop: AbortController): Promise<void> {
  const memory = setInterval(() => {
    const peak = 1024 * process.resourceUsage().maxRSS
    send({ type: 'memory', resident: process.memoryUsage.rss(), peak })
  }, EVERY)
  try {
    if (order.type === 'train') await trainJob(order, stop)
    else
      for (const [index, config] of order.configs.entries()) {
        if (stop.signal.aborted) break
        await send({ type: 'measured', index, ...(await measureJob(config)) })
      }
  } catch (error) {
    const { code, message } = toPlainError(error)
    await send({ type: 'failed', error: { code: code ?? 'ERR_JOB_DIED', message } })
  }
  clearInterval(memory)
  if (process.connected) process.disconnect()
}

function main(): void {
  const stop = new AbortController()
  process.on('disconnect', () => {
    stop.abort('abort')
    setTimeout(() => process.exit(1), FAREWELL).unref()
  })
  // The watcher handles a terminal's Ctrl-C.
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
  process.on('message', (order: JobOrder | StopOrder) => {
    if (order.type === 'stop') stop.abort(order.reason)
    else void obey(order, stop)
  })
}

if (require.main === module) {
  if (process.send === undefined) {
    process.stderr.write('this is a part of mbconv experiment and is started by it\n')
    process.exitCode = 2
  } else main()
}
