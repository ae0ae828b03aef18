/** Runs a job's process: its messages, its limits, its end. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync } from 'node:fs'
import { join } from 'node:path'
import { openToAppend, readLog } from '../../files/open'
import { gibibytes } from '../../text/figures'
import type { JobError, Limits } from '../types/types'
import type { JobFigures, JobMessage, JobOrder, StopOrder } from './job'

/** How a process of a job ended. */
export type AttemptEnd =
  | { type: 'done'; figures: JobFigures }
  | { type: 'stopped' }
  | { type: 'busy'; message: string }
  | { type: 'failed'; error: JobError }
  /** Everything requested has been measured. */
  | { type: 'measured' }

export interface AttemptOptions {
  order: JobOrder
  limits: Limits
  threads: number
  /** The GPU that the process may see; null if no GPU is reserved for it. */
  gpu: string | null
  /** File for the process's output, shown if it dies without a message. Undefined: the output is dropped. */
  log?: string
  onMessage?: (message: JobMessage) => void
  /** On abort, the process is asked to save and end. */
  signal?: AbortSignal
}

export interface Attempt {
  end: AttemptEnd
  wallSeconds: number
  peakBytes: number | null
}

/** Processes to kill when this one exits normally. */
const living = new Set<ChildProcess>()
const killAll = () => {
  for (const child of living) kill(child)
}

/** Kills the whole group: a job may have started processes itself. */
function kill(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, 'SIGKILL')
  } catch {
    child.kill('SIGKILL')
  }
}

/** Longest delay of a timer, ms. */
const LONGEST = 2 ** 31 - 1

/** Bytes from the end of a dying process's output that are reported. */
const LAST_WORDS = 600

function lastWords(log: string | undefined): string {
  if (log === undefined) return ''
  const text = readLog(log, 'attempt').slice(-LAST_WORDS).trim()
  return text === '' ? '' : `; it wrote: ${text}`
}

/** The end that a message reports, if any. */
function endOf(message: JobMessage): AttemptEnd | undefined {
  return message.type === 'done' || message.type === 'stopped' || message.type === 'busy' || message.type === 'failed'
    ? message
    : undefined
}

/**
 * Runs the process of a job to its end, within its limits. Never rejects because of what the process does.
 *
 * @throws MbconvError ERR_IO if its log cannot be written
 */
export function attempt(options: AttemptOptions): Promise<Attempt> {
  const { order, limits, threads, gpu, log, onMessage, signal } = options
  const began = performance.now()
  const output = log === undefined ? 'ignore' : openToAppend(log, 'attempt')
  const child = spawn(process.execPath, [join(__dirname, 'job.js')], {
    // A separate group: a terminal's Ctrl-C reaches only the runner, which asks all jobs to save.
    detached: true,
    stdio: ['ignore', output, output, 'ipc'],
    serialization: 'advanced', // figures may be NaN, which JSON lacks
    env: {
      ...process.env,
      OMP_NUM_THREADS: String(threads),
      MKL_NUM_THREADS: String(threads),
      ...(gpu === null ? {} : { CUDA_VISIBLE_DEVICES: gpu }),
    },
  })
  if (output !== 'ignore') closeSync(output)
  if (living.size === 0) process.on('exit', killAll)
  living.add(child)

  return new Promise((resolve) => {
    let end: AttemptEnd | undefined
    let peakBytes: number | null = null
    const give = (error: JobError) => {
      end ??= { type: 'failed', error }
      kill(child)
    }
    const timer = setTimeout(
      () => {
        give({ code: 'ERR_TIME_LIMIT', message: `was not done after limits.minutes, ${limits.minutes}` })
      },
      Math.min(60_000 * limits.minutes, LONGEST),
    )
    const stop = () => tell(child, { type: 'stop', reason: reasonOf(signal!) })
    const finish = (how: string) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
      living.delete(child)
      if (living.size === 0) process.off('exit', killAll)
      if (order.type === 'measure') end ??= { type: 'measured' }
      end ??= signal?.aborted
        ? { type: 'stopped' }
        : {
            type: 'failed',
            error: { code: 'ERR_JOB_DIED', message: `its process ended by itself, ${how}${lastWords(log)}` },
          }
      resolve({ end, wallSeconds: (performance.now() - began) / 1000, peakBytes })
    }
    child.on('message', (message: JobMessage) => {
      if (message.type === 'memory') {
        peakBytes = Math.max(peakBytes ?? 0, message.peak)
        if (message.resident > limits.memory) {
          const used = `${gibibytes(message.resident)} of memory is more than limits.memory, ${gibibytes(limits.memory)}`
          give({ code: 'ERR_MEMORY_LIMIT', message: used })
        }
      }
      end ??= endOf(message)
      onMessage?.(message)
    })
    child.on('error', (error) => {
      end ??= { type: 'failed', error: { code: 'ERR_JOB_DIED', message: error.message } }
      if (child.pid === undefined) finish(error.message)
    })
    child.on('close', (code, by) => finish(by === null ? `exit code ${code}` : by))
    if (signal?.aborted) stop()
    else signal?.addEventListener('abort', stop, { once: true })
    tell(child, order)
  })
}

const reasonOf = ({ reason }: AbortSignal): string => (reason instanceof Error ? reason.message : String(reason))

function tell(child: ChildProcess, message: JobOrder | StopOrder): void {
  // The end of a process that is gone is reported by its message or when its channel closes.
  if (child.connected) child.send(message, () => {})
}
