/** Batches of image files for evaluation, each file prepared exactly as for a prediction. */
import { MbconvError } from '../../errors/error'
import { inOrder } from '../../process/in-order'
import { fromTypedArray } from '../../tensor/core/create'
import { keep } from '../../tensor/core/scope'
import type { ByteBatch } from '../batches/batch'
import { labelled } from '../batches/labels'
import type { EncodedImage, PhotoDataset } from '../dataset/image-dataset'
import { inputImageShape, inputOfPixels, readInputImage } from '../images/input-image'
import type { FileLayout } from '../images/preprocessing'
import { cutsOf, type Views } from '../images/views'
import { encodedOf, inStreamOrder } from '../streams/image-stream'
import { sourceOf, storedPixels } from './other-decoder'
import type { UnreadableImages } from './unreadable'

export interface PhotoEvaluationOptions {
  batchSize: number
  layout: FileLayout
  /** Default 'one'. */
  views?: Views
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
   * All images in the data set's order, the views of each side by side. A batch has fewer images if some cannot be read.
   *
   * @throws MbconvError ERR_DATA if more images than allowed cannot be read, or none can
   */
  async *epoch(): AsyncGenerator<ByteBatch, void, undefined> {
    const { layout, views = 'one' } = this.options
    const [channels, height, width] = inputImageShape(layout)
    const cuts = cutsOf(views)
    const bytes = cuts * channels * height * width
    let count = 0
    for await (const read of this.#batches()) {
      count += read.length
      const images = new Uint8Array(read.length * bytes)
      for (const [i, { planes }] of read.entries()) images.set(planes, i * bytes)
      const indices = Int32Array.from(read, ({ index }) => index)
      const tensor = keep(fromTypedArray(images, [cuts * read.length, channels, height, width]))
      try {
        yield { images: tensor, ...labelled(this.dataset, indices) }
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
    let batch: NonNullable<Read>[] = []
    for await (const [[index], read] of inOrder(this.#images(), (each) => this.#read(each))) {
      if (read !== undefined) batch.push(read)
      const isFull = (index + 1) % batchSize === 0 || index + 1 === length
      if (!isFull || batch.length === 0) continue
      yield batch
      batch = []
    }
  }

  /** All images with their positions. */
  async *#images(): AsyncGenerator<[number, EncodedImage], void, undefined> {
    const { name, length, stream } = this.dataset
    if (stream === undefined) {
      for (let index = 0; index < length; index++) yield [index, this.dataset.read(index)]
      return
    }
    let next = 0
    for await (const image of inStreamOrder(stream)) {
      if (image.index !== next++) throw new Error(`${name}: image ${image.index} is not the next one of its stream`)
      yield [image.index, encodedOf(image)]
    }
    if (next < length) throw new Error(`${name}: the stream has ${next} images instead of ${length}`)
  }

  async #read([index, image]: [number, EncodedImage]): Promise<Read> {
    const { layout, views = 'one' } = this.options
    try {
      const stored = storedPixels(image)
      const reading =
        stored === undefined ? readInputImage(sourceOf(image), layout, {}, views) : inputOfPixels(stored, layout, views)
      return { index, planes: await reading }
    } catch (error) {
      if (!(error instanceof MbconvError) || error.code !== 'ERR_DATA') throw error
      this.options.unreadable.add(image.name, error)
      return undefined
    }
  }
}
