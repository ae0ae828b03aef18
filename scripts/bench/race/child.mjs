// The process of a contestant, as the race sees it. It computes in a process of its own, which waits for its turn; its peak
// memory is its own, too. It speaks lines: the first one says that it is ready; for each number on its standard input it
// makes so many calls and answers with their seconds. Every line is JSON.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** So much of what a process wrote to standard error is kept. */
const EXCERPT = 8000

/**
 * Starts a contestant and waits until it is ready.
 *
 * @param {string[]} command the program and its words
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<{ready: object, run: (calls: number) => Promise<object>, stop: () => Promise<void>}>}
 * @throws Error with the end of what it wrote to standard error, if it ends before it is ready. `run` throws so, too.
 */
export async function startChild([program, ...words], env) {
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'pipe'], env })
  let excerpt = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    excerpt = (excerpt + text).slice(-EXCERPT)
  })
  child.stdin.on('error', () => {}) // it has ended, which `ended` tells
  const ended = new Promise((_, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) =>
      reject(new Error(`ended with ${signal ?? `status ${code}`}${reasonIn(excerpt)}`)),
    )
  })
  ended.catch(() => {}) // matters only while a line is awaited
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = async () => {
    for (;;) {
      const { value, done } = await Promise.race([lines.next(), ended])
      if (done) await ended
      if (value.startsWith('{')) return JSON.parse(value) // libraries print, too
    }
  }
  const run = (calls) => {
    child.stdin.write(`${calls}\n`)
    return line()
  }
  const stop = async () => {
    child.stdin.end()
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
  }
  return { ready: await line(), run, stop }
}

/** The line of a text that names an error, which is the last such one in Python and Node; else its last line. */
function reasonIn(text) {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const reason = lines.findLast((line) => /^\s*(\w|\.)*(Error|Exception)\b/.test(line)) ?? lines.at(-1)
  return reason === undefined ? '' : `: ${reason.trim()}`
}
