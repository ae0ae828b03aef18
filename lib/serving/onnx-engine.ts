/**
 * Computes with onnxruntime from a file that `exportOnnx` or `mbconv export` has written. Neither libtorch nor the addon
 * is loaded.
 */
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { cutsOf, type Views } from '../data/images/views'
import { MbconvError } from '../errors/error'
import { optionalPackage } from '../errors/optional-package'
import { readBytes } from '../files/open'
import { inputOf, partsOf } from '../inference/each-image'
import { cardOf } from '../inference/open-model'
import { checkClassifies } from '../inference/predict'
import { withOutput } from '../io/protobuf/onnx'
import { sidesOf } from '../models/arch/resolution'
import type { ModelCard } from '../models/export/card'
import { FEATURES } from '../models/export/onnx-graph'
import type { Engine, EngineOptions, TaskName } from './engine'

// The part of onnxruntime's interface that is used here. Its own types are not imported, so the package compiles
// without it.
interface OrtTensor {
  readonly data: Float32Array
  readonly dims: readonly number[]
}
interface Session {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  readonly inputMetadata?: readonly { type?: string }[]
  run(feeds: Record<string, OrtTensor>, fetches: readonly string[]): Promise<Record<string, OrtTensor>>
  release(): Promise<void>
}
interface Ort {
  InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> }
  Tensor: new (type: string, data: Float32Array | Uint8Array, dims: readonly number[]) => OrtTensor
}

/** By name, the values that a task can be computed from. In a graph without classes the pooled features are the output. */
const OUTPUTS: Record<TaskName, string[]> = { predict: ['logits'], embed: [FEATURES, 'features'] }
const GIVES: Record<TaskName, string> = { predict: 'predictions', embed: 'embeddings' }

/** The most bytes of an ONNX file: the limit of the format. */
const MOST_BYTES = 2 ** 31 - 1

/**
 * @throws MbconvError ERR_ENVIRONMENT without onnxruntime-node; ERR_FORMAT for a file without a card, or that
 *   onnxruntime cannot read; ERR_IO
 */
export async function openWithOnnxruntime(file: string, { threads }: EngineOptions): Promise<Engine> {
  const card = cardOf(file)
  const ort = await loadOnnxruntime()
  const session = await openSession(ort, file, threads)
  const shape = [card.preprocessing.channels, ...sidesOf(card.preprocessing.resolution)]
  const takesBytes = session.inputMetadata?.[0]?.type === 'uint8'

  /** A row for each part, from one output. */
  const outputOf = async (values: Float32Array, count: number, output: string): Promise<Float32Array[]> => {
    const input = new ort.Tensor(takesBytes ? 'uint8' : 'float32', takesBytes ? rounded(values) : values, [
      count,
      ...shape,
    ])
    const { [output]: found } = await session.run({ [session.inputNames[0]]: input }, [output])
    const length = found.data.length / count
    return Array.from({ length: count }, (_, i) => found.data.subarray(i * length, (i + 1) * length))
  }

  return {
    ...{ runtime: 'onnxruntime', card, device: 'cpu', path: resolve(file) },
    async rows(task, planes, views) {
      if (task === 'predict') checkClassifies(task, card)
      const output = OUTPUTS[task].find((name) => session.outputNames.includes(name))
      if (output === undefined) {
        const message = `${file}: the graph has no value called ${OUTPUTS[task][0]}, so it gives no ${GIVES[task]}`
        throw new MbconvError('ERR_VALUE', message, { hint: 'Export the network with mbconv export.' })
      }
      const parts = partsOf(planes, views)
      const { images } = inputOf({ card: takesBytes ? withPlainPixels(card) : card }, parts)
      const seen = [await outputOf(images, parts.length, output)]
      if (views === 'flip' || views === 'ten')
        seen.push(await outputOf(mirrored(images, shape[2]), parts.length, output))
      const means = planes.map((_, i) => meanOf(seen, i, views))
      return task === 'predict' && card.task !== 'multiLabel' ? means.map(softmax) : means
    },
    close: () => session.release(),
  }
}

async function loadOnnxruntime(): Promise<Ort> {
  const name = 'onnxruntime-node'
  return optionalPackage(name, 'predicting with an ONNX file', async () => {
    try {
      return createRequire(__filename)(name) as Ort
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
      // Where this package is linked into a project, the project has its own packages elsewhere.
      return createRequire(resolve('package.json'))(name) as Ort
    }
  })
}

/** Opens the graph with the features as a further output, if it has a value of that name. */
async function openSession(ort: Ort, file: string, threads: number | undefined): Promise<Session> {
  const bytes = readBytes(file, { op: 'loadPredictor', most: MOST_BYTES })
  const options = {
    ...(threads !== undefined && { intraOpNumThreads: threads }),
    logSeverityLevel: 4, // what matters comes as an error
    // Threads that wait in a loop would take the processor from the application.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  }
  try {
    return await ort.InferenceSession.create(withOutput(bytes, FEATURES), options)
  } catch {
    try {
      return await ort.InferenceSession.create(bytes, options)
    } catch (cause) {
      const message = `${file}: onnxruntime cannot open it: ${(cause as Error).message}`
      throw new MbconvError('ERR_FORMAT', message, { op: 'loadPredictor', cause })
    }
  }
}

/** The card of pixels 0 … 255 that the graph normalises itself. */
function withPlainPixels(card: ModelCard): ModelCard {
  const { channels } = card.preprocessing
  const [mean, std] = [new Array<number>(channels).fill(0), new Array<number>(channels).fill(1 / 255)]
  return { ...card, preprocessing: { ...card.preprocessing, mean, std } }
}

const rounded = (values: Float32Array): Uint8Array => Uint8Array.from(values, Math.round)

/** Images with each row reversed. */
function mirrored(images: Float32Array, width: number): Float32Array {
  const result = images.slice()
  for (let row = 0; row < result.length; row += width) result.subarray(row, row + width).reverse()
  return result
}

/** The mean over an image's views: of the passes, then of its parts. */
function meanOf(passes: readonly Float32Array[][], image: number, views: Views): Float32Array {
  const cuts = cutsOf(views)
  const rows = passes.flatMap((parts) => parts.slice(image * cuts, (image + 1) * cuts))
  return rows[0].map((_, i) => rows.reduce((sum, row) => sum + row[i], 0) / rows.length)
}

function softmax(logits: Float32Array): Float32Array {
  const most = logits.reduce((a, b) => Math.max(a, b))
  const powers = Float64Array.from(logits, (value) => Math.exp(value - most))
  const sum = powers.reduce((a, b) => a + b)
  return Float32Array.from(powers, (power) => power / sum)
}
