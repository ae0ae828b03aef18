/**
 * Everything a training run holds in memory: data, model, optimiser, averaged weights, schedule.
 *
 * A session is built from a configuration, or from a configuration and a checkpoint. Building reads files and writes
 * none, so errors in the input show before a run's folder exists.
 */
import type { TrainConfig } from '../../config/train'
import { resolveDevice } from '../../cuda/choice'
import { channelsOf, classCountsOf, type Dataset } from '../../data/dataset/image-dataset'
import { sameData } from '../../data/listing/fingerprint'
import { MbconvError } from '../../errors/error'
import type { CheckedArch } from '../../models/arch/check'
import type { Resolution } from '../../models/arch/resolution'
import { count } from '../../models/cost/count'
import type { Network } from '../../models/network/network'
import { setOwnNumThreads } from '../../native/runtime'
import { criterionOf } from '../../optim/criteria/kinds'
import type { Ema } from '../../optim/ema'
import type { GradScaler } from '../../optim/grad-scaler'
import type { Optimizer } from '../../optim/optimizer'
import type { Precision } from '../../optim/precision'
import type { Schedule } from '../../optim/schedules'
import type { StepParts } from '../../optim/step'
import { getRandomState, manualSeed, setRandomState } from '../../tensor/core/random'
import { scope } from '../../tensor/core/scope'
import { type Checkpoint, readPart } from '../run/checkpoint'
import type { Computed } from '../run/checkpoint-state'
import { settleBackend } from './backend'
import { checkNormalized, resumptionNotes, settingCautions } from './cautions'
import { openData, type TrainingData } from './data'
import { checkModel } from './demands'
import { stageNotes } from './growth'
import { archFor, openModel, withProfileOf } from './model'
import { openOptimizer, scheduleOver, stepsOf } from './optimizer'
import { checkDeviceKeys, resolvePrecision, scalerFor } from './precision'
import { Warnings } from './warnings'

export interface Session extends Omit<TrainingData, 'train'> {
  config: TrainConfig
  device: string
  /** The precision of forward pass and loss. */
  precision: Precision
  /** What computes the steps. */
  computed: Computed
  /** Scales the loss in fp16; null in other precisions. */
  scaler: GradScaler | null
  model: Network
  /** The training loss. */
  criterion: StepParts['criterion']
  optimizer: Optimizer
  /** null if the configuration disables it. */
  ema: Ema | null
  schedule: Schedule
  /** Of the model's input, px. */
  resolution: Resolution
  /** Batches of an epoch; stepsPerEpoch counts updates. */
  batchesPerEpoch: number
  /** Number of steps in the whole run. */
  totalSteps: number
  /** Number of trained parameters, and multiply-adds of one image. */
  params: number
  macs: number
  /** What the user should know: about data, steps, and the initial weights, also during the run. */
  warnings: Warnings
  dispose(): void
}

/**
 * Builds a session.
 *
 * @param config a complete configuration
 * @param checkpoint the checkpoint to continue from; undefined: start at the first step
 * @throws MbconvError ERR_DATA, ERR_CONFIG, ERR_CHECKPOINT, ERR_FORMAT, ERR_CUDA_UNAVAILABLE …; everything is freed
 *   then
 */
export async function openSession(config: TrainConfig, checkpoint?: Checkpoint): Promise<Session> {
  const arch = archFor(config)
  const { resolution } = arch
  const warnings = new Warnings()
  const before = checkpoint?.state.normalization
  const { train, ...data } = await openData(config, resolution, resolveDevice(config.device), warnings.add, before)
  const made: { dispose(): void }[] = [data]
  const dispose = () => {
    for (const part of made) part.dispose()
  }
  try {
    return buildSession(config, checkpoint, { arch, train, data, warnings, made, dispose })
  } catch (error) {
    dispose()
    throw error
  }
}

/** What {@link buildSession} begins with. */
interface Opened {
  arch: CheckedArch
  train: Dataset
  data: Omit<TrainingData, 'train'>
  warnings: Warnings
  /** Everything to free at the end. */
  made: { dispose(): void }[]
  dispose(): void
}

function buildSession(asked: TrainConfig, checkpoint: Checkpoint | undefined, opened: Opened): Session {
  const { arch, train, warnings, made, dispose } = opened
  let config = asked
  const { resolution } = arch
  const batchesPerEpoch = opened.data.stepsPerEpoch
  // The last step of an epoch takes the batches that are left, as in timm.
  const stepsPerEpoch = Math.ceil(batchesPerEpoch / config.accumulate)
  const data = { ...opened.data, stepsPerEpoch }
  const numClasses = train.classes.length
  const inChannels = channelsOf(train)
  if (checkpoint !== undefined) checkFits(checkpoint, data)
  checkModel(config, arch, numClasses, inChannels)
  checkNormalized(arch, config, train.length)

  const totalSteps = stepsOf(config, stepsPerEpoch)
  const schedule = scheduleOver(config, stepsPerEpoch, totalSteps)
  const { params, macs } = count(arch, { numClasses, inChannels, resolution })
  const device = resolveDevice(config.device)
  checkDeviceKeys(config, device)
  const precision = resolvePrecision(config.precision, device)
  const scaler = scalerFor(precision)
  if (config.threads !== null) setOwnNumThreads(config.threads)
  manualSeed(config.seed)

  const { model, notes } = openModel(config, { numClasses, inChannels, device, resumed: checkpoint !== undefined })
  made.push(model)
  config = withProfileOf(model, config)
  const { computed, notes: changes } = settleBackend(model, config, { device, precision }, checkpoint?.state.computed)
  for (const note of changes) warnings.add(note)
  const { optimizer, ema } = openOptimizer(config, model)
  made.push(optimizer)
  if (ema !== null) made.push(ema)
  if (checkpoint === undefined) {
    for (const note of [...settingCautions(config, train, { stepsPerEpoch, totalSteps }), ...notes]) warnings.add(note)
  } else {
    const { step, config: before } = checkpoint.state
    const scheduleBefore = scheduleOver(config, stepsPerEpoch, stepsOf(before, stepsPerEpoch))
    restore(checkpoint, { model, optimizer, ema, scaler, schedules: [schedule, scheduleBefore], device })
    const epoch = Math.floor(step / stepsPerEpoch)
    const moved = step < totalSteps ? stageNotes(config, resolution, epoch, before) : []
    for (const note of [...resumptionNotes(step, totalSteps, scheduleBefore, schedule), ...moved]) warnings.add(note)
  }
  const facts = { numClasses, classCounts: classCountsOf(train), images: train.length, device }
  const criterion = criterionOf(config, facts)
  made.push({ dispose: () => criterion.dispose?.() })
  return {
    ...data,
    config,
    device,
    precision,
    computed,
    scaler,
    model,
    criterion,
    optimizer,
    ema,
    schedule,
    resolution,
    batchesPerEpoch,
    totalSteps,
    params,
    macs,
    warnings,
    dispose,
  }
}

/** Refuses a checkpoint whose position or data set does not match this configuration. */
function checkFits({ state, path }: Checkpoint, { dataset, stepsPerEpoch }: Omit<TrainingData, 'train'>): void {
  if (!sameData(state.dataset.fingerprint, dataset.fingerprint) || state.stepsPerEpoch !== stepsPerEpoch) {
    throw new MbconvError('ERR_CHECKPOINT', `${path} belongs to other training images than ${dataset.name}`, {
      hint: 'Resume with the data that the run began with.',
    })
  }
}

/** Restores a checkpoint's tensors, the state of schedules and scaler, and the random state. */
function restore(
  checkpoint: Checkpoint,
  parts: Pick<Session, 'model' | 'optimizer' | 'ema' | 'scaler' | 'device'> & { schedules: Schedule[] },
): void {
  const { model, optimizer, ema, scaler, schedules, device } = parts
  const { state, path } = checkpoint
  if ((ema !== null) !== checkpoint.parts.includes('ema')) {
    throw new MbconvError('ERR_CHECKPOINT', `${path}: averaged weights are ${ema === null ? 'not wanted' : 'missing'}`)
  }
  try {
    scope(() => {
      model.loadStateDict(readPart(checkpoint, 'model').tensors)
      optimizer.loadStateDict({ step: state.optimizerSteps, tensors: readPart(checkpoint, 'optimizer').tensors })
      ema?.loadStateDict(readPart(checkpoint, 'ema').tensors, state.emaUpdates)
    })
    if (state.scaler !== null) scaler?.loadStateDict(state.scaler)
    if (state.schedule !== null) for (const schedule of schedules) schedule.restore?.(state.schedule)
  } catch (error) {
    throw new MbconvError('ERR_CHECKPOINT', `${path} does not fit the configuration: ${(error as Error).message}`, {
      cause: error,
    })
  }
  // Skip generators of devices that this machine lacks.
  for (const name of ['cpu', device]) {
    const saved = state.randomState[name]
    if (saved !== undefined) setRandomState(Buffer.from(saved, 'base64'), name)
  }
}

/** The states of the generators that the next step draws from, in base64 by device. */
export function randomStateOf(device: string): Record<string, string> {
  const names = new Set(['cpu', device])
  return Object.fromEntries([...names].map((name) => [name, Buffer.from(getRandomState(name)).toString('base64')]))
}
