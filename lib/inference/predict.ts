/** Predicts the classes of image files with a trained model. */

import { checkDecoding, DECODE_OPTIONS, type DecodeOptions, type NamedBytes } from '../data/images/image-file'
import { Loader } from '../data/loader'
import { inMemory } from '../data/sources/image-dataset'
import { checkCount, checkOptions } from '../errors/check'
import { MbconvError } from '../errors/error'
import { breathe } from '../process/breathe'
import { noGrad } from '../tensor/core/autograd'
import { fromTypedArray } from '../tensor/core/create'
import { scope } from '../tensor/core/scope'
import { inputImageShape, readInputImage } from '../data/images/input-image'
import { type OpenModel, openModel } from './open-model'

/** Default of `colorManagement`: the card's value. */
export interface PredictOptions extends DecodeOptions {
  /** Guesses per image, most probable first. Default 5, at most the number of classes. */
  topk?: number
  /** As in a configuration. Default 'auto'. */
  device?: string
  /** Images that go through the network at once. Default 32. */
  batchSize?: number
}

export interface Guess {
  /** The name of the class. */
  label: string
  index: number
  /** 0 … 1 */
  probability: number
}

export interface Prediction {
  /** The given path, or the name of the bytes. */
  file: string
  predictions: Guess[]
}

/** An image that could not be read; the others are not affected. */
export interface Unreadable {
  file: string
  error: MbconvError
}

/** A path, or bytes with a name. */
export type ImageSource = string | NamedBytes

/** Number of images that are read while others are computed: Node's number of threads for file access. */
const AHEAD = 4

/** Planes of bytes, or the error. */
type Read = { file: string; planes: Uint8Array } | Unreadable

/**
 * Predicts the classes of image files one after the other, in limited memory: a few images are read ahead, and each batch
 * is freed after the forward pass. Images are preprocessed as the model card says. Batch norms are folded.
 *
 * @param model a run's folder, a checkpoint's, or a file of weights with a card; see `mbconv predict --help`
 * @param images paths, or bytes with a name; any iterable, also an asynchronous one
 * @returns a prediction or an error for each, in order
 * @throws MbconvError for errors of the model or the options, ERR_ENVIRONMENT without sharp
 */
export async function* predictEach(
  model: string,
  images: Iterable<ImageSource> | AsyncIterable<ImageSource>,
  options: PredictOptions = {},
): AsyncGenerator<Prediction | Unreadable, void, undefined> {
  const op = 'predictEach'
  checkOptions(op, options, ['topk', 'device', 'batchSize', ...DECODE_OPTIONS])
  const { topk = 5, device, batchSize = 32, ...decoding } = options
  checkDecoding(op, decoding)
  checkCount(op, 'topk', topk)
  checkCount(op, 'batchSize', batchSize)
  if (images === null || typeof images !== 'object' || !(Symbol.iterator in images || Symbol.asyncIterator in images)) {
    throw new MbconvError('ERR_TYPE', `${op}: images must be a list of paths, or an iterable of them`, { op })
  }
  const opened = openModel(model, device)
  const folded = withFoldedNetwork(opened)
  try {
    inputImageShape(opened.card.preprocessing) // refuses a card that image files cannot satisfy before any is read
    let batch: Read[] = []
    for await (const image of readAhead(images, opened, decoding)) {
      batch.push(image)
      if (batch.length < batchSize) continue
      yield* predicted(folded, batch, topk)
      batch = []
      await breathe()
    }
    yield* predicted(folded, batch, topk)
  } finally {
    folded.network.dispose()
  }
}

/** The same model with a folded network in place of its own, which is freed. */
function withFoldedNetwork(opened: OpenModel): OpenModel {
  try {
    return { ...opened, network: opened.network.fuse() }
  } finally {
    opened.network.dispose()
  }
}

/** Reads images in the given order, up to {@link AHEAD} at once. */
async function* readAhead(
  images: Iterable<ImageSource> | AsyncIterable<ImageSource>,
  { card }: OpenModel,
  decoding: DecodeOptions,
): AsyncGenerator<Read, void, undefined> {
  const read = async (source: ImageSource): Promise<Read> => {
    const file = typeof source === 'string' ? source : source?.name
    if (typeof file !== 'string')
      throw new MbconvError('ERR_TYPE', 'predictEach: an image must be a path, or { name, bytes }')
    try {
      return { file, planes: await readInputImage(source, card.preprocessing, decoding) }
    } catch (error) {
      if (error instanceof MbconvError && error.code === 'ERR_DATA') return { file, error }
      throw error
    }
  }
  const underWay: Promise<Read>[] = []
  try {
    for await (const source of images) {
      const reading = read(source)
      reading.catch(() => {}) // the error is reported in its turn
      underWay.push(reading)
      if (underWay.length >= AHEAD) yield await (underWay.shift() as Promise<Read>)
    }
    while (underWay.length > 0) yield await (underWay.shift() as Promise<Read>)
  } finally {
    // If the consumer stops early, pending reads must not cause an unhandled rejection.
    await Promise.allSettled(underWay)
  }
}

function* predicted(model: OpenModel, batch: Read[], topk: number): Generator<Prediction | Unreadable> {
  const readable = batch.flatMap((each) => ('planes' in each ? [each.planes] : []))
  const probabilities = readable.length === 0 ? [] : probabilitiesOf(model, readable)
  const { classes } = model.card
  let next = 0
  for (const each of batch) {
    if ('error' in each) {
      yield each
      continue
    }
    yield { file: each.file, predictions: guessesOf(probabilities[next++], classes, topk) }
  }
}

/** The most probable classes, most probable first. */
export function guessesOf(probabilities: Float32Array, classes: readonly string[], topk: number): Guess[] {
  const order = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]).slice(0, topk)
  return order.map((index) => ({ label: classes[index], index, probability: probabilities[index] }))
}

/** Preprocesses a batch of images as the loader does in training. */
export function inputOf({ card }: Pick<OpenModel, 'card'>, images: readonly Uint8Array[]) {
  const { mean, std, resolution, ...rest } = card.preprocessing
  const shape = inputImageShape({ mean, std, resolution, ...rest })
  const all = new Uint8Array(images.length * shape[0] * shape[1] * shape[2])
  for (const [i, planes] of images.entries()) all.set(planes, i * planes.length)
  const labels = new Int32Array(images.length)
  const dataset = inMemory({ name: card.name, classes: card.classes, shape, images: all, labels })
  const [batch] = new Loader(dataset, { batchSize: images.length, size: resolution, mean, std }).epoch(0)
  return batch
}

function probabilitiesOf(model: OpenModel, planes: readonly Uint8Array[]): Float32Array[] {
  const { images, shape } = inputOf(model, planes)
  const all = noGrad(() =>
    scope(() => {
      const input = fromTypedArray(images, shape).to({ device: model.device, memoryFormat: 'channelsLast' })
      return model.network.forward(input).softmax(-1).toTypedArray() as Float32Array // waits for the device
    }),
  )
  const classes = all.length / planes.length
  return planes.map((_, i) => all.subarray(i * classes, (i + 1) * classes))
}

/**
 * Predicts the classes of image files; fails if one of them fails. {@link predictEach} returns them one by one.
 *
 * @param model a run's folder, a checkpoint's, or a file of weights with a card
 * @param files image files, with the formats and limits of `data.readImageFile`
 * @throws MbconvError ERR_CHECKPOINT, ERR_DATA naming the file that cannot be read, ERR_ENVIRONMENT without sharp
 */
export async function predictImages(
  model: string,
  files: readonly string[],
  options: PredictOptions = {},
): Promise<Prediction[]> {
  const op = 'predictImages'
  if (!Array.isArray(files) || files.some((file) => typeof file !== 'string')) {
    throw new MbconvError('ERR_TYPE', `${op}: files must be a list of paths`, { op })
  }
  const predictions: Prediction[] = []
  if (files.length === 0) return predictions
  for await (const each of predictEach(model, files, options)) {
    if ('error' in each) throw each.error
    predictions.push(each)
  }
  return predictions
}
