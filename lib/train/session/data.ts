/** The data of a training run: its images, and the loaders that batch them. */
import { normalizationOf } from '../../config/named-weights'
import type { TrainConfig } from '../../config/train'
import type { BatchLoader } from '../../data/batches/batch'
import { evaluationLoader } from '../../data/evaluation'
import { photoStatistics } from '../../data/photos/statistics'
import { UnreadableImages } from '../../data/photos/unreadable'
import { ProgressiveLoader } from '../../data/progressive'
import { cautionsOf, channelsOf, type Dataset, type PhotoDataset } from '../../data/sources/image-dataset'
import { datasetKind } from '../../data/sources/kinds'
import {
  type ChannelStatistics,
  needsStatistics,
  normalization as normalizationOfData,
} from '../../data/sources/statistics'
import { trainingLoader } from '../../data/training'
import { MbconvError } from '../../errors/error'
import type { TrainState } from '../run/checkpoint-state'
import { layoutOf } from './preprocessing'

export interface TrainingData {
  train: Dataset
  trainLoader: BatchLoader
  /** Of the images that are evaluated during training: the validation part, or else the test part. */
  testLoader: BatchLoader
  /** Of the test part, if there is a validation part besides: it is evaluated once, at the end. */
  finalLoader: BatchLoader | null
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
 * @param device that the model is on
 * @param warn called with what the user should know: image files that are left out
 * @param before the normalisation of the run that is resumed
 * @throws MbconvError ERR_CONFIG, ERR_DATA, ERR_IO
 */
export async function openData(
  config: TrainConfig,
  resolution: number,
  device: string,
  warn: (message: string) => void,
  before?: ChannelStatistics,
): Promise<TrainingData> {
  const { data, seed } = config
  const kind = datasetKind(data.dataset)
  kind.checkMemory?.(data as never, resolution)
  await kind.prepare?.(data as never)
  const { train, test, validation, notes = [] } = kind.open(data as never, resolution)
  for (const note of notes) warn(note)
  checkLabels(train)
  const evaluated = validation ?? test
  checkStream(config, train)
  const dataset = {
    name: train.name,
    classes: [...train.classes],
    shape: train.shape === null ? null : ([...train.shape] as [number, number, number]),
    fingerprint: train.fingerprint(),
  }
  const unreadableOf = (part: Dataset) => new UnreadableImages(part, data.maxUnreadable, warn)
  const unreadable = unreadableOf(train)
  // A resumed run normalises as it began: another decoder could measure other values.
  const wanted = before ?? normalizationOf(config, channelsOf(train))
  const layout = layoutOf(config, { dataset, resolution })
  for (const caution of cautionsOf(train, layout)) warn(caution)
  const own =
    train.shape === null && needsStatistics(wanted) ? await photoStatistics(train, layout, unreadable) : undefined
  const normalization = normalizationOfData(train, wanted, own)

  const { batchSize, evalBatchSize, augment, sampler, repeats, loaderThreads } = data
  const loading = {
    ...{ batchSize, seed, normalization, augment, sampler, repeats, unreadable },
    ...{ interpolation: layout.interpolation, colorManagement: layout.colorManagement },
    ...{ threads: loaderThreads, pin: device !== 'cpu' },
  }
  const loaderOf = (size: number) => trainingLoader(train, { ...loading, size })
  const { progressive } = data
  const trainLoader =
    progressive === null
      ? loaderOf(resolution)
      : new ProgressiveLoader({ ...progressive, epochs: config.epochs }, resolution, loaderOf)
  const loaderOfPart = (part: Dataset) =>
    evaluationLoader(part, {
      batchSize: evalBatchSize,
      preprocessing: { ...layout, ...normalization },
      unreadable: unreadableOf(part),
    })
  const testLoader = loaderOfPart(evaluated)
  const finalLoader = validation === undefined ? null : loaderOfPart(test)
  return {
    ...{ train, trainLoader, testLoader, finalLoader, dataset, normalization },
    trainImages: train.length,
    testImages: evaluated.length,
    stepsPerEpoch: trainLoader.batchesPerEpoch,
    dispose() {
      trainLoader.dispose?.()
      testLoader.dispose?.()
      finalLoader?.dispose?.()
    },
  }
}

/** @throws MbconvError ERR_CONFIG for a data set whose images have several classes */
function checkLabels({ name, labelsOf }: Dataset): void {
  if (labelsOf === undefined) return
  throw new MbconvError('ERR_CONFIG', `${name}: training on images with several labels is not possible yet`, {
    hint: 'data.datasetOf reads such a data set. To train on the first label of each image, leave out multiLabel.',
  })
}

/** @throws MbconvError ERR_CONFIG for keys that need images, or labels, before they come */
function checkStream(config: TrainConfig, { name, shape, ...train }: Dataset): void {
  const { stream } = train as PhotoDataset
  if (shape !== null || stream === undefined) return
  const refuse = (key: string, why: string, hint: string) => {
    throw new MbconvError('ERR_CONFIG', `${key}: ${name} is a stream, ${why}`, { hint })
  }
  const { sampler, repeats } = config.data
  const unpack = 'Unpack the archives: then their images can be read in any order.'
  if (sampler === 'balanced') refuse('data.sampler', 'whose images come in their own order', unpack)
  if (repeats > 1) refuse('data.repeats', 'of which each image comes once', unpack)
  if (stream.hasLabels) return
  if (config.classWeights === 'auto')
    refuse('classWeights', 'whose labels are not known before they come', 'Leave it out.')
  if (needsStatistics(normalizationOf(config, 3)))
    refuse('data.mean', 'whose pixels are not known before they come', 'Give data.mean and data.std.')
}
