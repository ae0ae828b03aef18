/** The interface of a logger, which receives every event of a run and keeps, writes or forwards what it needs. */
import type { TrainConfig } from '../../config/train'
import type { ShownImage } from '../session/material'
import type { StartEvent, TrainEvent } from './events'

/**
 * A kind of logger. To add one, describe it in a file of its own and list it in kinds.ts. If a configuration is to choose
 * it, its options stand in config/loggers.ts.
 */
export interface LoggerKind<Options = undefined> {
  /** Its name in warnings. */
  name: string
  /** Whether its failure ends the run. Otherwise a failure is a warning, and the run goes on without the logger. */
  isEssential: boolean
  /**
   * Begins a log, or continues that of a resumed run.
   *
   * @throws MbconvError if it cannot open: the run ends before its first step, when nothing is lost yet
   */
  open(run: LoggedRun, options: Options): Logger
}

/** The run that a logger records. */
export interface LoggedRun {
  runDir: string
  /** The complete configuration. Of a resumed run: the one that it goes on with. */
  config: TrainConfig
  /** The event that the run begins with. It is recorded after every logger has been opened. */
  start: StartEvent
  /** The position of the run: at opening, where it starts or resumes; during an event, the current one. */
  readonly position: {
    /** Steps done. */
    readonly step: number
    /** Seconds spent on training steps. */
    readonly seconds: number
    /** The newest evaluation; null before the first. */
    readonly lastEval: { readonly step: number } | null
  }
  /** The parameters by name, as float32. Reading them waits for the device. */
  weights: () => Iterable<readonly [name: string, values: Float32Array]>
  /** The first test images as the network sees them, at most `count`. Reading image files takes a while. */
  images: (count: number) => Promise<ShownImage[]>
  /** Passes an event to the caller of the run. */
  emit: (event: TrainEvent) => void
  /** Emits a warning as an event of the run. */
  warn: (message: string) => void
}

export interface Logger {
  record(event: TrainEvent): void
  /** Forces the recorded events to the disk, so that the next checkpoint has no step that the log lacks. */
  sync?(): void
  /** Called after the last step: retries failed writes a last time, and warns about missing events. */
  settle?(): void
  close?(): void
}
