/** What a predictor's thread computes with: libtorch or onnxruntime. */
import type { Views } from '../data/images/views'
import type { ModelCard } from '../models/export/card'
import type { Precision } from '../optim/precision'

/** What is computed of an image. */
export type TaskName = 'predict' | 'embed'

export interface EngineOptions {
  device?: string
  precision?: Precision | 'auto'
  threads?: number
}

/** An open model. */
export interface Engine {
  /** What computes: libtorch, or onnxruntime for an ONNX file. */
  readonly runtime: 'libtorch' | 'onnxruntime'
  readonly card: ModelCard
  /** `cpu` or `cuda:N`. */
  readonly device: string
  /** What was opened: a checkpoint's folder or a file. */
  readonly path: string
  /**
   * The numbers of each image: with `predict` what `predictionOf` reads, with `embed` the features. Rows of one call may
   * share a buffer.
   *
   * @param planes of each image: the parts of its views, one after the other
   */
  rows(task: TaskName, planes: readonly Uint8Array[], views: Views): Promise<Float32Array[]>
  close(): Promise<void>
}
