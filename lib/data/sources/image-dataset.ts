/** Labelled images in memory, and what training needs to know about them. */
import { checkCount, checkObject, shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { loadDigits } from './digits'
import { loadIdx } from './idx'
import { loadScenes, type SceneOptions } from './scenes'

export interface ImageDataset {
  name: string
  numClasses: number
  /** One name a class. */
  classes: string[]
  /** [channels, height, width] of every image. */
  shape: [number, number, number]
  /** How many images there are. */
  length: number
  /** length × C × H × W bytes, 0 … 255. */
  images: Uint8Array
  /** The class of each image, 0 … numClasses - 1. */
  labels: Uint8Array
}

/** The part of a training configuration that names a data set; see `data` in the configuration. */
export interface DatasetChoice {
  dataset: 'digits' | 'scenes' | 'idx'
  /** `size: null` is the size asked for by the model. */
  scenes?: Omit<SceneOptions, 'size'> & { size?: number | null }
  trainImages?: string
  trainLabels?: string
  testImages?: string
  testLabels?: string
}

/** A number for each channel, of pixels scaled to 0 … 1. */
export interface ChannelStatistics {
  mean: number[]
  /** The standard deviation over all pixels (divided by their number, not one less). */
  std: number[]
}

/**
 * Refuses a data set whose arrays have not the sizes that it states: what goes through it would compute for ever, or read
 * beside them.
 *
 * @throws MbconvError ERR_TYPE, ERR_VALUE
 */
export function checkDataset(op: string, dataset: ImageDataset): void {
  checkObject(op, 'dataset', dataset)
  const { shape, length, images, labels } = dataset
  if (!Array.isArray(shape) || shape.length !== 3) {
    throw new MbconvError('ERR_TYPE', `${op}: dataset.shape must be [channels, height, width], got ${shown(shape)}`, {
      op,
    })
  }
  for (const size of shape) checkCount(op, 'a size in dataset.shape', size)
  checkCount(op, 'dataset.length', length, { min: 0, max: Number.MAX_SAFE_INTEGER })
  const sizes = { images: shape.reduce((product, size) => product * size, length), labels: length }
  for (const [key, array] of Object.entries({ images, labels })) {
    if (!(array instanceof Uint8Array)) {
      throw new MbconvError('ERR_TYPE', `${op}: dataset.${key} must be a Uint8Array, got ${shown(array)}`, { op })
    }
    const size = sizes[key as keyof typeof sizes]
    if (array.length !== size) {
      throw new MbconvError('ERR_VALUE', `${op}: dataset.${key} has ${array.length} bytes, not ${size}`, { op })
    }
  }
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

function required(choice: DatasetChoice, key: 'trainImages' | 'trainLabels' | 'testImages' | 'testLabels'): string {
  const path = choice[key]
  if (path === undefined) {
    throw new MbconvError('ERR_CONFIG', `data.${key} is missing`, { hint: 'data.dataset: idx needs four files.' })
  }
  return path
}

/**
 * Loads the training and the test images that a configuration names.
 *
 * @param resolution of the model's input, px: what is drawn is drawn at that size unless the choice names one
 * @throws MbconvError ERR_DATA when a file cannot be used or the two parts do not fit each other
 */
export function datasetOf(choice: DatasetChoice, resolution = 64): { train: ImageDataset; test: ImageDataset } {
  checkObject('datasetOf', 'choice', choice)
  if (choice.dataset === 'digits') return loadDigits()
  if (choice.dataset === 'scenes') return loadScenes({ ...choice.scenes, size: choice.scenes?.size ?? resolution })
  const trainImages = required(choice, 'trainImages')
  const testImages = required(choice, 'testImages')
  const train = loadIdx({ images: trainImages, labels: required(choice, 'trainLabels') })
  const testLabels = required(choice, 'testLabels')
  const test = loadIdx({ images: testImages, labels: testLabels, numClasses: train.numClasses })
  if (train.shape.join() !== test.shape.join()) {
    const [is, should] = [test, train].map(({ shape }) => shape.join(' x '))
    throw new MbconvError('ERR_DATA', `${testImages}: images of ${is}, but ${trainImages} has ${should}`, {
      hint: 'Training and test images must have the same channels, height and width.',
    })
  }
  return { train, test }
}
