/** The events of a running experiment. */

import type { StopReason } from '../../process/stop-reason'
import type { StoredSeed } from '../../random/seed'
import type { WarningEvent } from '../../train/record/events'
import type { JobError, Plan, ResultRow, TimingRow } from '../types/types'

/** The first event, repeated whenever a search has determined the arms of its next phase. */
export interface PlanEvent {
  /** Tells it from the other events: always `plan`. */
  type: 'plan'
  /** The plan, with all arms that are known so far. */
  plan: Plan
  /** The folder of the experiment. */
  folder: string
  /** Number of the phase, from 0; only searches have more than one. */
  phase: number
  /** Jobs of the phase, and how many of them were already finished. */
  jobs: number
  /** Jobs of the phase that were already finished. */
  finished: number
  /** Number of concurrent jobs. */
  slots: number
  /** Measured seconds of a job, by arm; null if the measurement failed. Undefined before it, or if it is not wanted. */
  estimates?: Record<string, number | null>
  /** Estimate for the rest of the phase, s. */
  seconds?: number
}

/** The time of an arm's training step has been measured, to estimate how long the experiment takes. */
export interface MeasureEvent {
  /** Tells it from the other events: always `measure`. */
  type: 'measure'
  /** The id of the arm. */
  arm: string
  /** Null if a step failed; `why` has the reason. */
  seconds: number | null
  /** Why a step failed, where `seconds` is null. */
  why?: string
}

interface OfJob {
  /** The id of the arm that the job trains. */
  arm: string
  /** The seed of the training. */
  seed: StoredSeed
  /** 1, or 2 after a failed attempt. */
  attempt: number
}

/** The process of a job has started. */
export interface JobStartEvent extends OfJob {
  /** Tells it from the other events: always `job-start`. */
  type: 'job-start'
  /** Index of the slot among the concurrent jobs, from 0. */
  slot: number
}

/** How far a running job is. */
export interface JobProgressEvent extends OfJob {
  /** Tells it from the other events: always `job-progress`. */
  type: 'job-progress'
  /** Training steps done. */
  step: number
  /** Total steps; 0 until the data are loaded. */
  steps: number
  /** The latest loss of a training step; null before the first. */
  loss: number | null
  /** From the latest evaluation. */
  top1: number | null
}

/** The first attempt of a job has failed, and it is tried again. */
export interface JobRetryEvent extends OfJob {
  /** Tells it from the other events: always `job-retry`. */
  type: 'job-retry'
  /** Why the first attempt failed. */
  error: JobError
}

/** A job is over. */
export interface JobEndEvent {
  /** Tells it from the other events: always `job-end`. */
  type: 'job-end'
  /** Its result, a line of results.jsonl. */
  row: ResultRow
  /** Its times, a line of timings.jsonl. */
  timing: TimingRow
}

/** The last event: no job is left, or the experiment was interrupted. */
export interface ExperimentEndEvent {
  /** Tells it from the other events: always `end`. */
  type: 'end'
  /** What `run.result` resolves to. */
  result: ExperimentResult
}

/** How an experiment ended. */
export interface ExperimentResult {
  /** The folder of the experiment. */
  folder: string
  /** Number of jobs that finished. */
  done: number
  /** Number of jobs that failed in both attempts. */
  failed: number
  /** Number of jobs planned so far. */
  jobs: number
  /** What stopped it: a signal, or false where nothing did. */
  interrupted: false | StopReason
}

/** What happens while an experiment runs; `type` tells the events apart. */
export type ExperimentEvent =
  | PlanEvent
  | MeasureEvent
  | JobStartEvent
  | JobProgressEvent
  | JobRetryEvent
  | JobEndEvent
  | WarningEvent
  | ExperimentEndEvent
