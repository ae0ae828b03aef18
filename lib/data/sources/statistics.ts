/** Mean and deviation of a data set's pixels, and the values to normalise images with. */
import { checkObject } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { perChannel } from './channels'
import { checkDataset, type ImageDataset } from './image-dataset'

/** One number per channel, for pixels scaled to 0 … 1. */
export interface ChannelStatistics {
  mean: number[]
  /** The standard deviation over all pixels (divided by their number, not by one less). */
  std: number[]
}

/**
 * Mean and standard deviation of each channel over all images, with 255 counted as 1. Exact up to the last division.
 *
 * @throws MbconvError ERR_TYPE, ERR_VALUE for an invalid data set
 */
export function statistics(dataset: ImageDataset): ChannelStatistics {
  checkDataset('statistics', dataset)
  const [channels, height, width] = dataset.shape
  const plane = height * width
  const pixels = dataset.length * plane
  const mean: number[] = []
  const std: number[] = []
  for (let c = 0; c < channels; c++) {
    // The sums stay below 2^53 for any data set that fits in memory: 2 GiB of 255s give squares of 1.4e14.
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
 * The mean and standard deviation to normalise with, per channel: the configuration's values, or those of the training
 * images where it says null.
 *
 * @throws MbconvError ERR_CONFIG for a wrong number of channels or a deviation of 0 or less, ERR_DATA if all training
 *   images have a single colour
 */
export function normalization(
  train: ImageDataset,
  wanted: { mean: number | number[] | null; std: number | number[] | null },
): ChannelStatistics {
  checkDataset('normalization', train)
  checkObject('normalization', 'wanted', wanted)
  const channels = train.shape[0]
  const listOf = (key: 'mean' | 'std', value: number | number[]): number[] => {
    const list = perChannel(value, channels)
    if (list !== undefined) return [...list]
    const given = (value as number[]).length
    throw new MbconvError('ERR_CONFIG', `data.${key} has ${given} numbers; the images have ${channels} channels`)
  }
  const own = wanted.mean === null || wanted.std === null ? statistics(train) : undefined
  const mean = listOf('mean', wanted.mean ?? own!.mean)
  const std = listOf('std', wanted.std ?? own!.std)
  if (!std.every((s) => s > 0)) {
    if (wanted.std !== null) throw new MbconvError('ERR_CONFIG', `data.std must be above 0, not ${std.join(', ')}`)
    throw new MbconvError('ERR_DATA', `${train.name}: every pixel of a channel has the same value`, {
      hint: 'Check the training images, or set data.std.',
    })
  }
  return { mean, std }
}
