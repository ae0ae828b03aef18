/** Messages between the worker thread of a run and the thread that started it. */
import type { TrainConfig } from '../config/train'
import type { PlainError } from '../errors/plain-error'
import { STOP_SIGNALS, type StopReason } from '../process/stop-reason'
import type { TrainEvent, TrainResult } from './record/events'
import type { RunRequest } from './run-training'

/** The data that the worker starts with. */
export interface WorkerInput {
  request: RunRequest
  /** A 32-bit number in memory shared by both threads: an index into {@link STOP_REASONS}. */
  stopFlag: SharedArrayBuffer
}

export type WorkerMessage =
  | { type: 'begin'; config: TrainConfig }
  | { type: 'event'; event: TrainEvent }
  | { type: 'done'; result: TrainResult }
  | { type: 'failed'; error: PlainError }

/** 0, the flag's initial value, means go on. */
export const STOP_REASONS: readonly (false | StopReason)[] = [false, 'abort', ...STOP_SIGNALS]
