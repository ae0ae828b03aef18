/** The data of a training run: its images, and the loaders that batch them. */
import { normalizationOf } from '../../config/named-weights'
import type { TrainConfig } from '../../config/train'
import type { BatchLoader } from '../../data/sources/batch'
import { evaluationLoader } from '../../data/evaluation'
import { photoStatistics } from '../../data/photos/statistics'
import { UnreadableImages } from '../../data/photos/unreadable'
import { channelsOf, type Dataset } from '../../data/sources/image-dataset'
import { datasetKind } from '../../data/sources/kinds'
import { needsStatistics, normalization as normalizationOfData } from '../../data/sources/statistics'
import { trainingLoader } from '../../data/training'
import type { TrainState } from '../run/checkpoint-state'
import { layoutOf } from './preprocessing'

export interface TrainingData {
  train: Dataset
  trainLoader: BatchLoader
  testLoader: BatchLoader
  /** The facts about the training images that a checkpoint keeps. */
  dataset: TrainState['dataset']
  normalization: TrainState['normalization']
  trainImages: number
  testImages: number
  stepsPerEpoch: number
  /** Ends the loaders' threads. */
  dispose(): void
}

/**
 * Opens, loads or generates the images that a configuration names.
 *
 * @param resolution of the model's input, px
 * @param warn called with what the user should know: image files that are left out
 * @throws MbconvError ERR_CONFIG, ERR_DATA, ERR_IO
 */
export async function openData(
  config: TrainConfig,
  resolution: number,
  warn: (message: string) => void,
): Promise<TrainingData> {
  const { data, seed } = config
  const kind = datasetKind(data.dataset)
  kind.checkMemory?.(data as never, resolution)
  const { train, test, validation } = kind.open(data as never, resolution)
  const evaluated = validation ?? test
  const dataset = {
    name: train.name,
    classes: [...train.classes],
    shape: train.shape === null ? null : ([...train.shape] as [number, number, number]),
    fingerprint: train.fingerprint(),
  }
  const unreadableOf = (part: Dataset) => new UnreadableImages(part.name, mostUnreadable(config, part), warn)
  const unreadable = unreadableOf(train)
  const wanted = normalizationOf(config, channelsOf(train))
  const layout = layoutOf(config, { dataset, resolution })
  const own =
    train.shape === null && needsStatistics(wanted) ? await photoStatistics(train, layout, unreadable) : undefined
  const normalization = normalizationOfData(train, wanted, own)

  const { batchSize, evalBatchSize, augment, loaderThreads } = data
  const trainLoader = trainingLoader(train, {
    ...{ batchSize, size: resolution, seed, normalization, augment, unreadable },
    ...{ interpolation: layout.interpolation, threads: loaderThreads },
  })
  const testLoader = evaluationLoader(evaluated, {
    batchSize: evalBatchSize,
    preprocessing: { ...layout, ...normalization },
    unreadable: unreadableOf(evaluated),
  })
  return {
    ...{ train, trainLoader, testLoader, dataset, normalization },
    trainImages: train.length,
    testImages: evaluated.length,
    stepsPerEpoch: trainLoader.batchesPerEpoch,
    dispose() {
      trainLoader.dispose?.()
      testLoader.dispose?.()
    },
  }
}

/** Image files that may be left out. */
function mostUnreadable({ data }: TrainConfig, { length }: Dataset): number {
  return data.maxUnreadable ?? Math.max(10, Math.floor(length / 100))
}
