/** The output of a shell command, as a stream. */
import { spawn } from 'node:child_process'
import { finished, type Readable } from 'node:stream'
import { MbconvError } from '../errors/error'

/** Characters of a command's complaint that are kept. */
const MOST_COMPLAINT = 2000

/** Time for the last words of a command that has failed, ms. What it left behind can hold stderr open for ever. */
const LAST_WORDS = 1000

/** Characters of a command that are shown. */
const MOST_SHOWN = 120

/**
 * Runs the command "$1" in a process group with a guard, and ends the group when file descriptor 3 is closed. This
 * process closes it when it wants no more, and the system does when this process ends, in whatever way. What ignores
 * SIGTERM is killed two seconds later.
 */
const GUARDED = `(trap '' TERM; read -r line <&3; kill -s TERM 0; sleep 2; kill -s KILL 0) >/dev/null 2>&1 &
exec 3<&-
exec /bin/sh -c "$1"`

/** A command as messages and names show it. The queries of addresses are left out: they can hold passwords. */
export function shownCommand(command: string): string {
  const shown = command.replace(/([a-z][a-z0-9+.-]*:\/\/[^\s'"?]*\?)[^\s'"]*/gi, '$1…')
  return shown.length > MOST_SHOWN ? `${shown.slice(0, MOST_SHOWN)}…` : shown
}

/**
 * Runs a command in /bin/sh and gives what it writes. When the command has ended, when a caller stops early, and when this
 * process ends, everything that the command started in its process group is ended.
 *
 * @param signal ends the command at once
 * @throws MbconvError ERR_DATA if the command cannot be started or fails, with the last line of its complaint
 */
export async function* outputOf(command: string, signal?: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
  const child = spawn('/bin/sh', ['-c', GUARDED, 'sh', command], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
  })
  // Not 'close', which waits for everyone who holds stderr.
  const ended = new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (status, by) => resolve(status === 0 ? undefined : `ended with ${by ?? `status ${status}`}`))
  })
  const failure = (problem: string, complaint: string) => {
    const last = complaint.trim().split('\n').at(-1)
    return new MbconvError('ERR_DATA', `${shownCommand(command)}: ${problem}${last ? `: ${last}` : ''}`, {
      hint: 'Run the command by itself to see what is wrong.',
    })
  }
  const [, stdout, stderr, guard] = child.stdio as (Readable | undefined)[]
  // Without descriptors left, there are no pipes.
  if (stdout === undefined || stderr === undefined || guard === undefined)
    throw failure((await ended) ?? 'cannot be started', '')
  let complaint = ''
  stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-MOST_COMPLAINT)
  })
  guard.on('error', () => {}) // the command has ended
  const end = () => guard.destroy()
  signal?.addEventListener('abort', end, { once: true })
  if (signal?.aborted) end()
  try {
    yield* stdout
    const problem = await ended
    if (problem === undefined) return
    await lastWords(stderr)
    throw failure(problem, complaint)
  } finally {
    signal?.removeEventListener('abort', end)
    end()
    stdout.destroy()
    await ended
    stderr.destroy()
  }
}

/** Waits until a stream has ended, but not for long. */
const lastWords = (stream: Readable) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, LAST_WORDS)
    finished(stream, () => {
      clearTimeout(timer)
      resolve()
    })
  })
