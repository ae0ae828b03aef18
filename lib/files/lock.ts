/** Locks, so that a run folder, a job or a download has one writer at a time. lock-file.cjs says how they work. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { MbconvError } from '../errors/error'
import { ioError } from './io-error'
import { freeLock, lockIsHeld, type Owner, takeLock } from './lock-file.cjs'

const LOCK_NAME = '.lock'

/** The `op` of the error thrown while a living process holds the lock. */
export const IN_USE = 'lock'

/**
 * Locks a run folder for this process.
 *
 * @param runDir an existing folder
 * @param token tells this run's lock from others of the same process
 * @throws MbconvError ERR_IO when a living process holds it
 */
export function lockRun(runDir: string, token: string = randomUUID()): void {
  lockPath(join(runDir, LOCK_NAME), runDir, token)
}

/**
 * Takes the lock file `path` for this process.
 *
 * @param what the thing that the lock protects, for the error
 * @throws MbconvError ERR_IO when a living process holds it
 */
export function lockPath(path: string, what: string, token: string): void {
  let owner: Owner | undefined | null
  try {
    owner = takeLock(path, token)
  } catch (error) {
    throw ioError('lock', path, error)
  }
  if (owner === null) return
  const who = owner === undefined ? 'another process' : `process ${owner.pid} on ${owner.host}`
  throw new MbconvError('ERR_IO', `${what} is in use by ${who}`, {
    op: IN_USE,
    hint: `Wait until it ends. If no such process runs, remove ${path}.`,
  })
}

/**
 * Whether a process holds the lock of a run folder. A process on another machine counts as one that does.
 *
 * @throws MbconvError ERR_IO
 */
export function runIsLocked(runDir: string): boolean {
  const path = join(runDir, LOCK_NAME)
  try {
    return lockIsHeld(path)
  } catch (error) {
    throw ioError('read', path, error)
  }
}

/** Releases the lock of a run folder, if it belongs to `token`. */
export function unlockRun(runDir: string, token: string): void {
  unlockPath(join(runDir, LOCK_NAME), token)
}

export function unlockPath(path: string, token: string): void {
  try {
    freeLock(path, token)
  } catch (error) {
    throw ioError('unlock', path, error)
  }
}
