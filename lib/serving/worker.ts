/** The entry point of a predictor's worker thread; predictor.ts is the other end. */
import { parentPort, workerData } from 'node:worker_threads'
import { inputImageShape, readInputImage } from '../data/images/input-image'
import { cutsOf, type Views } from '../data/images/views'
import { coded } from '../errors/coded'
import { toPlainError } from '../errors/plain-error'
import { predictionOf } from '../inference/predict'
import { doWithoutNative } from '../native/addon'
import { Batcher } from './batcher'
import { DecodingQueue } from './decoding-queue'
import type { Engine, TaskName } from './engine'
import type { FromWorker, ImageJob, ToWorker, WorkerInput } from './messages'

const { model, isOnnx, options } = workerData as WorkerInput
const { maxDelayMs, colorManagement, maxPixels } = options
const port = parentPort!
const send = (message: FromWorker) => port.postMessage(message)

/** Images at once, unless the caller chose: more only make a CPU's answers later. */
const BATCH = { cpu: 8, gpu: 32 }

/** Images that are decoded at once: libuv has that many threads for them by default. */
const DECODINGS = 4

interface Decoded {
  job: ImageJob
  planes: Uint8Array
}

async function open(): Promise<Engine> {
  if (!isOnnx) return (await import('./libtorch-engine.js')).openWithLibtorch(model, options)
  doWithoutNative()
  return (await import('./onnx-engine.js')).openWithOnnxruntime(model, options)
}

function serve(engine: Engine): void {
  const { card, device, path, runtime } = engine
  inputImageShape(card.preprocessing) // refuses a card that image files cannot satisfy
  const batchSize = options.batchSize ?? (device === 'cpu' ? BATCH.cpu : BATCH.gpu)
  /** Images that have not been answered. */
  let open = 0
  let isClosing = false

  const batcher = new Batcher<Decoded>({
    maxDelayMs,
    most: (group) => Math.max(1, Math.floor(batchSize / cutsOf(group.split(' ')[1] as Views))),
    async work(batch) {
      try {
        const [{ job }] = batch
        const rows = await engine.rows(
          job.task,
          batch.map(({ planes }) => planes),
          job.views,
        )
        for (const [i, { job }] of batch.entries()) answer(job, rows[i])
      } catch (error) {
        for (const { job } of batch) fail(job, error)
      }
    },
  })

  /** The answer to an image. */
  function reply(message: Extract<FromWorker, { id: number }>): void {
    send(message)
    open--
    endIfDone()
  }

  const fail = ({ id, task }: ImageJob, error: unknown) =>
    reply({ type: 'failed', id, error: toPlainError(coded(task, error)) })

  function answer(job: ImageJob, row: Float32Array): void {
    const { id, task, source, prediction } = job
    const file = typeof source === 'string' ? source : source.name
    try {
      // A row is a part of its batch's buffer, which a message would copy as a whole.
      const result = RESULTS[task](file, row.slice(), prediction)
      reply({ type: 'result', id, result })
    } catch (error) {
      fail(job, error)
    }
  }

  const RESULTS: Record<TaskName, (file: string, row: Float32Array, prediction: ImageJob['prediction']) => unknown> = {
    predict: (file, row, prediction) => predictionOf('predict', file, row, card, prediction),
    embed: (file, vector) => ({ file, vector }),
  }

  async function decode(job: ImageJob, isDropped: () => boolean): Promise<void> {
    try {
      const planes = await readInputImage(job.source, card.preprocessing, { colorManagement, maxPixels }, job.views)
      if (typeof job.source !== 'string') job.source = { ...job.source, bytes: NOTHING }
      if (isDropped()) reply({ type: 'dropped', id: job.id })
      else batcher.add(`${job.task} ${job.views}`, job.id, { job, planes })
    } catch (error) {
      if (isDropped()) reply({ type: 'dropped', id: job.id })
      else fail(job, error)
    }
  }
  const queue = new DecodingQueue<ImageJob>({ most: DECODINGS, work: decode })

  function endIfDone(): void {
    // The thread ends with its port.
    if (isClosing && open === 0) engine.close().finally(() => port.close())
  }

  port.on('message', (message: ToWorker) => {
    if (message.type === 'image') {
      open++
      queue.add(message.job)
    } else if (message.type === 'drop') {
      const ids = new Set(message.ids)
      // Images of a batch that is being computed get their results, as all images of it.
      for (const id of [...queue.drop(ids), ...batcher.drop(ids)]) reply({ type: 'dropped', id })
    } else {
      isClosing = true
      endIfDone()
    }
  })
  send({ type: 'ready', ready: { card, device, path, runtime, batchSize } })
}

/** In place of the bytes of an image that has been decoded. */
const NOTHING = new Uint8Array(0)

open()
  .then(serve)
  .catch((error) => send({ type: 'refused', error: toPlainError(coded('loadPredictor', error)) }))
