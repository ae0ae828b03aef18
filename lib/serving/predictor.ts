/** A trained model that is loaded once and answers many requests, in a thread of its own. */
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { checkDecoding, DECODE_OPTIONS, type DecodeOptions } from '../data/images/image-file'
import { checkViews, type Views } from '../data/images/views'
import { checkCount, checkOneOf, checkOptions, checkRange, shown } from '../errors/check'
import { coded } from '../errors/coded'
import { MbconvError } from '../errors/error'
import { fromPlainError } from '../errors/plain-error'
import { kindOfFile } from '../files/file-kind'
import { statOf } from '../files/folders'
import type { ImageSource } from '../inference/each-image'
import type { Embedding } from '../inference/embed'
import { checkPrediction, PREDICTION_OPTIONS, type Prediction, type PredictionOptions } from '../inference/predict'
import type { ModelCard } from '../models/export/card'
import { PRECISIONS, type Precision } from '../optim/precision'
import type { TaskName } from './engine'
import type { FromWorker, ImageJob, Ready, ToWorker, WorkerInput } from './messages'
import { Request, Requests } from './requests'

/** Default of `colorManagement`: the card's value. */
export interface PredictorOptions extends DecodeOptions {
  /** As in a configuration. Default 'auto'. ONNX files are computed on the CPU. */
  device?: string
  /** Of the forward pass. 'auto' is bf16 on a GPU that has it. Default 'float32', as in `predictEach`. */
  precision?: Precision | 'auto'
  /**
   * Threads of the CPU that this predictor's model computes with. Default: with libtorch the number of `setNumThreads` in
   * the main thread, if it was called, and else libtorch's own; with onnxruntime its own.
   */
  threads?: number
  /** Images that go through the network at once; several parts of an image count as several. Default 8, on a GPU 32. */
  batchSize?: number
  /** Milliseconds that a request waits for others to share its batch. Default 2. */
  maxDelayMs?: number
}

/** A path, an image's bytes, or bytes with a name. */
export type PredictorImage = ImageSource | Uint8Array

/** The options of one request for vectors. */
export interface EmbedRequestOptions {
  /** Gives the request up: it leaves the queue, and is rejected with ERR_ABORTED. */
  signal?: AbortSignal
  /** What the network sees of each image; its outputs are averaged. Default 'one'. */
  views?: Views
}

/** The options of one request for classes. */
export interface PredictRequestOptions extends EmbedRequestOptions, PredictionOptions {}

/** Batches that the worker has at a time: one is computed while the images of the next are decoded. */
const BATCHES_AHEAD = 2

/** A loaded model. {@link loadPredictor} makes one. */
export class Predictor {
  /** The model card: classes, preprocessing, and what is known of the model's accuracy. */
  readonly card: ModelCard
  /** `cpu` or `cuda:N`. */
  readonly device: string
  /** What was opened: a checkpoint's folder or a file. */
  readonly path: string
  /** What computes: libtorch, or onnxruntime for an ONNX file. */
  readonly runtime: 'libtorch' | 'onnxruntime'
  readonly #worker: Worker
  readonly #requests: Requests
  #closing: Promise<void> | undefined
  /** Set once the worker has ended without having been asked to. */
  #failure: unknown

  /** Use {@link loadPredictor}. */
  constructor(worker: Worker, { card, device, path, runtime, batchSize }: Ready) {
    this.card = card
    this.device = device
    this.path = path
    this.runtime = runtime
    this.#worker = worker
    this.#requests = new Requests({
      most: BATCHES_AHEAD * batchSize,
      send: (job) => this.#send({ type: 'image', job }, bytesOf(job)),
      drop: (ids) => this.#send({ type: 'drop', ids }),
      // A predictor without work does not keep the process alive.
      onBusy: (isBusy) => (isBusy ? worker.ref() : worker.unref()),
    })
    worker.on('message', (message: FromWorker) => {
      if (message.type === 'result') this.#requests.settle(message.id, message.result)
      else if (message.type === 'failed') this.#requests.fail(message.id, fromPlainError(message.error))
      else if (message.type === 'dropped') this.#requests.dropped(message.id)
    })
    worker.on('error', (error) => this.#fail(coded('predictor', error)))
    worker.on('exit', (code) => {
      if (this.#closing === undefined || this.#requests.isBusy) this.#fail(endedByItself(code))
    })
    worker.unref()
  }

  /**
   * Predicts the classes of an image, or of several. Requests of the same time share batches.
   *
   * @returns in the order of the images
   * @throws MbconvError ERR_DATA for an image that cannot be read, which rejects its own request only; ERR_ABORTED;
   *   ERR_DISPOSED after `close()`; ERR_TYPE, ERR_VALUE for options; ERR_NATIVE if the thread has ended by itself
   */
  predict(image: PredictorImage, options?: PredictRequestOptions): Promise<Prediction>
  predict(images: readonly PredictorImage[], options?: PredictRequestOptions): Promise<Prediction[]>
  async predict(
    images: PredictorImage | readonly PredictorImage[],
    options: PredictRequestOptions = {},
  ): Promise<Prediction | Prediction[]> {
    const op = 'predict'
    checkOptions(op, options, ['signal', 'views', ...PREDICTION_OPTIONS])
    const { topk, reject } = options
    checkPrediction(op, options)
    return this.#ask(op, images, options, { topk, reject }) as Promise<Prediction | Prediction[]>
  }

  /**
   * Computes the embedding of an image, or of several: the pooled features that the classifier gets.
   *
   * @throws MbconvError as {@link predict}; ERR_VALUE for an ONNX file without that value
   */
  embed(image: PredictorImage, options?: EmbedRequestOptions): Promise<Embedding>
  embed(images: readonly PredictorImage[], options?: EmbedRequestOptions): Promise<Embedding[]>
  async embed(
    images: PredictorImage | readonly PredictorImage[],
    options: EmbedRequestOptions = {},
  ): Promise<Embedding | Embedding[]> {
    const op = 'embed'
    checkOptions(op, options, ['signal', 'views'])
    return this.#ask(op, images, options, {}) as Promise<Embedding | Embedding[]>
  }

  /** Waits for the requests that were accepted, then frees the model and ends the thread. */
  async close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    await this.#requests.idle()
    if (this.#failure !== undefined) return
    this.#worker.ref()
    const ended = new Promise((resolve) => this.#worker.once('exit', resolve))
    this.#send({ type: 'close' })
    await ended
  }

  async #ask(
    task: TaskName,
    images: unknown,
    { signal, views = 'one' }: EmbedRequestOptions,
    prediction: PredictionOptions,
  ): Promise<unknown> {
    const isList = Array.isArray(images)
    const sources = (isList ? images : [images]).map((image, i) => sourceOf(task, image, isList ? ` ${i + 1}` : ''))
    checkViews(task, views, this.card.preprocessing)
    if (signal !== undefined && !(signal instanceof AbortSignal))
      throw new MbconvError('ERR_TYPE', `${task}: signal must be an AbortSignal, got ${shown(signal)}`, { op: task })
    if (this.#closing !== undefined)
      throw new MbconvError('ERR_DISPOSED', `${task}: the predictor is closed`, { op: task })
    if (this.#failure !== undefined) throw this.#failure
    if (sources.length === 0) return []
    const jobs = sources.map((source) => ({ task, source, views, prediction }))
    const request = new Request(jobs, signal)
    this.#requests.add(request)
    const results = await request.results
    return isList ? results : results[0]
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    this.#requests.failAll(this.#failure)
  }

  #send(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer)
  }
}

const endedByItself = (code: number) =>
  new MbconvError('ERR_NATIVE', `the thread of the predictor ended by itself (exit code ${code})`, {
    op: 'predictor',
    hint: 'Load the model again.',
  })

/** What is sent without being copied a second time. */
const bytesOf = ({ source }: ImageJob): ArrayBuffer[] =>
  typeof source === 'string' ? [] : [source.bytes.buffer as ArrayBuffer]

/** The image under a name, with a copy of its bytes: the caller may change or transfer them at once. */
function sourceOf(op: string, image: unknown, number: string): ImageSource {
  if (typeof image === 'string') return image
  const { name, bytes } = image instanceof Uint8Array ? { name: `image${number}`, bytes: image } : namedBytes(op, image)
  return { name, bytes: new Uint8Array(bytes) }
}

function namedBytes(op: string, image: unknown): { name: string; bytes: Uint8Array } {
  const { name, bytes } = (image ?? {}) as { name?: unknown; bytes?: unknown }
  if (typeof name === 'string' && bytes instanceof Uint8Array) return { name, bytes }
  const message = `${op}: an image must be a path, bytes (Uint8Array), or { name, bytes }, got ${shown(image)}`
  throw new MbconvError('ERR_TYPE', message, { op })
}

const OPTIONS = ['device', 'precision', 'threads', 'batchSize', 'maxDelayMs', ...DECODE_OPTIONS]

/**
 * Loads a model once, for many requests: an HTTP server, for example. The model is opened and its batch norms are folded
 * in a worker thread, which also decodes images. So the event loop of the caller stays free.
 *
 * ```js
 * const predictor = await mb.loadPredictor('runs/digits')
 * const { predictions } = await predictor.predict(bytes)
 * await predictor.close()
 * ```
 *
 * An ONNX file of `mbconv export` is computed by the optional package onnxruntime-node. Then neither libtorch nor the
 * addon is needed.
 *
 * @param model a run's folder, a checkpoint's, a file of weights with a card, the name of published weights, or an ONNX
 *   file with a card
 * @throws MbconvError ERR_CHECKPOINT, ERR_FORMAT, ERR_IO … for a missing or incomplete model; ERR_CUDA_UNAVAILABLE;
 *   ERR_ENVIRONMENT without onnxruntime-node; ERR_NATIVE_LOAD without the addon; ERR_TYPE, ERR_VALUE for options
 */
export async function loadPredictor(model: string, options: PredictorOptions = {}): Promise<Predictor> {
  const op = 'loadPredictor'
  if (typeof model !== 'string' || model === '') {
    const message = `${op}: model must be the path of a run or a file, or the name of weights, got ${shown(model)}`
    throw new MbconvError('ERR_TYPE', message, { op })
  }
  checkOptions(op, options, OPTIONS)
  const { device, precision, threads, batchSize, maxDelayMs = 2, colorManagement, maxPixels } = options
  if (device !== undefined && !/^(auto|cpu|cuda(:\d+)?)$/.test(device))
    throw new MbconvError('ERR_VALUE', `${op}: device must be auto, cpu, cuda or cuda:N, got ${shown(device)}`, { op })
  if (precision !== undefined) checkOneOf(op, 'precision', precision, ['auto', ...PRECISIONS])
  if (threads !== undefined) checkCount(op, 'threads', threads, { max: 1024 })
  if (batchSize !== undefined) checkCount(op, 'batchSize', batchSize)
  checkRange(op, 'maxDelayMs', maxDelayMs, 0, 60_001)
  checkDecoding(op, { colorManagement, maxPixels })
  const isOnnx = isOnnxFile(model)
  if (isOnnx) checkForOnnx(op, options)
  const workerData: WorkerInput = {
    ...{ model, isOnnx },
    options: { device, precision, threads, batchSize, maxDelayMs, colorManagement, maxPixels },
  }
  // Do not pass on the caller's Node options (loaders, debuggers).
  const worker = new Worker(join(__dirname, 'worker.js'), { workerData, execArgv: [], name: 'mbconv predictor' })
  try {
    return new Predictor(worker, await readyOf(worker))
  } catch (error) {
    await worker.terminate()
    throw error
  }
}

function isOnnxFile(model: string): boolean {
  return statOf(model)?.isFile() === true && kindOfFile(model, 'loadPredictor').format === 'onnx'
}

/** Refuses what onnxruntime is not asked to do here. */
function checkForOnnx(op: string, { device = 'auto', precision = 'auto' }: PredictorOptions): void {
  const hint = 'Load the run or its safetensors file in place of the ONNX file.'
  if (device !== 'auto' && device !== 'cpu')
    throw new MbconvError('ERR_VALUE', `${op}: ONNX files are computed on the CPU, not on ${device}`, { op, hint })
  if (precision !== 'auto' && precision !== 'float32')
    throw new MbconvError('ERR_VALUE', `${op}: ONNX files are computed in float32, not in ${precision}`, { op, hint })
}

/** What the worker says of the model once it has opened it. */
async function readyOf(worker: Worker): Promise<Ready> {
  const stop = new AbortController()
  try {
    return await new Promise((resolve, reject) => {
      const on = <Value>(event: string, handle: (value: Value) => void) => {
        worker.on(event, handle as () => void)
        stop.signal.addEventListener('abort', () => worker.off(event, handle as () => void))
      }
      on('message', (message: FromWorker) => {
        if (message.type === 'ready') resolve(message.ready)
        else if (message.type === 'refused') reject(fromPlainError(message.error))
      })
      on('error', (error) => reject(coded('loadPredictor', error)))
      on('exit', (code: number) => reject(endedByItself(code)))
    })
  } finally {
    stop.abort()
  }
}
