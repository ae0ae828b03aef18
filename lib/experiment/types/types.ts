/**
 * The data that the parts of an experiment exchange: the plan, its arms, and the lines of results.jsonl and
 * timings.jsonl. All of it is plain data that can be written as JSON.
 */

import type { TrainConfigInput } from '../../config/train'
import type { ErrorCode } from '../../errors/error'
import type { StoredSeed } from '../../random/seed'

/** Relative to the base; the resolution in pixels. */
export interface ArmCoefficients {
  /** Factor on the layers of each stage of the base. */
  depth: number
  /** Factor on the channels of the base. */
  width: number
  /** Side of the input, px. */
  resolution: number
}

/** The exponents of a compound ray. */
export interface Ray {
  /** Base of the depth: depth = α^φ. */
  alpha: number
  /** Base of the width: width = β^φ. */
  beta: number
  /** Base of the resolution: the base's side times γ^φ. */
  gamma: number
  /** The exponent φ of all three. */
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
  /** How it is scaled from the base. */
  coefficients: ArmCoefficients
  /** Counted for the data set's classes and channels. */
  params: number
  /** Multiply-adds for one image, counted. */
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
  /** Unique, and valid as a file name. */
  id: string
  /** What reports call it. */
  label: string
  /** The curve or group it would belong to. */
  series: string
  /** Why it is not possible, one sentence. */
  reason: string
  /** The nearest possible network; `error` is macs / target - 1. */
  nearest?: {
    /** Multiply-adds of the nearest network for one image. */
    macs: number
    /** macs / target - 1 of the nearest network. */
    error: number
    /** How the nearest network is scaled from the base. */
    coefficients: ArmCoefficients
  }
}

/** `arm` is tested against `against`, paired by seed. Both are ids of arms. */
export interface Comparison {
  /** The id of the arm that is tested. */
  arm: string
  /** The id of the arm that it is compared with. */
  against: string
}

/** The paper's study whose points the report shows beside ours. */
export type PaperStudy = 'table7' | 'figure3' | 'figure4' | 'table3'

/** experiment.json. */
export interface Plan {
  /** The version of this file format. */
  format: 1
  /** Valid as a file name. */
  name: string
  /** The heading of the report. */
  title: string
  /** The question that the experiment answers. */
  question: string
  /** The profile of the file that was chosen: `cpu`, `smoke`. */
  profile: string
  /** The keys that were set besides the file, as `key=value`; absent where there were none. */
  set?: string[]
  /** The folder of all experiments, as `--dir` named it; absent where it is the usual one. */
  dir?: string
  /** The network that the arms are scaled from. */
  base: {
    /** What reports call it. */
    name: string
    /** The name of its architecture. */
    arch: string
    /** Its trainable parameters. */
    params: number
    /** Its multiply-adds for one image. */
    macs: number
  }
  /** `times`: the budget as a multiple of the base, if it was given as one. */
  budget: {
    /** Multiply-adds that each arm may cost. */
    macs: number
    /** The budget as a multiple of the base's cost; null if it was given as a number. */
    times: number | null
    /** Largest relative error: 0.03 for 3 %. */
    tolerance: number
  } | null
  /** What arms are compared by: always top-1 accuracy. */
  metric: 'top1'
  /** 1 / classes. */
  chance: number
  /** The seeds that every arm is trained under. */
  seeds: StoredSeed[]
  /** Where the jobs compute: `cpu`, `cuda`. */
  device: string
  /** CPU threads of a job. */
  threads: number
  /** `data` of the training configurations. */
  data: NonNullable<TrainConfigInput['data']>
  /** All arms so far; a search adds those of each phase. */
  arms: PlannedArm[]
  /** Arms that the budget does not allow. */
  refused: RefusedArm[]
  /** The comparisons that were planned before any result was known. */
  comparisons: Comparison[]
  /** The study of the paper whose points the report shows; absent where there is none. */
  paper?: PaperStudy
  /** Limits of each job. */
  limits: Limits
  /** The programs that planned it. */
  versions: Versions
  /** The git revision of mbconv's sources, with `+` at its end for a changed checkout; null without a checkout. */
  revision: string | null
  /** The machine that planned it. */
  machine: Machine
}

/** Limits of one job. */
export interface Limits {
  /** Wall-clock time of an attempt. */
  minutes: number
  /** Resident memory, bytes. */
  memory: number
}

/** The versions of the programs that computed something. */
export interface Versions {
  /** The version of this package. */
  mbconv: string
  /** The version of Node.js. */
  node: string
  /** The version of libtorch. */
  libtorch: string
}

/** The machine that computed something. */
export interface Machine {
  /** Its name in the network. */
  host: string
  /** The model of its processor. */
  cpu: string
  /** Number of its logical cores. */
  cores: number
  /** Bytes. */
  memory: number
  /** The names of its GPUs. */
  gpus: string[]
}

/**
 * One line of results.jsonl. It has only values that a repetition on the same machine reproduces to the last digit. An
 * experiment that was killed ten times thus ends with the same lines, apart from their order. Times are in timings.jsonl.
 */
export type ResultRow = DoneRow | FailedRow

interface RowBasics {
  /** The id of the arm. */
  arm: string
  /** The seed of the training. */
  seed: StoredSeed
  /** 1, or 2 if the first attempt failed. */
  attempt: number
  /** Trainable parameters of the arm. */
  params: number
  /** Multiply-adds of the arm for one image. */
  macs: number
  /** The training configuration of the job. */
  config: TrainConfigInput
  /** The programs that trained it. */
  versions: Versions
  /** The git revision of mbconv's sources; null without a checkout. */
  revision: string | null
}

/** The result of a job that finished. */
export interface DoneRow extends RowBasics {
  /** Tells it from a failed job. */
  status: 'done'
  /** From the last evaluation, with averaged weights if the run keeps them; shares, 0 to 1. */
  top1: number
  /** Share of images whose class is among the five most probable, 0 to 1. */
  top5: number
  /** Mean loss of the last evaluation. */
  loss: number
  /** Training steps done. */
  steps: number
  /** Epochs done. */
  epochs: number
  /** Always undefined: the job finished. */
  error?: undefined
}

/** Both attempts failed. The error is that of the second attempt, and the figures are null. */
export interface FailedRow extends RowBasics {
  /** Tells it from a job that finished. */
  status: 'failed'
  /** Always null: there is no result. */
  top1: null
  /** Always null: there is no result. */
  top5: null
  /** Always null: there is no result. */
  loss: null
  /** Always null: there is no result. */
  steps: null
  /** Always null: there is no result. */
  epochs: null
  /** The error of the second attempt. */
  error: JobError
}

/** The library's error codes, and codes for a job that ended without one. */
export type JobErrorCode = ErrorCode | 'ERR_TIME_LIMIT' | 'ERR_MEMORY_LIMIT' | 'ERR_JOB_DIED'

/** Why an attempt of a job failed. */
export interface JobError {
  /** The error's code. */
  code: JobErrorCode
  /** The error's message, one line. */
  message: string
}

/** One line of timings.jsonl. */
export interface TimingRow {
  /** The id of the arm. */
  arm: string
  /** The seed of the training. */
  seed: StoredSeed
  /** 1, or 2 if the first attempt failed. */
  attempt: number
  /** Time of training steps, including earlier parts of a resumed job. */
  seconds: number
  /** Total time of the job's processes, from start to end. */
  wallSeconds: number
  /** Peak resident memory; null if the system does not report it. */
  peakBytes: number | null
  /** ISO 8601. */
  finishedAt: string
  /** Where the job computed: `cpu`, `cuda:0`. */
  device: string
  /** CPU threads of the job. */
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
) =>
  | {
      /** The arms of the phase. */
      arms: PlannedArm[]
      /** Arms that the budget does not allow. */
      refused: RefusedArm[]
    }
  | undefined
