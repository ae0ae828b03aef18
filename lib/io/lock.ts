/**
 * One writer a run folder: a lock file that names its process.
 *
 * Node has no flock(), so a lock outlives a killed process. It is then taken over: by anyone, once its process is gone
 * or its id belongs to a process that began at another time.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { linkSync, readFileSync, statSync, unlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { MbconvError } from '../errors'
import { ioError, processIsAlive, unlinkIfThere, writeFileDurable } from './atomic'

const LOCK_NAME = '.lock'

/** `op` of the error that says that a living process holds a lock. */
export const IN_USE = 'lock'

interface Owner {
  pid: number
  /** When the process began, in the kernel's own clock; null where the system does not say. */
  began: string | null
  host: string
  token: string
}

/** Field 22 of /proc/PID/stat. The command's name before it may hold spaces and parentheses, so count from its end. */
function beginningOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}

function parseOwner(text: string): Owner | undefined {
  try {
    const owner = JSON.parse(text) as Owner
    return Number.isSafeInteger(owner?.pid) && owner.pid > 0 ? owner : undefined
  } catch {
    return undefined
  }
}

/** Whether the lock's process is certainly gone. A lock of another machine is not ours to judge. */
function isStale(text: string): boolean {
  const owner = parseOwner(text)
  // A run's lock is whole from its first moment, so anything else was left by a crash of the machine.
  if (owner === undefined) return true
  if (owner.host !== hostname()) return false
  if (!processIsAlive(owner.pid)) return true
  const began = beginningOf(owner.pid)
  return owner.began !== null && began !== null && owner.began !== began
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw ioError('read', path, error)
  }
}

/** Puts the finished draft at `path`, whole or not at all. @returns false when the name is taken */
function place(draft: string, path: string): boolean {
  try {
    linkSync(draft, path)
    return true
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if (code === 'EEXIST') return false
    // File systems without hard links: creating the file excludes others as well, if not in one step with its text.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(code)) throw ioError('lock', path, error)
  }
  try {
    writeFileDurable(path, readFileSync(draft))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw ioError('lock', path, error)
  }
}

/**
 * Takes a stale lock away, if it still is one. Of several that try, one at a time may look and remove: else one could
 * remove the lock that another has just put in the stale one's place.
 *
 * @returns false when it is another's turn
 */
function removeStale(draft: string, path: string): boolean {
  const turn = `${path}.turn`
  if (!place(draft, turn)) {
    // A turn takes microseconds. One this old was left by a crash in the middle of it.
    const { mtimeMs } = statSync(turn, { throwIfNoEntry: false }) ?? {}
    if (mtimeMs !== undefined && Date.now() - mtimeMs > 10_000) unlinkIfThere(turn)
    return false
  }
  try {
    const text = readIfThere(path)
    if (text !== undefined && isStale(text)) unlinkIfThere(path)
    return true
  } finally {
    unlinkIfThere(turn)
  }
}

/** Blocks this thread; for the few milliseconds that others need. */
function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

/**
 * Locks a run folder for this process.
 *
 * @param runDir an existing folder
 * @param token tells this run's lock from another one of the same process
 * @throws MbconvError ERR_IO when a living process holds it
 */
export function lockRun(runDir: string, token: string = randomUUID()): void {
  lockPath(join(runDir, LOCK_NAME), runDir, token)
}

/**
 * Locks for this process whatever `path` stands for.
 *
 * @param path the lock file
 * @param what is locked, for the error
 * @throws MbconvError ERR_IO when a living process holds it
 */
export function lockPath(path: string, what: string, token: string): void {
  const own: Owner = { pid: process.pid, began: beginningOf(process.pid), host: hostname(), token }
  // Named so that it is known for what it is, should this process die before it removes it.
  const draft = `${path}.tmp-${process.pid}-${randomBytes(6).toString('hex')}`
  try {
    writeFileDurable(draft, JSON.stringify(own))
  } catch (error) {
    throw ioError('write', draft, error)
  }
  try {
    let owner: Owner | undefined
    for (let attempt = 0; attempt < 50; attempt++) {
      if (place(draft, path)) return
      const text = readIfThere(path)
      if (text === undefined) continue
      owner = parseOwner(text)
      if (!isStale(text)) break
      if (!removeStale(draft, path)) pause(5)
    }
    const who = owner === undefined ? 'another process' : `process ${owner.pid} on ${owner.host}`
    throw new MbconvError('ERR_IO', `${what} is in use by ${who}`, {
      op: IN_USE,
      hint: `Wait until it ends. If no such process runs, remove ${path}.`,
    })
  } finally {
    unlinkIfThere(draft)
  }
}

/** Gives a run folder free, if the lock there is `token`'s. */
export function unlockRun(runDir: string, token: string): void {
  unlockPath(join(runDir, LOCK_NAME), token)
}

export function unlockPath(path: string, token: string): void {
  try {
    if (parseOwner(readFileSync(path, 'utf8'))?.token === token) unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw ioError('unlock', path, error)
  }
}
