/**
 * A lock is a file that names its process. Node has no flock(), so the file outlives a killed process. Such a stale
 * lock is taken over by any process once its own is gone, or its process id belongs to a process that began at another
 * time. Dates of files and clocks are not used, since both can be wrong.
 *
 * This is plain JavaScript because both the library and the set-up use it, and the set-up runs before anything is
 * compiled.
 */
'use strict'
const { createHash, randomBytes } = require('node:crypto')
const fs = require('node:fs')
const { hostname } = require('node:os')
const { basename, dirname, join } = require('node:path')

/**
 * @typedef {{ pid: number, began: string | null }} Process
 *   began: start time in the kernel's own count since boot; null if the system does not report it
 * @typedef {{ host: string, token: string, children?: Process[] }} Claim
 *   token: tells this lock from others of the same process; children: process groups that the process has started
 * @typedef {Process & Claim} Owner
 */

const WITHOUT_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])
const TAKEN = new Set(['EEXIST', 'ENOTEMPTY', 'ENOTDIR'])
/** How long to wait for another process that is taking over a stale lock. It needs a millisecond once it runs. */
const PATIENCE_MS = 5000

/** @param {unknown} error @returns {string} */
const codeOf = (error) => /** @type {NodeJS.ErrnoException} */ (error).code ?? ''

/**
 * Whether a process with this id exists, even another user's.
 * @param {number} pid
 */
function processIsAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

/**
 * Fields 3 and 22 of /proc/PID/stat. The command's name before them may hold spaces and parentheses, so search from its
 * end.
 * @param {number} pid
 * @returns {{ state: string | null, began: string | null }}
 */
function statusOf(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0], began: fields[19] ?? null }
  } catch {
    return { state: null, began: null }
  }
}

/**
 * @param {number} pid
 * @returns {Process}
 */
const processOf = (pid) => ({ pid, began: statusOf(pid).began })

/**
 * Whether this is still the same process, and running. A process that has ended keeps its id until its parent asks for
 * its status, but does nothing any more.
 * @param {Process} process
 */
function isRunning({ pid, began }) {
  if (!processIsAlive(pid)) return false
  const now = statusOf(pid)
  if (now.state === 'Z' || now.state === 'X') return false
  return began === null || now.began === null || now.began === began
}

/** @param {string} text @returns {Owner | undefined} */
function parseOwner(text) {
  try {
    const owner = JSON.parse(text)
    if (!Number.isSafeInteger(owner?.pid) || owner.pid <= 0) return undefined
    return { ...owner, began: owner.began ?? null, host: owner.host ?? hostname() }
  } catch {
    return undefined
  }
}

/**
 * Whether the lock's process is certainly gone. A lock of another machine cannot be judged here. A lock is whole from
 * its first moment, so one without an owner was left by a crash of the machine.
 * @param {Owner | undefined} owner
 */
function isStale(owner) {
  return owner === undefined || (owner.host === hostname() && !isRunning(owner))
}

/** @param {string} path */
const ownerFile = (path) => join(path, 'owner')

/** @param {string} path @returns {string | undefined} undefined when there is no lock */
function readIfThere(path) {
  let fd
  try {
    // Opening a pipe would wait for its writer.
    fd = fs.openSync(path, fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0))
    const stat = fs.fstatSync(fd)
    if (stat.isDirectory()) return fs.readFileSync(ownerFile(path), 'utf8')
    if (!stat.isFile()) throw new Error('it is not a regular file')
    return fs.readFileSync(fd, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined
    throw error
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
  }
}

/** This machine in names of temporary files. */
const HOST = createHash('sha256').update(hostname()).digest('hex').slice(0, 8)

/** The process id and the machine in names of temporary files. Earlier versions named no machine. */
const TEMPORARY = /^\..+\.(?:tmp|old)-(\d+)-(?:([0-9a-f]{8})-)?[0-9a-f]+$/

/**
 * A name beside `path` that only this process uses, so that a rename never crosses a file system. Others recognise it as
 * stale if the process dies before it removes it.
 * @param {string} path
 * @param {'tmp' | 'old'} [kind]
 */
function siblingOf(path, kind = 'tmp') {
  const unique = `${process.pid}-${HOST}-${randomBytes(6).toString('hex')}`
  return join(dirname(path), `.${basename(path)}.${kind}-${unique}`)
}

/**
 * Whether a name is that of a temporary file.
 * @param {string} name
 */
const isTemporary = (name) => TEMPORARY.test(name)

/**
 * Whether a name is that of a temporary file whose process is gone. Processes of other machines, which share the file
 * system, cannot be judged here.
 * @param {string} name
 */
function isLeft(name) {
  const [, pid, host = HOST] = TEMPORARY.exec(name) ?? []
  return pid !== undefined && host === HOST && !processIsAlive(Number(pid))
}

/** @param {string} file @param {Owner} owner */
function writeOwner(file, owner) {
  // Not forced to the disk: a crash of the machine ends the lock anyway, whether the file is whole or empty.
  fs.writeFileSync(file, JSON.stringify(owner), { flag: 'wx' })
}

/**
 * Puts the finished draft at `path`, whole or not at all. On a file system without hard links, a folder with the draft
 * in it is renamed. That also fails if a file, or a folder with content, has the name.
 *
 * @param {string} draft
 * @param {string} path
 * @returns {boolean} false when the name is taken
 */
function place(draft, path) {
  try {
    fs.linkSync(draft, path)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    if (!WITHOUT_LINKS.has(codeOf(error))) throw error
  }
  const folder = siblingOf(path)
  fs.mkdirSync(folder)
  try {
    fs.copyFileSync(draft, ownerFile(folder))
    fs.renameSync(folder, path)
    return true
  } catch (error) {
    fs.rmSync(folder, { recursive: true, force: true })
    if (TAKEN.has(codeOf(error))) return false
    throw error
  }
}

/**
 * Removes the lock in one step. Only for its holder, or for the process whose turn it is to remove it.
 * @param {string} path
 */
function remove(path) {
  const doomed = siblingOf(path)
  try {
    fs.renameSync(path, doomed)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return // removed by hand
    throw error
  }
  fs.rmSync(doomed, { recursive: true, force: true })
}

/**
 * Removes a stale lock, if it is still stale. Only one process at a time may check and remove: otherwise one could
 * remove the lock that another has just put in place of the stale one. This turn is a lock itself, so that the turn of
 * a killed process is taken over like any other.
 *
 * @param {string} path
 * @param {(owner: Owner) => void} onStale
 * @returns {Owner | undefined | null} null when the lock has been removed; else the process whose turn it is
 */
function removeStale(path, onStale) {
  const turn = `${path}.turn`
  const token = randomBytes(6).toString('hex')
  const other = attempt(turn, token, () => {})
  if (other !== null) return other
  try {
    const text = readIfThere(path)
    if (text === undefined) return null
    const owner = parseOwner(text)
    if (!isStale(owner)) return null
    if (owner !== undefined) onStale(owner)
    remove(path)
    return null
  } finally {
    freeLock(turn, token)
  }
}

/**
 * Makes one attempt, and a second one if the first met a stale lock.
 *
 * @param {string} path
 * @param {string} token
 * @param {(owner: Owner) => void} onStale
 * @returns {Owner | undefined | null} null on success; else the owner in the way, undefined if it is not known
 */
function attempt(path, token, onStale) {
  const draft = siblingOf(path)
  try {
    writeOwner(draft, { ...processOf(process.pid), host: hostname(), token })
    let owner
    for (let i = 0; i < 2; i++) {
      if (place(draft, path)) return null
      const text = readIfThere(path)
      owner = text === undefined ? undefined : parseOwner(text)
      if (text === undefined || !isStale(owner)) return owner
      const other = removeStale(path, onStale)
      if (other !== null) return other
    }
    return owner
  } finally {
    fs.rmSync(draft, { force: true })
  }
}

/**
 * Removes files beside the lock that killed processes left while they tried for it.
 * @param {string} path
 */
function sweep(path) {
  const base = basename(path)
  for (const name of fs.readdirSync(dirname(path))) {
    const file = join(dirname(path), name)
    if (name.startsWith(base) && /^(\.turn)+$/.test(name.slice(base.length))) removeStale(file, () => {})
    if (!name.startsWith(`.${base}.`)) continue
    const isDraft = /^(?:turn\.)*tmp-/.test(name.slice(base.length + 2))
    if (isDraft && isLeft(name)) fs.rmSync(file, { recursive: true, force: true })
  }
}

/**
 * Takes the lock at `path` for this process. Does not wait for its holder, but blocks the thread for some milliseconds
 * while other processes are taking over a stale lock.
 *
 * @param {string} path the lock file, in a folder that exists
 * @param {string} token
 * @param {{ onStale?: (owner: Owner) => void, patience?: number }} [options] onStale: called with a dead owner before
 *   its lock is taken; patience: how long others may be taking over, ms
 * @returns {Owner | undefined | null} null on success; else the owner in the way, undefined if it is not known
 */
function takeLock(path, token, { onStale = () => {}, patience = PATIENCE_MS } = {}) {
  for (const began = performance.now(); ; ) {
    const owner = attempt(path, token, onStale)
    if (owner === null) {
      sweep(path)
      return null
    }
    const text = readIfThere(path)
    const held = text !== undefined && !isStale(parseOwner(text))
    if (held || performance.now() - began >= patience) return owner
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2)
  }
}

/**
 * Whether a process holds the lock. Takes and changes nothing.
 * @param {string} path
 */
function lockIsHeld(path) {
  const text = readIfThere(path)
  return text !== undefined && !isStale(parseOwner(text))
}

/**
 * Releases the lock, if it belongs to `token`.
 * @param {string} path
 * @param {string} token
 */
function freeLock(path, token) {
  const text = readIfThere(path)
  if (text !== undefined && parseOwner(text)?.token === token) remove(path)
}

/**
 * Records the process groups that this process has started, in its lock.
 * @param {string} path
 * @param {string} token
 * @param {Process[]} children
 */
function noteChildren(path, token, children) {
  const text = readIfThere(path)
  const owner = text === undefined ? undefined : parseOwner(text)
  if (owner?.token !== token) return
  const draft = siblingOf(path)
  writeOwner(draft, { ...owner, children })
  fs.renameSync(draft, fs.statSync(path).isDirectory() ? ownerFile(path) : path)
}

module.exports = { freeLock, isLeft, isTemporary, lockIsHeld, noteChildren, processOf, siblingOf, takeLock }
