/** The data of a training run: images in memory, and the loaders that batch them. */
import { crc32 } from 'node:zlib'
import { normalizationOf } from '../../config/named-weights'
import type { TrainConfig } from '../../config/train'
import { Loader } from '../../data/loader'
import type { ImageDataset } from '../../data/sources/image-dataset'
import { datasetKind } from '../../data/sources/kinds'
import { normalization } from '../../data/sources/statistics'
import type { TrainState } from '../run/checkpoint-state'

export interface TrainingData {
  train: ImageDataset
  trainLoader: Loader
  testLoader: Loader
  /** The facts about the training images that a checkpoint keeps. */
  dataset: TrainState['dataset']
  normalization: TrainState['normalization']
  trainImages: number
  testImages: number
  stepsPerEpoch: number
}

/**
 * Loads or generates the images that a configuration names.
 *
 * @param resolution of the model's input, px
 * @throws MbconvError ERR_CONFIG, ERR_DATA, ERR_IO
 */
export function openData(config: TrainConfig, resolution: number): TrainingData {
  const kind = datasetKind(config.data.dataset)
  kind.checkMemory?.(config.data as never, resolution)
  const { train, test } = kind.open(config.data as never, resolution)
  const [channels] = train.shape
  const { mean, std } = normalization(train, normalizationOf(config, channels))

  const { batchSize, evalBatchSize, augment } = config.data
  const loading = { size: resolution, mean, std, seed: config.seed }
  // An incomplete batch would upset batch norm. A data set smaller than one batch has only that one.
  const dropLast = train.length >= batchSize
  const trainLoader = new Loader(train, { ...loading, batchSize, shuffle: true, dropLast, augment })
  const testLoader = new Loader(test, { ...loading, batchSize: evalBatchSize, shuffle: false, dropLast: false })
  return {
    train,
    trainLoader,
    testLoader,
    dataset: { name: train.name, classes: train.classes, shape: train.shape, fingerprint: fingerprint(train) },
    normalization: { mean, std },
    trainImages: train.length,
    testImages: test.length,
    stepsPerEpoch: trainLoader.batchesPerEpoch,
  }
}

/** A checksum that identifies a data set by its bytes. */
function fingerprint({ images, labels }: ImageDataset): string {
  return crc32(labels, crc32(images)).toString(16).padStart(8, '0')
}
