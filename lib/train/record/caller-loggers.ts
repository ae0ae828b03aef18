/**
 * Loggers of the caller's own, in the thread that called `train`. They get the same events as its reader, and all of
 * them. A run never waits for them, except at its end.
 */
import type { TrainConfig } from '../../config/train'
import { checkFunction, checkObject, shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import type { StartEvent, TrainEvent } from './events'

/** What a logger gets to know of the run at its beginning. */
export interface LoggedTraining {
  /** The run's folder. */
  runDir: string
  /** The complete configuration. */
  config: TrainConfig
  /** The event with which the run began. */
  start: StartEvent
}

/** A logger that has been opened. A function that throws, or whose promise is rejected, ends this logger, not the run. */
export interface OpenTrainLogger {
  /** Called with every event of the run, in order, without waiting for promises of earlier calls. */
  record(event: TrainEvent): void | Promise<void>
  /**
   * Called once, after the last event and after all promises of `record`. The result of the run waits for its promise.
   *
   * @param error what ended the run; undefined if it was completed or stopped
   */
  close?(error?: unknown): void | Promise<void>
}

/** A logger for the option `loggers` of `train`. */
export interface TrainLogger {
  /** Its name in warnings. */
  name: string
  /** Called when the run starts. */
  open(run: LoggedTraining): OpenTrainLogger
}

/** @throws MbconvError ERR_TYPE if it is not a list of loggers */
export function checkLoggers(op: string, loggers: unknown): asserts loggers is TrainLogger[] {
  if (!Array.isArray(loggers)) {
    throw new MbconvError('ERR_TYPE', `${op}: loggers must be an array, got ${shown(loggers)}`, { op })
  }
  for (const [i, logger] of loggers.entries()) {
    checkObject(op, `loggers[${i}]`, logger)
    if (typeof logger.name !== 'string' || logger.name === '') {
      throw new MbconvError('ERR_TYPE', `${op}: loggers[${i}].name must be a text, got ${shown(logger.name)}`, { op })
    }
    checkFunction(op, `loggers[${i}].open`, logger.open)
  }
}

/** What an error says. Callers may throw anything. */
function wordsOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error)
  } catch {
    return 'an error without a text'
  }
}

const isThenable = (value: unknown): value is PromiseLike<void> =>
  typeof (value as PromiseLike<void> | undefined)?.then === 'function'

interface Opened {
  name: string
  logger: OpenTrainLogger
  /** Promises of `record` that are not settled. */
  pending: Set<Promise<void>>
}

/** Passes the events of a run to its reader and to the caller's loggers. */
export class CallerLoggers {
  #config: TrainConfig | undefined
  #open: Opened[] = []
  /** Events from before the start, for loggers that are not open yet. */
  #early: TrainEvent[] = []
  /** Whether the loggers get events already. */
  #hasStarted = false

  /** @param emit passes an event to the reader */
  constructor(
    readonly kinds: readonly TrainLogger[],
    readonly emit: (event: TrainEvent) => void,
  ) {}

  /** Takes the run's configuration, which loggers get when they are opened. */
  begin(config: TrainConfig): void {
    this.#config = config
  }

  record(event: TrainEvent): void {
    const failures = event.type === 'start' ? this.#openAll(event) : []
    this.emit(event)
    if (this.#hasStarted) this.#pass(event)
    else if (this.kinds.length > 0) this.#early.push(event)
    for (const failure of failures) this.record(failure)
  }

  /**
   * Closes the loggers.
   *
   * @param error what ended the run
   */
  async close(error?: unknown): Promise<void> {
    const closing = this.#open.map(async (each) => {
      await Promise.allSettled(each.pending)
      // Dropped meanwhile: closed already.
      if (!this.#open.includes(each)) return
      try {
        await each.logger.close?.(error)
      } catch (reason) {
        this.emit({ type: 'warning', message: `${each.name} cannot be closed: ${wordsOf(reason)}` })
      }
    })
    await Promise.all(closing)
    this.#open = []
  }

  /** Opens the loggers and passes them what came before. Returns a warning for each one that could not be opened. */
  #openAll(start: StartEvent): TrainEvent[] {
    const run = { runDir: start.runDir, config: this.#config as TrainConfig, start }
    const failures: TrainEvent[] = []
    for (const { name, ...kind } of this.kinds.map((each) => ({ name: each.name, open: each.open.bind(each) }))) {
      try {
        const logger = kind.open(run)
        checkObject('train', `the logger of ${name}`, logger)
        checkFunction('train', `record of ${name}`, logger.record)
        this.#open.push({ name, logger, pending: new Set() })
      } catch (error) {
        failures.push({ type: 'warning', message: `${name}: ${wordsOf(error)}; training goes on without it` })
      }
    }
    this.#hasStarted = true
    for (const event of this.#early.splice(0)) this.#pass(event)
    return failures
  }

  #pass(event: TrainEvent): void {
    for (const each of [...this.#open]) {
      try {
        const promise = each.logger.record(event)
        if (!isThenable(promise)) continue
        const settled = Promise.resolve(promise).catch((error) => this.#drop(each, error))
        each.pending.add(settled)
        settled.then(() => each.pending.delete(settled))
      } catch (error) {
        this.#drop(each, error)
      }
    }
  }

  /** Ends a logger that has failed. */
  #drop(failed: Opened, error: unknown): void {
    if (!this.#open.includes(failed)) return
    this.#open = this.#open.filter((each) => each !== failed)
    this.record({ type: 'warning', message: `${failed.name}: ${wordsOf(error)}; training goes on without it` })
    Promise.resolve()
      .then(() => failed.logger.close?.(error))
      .catch((reason) => {
        this.emit({ type: 'warning', message: `${failed.name} cannot be closed: ${wordsOf(reason)}` })
      })
  }
}
