/** Mean and deviation of a data set's pixels, and what images are normalised by. */
import { checkObject } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { checkDataset, type ImageDataset } from './image-dataset'

/** A number for each channel, of pixels scaled to 0 … 1. */
export interface ChannelStatistics {
  mean: number[]
  /** The standard deviation over all pixels (divided by their number, not one less). */
  std: number[]
}

/**
 * Mean and standard deviation of each channel over all images, with 255 counted as 1. Exact up to the last division.
 *
 * @throws MbconvError ERR_TYPE, ERR_VALUE for a data set that is none
 */
export function statistics(dataset: ImageDataset): ChannelStatistics {
  checkDataset('statistics', dataset)
  const [channels, height, width] = dataset.shape
  const plane = height * width
  const pixels = dataset.length * plane
  const mean: number[] = []
  const std: number[] = []
  for (let c = 0; c < channels; c++) {
    // Whole numbers below 2^53 for any data set that fits in memory: 2 GiB of 255s give squares of 1.4e14.
    let sum = 0
    let squares = 0
    for (let i = 0; i < dataset.length; i++) {
      const start = (i * channels + c) * plane
      for (let p = start; p < start + plane; p++) {
        const value = dataset.images[p]
        sum += value
        squares += value * value
      }
    }
    const average = sum / pixels
    mean.push(average / 255)
    std.push(Math.sqrt(Math.max(0, squares / pixels - average * average)) / 255)
  }
  return { mean, std }
}

/**
 * The mean and standard deviation to normalise with: what the configuration says, for every channel, and the training
 * images' own where it says null.
 *
 * @throws MbconvError ERR_CONFIG for a wrong number of channels or a deviation of 0 or less, ERR_DATA when all training
 *   images are one colour
 */
export function normalization(
  train: ImageDataset,
  wanted: { mean: number | number[] | null; std: number | number[] | null },
): ChannelStatistics {
  checkDataset('normalization', train)
  checkObject('normalization', 'wanted', wanted)
  const channels = train.shape[0]
  const perChannel = (key: string, value: number | number[]) => {
    const list = typeof value === 'number' ? new Array<number>(channels).fill(value) : value
    if (list.length !== channels) {
      throw new MbconvError(
        'ERR_CONFIG',
        `data.${key} has ${list.length} numbers; the images have ${channels} channels`,
      )
    }
    return list
  }
  const own = wanted.mean === null || wanted.std === null ? statistics(train) : undefined
  const mean = perChannel('mean', wanted.mean ?? own!.mean)
  const std = perChannel('std', wanted.std ?? own!.std)
  if (!std.every((s) => s > 0)) {
    if (wanted.std !== null) throw new MbconvError('ERR_CONFIG', `data.std must be above 0, not ${std.join(', ')}`)
    throw new MbconvError('ERR_DATA', `${train.name}: every pixel of a channel has the same value`, {
      hint: 'Check the training images, or set data.std.',
    })
  }
  return { mean, std }
}
