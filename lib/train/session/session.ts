/**
 * Everything a training run holds in memory: data, model, optimiser, averaged weights, schedule.
 *
 * A session is made from a configuration, or from a configuration and a checkpoint. Making one reads files and writes
 * none, so whatever is wrong with the input shows before a run's folder exists.
 */
import { crc32 } from 'node:zlib'
import { tableOf } from '../../config/model-table'
import { normalizationOf } from '../../config/named-weights'
import type { TrainConfig } from '../../config/train'
import { resolveDevice } from '../../cuda/choice'
import { Loader } from '../../data/loader'
import type { ImageDataset } from '../../data/sources/image-dataset'
import { datasetOf } from '../../data/sources/kinds'
import { normalization } from '../../data/sources/statistics'
import { MbconvError } from '../../errors/error'
import { scale } from '../../models/arch/scaling'
import { count } from '../../models/cost/count'
import { create } from '../../models/network/create'
import type { Network } from '../../models/network/network'
import { native } from '../../native/addon'
import type { Init } from '../../nn/layers'
import type { Module } from '../../nn/module'
import { Ema } from '../../optim/ema'
import { optimizerOf } from '../../optim/kinds'
import type { Optimizer } from '../../optim/optimizer'
import { type Schedule, scheduleOf } from '../../optim/schedules'
import { getRandomState, manualSeed, setRandomState } from '../../tensor/core/random'
import { scope } from '../../tensor/core/scope'
import { type Checkpoint, readPart } from '../run/checkpoint'
import type { TrainState } from '../run/checkpoint-state'
import { cautionsOf, checkNormalized, resumptionNotes } from './cautions'
import { checkData, checkModel } from './demands'
import { beginWith } from './initial-weights'

export interface Session {
  config: TrainConfig
  device: string
  model: Module
  optimizer: Optimizer
  /** null where the configuration turns it off. */
  ema: Ema | null
  schedule: Schedule
  trainLoader: Loader
  testLoader: Loader
  dataset: TrainState['dataset']
  normalization: TrainState['normalization']
  /** Side of the model's input, px. */
  resolution: number
  trainImages: number
  testImages: number
  stepsPerEpoch: number
  /** Steps in the whole run. */
  totalSteps: number
  /** Trained parameters, and multiply-adds of one image. */
  params: number
  macs: number
  /** What a user should know before the first step: of data, steps, and the weights that the model begins with. */
  notes: string[]
  dispose(): void
}

/**
 * A model as a configuration describes it, on its device, in training mode.
 *
 * @param init 'none' where weights will be loaded into it
 */
export function modelOf(
  config: TrainConfig,
  { numClasses, inChannels, device, init }: { numClasses: number; inChannels: number; device: string; init: Init },
): Network {
  const { dropout, dropPath, profile } = config.model
  const options = { numClasses, inChannels, profile, dropPath, seed: config.seed, device, init }
  const model = create(archFor(config), dropout === null ? options : { ...options, dropout })
  try {
    return model.to({ memoryFormat: config.memoryFormat })
  } catch (error) {
    model.dispose()
    throw error
  }
}

/** The scaled stage table that a configuration names. */
export function archFor({ model }: TrainConfig) {
  const { width, depth, divisor } = model
  const table = tableOf(model)
  return scale(table, { width, depth, resolution: model.resolution ?? table.resolution, divisor })
}

/** Steps in a whole run. */
function stepsOf({ epochs, maxSteps }: TrainConfig, stepsPerEpoch: number): number {
  return Math.min(epochs * stepsPerEpoch, maxSteps ?? Number.POSITIVE_INFINITY)
}

/** Identifies a data set by its bytes. */
function fingerprint({ images, labels }: ImageDataset): string {
  return crc32(labels, crc32(images)).toString(16).padStart(8, '0')
}

/** Refuses a checkpoint whose position or data set is not this configuration's. */
function checkFits(checkpoint: Checkpoint, dataset: TrainState['dataset'], stepsPerEpoch: number): void {
  const { state, path } = checkpoint
  if (state.dataset.fingerprint !== dataset.fingerprint || state.stepsPerEpoch !== stepsPerEpoch) {
    throw new MbconvError('ERR_CHECKPOINT', `${path} belongs to other training images than ${dataset.name}`, {
      hint: 'Resume with the data that the run began with.',
    })
  }
}

/**
 * Builds a session.
 *
 * @param config a whole configuration
 * @param checkpoint continue from here; from the first step when undefined
 * @throws MbconvError ERR_DATA, ERR_CONFIG, ERR_CHECKPOINT, ERR_FORMAT, ERR_CUDA_UNAVAILABLE …; nothing stays behind
 */
export function openSession(config: TrainConfig, checkpoint?: Checkpoint): Session {
  const arch = archFor(config)
  const { resolution } = arch
  checkData(config, resolution)
  const { train, test } = datasetOf(config.data, resolution)
  checkModel(config, arch, train.numClasses, train.shape[0])
  const normal = normalization(train, normalizationOf(config, train.shape[0]))
  const dataset = { name: train.name, classes: train.classes, shape: train.shape, fingerprint: fingerprint(train) }

  const { batchSize, evalBatchSize, augment } = config.data
  const loading = { size: resolution, mean: normal.mean, std: normal.std, seed: config.seed }
  // An incomplete batch would upset batch norm; a data set smaller than one batch has nothing else.
  const dropLast = train.length >= batchSize
  const trainLoader = new Loader(train, { ...loading, batchSize, shuffle: true, dropLast, augment })
  const testLoader = new Loader(test, { ...loading, batchSize: evalBatchSize, shuffle: false, dropLast: false })
  const stepsPerEpoch = trainLoader.batchesPerEpoch
  const totalSteps = stepsOf(config, stepsPerEpoch)
  if (checkpoint !== undefined) checkFits(checkpoint, dataset, stepsPerEpoch)
  checkNormalized(arch, config, train.length)
  const scheduleFor = (steps: number) => scheduleOf(config.schedule, config.optimizer.lr, stepsPerEpoch, steps)
  const schedule = scheduleFor(totalSteps)

  const inChannels = train.shape[0]
  const { params, macs } = count(arch, { numClasses: train.numClasses, inChannels, resolution })
  const device = resolveDevice(config.device)
  if (config.threads !== null) native().setNumThreads(config.threads)

  const made: { dispose(): void }[] = []
  const dispose = () => {
    for (const part of made) part.dispose()
  }
  try {
    manualSeed(config.seed)
    const init = checkpoint === undefined ? 'paper' : 'none'
    const model = modelOf(config, { numClasses: train.numClasses, inChannels, device, init })
    made.push(model)
    const notes =
      checkpoint === undefined
        ? [...cautionsOf(config, train), ...beginWith(model, config)]
        : resumptionNotes(
            checkpoint.state.step,
            totalSteps,
            scheduleFor(stepsOf(checkpoint.state.config, stepsPerEpoch)),
            schedule,
          )
    if (config.model.freeze != null) model.freeze({ upTo: config.model.freeze })
    const optimizer = optimizerOf(model, config.optimizer)
    made.push(optimizer)
    const ema = config.ema === false ? null : new Ema(model, config.ema)
    if (ema !== null) made.push(ema)
    if (checkpoint !== undefined) restore(checkpoint, { model, optimizer, ema, device })
    return {
      config,
      device,
      model,
      optimizer,
      ema,
      schedule,
      trainLoader,
      testLoader,
      dataset,
      normalization: normal,
      resolution,
      trainImages: train.length,
      testImages: test.length,
      stepsPerEpoch,
      totalSteps,
      params,
      macs,
      notes,
      dispose,
    }
  } catch (error) {
    dispose()
    throw error
  }
}

/** Puts a checkpoint's tensors and random state in place. */
function restore(
  checkpoint: Checkpoint,
  { model, optimizer, ema, device }: Pick<Session, 'model' | 'optimizer' | 'ema' | 'device'>,
): void {
  const { state, path, parts } = checkpoint
  if ((ema !== null) !== parts.includes('ema')) {
    throw new MbconvError('ERR_CHECKPOINT', `${path}: averaged weights are ${ema === null ? 'not wanted' : 'missing'}`)
  }
  try {
    scope(() => {
      model.loadStateDict(readPart(checkpoint, 'model').tensors)
      optimizer.loadStateDict({ step: state.optimizerSteps, tensors: readPart(checkpoint, 'optimizer').tensors })
      ema?.loadStateDict(readPart(checkpoint, 'ema').tensors, state.emaUpdates)
    })
  } catch (error) {
    throw new MbconvError('ERR_CHECKPOINT', `${path} does not fit the configuration: ${(error as Error).message}`, {
      cause: error,
    })
  }
  // A generator of a device that this machine lacks has nothing to restore.
  for (const name of ['cpu', device]) {
    const saved = state.randomState[name]
    if (saved !== undefined) setRandomState(Buffer.from(saved, 'base64'), name)
  }
}

/** The generators' states that the next step draws from, in base64 by device. */
export function randomStateOf(device: string): Record<string, string> {
  const names = new Set(['cpu', device])
  return Object.fromEntries([...names].map((name) => [name, Buffer.from(getRandomState(name)).toString('base64')]))
}
