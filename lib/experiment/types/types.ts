/**
 * What the parts of an experiment say to each other: the plan, its arms, and the lines of results.jsonl and
 * timings.jsonl. Plain data, fit for JSON.
 */

import type { TrainConfigInput } from '../../config/train'
import type { ErrorCode } from '../../errors/error'
import type { StoredSeed } from '../../random/seed'

/** Relative to the base; the resolution in pixels. */
export interface ArmCoefficients {
  depth: number
  width: number
  resolution: number
}

/** The exponents of a compound ray. */
export interface Ray {
  alpha: number
  beta: number
  gamma: number
  phi: number
}

/** A network to be trained under every seed. */
export interface PlannedArm {
  /** Unique, and fit for a file name: `compound`, `depth-3.7`, `a1.2-b1.1-g1.15`. */
  id: string
  /** For people: `compound d 1.7, w 1.33, r 48`. */
  label: string
  /** The curve or group it belongs to: `baseline`, `depth`, `width`, `resolution`, `compound`, or anything else. */
  series: string
  coefficients: ArmCoefficients
  /** Counted, for the data set's classes and channels. */
  params: number
  macs: number
  /** macs / target - 1; null where there is no budget, and for the base itself. */
  budgetError: number | null
  /** Of a grid search, and of compound arms. */
  compound?: Ray
  /** Of a stage search, as `models.formatStage` writes them. */
  stages?: string[]
  /** Complete but for `seed`, `data.scenes.seed` and `run`; see `jobConfig()`. */
  config: TrainConfigInput
  /** 0 but in searches. */
  phase: number
}

/** An arm that was asked for and cannot be had within the budget's tolerance. */
export interface RefusedArm {
  id: string
  label: string
  series: string
  reason: string
  /** The nearest there is; `error` is macs / target - 1. */
  nearest?: { macs: number; error: number; coefficients: ArmCoefficients }
}

/** `arm` is tested against `against`, paired by seed. Both are ids of arms. */
export interface Comparison {
  arm: string
  against: string
}

/** Whose published points the report shows beside ours. */
export type PaperStudy = 'table7' | 'figure3' | 'figure4' | 'table3'

/** experiment.json. */
export interface Plan {
  format: 1
  /** Fit for a file name. */
  name: string
  title: string
  question: string
  profile: string
  /** The keys that were set besides the file, as `key=value`; absent where there were none. */
  set?: string[]
  /** The folder of all experiments, as `--dir` named it; absent where it is the usual one. */
  dir?: string
  base: { name: string; arch: string; params: number; macs: number }
  /** `times`: the budget as a multiple of the base, where it was given so. */
  budget: { macs: number; times: number | null; tolerance: number } | null
  metric: 'top1'
  /** 1 / classes. */
  chance: number
  seeds: StoredSeed[]
  device: string
  /** CPU threads of a job. */
  threads: number
  /** `data` of the training configurations. */
  data: NonNullable<TrainConfigInput['data']>
  /** All there are so far; a search adds those of each phase. */
  arms: PlannedArm[]
  refused: RefusedArm[]
  comparisons: Comparison[]
  paper?: PaperStudy
  limits: Limits
  versions: Versions
  /** The git revision of mbconv's own sources; null outside of a checkout. `+` at its end: with changes. */
  revision: string | null
  machine: Machine
}

/** Of one job. */
export interface Limits {
  /** Wall-clock time of an attempt. */
  minutes: number
  /** Resident memory, bytes. */
  memory: number
}

export interface Versions {
  mbconv: string
  node: string
  libtorch: string
}

export interface Machine {
  host: string
  cpu: string
  cores: number
  /** Bytes. */
  memory: number
  gpus: string[]
}

/**
 * One line of results.jsonl: only what a repetition on the same machine gives again to the digit, so that an experiment
 * that was killed ten times ends with the same lines, order aside. Times are in timings.jsonl.
 */
export type ResultRow = DoneRow | FailedRow

interface RowBasics {
  arm: string
  seed: StoredSeed
  /** 1, or 2 where the first one failed. */
  attempt: number
  params: number
  macs: number
  config: TrainConfigInput
  versions: Versions
  revision: string | null
}

export interface DoneRow extends RowBasics {
  status: 'done'
  /** Of the last evaluation, with averaged weights where they are kept: shares, 0 to 1. */
  top1: number
  top5: number
  loss: number
  steps: number
  epochs: number
  error?: undefined
}

/** Both attempts failed; the error is the second's. There is nothing measured: the figures are null. */
export interface FailedRow extends RowBasics {
  status: 'failed'
  top1: null
  top5: null
  loss: null
  steps: null
  epochs: null
  error: JobError
}

/** Codes of the library's own errors, and of a job that ended without one. */
export type JobErrorCode = ErrorCode | 'ERR_TIME_LIMIT' | 'ERR_MEMORY_LIMIT' | 'ERR_JOB_DIED'

export interface JobError {
  code: JobErrorCode
  message: string
}

/** One line of timings.jsonl. */
export interface TimingRow {
  arm: string
  seed: StoredSeed
  attempt: number
  /** On training steps, earlier parts of a resumed job included. */
  seconds: number
  /** Of the job's processes altogether, from start to end. */
  wallSeconds: number
  /** Resident memory at its highest; null where the system does not say. */
  peakBytes: number | null
  /** ISO 8601. */
  finishedAt: string
  device: string
  threads: number
}

/**
 * Where arms come from that are not known beforehand. A search gives the arms of a phase from the results of those
 * before; undefined: the study is over. Deterministic: resuming replays it.
 */
export type ArmSource = (
  phase: number,
  plan: Plan,
  results: readonly ResultRow[],
) => { arms: PlannedArm[]; refused: RefusedArm[] } | undefined
