/** Where a run stands, and turning that into a checkpoint's state and the run's result. */
import { join } from 'node:path'
import { writeFileAtomic } from '../files/atomic'
import { readableJson } from '../files/json'
import { SkippedSteps } from './divergence'
import type { StopReason, TrainEvent, TrainResult } from './record/events'
import type { Checkpoint } from './run/checkpoint'
import type { TrainState } from './run/checkpoint-state'
import { writeCurves } from './run/curves'
import { RUN_FILES } from './run/folder'
import { randomStateOf, type Session } from './session/session'

export interface Position {
  /** Steps done. */
  step: number
  /** Seconds spent on training steps. */
  seconds: number
  lastEval: TrainState['lastEval']
  best: TrainState['best']
  skipped: SkippedSteps
  /** The newest checkpoint's folder, and the step it was saved at. */
  checkpoint: string | undefined
  savedStep: number | undefined
}

/** The beginning, or where a checkpoint left off. */
export function positionFrom(checkpoint?: Checkpoint): Position {
  if (checkpoint === undefined) {
    const nothing = { lastEval: null, best: null, checkpoint: undefined, savedStep: undefined }
    return { step: 0, seconds: 0, skipped: new SkippedSteps(), ...nothing }
  }
  const { step, seconds, lastEval, best, skipped } = checkpoint.state
  return {
    step,
    seconds,
    lastEval,
    best,
    skipped: new SkippedSteps(skipped),
    checkpoint: checkpoint.path,
    savedStep: step,
  }
}

/** What a checkpoint saves beside tensors. */
export function stateOf(session: Session, { step, seconds, lastEval, best, skipped }: Position): TrainState {
  const { config, dataset, normalization, resolution, stepsPerEpoch, optimizer, ema, device } = session
  return {
    step,
    epoch: Math.floor(step / stepsPerEpoch),
    batchInEpoch: step % stepsPerEpoch,
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
    seconds,
    skipped: [...skipped.latest],
  }
}

/**
 * Writes the run's result, and its curves when it came to its end; an interrupted run is to stop at once. Neither is
 * worth losing the run for.
 */
export async function finish(
  session: Session,
  runDir: string,
  position: Position,
  interrupted: false | StopReason,
  emit: (event: TrainEvent) => void,
): Promise<TrainResult> {
  const { step, seconds, lastEval, checkpoint } = position
  const result: TrainResult = {
    runDir,
    checkpoint: checkpoint!,
    loss: lastEval?.loss ?? Number.NaN,
    top1: lastEval?.top1 ?? Number.NaN,
    top5: lastEval?.top5 ?? Number.NaN,
    confusion: lastEval?.confusion ?? [],
    classes: [...session.dataset.classes],
    steps: step,
    epochs: Math.floor(step / session.stepsPerEpoch),
    seconds,
    interrupted,
  }
  try {
    writeFileAtomic(join(runDir, RUN_FILES.result), readableJson(result))
  } catch (error) {
    // The checkpoint is there, and the caller gets the result.
    emit({ type: 'warning', message: (error as Error).message })
  }
  if (interrupted === false && session.config.run.curves) {
    try {
      await writeCurves(runDir)
    } catch (error) {
      emit({ type: 'warning', message: `the curves could not be drawn: ${(error as Error).message}` })
    }
  }
  emit({ type: 'end', result })
  return result
}
