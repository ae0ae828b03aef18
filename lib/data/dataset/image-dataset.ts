/** What a data set is: labelled images that are read when they are needed. */
import { crc32 } from 'node:zlib'
import { checkCount, checkObject, shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import type { FilePath } from '../../files/open'
import { cacheCautions } from '../cache/caution'
import type { CachedLayout } from '../cache/format'
import type { FileLayout } from '../images/preprocessing'
import type { Views } from '../images/views'
import type { ImageStream } from '../streams/image-stream'

/** What every data set says about its images. */
interface Labelled {
  /** What messages and reports call the data set. */
  readonly name: string
  /** One name per class. */
  readonly classes: readonly string[]
  /** Number of images. */
  readonly length: number
  /**
   * The class of each image, 0 … classes.length - 1. In a multi-label data set the first of its classes, or -1 if it has
   * none.
   */
  readonly labels: Int32Array
  /** Only in a multi-label data set: all classes of an image. */
  labelsOf?(index: number): readonly number[]
  /**
   * Identifies the images and labels, so that a run resumes with the data that it began with. Computed from names,
   * sizes and labels where images are files, never from all their pixels.
   */
  fingerprint(): string
}

/** Images of one size, as bytes. */
export interface ImageDataset extends Labelled {
  /** [channels, height, width] of every image. */
  readonly shape: readonly [number, number, number]
  /** The C × H × W bytes of an image, 0 … 255. The caller does not change them. */
  read(index: number): Uint8Array
}

/** Image files of any size, which are decoded when they are needed. */
export interface PhotoDataset extends Labelled {
  /** Always null: image files differ in size. */
  readonly shape: null
  /** Only in a cache: how its images were prepared. */
  readonly cached?: CachedLayout
  /** Only of images that come one after the other. They are read from it, and not from the places of `read`. */
  readonly stream?: ImageStream
  /** Where an image's file is. */
  read(index: number): EncodedImage
}

/** An image file, or the part of a file that holds one: a member of a tar archive. */
export interface EncodedImage {
  /** Its name in messages: the path, or `shard.tar:member.jpg`. */
  readonly name: string
  /** Path of the file that holds it; as bytes if it is not UTF-8. */
  readonly file: FilePath
  /** The image's bytes in the file. Default: all of them. */
  readonly part?: {
    /** Where the image begins in the file, bytes. */
    readonly offset: number
    /** How long the image is, bytes. */
    readonly length: number
  }
  /** Only of an image from a stream: all its bytes. `file` is then the archive that they came from. */
  readonly bytes?: Uint8Array
  /**
   * Only of an image in a cache: its size, px. The bytes of the part are its pixels then, rows of red, green and blue.
   */
  readonly pixels?: {
    /** Height of the decoded pixels, px. */
    readonly height: number
    /** Width of the decoded pixels, px. */
    readonly width: number
  }
}

/** A data set of images of one size in memory, or of image files that are decoded when they are needed. */
export type Dataset = ImageDataset | PhotoDataset

/** Channels of the network's input. Image files give red, green and blue. */
export const channelsOf = ({ shape }: Pick<Dataset, 'shape'>): number => shape?.[0] ?? 3

/**
 * The number of images of each class. An image with several labels counts for each of them, and one whose label is not
 * known for none.
 */
export function classCountsOf(dataset: Dataset): number[] {
  const counts = new Array<number>(dataset.classes.length).fill(0)
  for (let i = 0; i < dataset.length; i++) for (const label of labelsAt(dataset, i)) if (label >= 0) counts[label]++
  return counts
}

/** Whether labels are known before the images are read. Those of a command come with its images. */
export const knowsLabels = (dataset: Dataset): boolean => dataset.shape !== null || dataset.stream?.hasLabels !== false

/** All classes of an image: one, or in a multi-label data set any number. */
export const labelsAt = (dataset: Dataset, index: number): readonly number[] =>
  dataset.labelsOf?.(index) ?? [dataset.labels[index]]

/** Warnings about a data set whose images are not those that a prediction makes of the files. */
export const layoutCautions = (dataset: Dataset, layout: FileLayout, views: Views = 'one'): string[] =>
  dataset.shape !== null || dataset.cached === undefined
    ? []
    : cacheCautions(dataset.name, dataset.cached, layout, views)

/** What {@link inMemory} makes a data set from. */
export interface Images {
  /** What messages and reports call the data set. */
  name: string
  /** The names of the classes, in the order of the labels. */
  classes: readonly string[]
  /** [channels, height, width] of every image. */
  shape: readonly [number, number, number]
  /** N × C × H × W bytes. */
  images: Uint8Array
  /** N whole numbers. */
  labels: ArrayLike<number>
}

/** A data set whose images are all in memory. */
export class MemoryDataset implements ImageDataset {
  /** What messages and reports call the data set. */
  readonly name: string
  readonly classes: readonly string[]
  readonly shape: readonly [number, number, number]
  readonly length: number
  /** length × C × H × W bytes. */
  readonly images: Uint8Array
  readonly labels: Int32Array

  constructor({ name, classes, shape, images, labels }: Images) {
    this.name = name
    this.classes = classes
    this.shape = shape
    this.length = labels.length
    this.images = images
    this.labels = Int32Array.from(labels)
  }

  read(index: number): Uint8Array {
    const [channels, height, width] = this.shape
    const bytes = channels * height * width
    return this.images.subarray(index * bytes, (index + 1) * bytes)
  }

  /** Of all bytes, since they are in memory already. Checkpoints hold it: a change would keep runs from resuming. */
  fingerprint(): string {
    const { labels } = this
    const bytes = labels.every((label) => label < 256) ? Uint8Array.from(labels) : new Uint8Array(labels.buffer)
    return crc32(bytes, crc32(this.images)).toString(16).padStart(8, '0')
  }
}

/**
 * A data set of images in memory.
 *
 * @throws MbconvError ERR_TYPE, ERR_VALUE if the arrays do not have the sizes that the shape implies, or a label is not
 *   a class
 */
export function inMemory(given: Images): MemoryDataset {
  const op = 'inMemory'
  checkObject(op, 'given', given)
  const { images, labels } = given
  if (!(images instanceof Uint8Array))
    throw new MbconvError('ERR_TYPE', `${op}: images must be a Uint8Array, got ${shown(images)}`, { op })
  if (!Array.isArray(labels) && !ArrayBuffer.isView(labels))
    throw new MbconvError('ERR_TYPE', `${op}: labels must be a list of whole numbers, got ${shown(labels)}`, { op })
  const strange = Array.prototype.find.call(labels, (label) => !Number.isInteger(label))
  if (strange !== undefined)
    throw new MbconvError('ERR_VALUE', `${op}: labels must be whole numbers, not ${shown(strange)}`, { op })
  const dataset = new MemoryDataset(given)
  checkDataset(op, dataset)
  const bytes = dataset.shape.reduce((product, size) => product * size, dataset.length)
  if (images.length === bytes) return dataset
  throw new MbconvError('ERR_VALUE', `${op}: images has ${images.length} bytes, not ${bytes}`, { op })
}

/**
 * The bytes of an image, which a data set of the caller's own may have made.
 *
 * @throws MbconvError ERR_DATA if they are not as many as the shape implies
 */
export function readImage(op: string, dataset: ImageDataset, index: number): Uint8Array {
  const image: unknown = dataset.read(index)
  const bytes = dataset.shape.reduce((product, size) => product * size, 1)
  if (image instanceof Uint8Array && image.length === bytes) return image
  const given = image instanceof Uint8Array ? `${image.length} bytes` : shown(image)
  const text = `${op}: image ${index} of ${dataset.name} must be a Uint8Array of ${bytes} bytes, got ${given}`
  throw new MbconvError('ERR_DATA', text, { op })
}

/**
 * Refuses a data set that does not hold what it states: code that uses it could run for ever, or read out of bounds.
 *
 * @throws MbconvError ERR_TYPE, ERR_VALUE
 */
export function checkDataset(op: string, dataset: ImageDataset): void {
  checkObject(op, 'dataset', dataset)
  const { shape, length, classes, labels, read } = dataset
  if (!Array.isArray(shape) || shape.length !== 3) {
    throw new MbconvError('ERR_TYPE', `${op}: dataset.shape must be [channels, height, width], got ${shown(shape)}`, {
      op,
    })
  }
  for (const size of shape) checkCount(op, 'a size in dataset.shape', size)
  checkCount(op, 'dataset.length', length, { min: 0, max: Number.MAX_SAFE_INTEGER })
  if (typeof read !== 'function') {
    throw new MbconvError('ERR_TYPE', `${op}: dataset.read must be a function, got ${shown(read)}`, {
      op,
      hint: 'data.inMemory makes a data set from an array of bytes.',
    })
  }
  if (!Array.isArray(classes) || classes.length === 0) {
    throw new MbconvError('ERR_TYPE', `${op}: dataset.classes must be a list of names, got ${shown(classes)}`, { op })
  }
  if (!(labels instanceof Int32Array)) {
    throw new MbconvError('ERR_TYPE', `${op}: dataset.labels must be an Int32Array, got ${shown(labels)}`, { op })
  }
  if (labels.length !== length) {
    throw new MbconvError('ERR_VALUE', `${op}: dataset.labels has ${labels.length} entries, not ${length}`, { op })
  }
  // A multi-label data set has -1 for an image without a label.
  const least = dataset.labelsOf === undefined ? 0 : -1
  const wrong = labels.find((label) => label < least || label >= classes.length)
  if (wrong !== undefined) {
    const text = `${op}: dataset.labels has ${wrong}, but there are ${classes.length} classes`
    throw new MbconvError('ERR_VALUE', text, { op })
  }
}
