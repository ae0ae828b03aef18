/**
 * The data that the parts of an experiment exchange: the plan, its arms, and the lines of results.jsonl and
 * timings.jsonl. All of it is plain data that can be written as JSON.
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
  /** Unique, and valid as a file name: `compound`, `depth-3.7`, `a1.2-b1.1-g1.15`. */
  id: string
  /** For people: `compound d 1.7, w 1.33, r 48`. */
  label: string
  /** The curve or group it belongs to: `baseline`, `depth`, `width`, `resolution`, `compound`, or anything else. */
  series: string
  coefficients: ArmCoefficients
  /** Counted for the data set's classes and channels. */
  params: number
  macs: number
  /** macs / target - 1; null without a budget, and for the base itself. */
  budgetError: number | null
  /** Only for grid searches and compound arms. */
  compound?: Ray
  /** Only for searches for stages, as `models.formatStage` writes them. */
  stages?: string[]
  /** Complete except for `seed`, `data.scenes.seed` and `run`; see `jobConfig()`. */
  config: TrainConfigInput
  /** 0, except in searches. */
  phase: number
}

/** A requested arm that is not possible within the budget's tolerance. */
export interface RefusedArm {
  id: string
  label: string
  series: string
  reason: string
  /** The nearest possible network; `error` is macs / target - 1. */
  nearest?: { macs: number; error: number; coefficients: ArmCoefficients }
}

/** `arm` is tested against `against`, paired by seed. Both are ids of arms. */
export interface Comparison {
  arm: string
  against: string
}

/** The paper's study whose points the report shows beside ours. */
export type PaperStudy = 'table7' | 'figure3' | 'figure4' | 'table3'

/** experiment.json. */
export interface Plan {
  format: 1
  /** Valid as a file name. */
  name: string
  title: string
  question: string
  profile: string
  /** The keys that were set besides the file, as `key=value`; absent where there were none. */
  set?: string[]
  /** The folder of all experiments, as `--dir` named it; absent where it is the usual one. */
  dir?: string
  base: { name: string; arch: string; params: number; macs: number }
  /** `times`: the budget as a multiple of the base, if it was given as one. */
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
  /** All arms so far; a search adds those of each phase. */
  arms: PlannedArm[]
  refused: RefusedArm[]
  comparisons: Comparison[]
  paper?: PaperStudy
  limits: Limits
  versions: Versions
  /** The git revision of mbconv's sources, with `+` at its end for a changed checkout; null without a checkout. */
  revision: string | null
  machine: Machine
}

/** Limits of one job. */
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
 * One line of results.jsonl. It has only values that a repetition on the same machine reproduces to the last digit. An
 * experiment that was killed ten times thus ends with the same lines, apart from their order. Times are in timings.jsonl.
 */
export type ResultRow = DoneRow | FailedRow

interface RowBasics {
  arm: string
  seed: StoredSeed
  /** 1, or 2 if the first attempt failed. */
  attempt: number
  params: number
  macs: number
  config: TrainConfigInput
  versions: Versions
  revision: string | null
}

export interface DoneRow extends RowBasics {
  status: 'done'
  /** From the last evaluation, with averaged weights if the run keeps them; shares, 0 to 1. */
  top1: number
  top5: number
  loss: number
  steps: number
  epochs: number
  error?: undefined
}

/** Both attempts failed. The error is that of the second attempt, and the figures are null. */
export interface FailedRow extends RowBasics {
  status: 'failed'
  top1: null
  top5: null
  loss: null
  steps: null
  epochs: null
  error: JobError
}

/** The library's error codes, and codes for a job that ended without one. */
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
  /** Time of training steps, including earlier parts of a resumed job. */
  seconds: number
  /** Total time of the job's processes, from start to end. */
  wallSeconds: number
  /** Peak resident memory; null if the system does not report it. */
  peakBytes: number | null
  /** ISO 8601. */
  finishedAt: string
  device: string
  threads: number
}

/**
 * A source of arms that are not known in advance. A search derives the arms of a phase from the results of the phases
 * before, and returns undefined at its end. It must be deterministic, because resuming replays it.
 */
export type ArmSource = (
  phase: number,
  plan: Plan,
  results: readonly ResultRow[],
) => { arms: PlannedArm[]; refused: RefusedArm[] } | undefined
