/** The end of a run: its result and its curves. */

import { join } from 'node:path'
import type { MbconvError } from '../errors/error'
import { writeFileAtomic } from '../files/atomic'
import { readableJson } from '../files/json'
import type { Position } from './position'
import type { TrainEvent, TrainResult } from './record/events'
import { checkpointPath } from './run/checkpoint'
import { writeCurves } from './run/curves'
import { RUN_FILES } from './run/folder'
import type { Session } from './session/session'

/**
 * Writes the run's result, and its curves if it was completed: an interrupted run has to stop at once. A failure to
 * write either does not fail the run.
 */
export async function finish(
  session: Session,
  runDir: string,
  position: Position,
  { interrupted, endedBy }: Pick<TrainResult, 'interrupted' | 'endedBy'>,
  record: (event: TrainEvent) => void,
): Promise<TrainResult> {
  const { step, seconds, lastEval, checkpoint, best, kept } = position
  const isKept = kept.some((evaluation) => evaluation.step === best?.step)
  const result: TrainResult = {
    runDir,
    checkpoint: checkpoint!,
    best: best && { ...best, checkpoint: isKept ? checkpointPath(runDir, best.step) : null },
    loss: lastEval?.loss ?? Number.NaN,
    top1: lastEval?.top1 ?? Number.NaN,
    top5: lastEval?.top5 ?? Number.NaN,
    confusion: lastEval === null ? [] : lastEval.confusion,
    perClass: lastEval?.perClass ?? null,
    confidence: lastEval?.confidence ?? null,
    ece: lastEval?.ece ?? Number.NaN,
    classes: [...session.dataset.classes],
    steps: step,
    epochs: Math.floor(step / session.stepsPerEpoch),
    seconds,
    interrupted,
    endedBy,
  }
  try {
    writeFileAtomic(join(runDir, RUN_FILES.result), readableJson(result))
  } catch (error) {
    // The checkpoint exists, and the caller gets the result.
    record({ type: 'warning', message: (error as Error).message })
  }
  if (interrupted === false && session.config.run.curves) {
    try {
      await writeCurves(runDir)
    } catch (error) {
      const { message, hint } = error as MbconvError
      record({ type: 'warning', message: `the curves could not be drawn: ${message}${hint ? ` (${hint})` : ''}` })
    }
  }
  record({ type: 'end', result })
  return result
}
