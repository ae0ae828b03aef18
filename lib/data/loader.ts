/**
 * Batches of network input from a data set whose images have one size.
 *
 * The order of an epoch depends only on (seed, epoch), the variation of a sample only on (seed, epoch, sample). The
 * loader keeps no position: any batch of any epoch can be requested first, so resuming is exact.
 */
import { checkCount, checkOneOf } from '../errors/check'
import { MbconvError } from '../errors/error'
import { checkResolution, type Resolution, sidesOf } from '../models/arch/resolution'
import { type Seed, seedBits } from '../random/seed'
import type { Batch } from './batches/batch'
import { labelled } from './batches/labels'
import { checkRepeats, epochOrder, MOST_REPEATS, SAMPLERS, type Sampler, sampleNumbers } from './batches/order'
import { perChannel } from './dataset/channels'
import { checkDataset, type ImageDataset, readImage } from './dataset/image-dataset'
import {
  type Augment,
  affineOf,
  augments,
  checkAugment,
  drawVariation,
  type Fill,
  IDENTITY,
  type Normalizer,
  normalizer,
  resample,
} from './transforms'

/** How images of one size become batches. */
export interface LoaderOptions {
  /** Number of images in a batch, at least 1. */
  batchSize: number
  /** Size of the output images, px: a side, or [height, width]. */
  size: Resolution
  /** Per channel, or one number for all channels; for pixels scaled to 0 … 1. */
  mean: number | readonly number[]
  /** Standard deviation that pixels from 0 to 1 are divided by, after the mean: one number, or one a channel. */
  std: number | readonly number[]
  /** Seed of the order and of the augmentation. Default 0. */
  seed?: Seed
  /** Whether each epoch has a new order. Default false: the data set's order. */
  shuffle?: boolean
  /** With `shuffle`: 'balanced' draws from all classes equally often. Default 'shuffle': every image once. */
  sampler?: Exclude<Sampler, 'none'>
  /**
   * Repeated augmentation: how often each image of an epoch comes, each time varied in another way. The epoch keeps its
   * length and has fewer images. Default 1.
   */
  repeats?: number
  /** Leave out the last batch if it is incomplete. Default false. */
  dropLast?: boolean
  /** Random changes of each image. Default: none. */
  augment?: Augment
  /** What augmentation shows outside the image. Default 'zero'. */
  fill?: Fill
}

const NO_IMAGE: Uint8Array = new Uint8Array(0)

function wholeFrom(least: number, name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new MbconvError('ERR_VALUE', `${name} must be a whole number from ${least}, not ${value}`, { op: 'Loader' })
}

function finitePerChannel(name: string, value: number | readonly number[], channels: number): readonly number[] {
  const list = perChannel(value, channels)
  if (list?.every(Number.isFinite)) return list
  throw new MbconvError('ERR_VALUE', `${name} must be one number, or one for each of ${channels} channels`, {
    op: 'Loader',
  })
}

/**
 * Makes batches of a data set of images of one size: shuffled, augmented, resized and normalised. Every batch depends
 * on the seed and the epoch alone.
 */
export class Loader {
  /** The data set that it reads. */
  readonly dataset: ImageDataset
  /** Number of images in a batch; the last one may have fewer. */
  readonly batchSize: number
  /** Size of the images in a batch, px: the side of a square, or [height, width]. */
  readonly size: Resolution
  /** Number of batches in an epoch. */
  readonly batchesPerEpoch: number
  private readonly seed: Seed
  private readonly sampler: Sampler
  private readonly repeats: number
  private readonly augment: Augment | null
  private readonly fill: Fill
  private readonly pixels: Normalizer

  /** @throws MbconvError ERR_TYPE, ERR_VALUE for an invalid data set or option, or if dropLast would leave no batch */
  constructor(dataset: ImageDataset, options: LoaderOptions) {
    checkDataset('Loader', dataset)
    this.dataset = dataset
    this.batchSize = wholeFrom(1, 'batchSize', options.batchSize)
    this.size = Array.isArray(options.size)
      ? checkResolution('Loader', 'size', options.size)
      : wholeFrom(1, 'size', options.size as number)
    const { seed = 0 } = options
    seedBits('Loader', seed)
    this.seed = seed
    checkOneOf('Loader', 'sampler', options.sampler ?? 'shuffle', SAMPLERS)
    if (options.sampler !== undefined && !options.shuffle) {
      throw new MbconvError('ERR_VALUE', 'Loader: sampler has no effect without shuffle: true', { op: 'Loader' })
    }
    this.sampler = options.shuffle ? (options.sampler ?? 'shuffle') : 'none'
    this.fill = options.fill ?? 'zero'
    const augment = options.augment ?? {}
    checkAugment(augment)
    this.augment = augments(augment) ? augment : null
    const { repeats = 1 } = options
    checkCount('Loader', 'repeats', repeats, { max: MOST_REPEATS })
    checkRepeats('Loader', repeats, this.sampler, this.augment !== null)
    this.repeats = repeats
    const channels = dataset.shape[0]
    const std = finitePerChannel('std', options.std, channels)
    if (!std.every((s) => s > 0)) {
      throw new MbconvError('ERR_VALUE', `std must be above 0, not ${std.join(', ')}`, { op: 'Loader' })
    }
    this.pixels = normalizer(finitePerChannel('mean', options.mean, channels), std)

    const full = dataset.length / this.batchSize
    this.batchesPerEpoch = options.dropLast ? Math.floor(full) : Math.ceil(full)
    if (this.batchesPerEpoch === 0) {
      throw new MbconvError('ERR_VALUE', `${dataset.length} images give no batch of ${this.batchSize}`, {
        op: 'Loader',
        hint: 'Choose a smaller batchSize.',
      })
    }
  }

  /** The order of an epoch: positions in the data set. */
  order(epoch: number): Int32Array {
    return epochOrder(this.dataset, this.sampler, this.seed, epoch, this.repeats)
  }

  /**
   * The batches of one epoch in order, from batch `fromBatch` (0 is the first) to the last.
   *
   * @param epoch counted from 0
   * @param signal once it is aborted, the next batch is an error
   * @throws MbconvError ERR_VALUE, at once, for a negative epoch or a batch beyond the end; ERR_ABORTED from the generator
   */
  epoch(epoch: number, fromBatch = 0, signal?: AbortSignal): Generator<Batch, void, undefined> {
    wholeFrom(0, 'epoch', epoch)
    if (wholeFrom(0, 'fromBatch', fromBatch) > this.batchesPerEpoch) {
      const problem = `fromBatch is ${fromBatch}, but an epoch has ${this.batchesPerEpoch} batches`
      throw new MbconvError('ERR_VALUE', problem, { op: 'Loader' })
    }
    return this.#batches(epoch, fromBatch, signal)
  }

  *#batches(epoch: number, fromBatch: number, signal?: AbortSignal): Generator<Batch, void, undefined> {
    const order = this.order(epoch)
    const samples = sampleNumbers(order, this.dataset.length)
    for (let i = fromBatch; i < this.batchesPerEpoch; i++) {
      if (signal?.aborted) {
        throw new MbconvError('ERR_ABORTED', 'the epoch was aborted', { op: 'Loader', cause: signal.reason })
      }
      const [from, to] = [i * this.batchSize, (i + 1) * this.batchSize]
      yield this.#batch(epoch, order.slice(from, to), samples.subarray(from, to))
    }
  }

  /** @param samples the numbers that the images are varied as */
  #batch(epoch: number, indices: Int32Array, samples: Uint32Array): Batch {
    const { dataset, size, augment, seed } = this
    const [channels] = dataset.shape
    const [height, width] = sidesOf(size)
    const floats = channels * height * width
    const images = new Float32Array(indices.length * floats)
    const job = {
      source: NO_IMAGE,
      sourceOffset: 0,
      shape: dataset.shape,
      target: images,
      targetOffset: 0,
      size,
      normalizer: this.pixels,
    }
    indices.forEach((index, i) => {
      job.source = readImage('Loader', dataset, index)
      job.targetOffset = i * floats
      const affine = augment ? affineOf(drawVariation(augment, seed, epoch, samples[i]), width / height) : IDENTITY
      resample(job, affine, this.fill)
    })
    return { images, shape: [indices.length, channels, height, width], ...labelled(dataset, indices) }
  }
}
