/** Runs a trained model over image files one after the other, in limited memory: for predictions and embeddings. */

import { inMemory } from '../data/dataset/image-dataset'
import { checkDecoding, DECODE_OPTIONS, type DecodeOptions, type NamedBytes } from '../data/images/image-file'
import { inputImageShape, readInputImage } from '../data/images/input-image'
import { checkViews, cutsOf, overViews, VIEWS, type Views } from '../data/images/views'
import { Loader } from '../data/loader'
import { checkCount, checkOneOf, checkOptions } from '../errors/check'
import { MbconvError } from '../errors/error'
import type { ModelCard } from '../models/export/card'
import type { Network } from '../models/network/network'
import { breathe } from '../process/breathe'
import { inBatches } from '../process/in-order'
import { noGrad } from '../tensor/core/autograd'
import { fromTypedArray } from '../tensor/core/create'
import { scope } from '../tensor/core/scope'
import type { Tensor } from '../tensor/core/tensor'
import { type OpenModel, openModel } from './open-model'

/** Default of `colorManagement`: the card's value. */
export interface EachImageOptions extends DecodeOptions {
  /** As in a configuration. Default 'auto'. */
  device?: string
  /** Images that go through the network at once; several parts of an image count as several. Default 32. */
  batchSize?: number
  /** What the network sees of each image; its outputs are averaged. Default 'one'. */
  views?: Views
}

/** An image that could not be read; the others are not affected. */
export interface Unreadable {
  /** The image, as it was given. */
  file: string
  /** Why it cannot be read. */
  error: MbconvError
}

/** A path, or bytes with a name. */
export type ImageSource = string | NamedBytes

/** Any number of images, from an array, a generator or a stream. */
export type ImageSources = Iterable<ImageSource> | AsyncIterable<ImageSource>

/** Planes of bytes, or the error. */
type Read = { file: string; planes: Uint8Array } | Unreadable

/** What to do with the images. */
export interface ImageTask<Result> {
  /** The caller's name in errors. */
  op: string
  /** Names of further options, which the caller checks. */
  options: readonly string[]
  /** Computes a row of numbers for each view of an image, [M, K], in a scope and without gradients. */
  compute: (network: Network, input: Tensor) => Tensor
  /** What is done with the means over the views, [N, K]. Default: nothing. */
  finish?: (means: Tensor, card: ModelCard) => Tensor
  /** @param row the numbers of one image */
  resultOf: (file: string, row: Float32Array, model: OpenModel) => Result
}

/**
 * A few images are read ahead, and each batch is freed after the forward pass. Where the source has no further image
 * yet, the images that it has given are computed as a smaller batch: a live source is answered at once. Images are
 * preprocessed as the model card says. Batch norms are folded.
 *
 * @returns a result or an error for each image, in order
 * @throws MbconvError for errors of the model or the options, ERR_ENVIRONMENT without sharp
 */
export async function* eachImage<Result>(
  model: string,
  images: ImageSources,
  options: EachImageOptions,
  task: ImageTask<Result>,
): AsyncGenerator<Result | Unreadable, void, undefined> {
  const { op } = task
  checkOptions(op, options, ['device', 'batchSize', 'views', ...DECODE_OPTIONS, ...task.options])
  const { device, batchSize = 32, views = 'one', colorManagement, maxPixels } = options
  const decoding = { colorManagement, maxPixels }
  checkDecoding(op, decoding)
  checkCount(op, 'batchSize', batchSize)
  if (images === null || typeof images !== 'object' || !(Symbol.iterator in images || Symbol.asyncIterator in images)) {
    throw new MbconvError('ERR_TYPE', `${op}: images must be a list of paths, or an iterable of them`, { op })
  }
  checkOneOf(op, 'views', views, VIEWS)
  const opened = openModel(model, device)
  const folded = withFoldedNetwork(opened)
  try {
    inputImageShape(opened.card.preprocessing) // refuses a card that image files cannot satisfy before any is read
    checkViews(op, views, opened.card.preprocessing)
    const atOnce = Math.max(1, Math.floor(batchSize / cutsOf(views)))
    const read = readerOf(op, opened, decoding, views)
    for await (const batch of inBatches(images, read, atOnce)) {
      yield* computed(
        folded,
        batch.map(([, result]) => result),
        task,
        views,
      )
      await breathe()
    }
  } finally {
    folded.network.dispose()
  }
}

/** The same model with a folded network in place of its own, which is freed. */
export function withFoldedNetwork(opened: OpenModel): OpenModel {
  try {
    return { ...opened, network: opened.network.fuse() }
  } finally {
    opened.network.dispose()
  }
}

/** Reads an image, or says why it cannot be read. */
function readerOf(op: string, { card }: OpenModel, decoding: DecodeOptions, views: Views) {
  return async (source: ImageSource): Promise<Read> => {
    const file = typeof source === 'string' ? source : source?.name
    if (typeof file !== 'string')
      throw new MbconvError('ERR_TYPE', `${op}: an image must be a path, or { name, bytes }`, { op })
    try {
      return { file, planes: await readInputImage(source, card.preprocessing, decoding, views) }
    } catch (error) {
      if (error instanceof MbconvError && error.code === 'ERR_DATA') return { file, error }
      throw error
    }
  }
}

function* computed<Result>(
  model: OpenModel,
  batch: Read[],
  task: ImageTask<Result>,
  views: Views,
): Generator<Result | Unreadable> {
  const readable = batch.flatMap((each) => ('planes' in each ? [each.planes] : []))
  const rows = readable.length === 0 ? [] : rowsOf(model, readable, task, views)
  let next = 0
  for (const each of batch) yield 'error' in each ? each : task.resultOf(each.file, rows[next++], model)
}

/** The parts of the views of all images. */
export function partsOf(planes: readonly Uint8Array[], views: Views): Uint8Array[] {
  const cuts = cutsOf(views)
  return planes.flatMap((all) => {
    const size = all.length / cuts
    return Array.from({ length: cuts }, (_, i) => all.subarray(i * size, (i + 1) * size))
  })
}

/** Preprocesses a batch of images as the loader does in training. */
export function inputOf({ card }: Pick<OpenModel, 'card'>, images: readonly Uint8Array[]) {
  const { mean, std, resolution } = card.preprocessing
  const shape = inputImageShape(card.preprocessing)
  const all = new Uint8Array(images.length * shape[0] * shape[1] * shape[2])
  for (const [i, planes] of images.entries()) all.set(planes, i * planes.length)
  const labels = new Int32Array(images.length)
  // A network without classes gives features; a data set has at least one class, which nothing reads here.
  const classes = card.classes.length > 0 ? card.classes : ['']
  const dataset = inMemory({ name: card.name, classes, shape, images: all, labels })
  const [batch] = new Loader(dataset, { batchSize: images.length, size: resolution, mean, std }).epoch(0)
  return batch
}

/**
 * The numbers of each image: the means over its views. They share one buffer.
 *
 * @param planes of each image: the parts of its views, one after the other
 */
export function rowsOf<Result>(
  model: OpenModel,
  planes: readonly Uint8Array[],
  { compute, finish = (means) => means }: Pick<ImageTask<Result>, 'compute' | 'finish'>,
  views: Views,
): Float32Array[] {
  const { images, shape } = inputOf(model, partsOf(planes, views))
  const all = noGrad(() =>
    scope(() => {
      const input = fromTypedArray(images, shape).to({ device: model.device, memoryFormat: 'channelsLast' })
      const means = overViews(views, input, (x) => compute(model.network, x))
      return finish(means, model.card).contiguous().toTypedArray() as Float32Array // waits for the device
    }),
  )
  const length = all.length / planes.length
  return planes.map((_, i) => all.subarray(i * length, (i + 1) * length))
}
