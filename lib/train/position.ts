/** The position of a run: restored from a checkpoint's state and converted back to it. */
import { SkippedSteps } from './divergence'
import type { Checkpoint } from './run/checkpoint'
import type { TrainState } from './run/checkpoint-state'
import { randomStateOf, type Session } from './session/session'

export interface Position {
  /** Steps done. */
  step: number
  /** Seconds spent on training steps. */
  seconds: number
  lastEval: TrainState['lastEval']
  best: TrainState['best']
  /** Evaluations whose checkpoints are kept, best first. */
  kept: TrainState['kept']
  earlyStopping: TrainState['earlyStopping']
  skipped: SkippedSteps
  /** Folder of the newest checkpoint, and the step it was saved at. */
  checkpoint: string | undefined
  savedStep: number | undefined
}

/** The beginning, or the checkpoint's position. */
export function positionFrom(checkpoint?: Checkpoint): Position {
  if (checkpoint === undefined) {
    const nothing = { lastEval: null, best: null, kept: [], earlyStopping: null }
    return { step: 0, seconds: 0, skipped: new SkippedSteps(), ...nothing, checkpoint: undefined, savedStep: undefined }
  }
  const { step, seconds, lastEval, best, kept, earlyStopping, skipped } = checkpoint.state
  return {
    step,
    seconds,
    lastEval,
    best,
    kept,
    earlyStopping,
    skipped: new SkippedSteps(skipped),
    checkpoint: checkpoint.path,
    savedStep: step,
  }
}

/** The state that a checkpoint saves besides tensors. */
export function stateOf(session: Session, position: Position): TrainState {
  const { step, seconds, lastEval, best, kept, earlyStopping, skipped } = position
  const { config, dataset, normalization, resolution, stepsPerEpoch, optimizer, ema, device } = session
  return {
    step,
    epoch: Math.floor(step / stepsPerEpoch),
    batchInEpoch: (step % stepsPerEpoch) * config.accumulate,
    stepsPerEpoch,
    config,
    dataset,
    normalization,
    resolution,
    randomState: randomStateOf(device),
    optimizerSteps: optimizer.steps,
    emaUpdates: ema?.updates ?? 0,
    lastEval,
    best,
    kept,
    earlyStopping,
    schedule: session.schedule.state?.() ?? null,
    scaler: session.scaler?.stateDict() ?? null,
    computed: session.computed,
    seconds,
    skipped: [...skipped.latest],
  }
}
