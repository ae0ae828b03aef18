// Watching a child process that writes down what it is at: it may die at any moment, and may never end.
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** What a file has; nothing where there is none, or none any more. */
export function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** Seconds that a process has computed for; how long it has existed says nothing on a busy machine. */
function computed(pid) {
  const fields = read(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, '')
    .split(' ')
  return fields.length > 12 ? (Number(fields[11]) + Number(fields[12])) / 100 : 0
}

/**
 * Waits until a child ends, or ends it when its log has said the same for too long.
 *
 * @param child whose stderr is a pipe
 * @param log the file that says what it is at
 * @param limits seconds without a change: `computing` of the processor's, `waiting` of the clock's
 * @returns { code, signal, hung, line, errors, seconds }: how it ended, and whether for hanging; what the log says at last;
 *   the end of its stderr; the seconds it has computed for
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
