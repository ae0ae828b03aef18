/** Batches of image files for evaluation, each file prepared exactly as for a prediction. */
import { MbconvError } from '../../errors/error'
import { fromTypedArray } from '../../tensor/core/create'
import { keep } from '../../tensor/core/scope'
import type { ByteBatch } from '../batches/batch'
import { inputImageShape, inputOfPixels, readInputImage } from '../images/input-image'
import type { FileLayout } from '../images/preprocessing'
import type { EncodedImage, PhotoDataset } from '../sources/image-dataset'
import { encodedOf, inStreamOrder, type StreamedImage } from '../streams/image-stream'
import { sourceOf, storedPixels } from './other-decoder'
import type { UnreadableImages } from './unreadable'

/** Images that are read at once: Node's number of threads for file access. */
const AHEAD = 4

export interface PhotoEvaluationOptions {
  batchSize: number
  layout: FileLayout
  /** Told of every image that cannot be read. Such images are left out. */
  unreadable: UnreadableImages
}

/** An image that was read, or undefined for one that cannot be. */
type Read = { index: number; planes: Uint8Array } | undefined

export class PhotoEvaluationLoader {
  readonly batchesPerEpoch: number

  constructor(
    readonly dataset: PhotoDataset,
    private readonly options: PhotoEvaluationOptions,
  ) {
    this.batchesPerEpoch = Math.ceil(dataset.length / options.batchSize)
  }

  /**
   * All images in the data set's order. A batch has fewer images if some cannot be read.
   *
   * @throws MbconvError ERR_DATA if more images than allowed cannot be read, or none can
   */
  async *epoch(): AsyncGenerator<ByteBatch, void, undefined> {
    const { layout } = this.options
    const [channels, height, width] = inputImageShape(layout)
    const bytes = channels * height * width
    let count = 0
    for await (const read of this.#batches()) {
      count += read.length
      const images = new Uint8Array(read.length * bytes)
      const labels = new BigInt64Array(read.length)
      for (const [i, { index, planes }] of read.entries()) {
        images.set(planes, i * bytes)
        labels[i] = BigInt(this.dataset.labels[index])
      }
      const tensor = keep(fromTypedArray(images, [read.length, channels, height, width]))
      try {
        yield { images: tensor, labels, indices: Int32Array.from(read, ({ index }) => index) }
      } finally {
        tensor.dispose()
      }
    }
    if (count > 0) return
    throw new MbconvError('ERR_DATA', `${this.dataset.name}: none of ${this.dataset.length} images can be read`, {
      hint: 'mbconv data verify names what is wrong with each file.',
    })
  }

  /** The readable images of each batch. A few images are read ahead of the one that is waited for. */
  async *#batches(): AsyncGenerator<NonNullable<Read>[], void, undefined> {
    const { length } = this.dataset
    const { batchSize } = this.options
    const underWay: Promise<Read>[] = []
    let next = 0
    let batch: NonNullable<Read>[] = []
    const { stream } = this.dataset
    const streamed = stream && inStreamOrder(stream)
    try {
      for (let done = 0; done < length; done++) {
        while (next < length && underWay.length < AHEAD) {
          const reading = this.#read(next++, await streamed?.next())
          reading.catch(() => {}) // the error is reported in its turn
          underWay.push(reading)
        }
        const read = await (underWay.shift() as Promise<Read>)
        if (read !== undefined) batch.push(read)
        const isFull = (done + 1) % batchSize === 0 || done + 1 === length
        if (!isFull || batch.length === 0) continue
        yield batch
        batch = []
      }
    } finally {
      await Promise.allSettled(underWay)
      await streamed?.return(undefined)
    }
  }

  async #planes(image: EncodedImage): Promise<Uint8Array> {
    const { layout } = this.options
    const stored = storedPixels(image)
    return stored === undefined ? readInputImage(sourceOf(image), layout) : inputOfPixels(stored, layout)
  }

  /** @param streamed the image of this position, if the images come from a stream */
  async #read(index: number, streamed?: IteratorResult<StreamedImage>): Promise<Read> {
    const image = streamed === undefined ? this.dataset.read(index) : fromStream(this.dataset, index, streamed)
    try {
      return { index, planes: await this.#planes(image) }
    } catch (error) {
      if (!(error instanceof MbconvError) || error.code !== 'ERR_DATA') throw error
      this.options.unreadable.add(image.name, error)
      return undefined
    }
  }
}

function fromStream({ name }: PhotoDataset, index: number, { value, done }: IteratorResult<StreamedImage>) {
  if (done || value.index !== index) throw new Error(`${name}: image ${index} is not the next one of its stream`)
  return encodedOf(value)
}
