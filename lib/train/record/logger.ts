/** What a logger is: it gets every event of a run and keeps, writes or passes on what it wants of them. */
import type { TrainEvent } from './events'

/** A kind of logger. To add one, describe it in a file of its own and list it in kinds.ts. */
export interface LoggerKind {
  /** As warnings call it. */
  name: string
  /** Whether its failure ends the run. Else it is a warning, and the run goes on without the logger. */
  isEssential: boolean
  /**
   * Begins, or goes on where a resumed run stands.
   *
   * @throws MbconvError where it cannot: the run ends before its first step, when nothing is lost yet
   */
  open(run: LoggedRun): Logger
}

/** The run that a logger is of. */
export interface LoggedRun {
  runDir: string
  /** Where the run stands: as it is opened, where it goes on from; at an event, where it has come to. */
  readonly position: {
    /** Steps done. */
    readonly step: number
    /** Seconds spent on training steps. */
    readonly seconds: number
    /** The newest evaluation; null before the first. */
    readonly lastEval: { readonly step: number } | null
  }
  /** Passes an event on to whoever follows the run. */
  emit: (event: TrainEvent) => void
  /** Makes a warning an event of the run. */
  warn: (message: string) => void
}

export interface Logger {
  record(event: TrainEvent): void
  /** Forces what was recorded to the disk: the checkpoint that comes next must know no step that the log does not. */
  sync?(): void
  /** The last step is done: tries a last time to write what could not be written, and warns of what is missing. */
  settle?(): void
  close?(): void
}
