/*
 * Waits for the library's lock. The holder also records the programs that it has started: if it was killed, those may
 * still be running and writing to the same folders, so the next holder ends them first.
 */
import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { freeLock, noteChildren, processOf, takeLock } from '../../lib/files/lock-file.cjs'
import { makeFolder } from './folders.mjs'

const POLL_MS = 200

/** The locks of this process, each with its token; and the process groups that are running. */
const held = new Map()
let children = []

/**
 * Waits until the lock is free, then holds it. `onWait(pid)` is called once, when another process has it.
 * @returns a function that releases it
 */
export async function acquireLock(file, { onWait = () => {}, check = () => {} } = {}) {
  makeFolder(path.dirname(file))
  const token = randomUUID()
  for (let waited = false; ; ) {
    check()
    const holder = takeLock(file, token, { onStale: endChildren })
    if (holder === null) break
    if (!waited) onWait(holder?.pid ?? null)
    waited = true
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  held.set(file, token)
  return () => {
    if (held.delete(file)) freeLock(file, token)
  }
}

/** Records in every held lock that the process group `pid` was started (`running`) or has ended. */
export function noteChild(pid, running) {
  children = children.filter((child) => child.pid !== pid)
  if (running) children.push(processOf(pid))
  for (const [file, token] of held) noteChildren(file, token, children)
}

function endChildren(owner) {
  for (const child of owner.children ?? []) {
    // The number alone might belong to another process by now.
    if (child.began !== null && processOf(child.pid).began === child.began) killGroup(child.pid, 'SIGKILL')
  }
}

export function killGroup(pid, signal) {
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if (error.code !== 'ESRCH' && error.code !== 'EPERM') throw error
  }
}
