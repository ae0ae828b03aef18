/** The data of a training run: its images, and the loaders that batch them. */
import { normalizationOf } from '../../config/named-weights'
import type { TrainConfig } from '../../config/train'
import type { BatchLoader } from '../../data/batches/batch'
import {
  channelsOf,
  classCountsOf,
  type Dataset,
  layoutCautions,
  type PhotoDataset,
} from '../../data/dataset/image-dataset'
import {
  type ChannelStatistics,
  needsStatistics,
  normalization as normalizationOfData,
} from '../../data/dataset/statistics'
import { evaluationLoader } from '../../data/evaluation'
import { photoStatistics } from '../../data/photos/statistics'
import { UnreadableImages } from '../../data/photos/unreadable'
import { ProgressiveLoader, sizeOf } from '../../data/progressive'
import { datasetKind } from '../../data/sources/kinds'
import { trainingLoader } from '../../data/training'
import { listed } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { longerSideOf, type Resolution } from '../../models/arch/resolution'
import { DEFAULT_THRESHOLD, type Task } from '../../models/export/task'
import type { TrainState } from '../run/checkpoint-state'
import { operationsIn, progressionOf } from './growth'
import { measuredLayoutOf, preprocessingOf } from './preprocessing'

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
  resolution: Resolution,
  device: string,
  warn: (message: string) => void,
  before?: ChannelStatistics,
): Promise<TrainingData> {
  const { data, seed } = config
  const kind = datasetKind(data.dataset)
  const side = longerSideOf(resolution)
  kind.checkMemory?.(data as never, side)
  await kind.prepare?.(data as never)
  const { train, test, validation, notes = [] } = kind.open(data as never, side)
  for (const note of notes) warn(note)
  const evaluated = validation ?? test
  checkLabels(config.task, train, [evaluated, test])
  for (const note of thresholdNotes(evaluated)) warn(note)
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
  const measured = measuredLayoutOf(config, { dataset, resolution })
  const own =
    train.shape === null && needsStatistics(wanted) ? await photoStatistics(train, measured, unreadable) : undefined
  const normalization = normalizationOfData(train, wanted, own)
  const preprocessing = preprocessingOf(config, { dataset, normalization, resolution })
  for (const caution of layoutCautions(train, preprocessing)) warn(caution)

  const { batchSize, evalBatchSize, augment, sampler, repeats, loaderThreads } = data
  const loading = {
    ...{ batchSize, seed, normalization, sampler, repeats, unreadable },
    ...{ fit: preprocessing.fit, interpolation: preprocessing.interpolation },
    colorManagement: preprocessing.colorManagement,
    ...{ threads: loaderThreads, pin: device !== 'cpu' },
  }
  const progression = progressionOf(config)
  const loaderOf = (stage: number) =>
    trainingLoader(train, {
      ...loading,
      augment: { ...augment, operations: operationsIn(config, stage) },
      size: progression === null ? resolution : sizeOf(progression, resolution, stage),
    })
  const trainLoader = progression === null ? loaderOf(0) : new ProgressiveLoader(progression, loaderOf)
  const loaderOfPart = (part: Dataset) =>
    evaluationLoader(part, {
      batchSize: evalBatchSize,
      preprocessing,
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

/**
 * Refuses a data set that does not suit the task.
 *
 * @throws MbconvError ERR_CONFIG; ERR_DATA for evaluated images of which none has a label, so that there is no mAP
 */
export function checkLabels(task: Task, { name, labelsOf }: Dataset, evaluated: readonly Dataset[]): void {
  if ((task === 'multiLabel') !== (labelsOf !== undefined)) {
    const has = labelsOf === undefined ? 'have one class each' : 'may have several labels'
    throw new MbconvError('ERR_CONFIG', `task: the images of ${name} ${has}`, {
      hint: labelsOf === undefined ? 'Write task: classification.' : 'Write task: multiLabel.',
    })
  }
  if (task === 'classification') return
  const without = evaluated.find(({ labels }) => labels.every((label) => label < 0))
  if (without === undefined) return
  throw new MbconvError('ERR_DATA', `${without.name}: no evaluated image has a label`, {
    hint: 'mAP is measured on the labels that evaluated images have.',
  })
}

/** Labels whose threshold cannot be chosen, in a multi-label data set. */
function thresholdNotes(evaluated: Dataset): string[] {
  if (evaluated.labelsOf === undefined) return []
  const counts = classCountsOf(evaluated)
  const without = evaluated.classes.filter((_, label) => counts[label] === 0)
  if (without.length === 0) return []
  return [
    `no evaluated image has the label ${listed(without, { most: 10 })}: its threshold stays ${DEFAULT_THRESHOLD}, and mAP leaves it out`,
  ]
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
  for (const key of ['classWeights', 'posWeight'] as const)
    if (config[key] === 'auto') refuse(key, 'whose labels are not known before they come', 'Leave it out.')
  if (needsStatistics(normalizationOf(config, 3)))
    refuse('data.mean', 'whose pixels are not known before they come', 'Give data.mean and data.std.')
}
