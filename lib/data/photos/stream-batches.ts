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
  /** The number of the first batch that is held or to be read. */
  #first: number
  readonly #held: Promise<StreamedImage[]>[]

  /**
   * @param from the first batch; the images before it are read and left out
   * @param signal ends reading at once
   */
  constructor(
    { name, length, stream }: PhotoDataset & { stream: ImageStream },
    { seed, batchSize }: { seed: Seed; batchSize: number },
    epoch: number,
    from: number,
    signal?: AbortSignal,
  ) {
    const own = this.#controller.signal
    signal?.addEventListener('abort', () => this.#controller.abort(), { once: true, signal: own })
    if (signal?.aborted) this.#controller.abort()
    this.#images = shuffledStream(name, stream, { seed, epoch, count: length, signal: own })
    this.#batchSize = batchSize
    this.#first = from - 1
    this.#held = [this.#skipped(from)]
    this.#held[0].catch(() => {}) // the first batch reports it
  }

  /** The images of a batch that is held or comes later; fewer at the end of the epoch. It is held from then on. */
  at(batch: number): Promise<StreamedImage[]> {
    while (this.#first + this.#held.length <= batch) {
      const taking = (this.#held.at(-1) as Promise<unknown>).then(() => this.#taken())
      taking.catch(() => {}) // whoever takes reports it
      this.#held.push(taking)
    }
    return this.#held[batch - this.#first]
  }

  /** Lets go of the batches before this one. */
  release(batch: number): void {
    while (this.#first < batch && this.#held.length > 1) {
      this.#held.shift()
      this.#first++
    }
  }

  /** Leaves so many batches out, and gives the last of them. */
  async #skipped(batches: number): Promise<StreamedImage[]> {
    let last: StreamedImage[] = []
    for (let i = 0; i < batches && !this.#controller.signal.aborted; i++) last = await this.#taken()
    return last
  }

  async #taken(): Promise<StreamedImage[]> {
    const images: StreamedImage[] = []
    for (let i = 0; i < this.#batchSize; i++) {
      const { value, done } = await this.#images.next()
      if (done) break
      images.push(value)
    }
    return images
  }

  /** Ends reading. */
  async end(): Promise<void> {
    this.#controller.abort()
    await this.#held.at(-1)?.catch(() => {})
    await this.#images.return(undefined)
  }
}

/** The images of a batch as a data set. */
export const batchDataset = (dataset: PhotoDataset, images: readonly StreamedImage[]): PhotoDataset => ({
  ...dataset,
  length: images.length,
  read: (index) => encodedOf(images[index]),
})
