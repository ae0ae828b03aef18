/** Mean and deviation of a data set's pixels, and the values to normalise images with. */
import { checkObject } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { perChannel } from './channels'
import { channelsOf, checkDataset, type Dataset, type ImageDataset, readImage } from './image-dataset'

/** One number per channel, for pixels scaled to 0 … 1. */
export interface ChannelStatistics {
  /** Mean of each channel, of pixels from 0 to 1. */
  mean: number[]
  /** The standard deviation over all pixels (divided by their number, not by one less). */
  std: number[]
}

/** Images that are read for statistics where they are not in memory. */
const SAMPLE = 256

/** Positions of the images that statistics are taken from: all in memory, else a sample spread evenly over the set. */
export function sampleOf({ length, ...dataset }: Dataset): number[] {
  const count = 'images' in dataset ? length : Math.min(length, SAMPLE)
  return Array.from({ length: count }, (_, i) => Math.floor((i * length) / count))
}

/** Sums over pixels, from which mean and deviation follow. They stay exact: 2 GiB of 255s give squares of 1.4e14. */
export class PixelSums {
  readonly #sum: number[]
  readonly #squares: number[]
  #pixels = 0

  constructor(readonly channels: number) {
    this.#sum = new Array<number>(channels).fill(0)
    this.#squares = new Array<number>(channels).fill(0)
  }

  /** Adds an image of planes of bytes. */
  add(planes: Uint8Array): void {
    const plane = planes.length / this.channels
    for (let c = 0; c < this.channels; c++) {
      let sum = 0
      let squares = 0
      for (let p = c * plane; p < (c + 1) * plane; p++) {
        const value = planes[p]
        sum += value
        squares += value * value
      }
      this.#sum[c] += sum
      this.#squares[c] += squares
    }
    this.#pixels += plane
  }

  get statistics(): ChannelStatistics {
    const mean = this.#sum.map((sum) => sum / this.#pixels)
    const std = mean.map((average, c) => Math.sqrt(Math.max(0, this.#squares[c] / this.#pixels - average * average)))
    return { mean: mean.map((value) => value / 255), std: std.map((value) => value / 255) }
  }
}

/**
 * Mean and standard deviation of each channel over all images in memory, with 255 counted as 1. Exact up to the last
 * division. Of a data set that is not in memory, 256 images are read, spread evenly over it.
 *
 * @throws MbconvError ERR_TYPE, ERR_VALUE for an invalid data set
 */
export function statistics(dataset: ImageDataset): ChannelStatistics {
  checkDataset('statistics', dataset)
  const sums = new PixelSums(dataset.shape[0])
  for (const index of sampleOf(dataset)) sums.add(readImage('statistics', dataset, index))
  return sums.statistics
}

/** What a configuration says about normalisation: values, or null where they follow from the training images. */
export interface WantedNormalization {
  /** The mean to subtract, of pixels from 0 to 1: one number, or one a channel. Null: the data's own. */
  mean: number | number[] | null
  /** The standard deviation to divide by: one number, or one a channel. Null: the data's own. */
  std: number | number[] | null
}

/** Whether {@link normalization} needs the statistics of the training images. */
export const needsStatistics = ({ mean, std }: WantedNormalization): boolean => mean === null || std === null

/**
 * The mean and standard deviation to normalise with, per channel: the configuration's values, or those of the training
 * images where it says null.
 *
 * @param own the statistics of the training images, which must be given for image files. Default: computed, where they are needed
 * @throws MbconvError ERR_CONFIG for a wrong number of channels or a deviation of 0 or less, ERR_DATA if all training
 *   images have a single colour
 */
export function normalization(train: Dataset, wanted: WantedNormalization, own?: ChannelStatistics): ChannelStatistics {
  checkObject('normalization', 'wanted', wanted)
  // Image files are refused here: their statistics take time, so the caller passes them.
  const computed = own ?? (needsStatistics(wanted) ? statistics(train as ImageDataset) : undefined)
  const channels = channelsOf(train)
  const listOf = (key: 'mean' | 'std'): number[] => {
    const value = wanted[key] ?? computed![key]
    const list = perChannel(value, channels)
    if (list !== undefined) return [...list]
    const given = (value as number[]).length
    throw new MbconvError('ERR_CONFIG', `data.${key} has ${given} numbers; the images have ${channels} channels`)
  }
  const [mean, std] = [listOf('mean'), listOf('std')]
  if (std.every((s) => s > 0)) return { mean, std }
  if (wanted.std !== null) throw new MbconvError('ERR_CONFIG', `data.std must be above 0, not ${std.join(', ')}`)
  throw new MbconvError('ERR_DATA', `${train.name}: every pixel of a channel has the same value`, {
    hint: 'Check the training images, or set data.std.',
  })
}
