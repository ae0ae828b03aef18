/** Passes the events of a run to its loggers. */
import type { TrainEvent } from './events'
import { LOGGERS } from './kinds'
import type { LoggedRun, Logger, LoggerKind } from './logger'

interface OpenLogger {
  kind: LoggerKind
  logger: Logger
}

export class Recorder {
  #open: OpenLogger[] = []
  /** Events not yet passed on. A logger's warning during an event must not overtake that event. */
  #queue: TrainEvent[] = []
  #isBusy = false

  /**
   * Opens the loggers.
   *
   * @throws MbconvError the error of a logger that cannot be opened, after closing those before it
   */
  constructor(run: Omit<LoggedRun, 'warn'>, kinds: readonly LoggerKind[] = LOGGERS) {
    try {
      for (const kind of kinds) this.#open.push({ kind, logger: kind.open({ ...run, warn: this.warn }, undefined) })
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Passes an event to every logger. */
  record = (event: TrainEvent): void => {
    this.#queue.push(event)
    if (this.#isBusy) return
    this.#isBusy = true
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        const current = next
        this.#each((logger) => logger.record(current))
      }
    } finally {
      this.#isBusy = false
      // What still waits when an essential logger fails must not come before the events after it.
      this.#queue = []
    }
  }

  /** Records a warning. */
  warn = (message: string): void => this.record({ type: 'warning', message })

  /** See {@link Logger.sync}. */
  sync(): void {
    this.#each((logger) => logger.sync?.())
  }

  /** See {@link Logger.settle}. */
  settle(): void {
    this.#each((logger) => logger.settle?.())
  }

  /**
   * Closes all loggers. Nothing can be recorded any more. The essential ones are closed last: only they still get the
   * warning about another one that cannot be closed.
   */
  close(): void {
    const others = this.#open.filter(({ kind }) => !kind.isEssential)
    this.#open = this.#open.filter(({ kind }) => kind.isEssential)
    try {
      for (const each of others) this.#close(each)
    } finally {
      const essential = this.#open
      this.#open = []
      for (const each of essential) this.#close(each)
    }
  }

  /** A run matters more than its log: a logger that fails is dropped, unless it is essential. */
  #each(act: (logger: Logger) => void): void {
    for (const each of this.#open) {
      // It may already have failed on a warning from a logger before it.
      if (!this.#open.includes(each)) continue
      try {
        act(each.logger)
      } catch (error) {
        if (each.kind.isEssential) throw error
        this.#open = this.#open.filter((other) => other !== each)
        this.warn(`${each.kind.name}: ${(error as Error).message}; training goes on without it`)
        this.#close(each)
      }
    }
  }

  #close({ kind, logger }: OpenLogger): void {
    try {
      logger.close?.()
    } catch (error) {
      this.warn(`${kind.name} cannot be closed: ${(error as Error).message}`)
    }
  }
}
