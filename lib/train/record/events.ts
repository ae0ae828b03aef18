/** The events of a training run, and its result. */

import type { Confidence } from '../../models/export/confidence'
import type { Precision } from '../../optim/precision'
import type { StopReason } from '../../process/stop-reason'
import type { Figures, Score } from '../run/score'

/** Figures of each class, in the order of the classes. */
export interface PerClass {
  /** Images of the class. */
  images: number[]
  /** Share of the predictions of the class that are right, 0 … 1; null if it was never predicted. */
  precision: (number | null)[]
  /** Share of the images of the class that were recognised, 0 … 1; null if there are none. */
  recall: (number | null)[]
}

/** Figures of each label of a multi-label data set, in the order of the classes. */
export interface LabelFigures {
  /** Images that have the label. */
  images: number[]
  /** As scikit-learn's average_precision_score, 0 … 1; null if no image has the label. */
  averagePrecision: (number | null)[]
  /** At the threshold, 0 … 1; null if no image has the label and none is predicted to. */
  f1: (number | null)[]
  /** Share of the predictions of the label that are right, 0 … 1; null if it was never predicted. */
  precision: (number | null)[]
  /** Share of the images with the label that were recognised, 0 … 1; null if there are none. */
  recall: (number | null)[]
}

/** The quality of a model on a data set. */
export type Evaluation = ClassEvaluation | MultiLabelEvaluation

/** {@link Evaluation} where images have any number of labels. */
export interface MultiLabelEvaluation {
  /** Tells it from an evaluation of one class an image. */
  task: 'multiLabel'
  /** Mean binary cross-entropy over images and classes, without label smoothing and weights, in nats. */
  loss: number
  /** Mean of the average precisions of the labels that evaluated images have, 0 … 1. */
  mAP: number
  /** Mean F1 of the labels at their thresholds, 0 … 1: as scikit-learn's f1_score with zero_division=nan. */
  macroF1: number
  /** F1 of all predictions together, 0 … 1. */
  microF1: number
  /** Number of evaluated images. */
  images: number
  /**
   * The probability from which each label is predicted. On the images that are evaluated during training they are chosen
   * for the best F1; on others, such as the test images, they are those.
   */
  thresholds: number[]
  /** null if there was no evaluation. */
  perClass: LabelFigures | null
  /** Names of the classes. */
  classes: string[]
  /** Always undefined: images have several labels. */
  top1?: undefined
  /** Always undefined: images have several labels. */
  top5?: undefined
}

/** {@link Evaluation} where each image has one class. */
export interface ClassEvaluation {
  /** Tells it from an evaluation of several labels an image. */
  task: 'classification'
  /** Mean cross-entropy over the images, without label smoothing, in nats. */
  loss: number
  /** Share of images whose class is the most probable, 0 … 1. */
  top1: number
  /** Share of images whose class is among the five most probable, 0 … 1. */
  top5: number
  /** Counts: a row for each true class, a column for each predicted class. null with more than 100 classes. */
  confusion: number[][] | null
  /** null if there was no evaluation, or if it is from an older version. */
  perClass: PerClass | null
  /**
   * Expected calibration error, 0 … 1: how far confidence and accuracy differ, over 15 intervals of confidence. NaN if
   * there was no evaluation, or if it is from an older version.
   */
  ece: number
  /** null if there was no evaluation, a logit was not finite, or it is from an older version. */
  confidence: Confidence | null
  /** Names of the classes. */
  classes: string[]
  /** Always undefined: images have one class. */
  mAP?: undefined
}

/** Number of evaluated images; 0 if there was no evaluation. */
export function evaluatedImages(evaluation: Evaluation): number {
  if (evaluation.task === 'multiLabel') return evaluation.images
  const { perClass, confusion } = evaluation
  const counts = perClass?.images ?? confusion?.flat() ?? []
  return counts.reduce((sum, count) => sum + count, 0)
}

/** The first event: the run begins, or goes on. */
export interface StartEvent {
  /** Tells it from the other events: always `start`. */
  type: 'start'
  /** The folder of the run. */
  runDir: string
  /** Steps in the whole run. */
  steps: number
  /** Training steps in an epoch. */
  stepsPerEpoch: number
  /** Number of epochs of the whole run. */
  epochs: number
  /** Number of trained parameters of the model. */
  params: number
  /** Multiply-adds of one image's forward pass. */
  macs: number
  /** The device in use: 'cpu', 'cuda:0' … */
  device: string
  /** The precision in use: 'float32', 'bf16' or 'fp16'. */
  precision: Precision
  /** What computes the steps: native kernels (CPU, float32), or libtorch's operations. */
  backend: 'composite' | 'native'
  /** The instruction set of native kernels; null without them. */
  kernels: string | null
  /** Steps done before; above 0 in a resumed run. */
  startStep: number
  /** Number of images to train on. */
  trainImages: number
  /** Number of images in an evaluation. */
  testImages: number
}

/** A training step is done. */
export interface StepEvent {
  /** Tells it from the other events: always `step`. */
  type: 'step'
  /** Steps done, including this one. */
  step: number
  /** The epoch of this step, counted from 0. */
  epoch: number
  /**
   * Training loss before the update, with label smoothing; the mean over the step's batches. NaN or infinite only if
   * the step was skipped for that reason.
   */
  loss: number
  /** The learning rate of the step. */
  lr: number
  /** Images per second in training, since the last reading of the loss. */
  imagesPerSecond: number
  /** Share of the training time that was spent waiting for data, since the last reading of the loss, 0 … 1. */
  dataWait: number
  /** Bytes of memory in use: on a GPU, what libtorch has reserved there; else what this process holds. */
  memory: number
}

/** An evaluation is done, on the averaged weights if the run keeps them. */
export type EvalEvent = Figures & {
  /** Tells it from the other events: always `eval`. */
  type: 'eval'
  /** Training steps done before it. */
  step: number
  /** Epochs done. */
  epoch: number
  /** Mean loss of the evaluated images. */
  loss: number
}

/** A checkpoint is on disk, whole. */
export interface CheckpointEvent {
  /** Tells it from the other events: always `checkpoint`. */
  type: 'checkpoint'
  /** Training steps done before it. */
  step: number
  /** Folder of the checkpoint. */
  path: string
}

/** Something may be wrong; the run goes on. */
export interface WarningEvent {
  /** Tells it from the other events: always `warning`. */
  type: 'warning'
  /** What may be wrong, for people. */
  message: string
}

/** The last event: the run is over. */
export interface EndEvent {
  /** Tells it from the other events: always `end`. */
  type: 'end'
  /** What `run.result` resolves to. */
  result: TrainResult
}

/** What happens during a training; `type` tells the events apart. */
export type TrainEvent = StartEvent | StepEvent | EvalEvent | CheckpointEvent | WarningEvent | EndEvent

/**
 * The result of a run. An interrupted run reports its latest evaluation; without one, the figures are NaN, `confusion` or
 * `thresholds` is empty and `perClass` is null.
 */
export type TrainResult = RunFacts & Evaluation

/** What the result says of the run itself. */
export interface RunFacts {
  /** The folder of the run. */
  runDir: string
  /** Folder of the newest checkpoint. */
  checkpoint: string
  /**
   * The best evaluation by top-1 or mAP, and the folder of its checkpoint, which other commands take their weights from.
   * The folder is null if none was kept; `best` is null before the first evaluation.
   */
  best:
    | (Score & {
        /** Training steps done before the best evaluation. */
        step: number
        /** The folder of its checkpoint; null where none was kept. */
        checkpoint: string | null
      })
    | null
  /** Steps done. */
  steps: number
  /** Epochs completed. */
  epochs: number
  /** Seconds spent on training steps, including earlier parts of a resumed run, without evaluation and saving. */
  seconds: number
  /** What stopped the run before its end; false where nothing did. */
  interrupted: false | StopReason
  /** Why there are no more steps: all are done, evaluations stopped improving, or the run was interrupted. */
  endedBy: 'completion' | 'earlyStopping' | 'interruption'
  /**
   * The evaluation of the test images with the weights that other commands use. null if the test images are those that
   * were evaluated during training, or the run was interrupted.
   */
  test: Evaluation | null
}
