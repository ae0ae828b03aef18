/** Saves a run's checkpoints. Training goes on if one cannot be saved: the disk may have room for the next. */
import { MbconvError } from '../errors/error'
import { type Position, stateOf } from './position'
import type { TrainEvent } from './record/events'
import { pruneCheckpoints, saveCheckpoint } from './run/checkpoint'
import type { Session } from './session/session'

/**
 * Saves a checkpoint of the run's position, and removes the oldest ones beyond checkpoint.keep. An error of the file
 * system becomes a warning, and existing checkpoints stay unchanged.
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
  const warn = (message: string) => record({ type: 'warning', message })
  try {
    const parts = { model: model.stateDict(), ema: ema?.stateDict(), optimizer: optimizer.stateDict().tensors }
    const metadata = { format: 'pt', model: config.model.name }
    const path = saveCheckpoint(runDir, stateOf(session, position), parts, metadata)
    position.checkpoint = path
    position.savedStep = step
    record({ type: 'checkpoint', step, path })
  } catch (error) {
    if (!isRefusal(error)) throw error
    warn(`step ${step} is not saved: ${error.message}; ${newest(position)}; the next checkpoint tries again`)
    return error
  }
  try {
    pruneCheckpoints(runDir, config.checkpoint.keep, step)
  } catch (error) {
    if (!isRefusal(error)) throw error
    warn(`old checkpoints stay: ${error.message}`)
  }
  return undefined
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
