/** The loader that trains on a data set of either kind. */
import type { Resolution } from '../models/arch/resolution'
import type { Seed } from '../random/seed'
import { type AugmentationConfig, augmenter } from './augment/kinds'
import type { BatchLoader } from './batches/batch'
import type { Sampler } from './batches/order'
import type { Dataset } from './dataset/image-dataset'
import type { ChannelStatistics } from './dataset/statistics'
import { type Fit, fillOf, showsParts } from './images/preprocessing'
import { Loader } from './loader'
import type { RandomCrop } from './photos/loader-options'
import { PhotoLoader } from './photos/training-loader'
import type { UnreadableImages } from './photos/unreadable'
import type { Augment } from './transforms'

/** What varies image files. */
export interface FileAugment {
  /** Random parts in place of whole images, with `fit: 'stretch'`; which ones, with `crop` and `squash`. */
  crop?: Omit<RandomCrop, 'interpolation'> | null
  operations?: readonly AugmentationConfig[]
}

export interface TrainingOptions {
  batchSize: number
  /** Of the input, px. */
  size: Resolution
  seed: Seed
  normalization: ChannelStatistics
  augment: Augment & FileAugment
  /** Which images an epoch has; see {@link Sampler}. */
  sampler: Exclude<Sampler, 'none'>
  /** How often each image of an epoch comes: repeated augmentation. */
  repeats: number
  /** Image files that cannot be read are reported here. */
  unreadable: UnreadableImages
  /** How image files are fitted into the input and resized. `squash` is of evaluation: training shows crops. */
  fit: Fit
  interpolation: 'bilinear' | 'bicubic'
  /** Whether the colour profiles of image files are applied. */
  colorManagement: boolean
  /** Whether batches of image files are in pinned memory, which a GPU copies faster. */
  pin: boolean
  /** Threads that decode image files; null: one less than the machine has, at least 1. */
  threads: number | null
}

/** Batches in a new order each epoch, varied as `augment` says. */
export function trainingLoader(dataset: Dataset, options: TrainingOptions): BatchLoader {
  const { batchSize, size, seed, normalization, augment, sampler, repeats } = options
  // An incomplete batch would upset batch norm. A data set smaller than one batch has only that one.
  const dropLast = dataset.length >= batchSize
  if (dataset.shape === null) {
    const { interpolation, unreadable, colorManagement, threads, pin } = options
    const { crop, flip, operations = [] } = augment
    const fit = showsParts(options.fit, crop) ? 'crop' : (options.fit as 'pad' | 'stretch')
    return new PhotoLoader(dataset, {
      ...{ batchSize, size, seed, shuffle: true, sampler, repeats, dropLast, unreadable, colorManagement, pin },
      ...{ interpolation, fit },
      ...(fit === 'crop' && { crop: crop ?? {} }),
      ...(fit === 'pad' && { fill: fillOf(normalization.mean) }),
      flip: flip ? 0.5 : 0,
      augment: operations.length === 0 ? null : augmenter(operations, normalization),
      ...(threads !== null && { threads }),
    })
  }
  const { crop: _, ...varied } = augment
  return new Loader(dataset, {
    batchSize,
    size,
    seed,
    ...normalization,
    augment: varied,
    shuffle: true,
    sampler,
    repeats,
    dropLast,
  })
}
