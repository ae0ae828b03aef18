/** The end of a run: its result and its curves. */

import { join } from 'node:path'
import type { MbconvError } from '../errors/error'
import { writeFileAtomic } from '../files/atomic'
import { readableJson } from '../files/json'
import type { Task } from '../models/export/task'
import { scope } from '../tensor/core/scope'
import { evaluate } from './evaluate'
import type { Position } from './position'
import type { Evaluation, TrainEvent, TrainResult } from './record/events'
import { checkpointPath, findCheckpoint, readPart } from './run/checkpoint'
import { thresholdsOf } from './run/checkpoint-state'
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
    ...(lastEval === null ? notEvaluated(session.config.task) : withoutStep(lastEval)),
    classes: [...session.dataset.classes],
    steps: step,
    epochs: Math.floor(step / session.stepsPerEpoch),
    seconds,
    interrupted,
    endedBy,
    test: null,
  }
  if (interrupted === false) result.test = await finalEvaluation(session, runDir)
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

const withoutStep = ({ step: _, ...evaluation }: NonNullable<Position['lastEval']>): Evaluation => evaluation

/** What the result of a run without an evaluation says. */
function notEvaluated(task: Task): Evaluation {
  const { NaN: none } = Number
  if (task === 'multiLabel') {
    const figures = { loss: none, mAP: none, macroF1: none, microF1: none, images: 0, thresholds: [] }
    return { task, ...figures, perClass: null, classes: [] }
  }
  const figures = { loss: none, top1: none, top5: none, confusion: [], perClass: null, confidence: null, ece: none }
  return { task, ...figures, classes: [] }
}

/**
 * Evaluates the test images, where other images were evaluated during training, with the weights that commands use: those
 * of the best evaluation. The session's own weights are gone afterwards; training has ended.
 */
async function finalEvaluation(session: Session, runDir: string): Promise<Evaluation | null> {
  const { finalLoader, model, config } = session
  if (finalLoader === null) return null
  const chosen = findCheckpoint(runDir)
  const part = chosen.parts.includes('ema') ? 'ema' : 'model'
  scope(() => model.loadStateDict(readPart(chosen, part).tensors))
  // Thresholds of labels are those that the other images gave.
  const thresholds = thresholdsOf(chosen.state) ?? undefined
  return (await evaluate(model, finalLoader, { ...session, memoryFormat: config.memoryFormat, thresholds })) ?? null
}
