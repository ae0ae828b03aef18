/**
 * Starts a training run and reports its progress.
 *
 * A step blocks its thread until it is done. So a run lives in a worker thread by default, and the caller's event loop
 * stays free.
 */
import { randomUUID } from 'node:crypto'
import { join, resolve as resolvePath } from 'node:path'
import { Worker } from 'node:worker_threads'
import { parseConfig, type TrainConfig, type TrainConfigInput } from '../config/train'
import { coded } from '../errors/coded'
import { MbconvError } from '../errors/error'
import { fromPlainError } from '../errors/plain-error'
import { unlockRun } from '../files/lock'
import { breathe } from '../process/breathe'
import { EventQueue } from '../process/event-queue'
import { stopReasonOf } from '../process/stop-reason'
import { STOP_REASONS, type WorkerInput, type WorkerMessage } from './messages'
import { CallerLoggers, checkLoggers, type TrainLogger } from './record/caller-loggers'
import type { TrainEvent, TrainResult } from './record/events'
import { type RunHooks, type RunRequest, runTraining } from './run-training'

/** Everything about a training that is not in its configuration. */
export interface TrainOptions {
  /**
   * Ends the run early, after a checkpoint. The reason 'SIGINT', 'SIGTERM' or 'SIGHUP' (the text, or an error with that
   * message) appears in the result; any other counts as 'abort'.
   */
  signal?: AbortSignal
  /** Folder of a run to resume from its newest valid checkpoint. */
  resume?: string
  /**
   * Default true: compute in a worker thread. False: in the calling thread, with a pause for its event loop after every
   * step.
   */
  worker?: boolean
  /** Loggers of your own. They get every event of the run, in the calling thread. */
  loggers?: readonly TrainLogger[]
}

/** A running training. Iterating yields its events. There is a single sequence of them, shared by all iterators. */
export interface TrainRun extends AsyncIterable<TrainEvent> {
  /**
   * The result of the run, also if it was interrupted. Rejects with the error that ended the run. Iterating throws the
   * same error, so handling one of the two is enough.
   */
  readonly result: Promise<TrainResult>
  /** The run's folder, once it exists. */
  readonly runDir: Promise<string>
}

type Launch = (hooks: Pick<RunHooks, 'begin' | 'emit'>) => Promise<TrainResult>

class Run implements TrainRun {
  readonly result: Promise<TrainResult>
  readonly #queue = new EventQueue<TrainEvent>()
  readonly #runDir: Promise<string>

  constructor(launch: Launch, kinds: readonly TrainLogger[]) {
    let found: (path: string) => void
    const started = new Promise<string>((resolve) => {
      found = resolve
    })
    const loggers = new CallerLoggers(kinds, (event) => {
      if (event.type === 'start') found(event.runDir)
      this.#queue.push(event)
    })
    const run = launch({ begin: (config) => loggers.begin(config), emit: (event) => loggers.record(event) })
    const outcome = closing(run, loggers).catch((error) => {
      throw coded('train', error)
    })
    outcome.then(
      () => this.#queue.end(),
      (error) => this.#queue.fail(error),
    )
    // A separate promise: the line above has handled the rejection of `outcome`, but Node must report an unhandled
    // rejection if nobody looks at `result`.
    this.result = outcome.then((result) => result)
    this.#runDir = Promise.race([started, outcome.then(({ runDir }) => runDir)])
    this.#runDir.catch(() => {})
  }

  get runDir(): Promise<string> {
    // A failure before the folder exists reaches those who wait for the folder.
    this.#runDir.catch(() => this.#resultIsSeen())
    return this.#runDir
  }

  [Symbol.asyncIterator](): AsyncIterator<TrainEvent> {
    this.#resultIsSeen()
    return this.#queue
  }

  /** The error reaches the caller in another way, so `result` need not be handled, too. */
  #resultIsSeen(): void {
    this.result.catch(() => {})
  }
}

/** The outcome of a run, after its loggers have been closed. */
async function closing(run: Promise<TrainResult>, loggers: CallerLoggers): Promise<TrainResult> {
  try {
    const result = await run
    await loggers.close()
    return result
  } catch (error) {
    await loggers.close(error)
    throw error
  }
}

/** Runs in this thread. Begins in the event loop's next turn, when the caller holds the run. */
function inThisThread(request: RunRequest, stopFlag: Int32Array): Launch {
  return async (hooks) => {
    await breathe()
    return runTraining(request, { ...hooks, stopRequested: () => STOP_REASONS[stopFlag[0]] })
  }
}

/** Runs in a worker. Settles once the worker and all its memory are gone. */
function inWorker(request: RunRequest, stopFlag: Int32Array): Launch {
  return ({ begin, emit }) =>
    new Promise((resolve, reject) => {
      const workerData: WorkerInput = { request, stopFlag: stopFlag.buffer as SharedArrayBuffer }
      // Do not pass on the caller's Node options (loaders, debuggers).
      const worker = new Worker(join(__dirname, 'worker.js'), { workerData, execArgv: [], name: 'mbconv training' })
      let runDir = request.resume
      let settle: (() => void) | undefined
      worker.on('message', (message: WorkerMessage) => {
        if (message.type === 'event') {
          if (message.event.type === 'start') runDir = message.event.runDir
          emit(message.event)
        } else if (message.type === 'begin') {
          begin(message.config)
        } else if (message.type === 'done') {
          settle = () => resolve(message.result)
        } else {
          settle = () => reject(fromPlainError(message.error))
        }
      })
      worker.on('error', (error) => {
        settle = () => reject(error)
      })
      worker.on('exit', (code) => {
        if (settle !== undefined) return settle()
        if (runDir !== undefined) unlockRun(runDir, request.token)
        reject(new MbconvError('ERR_NATIVE', `the training thread ended by itself (exit code ${code})`))
      })
    })
}

/**
 * Trains a model according to a configuration: data, model, optimiser, schedule, averaged weights, checkpoints.
 *
 * ```js
 * const run = mb.train({ model: { name: 'efficientnet_b0', width: 0.25 }, epochs: 3 })
 * for await (const event of run) if (event.type === 'eval') console.log(event.top1)
 * const { top1, checkpoint } = await run.result
 * ```
 *
 * The run's folder holds config.json, metrics.jsonl, checkpoints/, result.json and its curves. With `resume` the run
 * continues exactly from its newest checkpoint: on the CPU, bit for bit as if it had never stopped. Without a worker
 * the run draws from the calling thread's random numbers, so do not use those meanwhile.
 *
 * @param config what to train; may be undefined when resuming, and may then differ from the run's own in length, device
 *   and bookkeeping
 * @throws MbconvError ERR_CONFIG for an invalid configuration, ERR_TYPE for invalid options, ERR_ABORTED if the signal
 *   is already aborted; everything else through `result` and the iterator
 */
export function train(config: TrainConfigInput | undefined, options: TrainOptions = {}): TrainRun {
  checkTrainOptions(options)
  const isOwn = config === undefined && options.resume !== undefined
  return startTraining(isOwn ? undefined : parseConfig(config as TrainConfigInput), options)
}

function checkTrainOptions({ signal, resume, worker, loggers }: TrainOptions): void {
  const op = 'train'
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new MbconvError('ERR_TYPE', 'train: signal must be an AbortSignal', { op })
  }
  if (resume !== undefined && (typeof resume !== 'string' || resume === '')) {
    throw new MbconvError('ERR_TYPE', "train: resume must be the path of a run's folder", { op })
  }
  if (worker !== undefined && typeof worker !== 'boolean')
    throw new MbconvError('ERR_TYPE', 'train: worker must be true or false', { op })
  if (loggers !== undefined) checkLoggers(op, loggers)
  if (signal?.aborted) throw new MbconvError('ERR_ABORTED', 'train: the signal is aborted already', { op })
}

/** {@link train} for a configuration that is already checked. Undefined: the configuration of the run to resume. */
export function startTraining(
  config: TrainConfig | undefined,
  { signal, resume, worker = true, loggers = [] }: TrainOptions,
): TrainRun {
  const request: RunRequest = {
    config,
    resume: resume === undefined ? undefined : resolvePath(resume),
    token: randomUUID(),
  }
  // In shared memory, so that a worker in the middle of a step sees it without reading messages.
  const stopFlag = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  const stop = () => Atomics.store(stopFlag, 0, STOP_REASONS.indexOf(stopReasonOf(signal!)))
  signal?.addEventListener('abort', stop, { once: true })
  const launch = worker ? inWorker(request, stopFlag) : inThisThread(request, stopFlag)
  return new Run((hooks) => launch(hooks).finally(() => signal?.removeEventListener('abort', stop)), [...loggers])
}
