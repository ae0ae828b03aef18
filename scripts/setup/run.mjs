/* Runs programs for a step: their output goes to the step's log, a signal ends them, a progress line shows the time. */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { hangupIsIgnored } from '../../lib/process/hangup.cjs'
import { Interrupted, SetupError } from './failure.mjs'
import { killGroup, noteChild } from './lock.mjs'
import { printable } from './text.mjs'

const GRACE_MS = 3000
const KEPT_OUTPUT = 1 << 16

let signalled = null
let forced = false
const running = new Map()

/**
 * From here on SIGINT, SIGTERM and SIGHUP end the running programs and make every further step throw Interrupted.
 * SIGHUP has no effect under nohup.
 */
export function catchSignals() {
  const ignored = hangupIsIgnored()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (signal === 'SIGHUP' && ignored) return
      const again = signalled !== null
      signalled ??= signal
      for (const pid of running.keys()) {
        if (again) force(pid)
        else killGroup(pid, signal)
        setTimeout(() => running.has(pid) && force(pid), GRACE_MS).unref()
      }
    })
  }
}

function force(pid) {
  forced = true
  killGroup(pid, 'SIGKILL')
}

export function throwIfInterrupted() {
  if (signalled !== null) throw new Interrupted(signalled)
}

/** The full path of an executable on PATH, or null. */
export function which(name, env = process.env) {
  const folders = name.includes(path.sep) ? [''] : (env.PATH ?? '').split(path.delimiter)
  // On Windows a program's name has an extension, which is left out when it is called.
  const names = process.platform === 'win32' && path.extname(name) === '' ? [`${name}.exe`, `${name}.cmd`] : [name]
  for (const file of folders.flatMap((folder) => names.map((each) => path.join(folder, each)))) {
    try {
      fs.accessSync(file, fs.constants.X_OK)
      if (fs.statSync(file).isFile()) return file
    } catch {
      // Not in this folder; the next one may have it.
    }
  }
  return null
}

/** The environment for programs whose messages are parsed: in English, whatever the user's language. */
export const inEnglish = (env = process.env) => ({ ...env, LC_ALL: 'C.UTF-8', LANGUAGE: '' })

/**
 * Runs a program in its own process group.
 * @param {{log?: number|null, cwd?: string, env?: object, timeout?: number, onLine?: (line: string) => void, input?: string}} options
 *   log: descriptor that also receives the output; timeout: milliseconds after which it is killed
 * @returns {Promise<{code: number|null, stdout: string, output: string, timedOut: boolean}>} output: the last 64 kB of
 *   stdout and stderr together
 * @throws Interrupted if a signal arrived meanwhile; the program has ended by then
 */
export function run(command, args, { log = null, cwd, env, timeout, onLine, input } = {}) {
  throwIfInterrupted()
  if (log !== null) fs.writeSync(log, `$ ${[command, ...args.map(shorten)].join(' ')}\n`)
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: inEnglish(env),
      detached: true,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
    let stdout = ''
    let output = ''
    let line = ''
    let timedOut = false
    let timer = null
    const take = (text) => {
      if (log !== null) fs.writeSync(log, text)
      output = (output + text).slice(-KEPT_OUTPUT)
      if (onLine === undefined) return
      const lines = (line + text).split(/[\r\n]+/)
      line = lines.pop()
      for (const one of lines) onLine(one)
    }
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text
      take(text)
    })
    child.stderr.setEncoding('utf8').on('data', take)
    if (input !== undefined) {
      // The program may end without reading all of it; its exit status decides.
      child.stdin.on('error', () => {})
      child.stdin.end(input)
    }
    child.on('error', (error) => reject(new SetupError(`cannot run ${command}: ${error.message}`)))
    child.on('spawn', () => {
      running.set(child.pid, child)
      noteChild(child.pid, true)
      if (signalled !== null) killGroup(child.pid, signalled)
      if (timeout !== undefined) {
        timer = setTimeout(() => {
          timedOut = true
          killGroup(child.pid, 'SIGKILL')
        }, timeout)
      }
    })
    child.on('close', (code) => {
      clearTimeout(timer)
      if (running.delete(child.pid)) noteChild(child.pid, false)
      if (signalled !== null) reject(new Interrupted(signalled, forced))
      else resolve({ code, stdout, output, timedOut })
    })
  })
}

/** Shortens scripts passed as an argument, which would fill the log. */
function shorten(arg) {
  return arg.length > 300 || arg.includes('\n') ? `'${arg.trim().split('\n')[0].slice(0, 60)} …'` : arg
}

/** The last `count` lines of a file; '' if there is none. */
export function tail(file, count = 25) {
  try {
    return fs.readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count).join('\n')
  } catch {
    return ''
  }
}

/** Without a terminal, progress is printed at most this often. */
const TELLING_MS = 5000
const REDRAWING_MS = 1000

/**
 * Shows the current step, its progress and how long it took. On a terminal each step has one line, which is redrawn.
 * Elsewhere (a log, a pipe) a line is printed when the step begins and ends, and its progress every five seconds.
 */
export class Progress {
  #quiet
  #stream
  #now
  /**
   * The current step, null between steps; whether its line has begun; its progress, and the time of the last output.
   */
  #open = null
  #begun = false
  #doing = null
  #began = 0
  #told = 0

  /**
   * @param {boolean} quiet
   * @param {{stream?: {isTTY?: boolean, columns?: number, write: (text: string) => void}, now?: () => number}} options now: milliseconds
   */
  constructor(quiet, { stream = process.stderr, now = () => performance.now() } = {}) {
    this.#quiet = quiet
    this.#stream = stream
    this.#now = now
  }

  /** Prints a separate line, also in the middle of a step. */
  say(text) {
    this.#clear()
    this.#write(`setup: ${printable(text)}\n`)
    if (this.#open !== null && this.#stream.isTTY) this.#draw()
  }

  /**
   * Runs `work(detail)` with a line that first shows `what`, then how long it took. `detail(text)` sets the progress,
   * such as a file and a count.
   */
  async step(what, work) {
    this.#open = printable(what)
    this.#doing = null
    this.#began = this.#now()
    this.#told = this.#began
    this.#draw()
    // The time advances even if nothing else does.
    const timer = setInterval(() => this.#show(), REDRAWING_MS).unref()
    try {
      const result = await work((text) => {
        this.#doing = printable(text)
        this.#show()
      })
      this.#end(this.#seconds())
      return result
    } catch (error) {
      this.#end(`${error instanceof Interrupted ? 'interrupted' : 'failed'} after ${this.#seconds()}`)
      throw error
    } finally {
      clearInterval(timer)
      this.#open = null
    }
  }

  #write(text) {
    if (!this.#quiet) this.#stream.write(text)
  }

  #seconds() {
    return `${((this.#now() - this.#began) / 1000).toFixed(1)} s`
  }

  #draw() {
    const { isTTY, columns = Number.POSITIVE_INFINITY } = this.#stream
    const doing = this.#doing === null || !isTTY ? '' : `${this.#doing}, ${this.#seconds()} `
    const line = `setup: ${this.#open} … ${doing}`
    // A wrapped line could not be redrawn. The step's name was already shown.
    const short = doing !== '' && line.length >= columns ? `setup: … ${doing}` : line
    this.#write(isTTY ? short.slice(0, columns - 1) : short)
    this.#begun = true
  }

  /** Clears the step's line, to print another one. */
  #clear() {
    if (this.#begun) this.#write(this.#stream.isTTY ? '\r\x1b[K' : '\n')
    this.#begun = false
  }

  #show() {
    if (this.#doing === null) return
    if (this.#stream.isTTY) {
      this.#clear()
      this.#draw()
    } else if (this.#now() - this.#told >= TELLING_MS) {
      this.#told = this.#now()
      this.#clear()
      this.#write(`setup:   ${this.#doing}, ${this.#seconds()}\n`)
    }
  }

  #end(text) {
    if (this.#stream.isTTY) this.#clear()
    this.#write(this.#begun ? `${text}\n` : `setup: ${this.#open} … ${text}\n`)
    this.#begun = false
  }
}
