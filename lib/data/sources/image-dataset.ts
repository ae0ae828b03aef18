/** Labelled images in memory. */
import { checkCount, checkObject, shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'

export interface ImageDataset {
  name: string
  numClasses: number
  /** One name per class. */
  classes: string[]
  /** [channels, height, width] of every image. */
  shape: [number, number, number]
  /** Number of images. */
  length: number
  /** length × C × H × W bytes, 0 … 255. */
  images: Uint8Array
  /** The class of each image, 0 … numClasses - 1. */
  labels: Uint8Array
}

/**
 * Refuses a data set whose arrays do not have the sizes that it states: code that uses it could run for ever, or read
 * out of bounds.
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
