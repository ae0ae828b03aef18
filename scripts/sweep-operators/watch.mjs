// Watches a child process that logs what it is doing: it may die at any moment, and may never end.
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** The content of a file; empty if it does not exist. */
export function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** Processor seconds of a process; elapsed time would say nothing on a busy machine. */
function computed(pid) {
  const fields = read(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, '')
    .split(' ')
  return fields.length > 12 ? (Number(fields[11]) + Number(fields[12])) / 100 : 0
}

/**
 * Waits until a child ends. Ends it if its log has not changed for too long.
 *
 * @param child whose stderr is a pipe
 * @param log the file in which it logs what it is doing
 * @param limits seconds without a change: `computing` in processor time, `waiting` in elapsed time
 * @returns { code, signal, hung, line, errors, seconds }: how it ended, and whether it hung; the last line of the log;
 *   the end of its stderr; its processor seconds
 */
export async function watch(child, log, { computing, waiting }) {
  let errors = ''
  child.stderr.on('data', (text) => {
    errors = (errors + text).slice(-4000)
  })
  let ended
  const end = new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      ended = { code, signal }
      resolve()
    })
  })
  let hung = false
  let last = { line: '', computed: 0, at: Date.now() }
  let seconds = 0
  while (ended === undefined) {
    await Promise.race([end, sleep(250, undefined, { ref: false })])
    const now = { line: read(log), computed: computed(child.pid), at: Date.now() }
    seconds = Math.max(seconds, now.computed)
    if (now.line !== last.line) last = now
    else if (now.computed - last.computed > computing || now.at - last.at > waiting * 1000) {
      hung = true
      child.kill('SIGKILL')
      await end
    }
  }
  return { ...ended, hung, line: read(log), errors, seconds }
}
