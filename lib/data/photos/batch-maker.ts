/**
 * Makes one batch of image files: through native threads, and through sharp for the files that these do not decode.
 * Replaces images that cannot be read.
 */
import { MbconvError } from '../../errors/error'
import { dataError } from '../../files/data-file'
import { native } from '../../native/addon'
import type { PhotoLoaderHandle, PhotoRun } from '../../native/signatures'
import { keep, scope } from '../../tensor/core/scope'
import type { Tensor } from '../../tensor/core/tensor'
import type { EncodedImage, PhotoDataset } from '../dataset/image-dataset'
import type { CheckedOptions } from './loader-options'
import { withPixels } from './other-decoder'

/** What the addon says of an image that it has not made. */
const OTHER_DECODER = 1

/** Images that are decoded through sharp at once: Node's number of threads for such work. */
const OTHERS_AT_ONCE = 4

const NO_PROGRAM = new Float64Array(0)

/** An epoch on its way. */
export interface Epoch {
  number: number
  /** Positions in the data set. */
  order: Int32Array
  /** The sample that each place of the order is varied as; see {@link sampleNumbers}. */
  samples: Uint32Array
  run: PhotoRun
}

/** A batch that has been made. */
export interface MadeBatch {
  /** The image at each position, after replacements; null if none can take the place of one that cannot be read. */
  indices: Int32Array | null
  /** The images that cannot be read, by name, in the order in which they were tried. */
  unreadable: ReadonlyMap<string, MbconvError>
}

/** What is made at one position of a batch. */
interface Sample {
  image: EncodedImage
  position: number
  /** Its place in the order of the epoch. */
  place: number
  /** The sample as which it is varied: the one that the order has here, whichever image replaces it. */
  drawnFor: number
  program: Float64Array
}

/** A tensor that lives until it is disposed. */
export const owned = (make: () => Tensor): Tensor => scope(() => keep(make()))

export class BatchMaker {
  /**
   * @param dataset the images
   * @param options of the loader
   * @param handle gives the native loader, or throws once it is closed
   */
  constructor(
    private readonly dataset: PhotoDataset,
    private readonly options: CheckedOptions,
    private readonly handle: () => PhotoLoaderHandle,
  ) {}

  /**
   * Makes the images of an epoch from the place `from` of its order on.
   *
   * @param bytes uint8 [N, height, width, 3], into which they are written from its beginning
   * @throws MbconvError ERR_ENVIRONMENT, ERR_ABORTED; see {@link PhotoLoader.epoch}
   */
  async make(epoch: Epoch, from: number, bytes: Tensor): Promise<MadeBatch> {
    const { order, samples } = epoch
    const indices = order.slice(from, from + this.options.batchSize)
    const unreadable = new Map<string, MbconvError>()
    let wanted = Array.from(indices, (_, i) => this.#sample(epoch, i, from + i, samples[from + i]))
    // All images are tried in turn in place of one that cannot be read, unless there are too many of those anyway.
    for (let tries = 0; tries < order.length && unreadable.size <= this.options.unreadable.most; tries++) {
      const failed = await this.#load(epoch, bytes, wanted)
      if (failed.length === 0) return { indices, unreadable }
      for (const [{ image }, problem] of failed) unreadable.set(image.name, problem)
      wanted = failed.map(([{ position, place, drawnFor }]) => {
        const following = (place + 1) % order.length
        indices[position] = order[following]
        return this.#sample(epoch, position, following, drawnFor)
      })
    }
    return { indices: null, unreadable }
  }

  #sample(epoch: Epoch, position: number, place: number, drawnFor: number): Sample {
    const { seed, augment, size } = this.options
    const [height, width] = size
    const drawn = { seed, epoch: epoch.number, sample: drawnFor, height, width }
    const image = this.dataset.read(epoch.order[place])
    return { image, position, place, drawnFor, program: augment?.(drawn) ?? NO_PROGRAM }
  }

  /** Makes these samples. Returns those that cannot be read, and why. */
  async #load(epoch: Epoch, bytes: Tensor, samples: readonly Sample[]): Promise<[Sample, MbconvError][]> {
    const failed: [Sample, MbconvError][] = []
    // The addon fills a tensor from its beginning: give it the part for samples that follow each other.
    for (const run of runsOf(samples)) {
      const part = owned(() => bytes.narrow(0, run[0].position, run.length))
      try {
        const left = await this.#loadNative(epoch, part, run)
        const problems = await withLimit(OTHERS_AT_ONCE, left, async ([i, kind, reason]) => {
          if (kind === OTHER_DECODER) return this.#loadOther(epoch, bytes, run[i])
          return dataError(run[i].image.name, reason, 'Remove the file, or replace it.')
        })
        for (const [k, problem] of problems.entries())
          if (problem !== undefined) failed.push([run[left[k][0]], problem])
      } finally {
        part.dispose()
      }
    }
    return failed
  }

  /** Returns what the addon has not made: its place among the samples, what kind of problem it is, and why. */
  async #loadNative(epoch: Epoch, out: Tensor, samples: readonly Sample[]): Promise<[number, number, string][]> {
    if (!hasText(samples[0])) return samples.map((_, i) => [i, OTHER_DECODER, ''])
    const programs = joined(samples.map(({ program }) => program))
    const images = samples.map(({ image }) => image)
    const memory = Buffer.concat(images.flatMap(({ bytes }) => bytes ?? []))
    let used = 0
    const offsets = images.map(({ bytes, part }) => {
      if (bytes === undefined) return part?.offset ?? 0
      used += bytes.length
      return used - bytes.length
    })
    return native().loadPhotos(
      this.handle(),
      epoch.run,
      out,
      epoch.number,
      images.map(({ bytes, file }) => (bytes === undefined ? (file as string) : '')), // see runsOf
      offsets,
      images.map(({ bytes, part }) => bytes?.length ?? part?.length ?? -1),
      images.map(({ pixels }) => pixels?.height ?? 0),
      images.map(({ pixels }) => pixels?.width ?? 0),
      memory,
      samples.map(({ drawnFor }) => drawnFor),
      programs.all,
      programs.ends,
    )
  }

  /** Makes a sample whose file libjpeg-turbo does not decode. Returns the error of one that cannot be read. */
  async #loadOther(epoch: Epoch, bytes: Tensor, sample: Sample): Promise<MbconvError | undefined> {
    const { image, position, drawnFor, program } = sample
    const { colorManagement } = this.options
    try {
      await withPixels(image, { colorManagement }, ({ data, height, width, channels }) => {
        const pixels = [data, height, width, channels] as const
        return native().finishPhoto(this.handle(), bytes, position, epoch.number, drawnFor, ...pixels, program)
      })
      return undefined
    } catch (error) {
      if (error instanceof MbconvError && error.code === 'ERR_DATA') return error
      throw error
    }
  }
}

/** The programs one after the other, and where each ends. */
function joined(programs: readonly Float64Array[]): { all: Float64Array; ends: number[] } {
  const ends: number[] = []
  for (const { length } of programs) ends.push((ends.at(-1) ?? 0) + length)
  const all = new Float64Array(ends.at(-1) ?? 0)
  for (const [i, program] of programs.entries()) all.set(program, ends[i] - program.length)
  return { all, ends }
}

/** Whether the path of a sample's file is text, or not needed. The addon takes no other. */
const hasText = ({ image }: Sample): boolean => image.bytes !== undefined || typeof image.file === 'string'

/** Divides samples where their positions do not follow each other, and where paths that are text meet those that are not. */
function runsOf(samples: readonly Sample[]): Sample[][] {
  const runs: Sample[][] = []
  for (const sample of samples) {
    const run = runs.at(-1)
    const last = run?.at(-1)
    const follows = last !== undefined && last.position + 1 === sample.position && hasText(last) === hasText(sample)
    if (follows) run?.push(sample)
    else runs.push([sample])
  }
  return runs
}

/** The results for all items, of which so many are worked on at once. Waits for all of them, even if one fails. */
async function withLimit<T, R>(most: number, items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length)
  let next = 0
  const line = async () => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i])
  }
  const lines = await Promise.allSettled(Array.from({ length: most }, line))
  const failure = lines.find(({ status }) => status === 'rejected')
  if (failure !== undefined) throw (failure as PromiseRejectedResult).reason
  return results
}
