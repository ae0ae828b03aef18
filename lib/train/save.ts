/** Saves a run's checkpoints. Training goes on if one cannot be saved: the disk may have room for the next. */
import { MbconvError } from '../errors/error'
import { type Position, stateOf } from './position'
import type { TrainEvent } from './record/events'
import { pruneCheckpoints, saveCheckpoint } from './run/checkpoint'
import { scoreOf, scoreValue } from './run/score'
import type { Session } from './session/session'

/**
 * Saves a checkpoint of the run's position. Removes the oldest ones beyond checkpoint.keep, except the best ones
 * (checkpoint.best). An error of the file system becomes a warning, and existing checkpoints stay unchanged.
 *
 * @returns why the checkpoint could not be saved; undefined if it was
 */
export function savePosition(
  session: Session,
  runDir: string,
  position: Position,
  record: (event: TrainEvent) => void,
): MbconvError | undefined {
  const { config, model, ema, optimizer } = session
  const { step } = position
  const kept = withNewest(position, config.checkpoint.best)
  const warn = (message: string) => record({ type: 'warning', message })
  try {
    const parts = { model: model.stateDict(), ema: ema?.stateDict(), optimizer: optimizer.stateDict().tensors }
    const metadata = { format: 'pt', model: config.model.name }
    const path = saveCheckpoint(runDir, stateOf(session, { ...position, kept }), parts, metadata)
    position.checkpoint = path
    position.savedStep = step
    position.kept = kept
    record({ type: 'checkpoint', step, path })
  } catch (error) {
    if (!isRefusal(error)) throw error
    warn(`step ${step} is not saved: ${error.message}; ${newest(position)}; the next checkpoint tries again`)
    return error
  }
  try {
    const best = kept.map((evaluation) => evaluation.step)
    pruneCheckpoints(runDir, config.checkpoint.keep, step, best)
  } catch (error) {
    if (!isRefusal(error)) throw error
    warn(`old checkpoints stay: ${error.message}`)
  }
  return undefined
}

/**
 * Whether the newest evaluation, if it is of this step, is among the best ones, so that its weights are to be kept.
 *
 * @param most as many are kept
 */
export function isAmongBest(position: Position, most: number): boolean {
  return withNewest(position, most).some(({ step }) => step === position.step)
}

/** The best evaluations whose checkpoints are kept, best first, once this step's checkpoint exists. */
function withNewest({ kept, lastEval, step }: Position, most: number): Position['kept'] {
  const others = kept.filter((evaluation) => evaluation.step !== step)
  const newest = lastEval?.step === step ? [{ step, ...scoreOf(lastEval) }] : []
  // Of equal ones the older comes first: sorting is stable.
  return [...others, ...newest].sort((a, b) => scoreValue(b) - scoreValue(a)).slice(0, most)
}

/** The error of a run that was completed or stopped, but whose last state could not be saved. */
export function unsaved(why: MbconvError, runDir: string, position: Position): MbconvError {
  const message = `the last state, step ${position.step}, is not saved: ${why.message}; ${newest(position)}`
  const hint =
    position.checkpoint === undefined ? undefined : `When that is mended, resume ${runDir}: it goes on from there.`
  return new MbconvError('ERR_IO', message, { cause: why, hint })
}

const isRefusal = (error: unknown): error is MbconvError => error instanceof MbconvError && error.code === 'ERR_IO'

const newest = ({ checkpoint }: Position): string =>
  checkpoint === undefined ? 'there is no checkpoint yet' : `the newest checkpoint is ${checkpoint}`
