/** The batches of an epoch whose images come one after the other. */
import { MbconvError } from '../../errors/error'
import type { Seed } from '../../random/seed'
import type { Sampler } from '../batches/order'
import type { PhotoDataset } from '../dataset/image-dataset'
import { encodedOf, type ImageStream, type StreamedImage, shuffledStream } from '../streams/image-stream'

/**
 * Refuses options that need images in another order than they come in.
 *
 * @throws MbconvError ERR_VALUE
 */
export function checkStreamed(
  op: string,
  { name, stream }: PhotoDataset,
  { shuffle, sampler, repeats }: { shuffle: boolean; sampler: Sampler; repeats: number },
): void {
  if (stream === undefined) return
  const refuse = (what: string) => {
    throw new MbconvError('ERR_VALUE', `${op}: ${name} is a stream, which cannot be ${what}`, {
      op,
      hint: 'Unpack the archives: then their images can be read in any order.',
    })
  }
  if (!shuffle) refuse('trained on without shuffling')
  if (sampler === 'balanced') refuse('balanced')
  if (repeats > 1) refuse('repeated')
}

/** Takes the images of an epoch from its stream, batch after batch. */
export class StreamBatches {
  readonly #images: AsyncGenerator<StreamedImage, void, undefined>
  readonly #controller = new AbortController()
  readonly #batchSize: number
  #last: Promise<unknown>

  /** @param from the first batch; the images before it are read and left out */
  constructor(
    { name, length, stream }: PhotoDataset & { stream: ImageStream },
    { seed, batchSize }: { seed: Seed; batchSize: number },
    epoch: number,
    from: number,
  ) {
    const { signal } = this.#controller
    this.#images = shuffledStream(name, stream, { seed, epoch, count: length, signal })
    this.#batchSize = batchSize
    this.#last = this.#skipped(from * batchSize)
    this.#last.catch(() => {}) // the first batch reports it
  }

  /** The images of the next batch; fewer at the end of the epoch. Calls that follow each other get them in order. */
  take(): Promise<StreamedImage[]> {
    const taking = this.#last.then(() => this.#taken(this.#batchSize))
    taking.catch(() => {}) // whoever takes reports it
    this.#last = taking
    return taking
  }

  async #skipped(count: number): Promise<void> {
    for (let i = 0; i < count && !this.#controller.signal.aborted; i++) await this.#images.next()
  }

  async #taken(count: number): Promise<StreamedImage[]> {
    const images: StreamedImage[] = []
    for (let i = 0; i < count; i++) {
      const { value, done } = await this.#images.next()
      if (done) break
      images.push(value)
    }
    return images
  }

  /** Ends reading. */
  async end(): Promise<void> {
    this.#controller.abort()
    await this.#last.catch(() => {})
    await this.#images.return(undefined)
  }
}

/** The images of a batch as a data set. */
export const batchDataset = (dataset: PhotoDataset, images: readonly StreamedImage[]): PhotoDataset => ({
  ...dataset,
  length: images.length,
  read: (index) => encodedOf(images[index]),
})
