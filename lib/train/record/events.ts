/** What a training run reports while it runs, and what it leaves. */

import type { StopReason } from '../../process/stop-reason'

/** How well a model does on a data set. */
export interface Evaluation {
  /** Mean cross-entropy over the images, without label smoothing, in nats. */
  loss: number
  /** Share of images whose class is the first guess, 0 … 1. */
  top1: number
  /** Share of images whose class is among the first five guesses, 0 … 1. */
  top5: number
  /** Counts: a row for each true class, a column for each first guess. */
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
  /** Trained parameters of the model. */
  params: number
  /** Multiply-adds of one image's forward pass. */
  macs: number
  /** The device in use: 'cpu', 'cuda:0' … */
  device: string
  /** Steps that were done already: above 0 in a resumed run. */
  startStep: number
  trainImages: number
  testImages: number
}

export interface StepEvent {
  type: 'step'
  /** Steps done, this one included. */
  step: number
  /** The epoch this step is in, counted from 0. */
  epoch: number
  /** Training loss before the update, with label smoothing. NaN or infinite only where the step was skipped for it. */
  loss: number
  lr: number
  /** Images trained on per second, over the steps since the last reading of the loss. */
  imagesPerSecond: number
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
  /** The checkpoint's folder. */
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
 * What a run leaves. An interrupted run reports its latest evaluation; when it had none, the figures are NaN and
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
  /** Seconds spent on training steps, earlier parts of a resumed run included; evaluation and saving are not. */
  seconds: number
  interrupted: false | StopReason
}
