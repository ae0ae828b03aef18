/** What an experiment reports while it runs. */

import type { StopReason } from '../../process/stop-reason'
import type { StoredSeed } from '../../random/seed'
import type { WarningEvent } from '../../train/record/events'
import type { JobError, Plan, ResultRow, TimingRow } from '../types/types'

/** First, and again when a search has found the arms of its next phase. */
export interface PlanEvent {
  type: 'plan'
  plan: Plan
  folder: string
  phase: number
  /** Jobs of the phase, and how many of them were finished before. */
  jobs: number
  finished: number
  /** Jobs that run at once. */
  slots: number
  /** Seconds of a job by arm, as measured; null where it could not be. Undefined before it is measured, or unwanted. */
  estimates?: Record<string, number | null>
  /** Of all that is left of the phase, s. */
  seconds?: number
}

export interface MeasureEvent {
  type: 'measure'
  arm: string
  /** Null where a step of it failed; `why` says how. */
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
  /** Which of those that run at once, from 0. */
  slot: number
}

export interface JobProgressEvent extends OfJob {
  type: 'job-progress'
  step: number
  /** In all; 0 until the data are there. */
  steps: number
  loss: number | null
  /** Of the latest evaluation. */
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
  /** Jobs planned so far. */
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
