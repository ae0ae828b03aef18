/*
 * A lock file that outlives no process: it names its holder, and whoever waits takes it over when that holder is gone.
 *
 * The holder also notes the programs it has started. When it was killed outright, those may still be running and writing
 * into the same folders, so the next holder ends them before it goes on.
 */
import fs from 'node:fs'
import path from 'node:path'
import { makeFolder } from './folders.mjs'

const POLL_MS = 200
/** Taking over a dead holder's lock takes microseconds; a marker older than this was left by a crash. */
const TAKEOVER_MS = 10_000

const HALF_WRITTEN_MS = 2000
const WITHOUT_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

const held = new Map()

/**
 * Waits until the lock is free, then holds it. `onWait(pid)` is called once, when another process has it.
 * @returns a function that releases it
 */
export async function acquireLock(file, { onWait = () => {}, check = () => {} } = {}) {
  makeFolder(path.dirname(file))
  for (let waited = false; ; ) {
    check()
    const record = { pid: process.pid, started: startTime(process.pid), children: [] }
    if (create(file, record)) {
      held.set(file, record)
      return () => {
        if (held.delete(file)) fs.rmSync(file, { force: true })
      }
    }
    const holder = read(file)
    if (holder !== null && !isAlive(holder)) {
      takeOver(file)
      continue
    }
    if (!waited) onWait(holder === null ? null : holder.pid)
    waited = true
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** Notes in every held lock that the process group `pid` was started (`running`) or has ended. */
export function noteChild(pid, running) {
  for (const [file, record] of held) {
    record.children = record.children.filter((child) => child.pid !== pid)
    if (running) record.children.push({ pid, started: startTime(pid) })
    const temporary = `${file}.${process.pid}`
    fs.writeFileSync(temporary, JSON.stringify(record))
    fs.renameSync(temporary, file)
  }
}

/** Creates the lock with its content in one step, so that nobody can read it half written. */
function create(file, record) {
  const temporary = `${file}.${process.pid}`
  fs.writeFileSync(temporary, JSON.stringify(record))
  try {
    fs.linkSync(temporary, file)
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    if (!WITHOUT_LINKS.has(error.code)) throw error
    return createPlainly(file, record)
  } finally {
    fs.rmSync(temporary, { force: true })
  }
}

/** For file systems without hard links: exclusive, but readable for a moment before it has its content. */
function createPlainly(file, record) {
  try {
    fs.writeFileSync(file, JSON.stringify(record), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

function read(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT') return null
    if (!(error instanceof SyntaxError)) throw error
    // Being written right now, or damaged: in the latter case nobody can be holding it.
    const stat = fs.statSync(file, { throwIfNoEntry: false })
    const fresh = stat !== undefined && Date.now() - stat.mtimeMs < HALF_WRITTEN_MS
    return fresh ? null : { pid: 0, started: null, children: [] }
  }
}

/** Removes a dead holder's lock. The marker keeps two waiters from removing each other's fresh one. */
function takeOver(file) {
  const marker = `${file}.takeover`
  try {
    fs.closeSync(fs.openSync(marker, 'wx'))
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    const stat = fs.statSync(marker, { throwIfNoEntry: false })
    if (stat !== undefined && Date.now() - stat.mtimeMs > TAKEOVER_MS) fs.rmSync(marker, { force: true })
    return
  }
  try {
    const holder = read(file)
    if (holder === null || isAlive(holder)) return
    for (const child of holder.children) {
      // Without a start time the number might belong to somebody else by now.
      if (child.started !== null && isAlive(child)) killGroup(child.pid, 'SIGKILL')
    }
    fs.rmSync(file, { force: true })
  } finally {
    fs.rmSync(marker, { force: true })
  }
}

function isAlive({ pid, started }) {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it runs, as another user.
    if (error.code !== 'EPERM') return false
  }
  const now = startTime(pid)
  return started === null || now === null || now === started
}

/** Clock ticks since boot at which a process began (Linux), which tells it from a later one with the same number. */
function startTime(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command's name, in brackets, may hold blanks; field 22 is the twentieth after it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return null
  }
}

export function killGroup(pid, signal) {
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if (error.code !== 'ESRCH' && error.code !== 'EPERM') throw error
  }
}
