/** Messages between a predictor and its worker thread. */
import type { DecodeOptions } from '../data/images/image-file'
import type { Views } from '../data/images/views'
import type { PlainError } from '../errors/plain-error'
import type { ImageSource } from '../inference/each-image'
import type { PredictionOptions } from '../inference/predict'
import type { ModelCard } from '../models/export/card'
import type { Engine, EngineOptions, TaskName } from './engine'

/** The data that the worker starts with. */
export interface WorkerInput {
  model: string
  /** Whether the model is an ONNX file, which onnxruntime computes. */
  isOnnx: boolean
  options: EngineOptions & DecodeOptions & { batchSize?: number; maxDelayMs: number }
}

/** One image of a request. */
export interface ImageJob {
  /** Unique among the images of a predictor. */
  id: number
  task: TaskName
  source: ImageSource
  views: Views
  prediction: PredictionOptions
}

export type ToWorker =
  | { type: 'image'; job: ImageJob }
  /** Nobody waits for these images any more. */
  | { type: 'drop'; ids: number[] }
  /** Comes when no request is open. Images that were dropped may still be under way. */
  | { type: 'close' }

/** What the worker says once the model is open. */
export interface Ready extends Pick<Engine, 'runtime' | 'device' | 'path'> {
  /** The model card. */
  card: ModelCard
  /** The most images of one forward pass. */
  batchSize: number
}

/** Each image is answered once: with its result, as failed, or as dropped. */
export type FromWorker =
  | { type: 'ready'; ready: Ready }
  /** The model could not be opened. */
  | { type: 'refused'; error: PlainError }
  | { type: 'result'; id: number; result: unknown }
  | { type: 'failed'; id: number; error: PlainError }
  /** The worker has ended its work on an image that nobody waits for. */
  | { type: 'dropped'; id: number }
