/* Running programs for a step: their output goes to the step's log, a signal ends them, a progress line tells how long. */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { Interrupted, SetupError } from './failure.mjs'
import { killGroup, noteChild } from './lock.mjs'
import { printable } from './text.mjs'

const GRACE_MS = 3000
const KEPT_OUTPUT = 1 << 16

let signalled = null
let forced = false
const running = new Map()

/** From here on SIGINT, SIGTERM and SIGHUP end the running programs and make every further step throw Interrupted. */
export function catchSignals() {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
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

/** An executable's full path on PATH, or null. */
export function which(name, env = process.env) {
  const folders = name.includes(path.sep) ? [''] : (env.PATH ?? '').split(path.delimiter)
  for (const folder of folders) {
    const file = folder === '' ? name : path.join(folder, name)
    try {
      fs.accessSync(file, fs.constants.X_OK)
      if (fs.statSync(file).isFile()) return file
    } catch {
      // Not here; the next folder may have it.
    }
  }
  return null
}

/**
 * Runs a program in its own process group.
 * @param {{log?: number|null, cwd?: string, env?: object, timeout?: number, onLine?: (line: string) => void, input?: string}} options
 *   log: descriptor that receives the output too; timeout: milliseconds after which it is killed
 * @returns {Promise<{code: number|null, stdout: string, output: string, timedOut: boolean}>} output: the last 64 kB of
 *   stdout and stderr together
 * @throws Interrupted when a signal arrived meanwhile; the program has ended by then
 */
export function run(command, args, { log = null, cwd, env, timeout, onLine, input } = {}) {
  throwIfInterrupted()
  if (log !== null) fs.writeSync(log, `$ ${[command, ...args.map(shorten)].join(' ')}\n`)
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: env ?? process.env,
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
      // The program may end without reading it all; its exit status tells.
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

/** Scripts passed as an argument would fill the log. */
function shorten(arg) {
  return arg.length > 300 || arg.includes('\n') ? `'${arg.trim().split('\n')[0].slice(0, 60)} …'` : arg
}

/** The last `count` lines of a file, '' when there is none. */
export function tail(file, count = 25) {
  try {
    return fs.readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count).join('\n')
  } catch {
    return ''
  }
}

export class Progress {
  #quiet
  #stream = process.stderr
  #open = null

  constructor(quiet) {
    this.#quiet = quiet
  }

  /** A line of its own, also in the middle of a step. */
  say(text) {
    if (this.#quiet) return
    if (this.#open === null) this.#stream.write(`setup: ${printable(text)}\n`)
    else {
      this.#stream.write(this.#stream.isTTY ? `\r\x1b[K` : '\n')
      this.#stream.write(`setup: ${printable(text)}\n`)
      this.#start()
    }
  }

  /** Runs `work(detail)` with a line that first says `what`, then how long it took. `detail(text)` shows on a terminal. */
  async step(what, work) {
    const began = Date.now()
    const seconds = () => `${((Date.now() - began) / 1000).toFixed(1)} s`
    this.#open = printable(what)
    this.#start()
    try {
      const result = await work((text) => this.#detail(text, seconds()))
      this.#end(seconds())
      return result
    } catch (error) {
      this.#end(`${error instanceof Interrupted ? 'interrupted' : 'failed'} after ${seconds()}`)
      throw error
    } finally {
      this.#open = null
    }
  }

  #start() {
    if (!this.#quiet) this.#stream.write(`setup: ${this.#open} … `)
  }

  #detail(text, time) {
    if (!this.#quiet && this.#stream.isTTY)
      this.#stream.write(`\r\x1b[Ksetup: ${this.#open} … ${printable(text)}, ${time} `)
  }

  #end(text) {
    if (this.#quiet) return
    this.#stream.write(this.#stream.isTTY ? `\r\x1b[Ksetup: ${this.#open} … ${text}\n` : `${text}\n`)
  }
}
