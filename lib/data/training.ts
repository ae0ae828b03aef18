/** The loader that trains on a data set of either kind. */
import type { Seed } from '../random/seed'
import type { BatchLoader } from './sources/batch'
import { Loader } from './loader'
import type { UnreadableImages } from './photos/unreadable'
import type { Dataset } from './sources/image-dataset'
import type { ChannelStatistics } from './sources/statistics'
import type { Augment } from './transforms'

export interface TrainingOptions {
  batchSize: number
  /** Side of the square input, px. */
  size: number
  seed: Seed
  normalization: ChannelStatistics
  augment: Augment
  /** Image files that cannot be read are reported here. */
  unreadable: UnreadableImages
  /** How image files are resized. */
  interpolation: 'bilinear' | 'bicubic'
  /** Threads that decode image files; null: one less than the machine has, at least 1. */
  threads: number | null
}

/** Batches in a new order each epoch, varied as `augment` says. */
export function trainingLoader(dataset: Dataset, options: TrainingOptions): BatchLoader {
  const { batchSize, size, seed, normalization, augment } = options
  // An incomplete batch would upset batch norm. A data set smaller than one batch has only that one.
  const dropLast = dataset.length >= batchSize
  if (dataset.shape === null) throw new Error('image files have no training loader yet')
  return new Loader(dataset, { batchSize, size, seed, ...normalization, augment, shuffle: true, dropLast })
}
