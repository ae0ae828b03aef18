/** The events of a running experiment. */

import type { StopReason } from '../../process/stop-reason'
import type { StoredSeed } from '../../random/seed'
import type { WarningEvent } from '../../train/record/events'
import type { JobError, Plan, ResultRow, TimingRow } from '../types/types'

/** The first event, repeated whenever a search has determined the arms of its next phase. */
export interface PlanEvent {
  type: 'plan'
  plan: Plan
  folder: string
  phase: number
  /** Jobs of the phase, and how many of them were already finished. */
  jobs: number
  finished: number
  /** Number of concurrent jobs. */
  slots: number
  /** Measured seconds of a job, by arm; null if the measurement failed. Undefined before it, or if it is not wanted. */
  estimates?: Record<string, number | null>
  /** Estimate for the rest of the phase, s. */
  seconds?: number
}

export interface MeasureEvent {
  type: 'measure'
  arm: string
  /** Null if a step failed; `why` has the reason. */
  seconds: number | null
  why?: string
}

interface OfJob {
  arm: string
  seed: StoredSeed
  attempt: number
}

export interface JobStartEvent extends OfJob {
  type: 'job-start'
  /** Index of the slot among the concurrent jobs, from 0. */
  slot: number
}

export interface JobProgressEvent extends OfJob {
  type: 'job-progress'
  step: number
  /** Total steps; 0 until the data are loaded. */
  steps: number
  loss: number | null
  /** From the latest evaluation. */
  top1: number | null
}

export interface JobRetryEvent extends OfJob {
  type: 'job-retry'
  error: JobError
}

export interface JobEndEvent {
  type: 'job-end'
  row: ResultRow
  timing: TimingRow
}

export interface ExperimentEndEvent {
  type: 'end'
  result: ExperimentResult
}

export interface ExperimentResult {
  folder: string
  done: number
  failed: number
  /** Number of jobs planned so far. */
  jobs: number
  interrupted: false | StopReason
}

export type ExperimentEvent =
  | PlanEvent
  | MeasureEvent
  | JobStartEvent
  | JobProgressEvent
  | JobRetryEvent
  | JobEndEvent
  | WarningEvent
  | ExperimentEndEvent
