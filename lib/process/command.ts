/** The output of a shell command, as a stream. */
import { spawn } from 'node:child_process'
import { MbconvError } from '../errors/error'

/** Characters of a command's complaint that are kept. */
const MOST_COMPLAINT = 2000

/**
 * Runs a command in /bin/sh and gives what it writes. A caller that stops early ends the command and what it started.
 *
 * @param signal ends the command at once
 * @throws MbconvError ERR_DATA if the command cannot be started or fails, with the last line of its complaint
 */
export async function* outputOf(command: string, signal?: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
  // A group of its own, so that every part of a pipeline can be ended.
  const child = spawn('/bin/sh', ['-c', command], { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const ended = new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (status, by) => resolve(status === 0 ? undefined : `ended with ${by ?? `status ${status}`}`))
  })
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-MOST_COMPLAINT)
  })
  const kill = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
    } catch {
      // It has ended.
    }
  }
  signal?.addEventListener('abort', kill, { once: true })
  if (signal?.aborted) kill()
  let isWhole = false
  try {
    yield* child.stdout
    const problem = await ended
    isWhole = true
    if (problem === undefined) return
    const last = complaint.trim().split('\n').at(-1)
    throw new MbconvError('ERR_DATA', `${command}: ${problem}${last ? `: ${last}` : ''}`, {
      hint: 'Run the command by itself to see what is wrong.',
    })
  } finally {
    signal?.removeEventListener('abort', kill)
    if (!isWhole) {
      kill()
      await ended
    }
  }
}
