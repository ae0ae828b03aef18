/** The events of a training run, and its result. */

import type { StopReason } from '../../process/stop-reason'

/** The quality of a model on a data set. */
export interface Evaluation {
  /** Mean cross-entropy over the images, without label smoothing, in nats. */
  loss: number
  /** Share of images whose class is the most probable, 0 … 1. */
  top1: number
  /** Share of images whose class is among the five most probable, 0 … 1. */
  top5: number
  /** Counts: a row for each true class, a column for each predicted class. */
  confusion: number[][]
  /** Names of the classes. */
  classes: string[]
}

export interface StartEvent {
  type: 'start'
  runDir: string
  /** Steps in the whole run. */
  steps: number
  stepsPerEpoch: number
  epochs: number
  /** Number of trained parameters of the model. */
  params: number
  /** Multiply-adds of one image's forward pass. */
  macs: number
  /** The device in use: 'cpu', 'cuda:0' … */
  device: string
  /** Steps done before; above 0 in a resumed run. */
  startStep: number
  trainImages: number
  testImages: number
}

export interface StepEvent {
  type: 'step'
  /** Steps done, including this one. */
  step: number
  /** The epoch of this step, counted from 0. */
  epoch: number
  /**
   * Training loss before the update, with label smoothing. NaN or infinite only if the step was skipped for that
   * reason.
   */
  loss: number
  lr: number
  /** Images per second in training, since the last reading of the loss. */
  imagesPerSecond: number
  /** Share of the training time that was spent waiting for data, since the last reading of the loss, 0 … 1. */
  dataWait: number
  /** Bytes of memory in use: on a GPU, what libtorch has reserved there; else what this process holds. */
  memory: number
}

export interface EvalEvent {
  type: 'eval'
  step: number
  /** Epochs done. */
  epoch: number
  loss: number
  top1: number
  top5: number
}

export interface CheckpointEvent {
  type: 'checkpoint'
  step: number
  /** Folder of the checkpoint. */
  path: string
}

export interface WarningEvent {
  type: 'warning'
  message: string
}

export interface EndEvent {
  type: 'end'
  result: TrainResult
}

export type TrainEvent = StartEvent | StepEvent | EvalEvent | CheckpointEvent | WarningEvent | EndEvent

/**
 * The result of a run. An interrupted run reports its latest evaluation; without one, the figures are NaN and
 * `confusion` is empty.
 */
export interface TrainResult extends Evaluation {
  runDir: string
  /** Folder of the newest checkpoint. */
  checkpoint: string
  /** Steps done. */
  steps: number
  /** Epochs completed. */
  epochs: number
  /** Seconds spent on training steps, including earlier parts of a resumed run, without evaluation and saving. */
  seconds: number
  interrupted: false | StopReason
}
