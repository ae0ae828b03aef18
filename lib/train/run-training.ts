/** A whole run in the calling thread: preparing its folder, the loop, and freeing everything. */
import { join, resolve } from 'node:path'
import type { TrainConfig } from '../config/train'
import { removeStaleTemporaries } from '../files/atomic'
import { lockRun, unlockRun } from '../files/lock'
import type { StopReason } from '../process/stop-reason'
import { trainLoop } from './loop'
import { positionFrom } from './position'
import type { StartEvent, TrainEvent, TrainResult } from './record/events'
import { loggersOf } from './record/kinds'
import { Recorder } from './record/recorder'
import { type Checkpoint, makeCheckpointsFolder, newestCheckpoint } from './run/checkpoint'
import {
  checkUnedited,
  makeRunFolder,
  RUN_FILES,
  readConfig,
  removeEmptyRunFolder,
  resumedConfig,
  writeConfig,
} from './run/folder'
import { firstImages, weightsOf } from './session/material'
import { cardNote, withFitOfWeights, withStoredFit } from './session/preprocessing'
import { openSession, type Session } from './session/session'

export interface RunRequest {
  /** Already checked. Undefined only when resuming, which uses the run's own configuration. */
  config: TrainConfig | undefined
  /** Folder of the run to resume. */
  resume: string | undefined
  /** Identifies this run's lock on its folder. */
  token: string
}

export interface RunHooks {
  /** Called once before the start event, with the complete configuration. */
  begin: (config: TrainConfig) => void
  emit: (event: TrainEvent) => void
  stopRequested: () => false | StopReason
}

/**
 * Runs a training, new or resumed.
 *
 * All errors in the input are found before anything is written. A new run's folder is created after the session has
 * been built; until then a resumed run's folder only gains the lock.
 */
export async function runTraining(request: RunRequest, hooks: RunHooks): Promise<TrainResult> {
  const { config, resume, token } = request
  if (resume !== undefined) return resumeRun(config, resolve(resume), token, hooks)
  return startRun(config!, token, hooks)
}

async function startRun(given: TrainConfig, token: string, hooks: RunHooks): Promise<TrainResult> {
  const config = withFitOfWeights(given)
  const note = cardNote(given, config)
  if (note !== undefined) hooks.emit({ type: 'warning', message: note })
  const session = await openSession(config)
  try {
    const runDir = makeRunFolder(config)
    try {
      lockRun(runDir, token)
      try {
        writeConfig(runDir, session.config)
        makeCheckpointsFolder(runDir)
        return await train(session, runDir, undefined, hooks)
      } finally {
        unlockRun(runDir, token)
      }
    } finally {
      // If not even the configuration could be written, free the run's name again.
      removeEmptyRunFolder(runDir)
    }
  } finally {
    session.dispose()
  }
}

async function resumeRun(
  given: TrainConfig | undefined,
  runDir: string,
  token: string,
  hooks: RunHooks,
): Promise<TrainResult> {
  const stored = readConfig(runDir)
  const config = resumedConfig(stored, given && withStoredFit(given, stored))
  lockRun(runDir, token)
  try {
    const warn = (message: string) => hooks.emit({ type: 'warning', message })
    const checkpoint = newestCheckpoint(runDir, warn)
    if (checkpoint === undefined) warn('the run has no checkpoint yet: it begins again')
    else checkUnedited(join(runDir, RUN_FILES.config), config, checkpoint)
    const session = await openSession(config, checkpoint)
    try {
      makeCheckpointsFolder(runDir)
      // Another process may be trying to get the lock right now, with its own temporary file.
      removeStaleTemporaries(runDir)
      removeStaleTemporaries(join(runDir, 'checkpoints'), { exclusive: true })
      if (JSON.stringify(config) !== JSON.stringify(stored)) writeConfig(runDir, config)
      return await train(session, runDir, checkpoint, hooks)
    } finally {
      session.dispose()
    }
  } finally {
    unlockRun(runDir, token)
  }
}

async function train(
  session: Session,
  runDir: string,
  checkpoint: Checkpoint | undefined,
  { begin, emit, stopRequested }: RunHooks,
): Promise<TrainResult> {
  const { totalSteps, stepsPerEpoch, config, params, macs, device, precision, trainImages, testImages } = session
  const { backend, kernels } = session.computed
  const position = positionFrom(checkpoint)
  const start: StartEvent = {
    type: 'start',
    runDir,
    steps: totalSteps,
    stepsPerEpoch,
    epochs: config.epochs,
    params,
    macs,
    device,
    precision,
    backend,
    kernels,
    startStep: position.step,
    trainImages,
    testImages,
  }
  const material = {
    weights: () => weightsOf(session.model),
    images: (count: number) => firstImages(session, count),
  }
  const recorder = new Recorder({ runDir, config, start, position, emit, ...material }, loggersOf(config.log))
  try {
    begin(config)
    session.warnings.listen(recorder.warn)
    recorder.record(start)
    return await trainLoop({ session, runDir, position, recorder, stopRequested })
  } finally {
    recorder.close()
  }
}
