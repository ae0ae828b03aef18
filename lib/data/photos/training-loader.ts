/**
 * Batches of image files for training: a random part of each, or all of it, resized, mirrored and augmented.
 *
 * The order of an epoch depends only on (seed, epoch), and what is made of a sample only on (seed, epoch, sample): not on
 * the number of threads, and not on earlier batches. Any batch of any epoch can be the first, so resuming is exact.
 *
 * JPEG files are decoded, cut and resized by native threads of the loader's own. Only the part that is shown is decoded,
 * at 1/2, 1/4 or 1/8 of its size where that is still as large as the input. All other kinds are decoded through sharp and
 * then cut and resized by the same code.
 */
import { MbconvError } from '../../errors/error'
import type { Sides } from '../../models/arch/resolution'
import { native } from '../../native/addon'
import type { PhotoLoaderHandle } from '../../native/signatures'
import { seedBits } from '../../random/seed'
import { empty } from '../../tensor/core/create'
import { keepEach, scope } from '../../tensor/core/scope'
import type { Tensor } from '../../tensor/core/tensor'
import type { ByteBatch } from '../batches/batch'
import { labelled } from '../batches/labels'
import { epochOrder, sampleNumbers } from '../batches/order'
import type { PhotoDataset } from '../dataset/image-dataset'
import { mostBytes } from '../images/image-limits'
import type { StreamedImage } from '../streams/image-stream'
import { BatchMaker, type Epoch, type MadeBatch, owned } from './batch-maker'
import { jpegLibrary } from './jpeg-library'
import { type CheckedOptions, checkedOptions, checkWhole, type PhotoLoaderOptions } from './loader-options'
import { batchDataset, checkStreamed, StreamBatches } from './stream-batches'

const OP = 'PhotoLoader'

/** The addon's names. */
const NATIVE_CROPS = { crop: 'random', pad: 'pad', stretch: 'whole' } as const

/** Batches that the addon works on at once. More would take Node's threads from others that wait for them. */
const AT_ONCE = 2

/** A batch in memory that is used again. */
interface Made extends MadeBatch {
  bytes: Tensor
  /** Only of a stream: the images that the indices stand for. */
  streamed?: readonly StreamedImage[]
}

/** The part of an image that is shown, px. */
export interface ShownPart {
  left: number
  top: number
  width: number
  height: number
  interpolation: 'bilinear' | 'bicubic'
  /** Whether it is mirrored left to right. */
  flipped: boolean
}

export class PhotoLoader {
  readonly dataset: PhotoDataset
  readonly batchSize: number
  /** [height, width] of the images of a batch, px. */
  readonly size: Sides
  readonly batchesPerEpoch: number
  readonly #options: CheckedOptions
  readonly #maker: BatchMaker
  #handle: PhotoLoaderHandle | undefined

  /** @throws MbconvError ERR_TYPE, ERR_VALUE for an invalid option, or if dropLast would leave no batch */
  constructor(dataset: PhotoDataset, options: PhotoLoaderOptions) {
    const checked = checkedOptions(options)
    checkStreamed(OP, dataset, checked)
    const { batchSize, size, dropLast, fit, crop, fill, interpolation, flip, threads, seed, colorManagement } = checked
    this.dataset = dataset
    this.batchSize = batchSize
    this.size = size
    this.#options = checked
    this.#maker = new BatchMaker(dataset, checked, () => this.#open())
    const full = dataset.length / batchSize
    this.batchesPerEpoch = dropLast ? Math.floor(full) : Math.ceil(full)
    if (this.batchesPerEpoch === 0) {
      throw new MbconvError('ERR_VALUE', `${dataset.length} images give no batch of ${batchSize}`, {
        op: OP,
        hint: 'Choose a smaller batchSize.',
      })
    }
    this.#handle = native().photoLoader(
      jpegLibrary().library,
      threads,
      BigInt.asIntN(64, seedBits(OP, seed)),
      [...size],
      NATIVE_CROPS[fit],
      [...crop.scale],
      [...crop.ratio],
      0,
      [...fill],
      interpolation,
      flip,
      mostBytes({}),
      colorManagement,
    )
  }

  /** The order of an epoch: positions in the data set. That of a stream is known only while it is read. */
  order(epoch: number): Int32Array {
    const { shuffle, sampler, seed, repeats } = this.#options
    if (this.dataset.stream !== undefined) return new Int32Array(0)
    return epochOrder(this.dataset, shuffle ? sampler : 'none', seed, epoch, repeats)
  }

  /** What an epoch shows of an image of this size, px. */
  crop(epoch: number, sample: number, { height, width }: { height: number; width: number }): ShownPart {
    const crop = native().photoCrop(this.#open(), epoch, sample, height, width)
    const [left, top, partWidth, partHeight, bicubic, flipped] = crop
    const interpolation = bicubic === 1 ? 'bicubic' : 'bilinear'
    return { left, top, width: partWidth, height: partHeight, interpolation, flipped: flipped === 1 }
  }

  /**
   * The batches of one epoch in order, from batch `fromBatch` (0 is the first) to the last. Batches that follow are made
   * while the consumer works on one.
   *
   * In place of an image that cannot be read comes the next one in the order of the epoch that can be (after the last the
   * first), with its own label. It is varied with the random numbers of the image that it replaces.
   *
   * Of a stream, the images before `fromBatch` are read and left out, and an image that cannot be read is replaced by the
   * next one of its batch; if none of it can be read, by one of the batches that follow, or at the end of the batch before.
   *
   * @param epoch counted from 0
   * @param signal ends the reading of a stream at once
   * @throws MbconvError ERR_VALUE, at once, for a negative epoch or a batch beyond the end; ERR_DISPOSED; from the
   *   generator ERR_DATA if more images than allowed cannot be read, ERR_ENVIRONMENT if sharp is needed and missing,
   *   ERR_ABORTED or ERR_DISPOSED after dispose()
   */
  epoch(epoch: number, fromBatch = 0, signal?: AbortSignal): AsyncGenerator<ByteBatch, void, undefined> {
    checkWhole('epoch', epoch, 0, 2 ** 32 - 1)
    checkWhole('fromBatch', fromBatch, 0, this.batchesPerEpoch)
    this.#open()
    return this.#batches(epoch, fromBatch, signal)
  }

  /** Ends the threads. Epochs on their way fail. */
  dispose(): void {
    const handle = this.#handle
    this.#handle = undefined
    if (handle !== undefined) void native().closePhotoLoader(handle)
  }

  #open(): PhotoLoaderHandle {
    if (this.#handle !== undefined) return this.#handle
    throw new MbconvError('ERR_DISPOSED', `${OP}: the loader has been disposed`, { op: OP })
  }

  async *#batches(number: number, fromBatch: number, signal?: AbortSignal): AsyncGenerator<ByteBatch, void, undefined> {
    const addon = native()
    const order = this.order(number)
    const epoch: Epoch = { number, order, samples: sampleNumbers(order, this.dataset.length), run: addon.photoRun() }
    const rest = this.batchesPerEpoch - fromBatch
    const { stream } = this.dataset
    const streamed = stream && new StreamBatches({ ...this.dataset, stream }, this.#options, number, fromBatch, signal)
    // One for the consumer.
    const memory = keepEach(Array.from({ length: Math.min(this.#options.ahead + 1, rest) }), () => this.#newBatch())
    const free = [...memory]
    const underWay: Promise<Made>[] = []
    let next = fromBatch
    try {
      for (let i = fromBatch; i < this.batchesPerEpoch; i++) {
        while (next < this.batchesPerEpoch && free.length > 0) {
          const making = this.#make(epoch, next++, free.pop() as Tensor, underWay.at(-AT_ONCE), streamed)
          making.catch(() => {}) // the error is reported in its turn
          underWay.push(making)
        }
        const { bytes, streamed: sources, ...made } = await (underWay.shift() as Promise<Made>)
        const found = this.#reported(made)
        const images = owned(() => bytes.narrow(0, 0, found.length).permute([0, 3, 1, 2]))
        const indices = sources === undefined ? found : found.map((index) => sources[index].index)
        const labels = sources && BigInt64Array.from(found, (index) => BigInt(sources[index].label))
        try {
          yield { images, ...labelled(this.dataset, indices, labels) }
        } finally {
          images.dispose()
        }
        free.push(bytes)
        streamed?.release(i)
      }
    } finally {
      addon.cancelPhotoRun(epoch.run)
      try {
        await streamed?.end()
      } finally {
        // The addon writes into the memory until the last batch has ended.
        await Promise.allSettled(underWay)
        for (const bytes of memory) bytes.dispose()
      }
    }
  }

  #newBatch(): Tensor {
    const { batchSize, size, pin } = this.#options
    return scope(() => {
      const bytes = empty([batchSize, ...size, 3], { dtype: 'uint8' })
      return pin ? bytes.pinMemory() : bytes
    })
  }

  /**
   * @param before a batch that must be ready first
   * @param stream the images of the epoch, if they come one after the other
   */
  async #make(
    epoch: Epoch,
    batch: number,
    bytes: Tensor,
    before: Promise<Made> | undefined,
    stream: StreamBatches | undefined,
  ): Promise<Made> {
    await before
    if (stream !== undefined) return this.#makeStreamed(epoch, batch, bytes, stream)
    return { bytes, ...(await this.#maker.make(epoch, batch * this.batchSize, bytes)) }
  }

  async #makeStreamed(epoch: Epoch, batch: number, bytes: Tensor, stream: StreamBatches): Promise<Made> {
    let streamed = await stream.at(batch)
    const options = { ...this.#options, batchSize: streamed.length }
    for (let other = batch + 1; ; other++) {
      const order = Int32Array.from(streamed, (_, i) => i)
      const samples = Uint32Array.from(streamed, ({ index }) => index)
      const maker = new BatchMaker(batchDataset(this.dataset, streamed), options, () => this.#open())
      const made = await maker.make({ ...epoch, order, samples }, 0, bytes)
      const isLost = made.indices === null && made.unreadable.size <= options.unreadable.most
      if (!isLost || other > this.batchesPerEpoch) return { bytes, streamed, ...made }
      streamed = [...streamed, ...(await stream.at(other < this.batchesPerEpoch ? other : batch - 1))]
    }
  }

  /**
   * Reports what cannot be read, in the order of the batches whichever was made first, and gives the images of a batch.
   */
  #reported({ indices, unreadable }: MadeBatch): Int32Array {
    for (const [name, problem] of unreadable) this.#options.unreadable.add(name, problem)
    if (indices !== null) return indices
    throw new MbconvError('ERR_DATA', `${this.dataset.name}: none of ${this.dataset.length} images can be read`, {
      hint: 'mbconv data verify names what is wrong with each file.',
    })
  }
}
