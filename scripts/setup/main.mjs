/* The order of the steps, and the decision which of them to run. */
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { refusal, thisMachine } from '../../lib/native/platform.cjs'
import { EXIT, Interrupted, SetupError } from './failure.mjs'
import { fetchLibtorch } from './fetch.mjs'
import { makeFolder } from './folders.mjs'
import { compile, compiledFresh, installPackages, isCheckout, packagesFresh } from './javascript.mjs'
import { chooseLibtorch, inspectLibtorch, verifyFetched } from './libtorch.mjs'
import { acquireLock } from './lock.mjs'
import { buildNative, fittingPrebuilt, nativeFresh, prebuiltFresh, takePrebuilt } from './native.mjs'
import { HELP, parseOptions } from './options.mjs'
import { checkPrerequisites } from './prerequisites.mjs'
import { catchSignals, Progress, tail, throwIfInterrupted } from './run.mjs'
import { readState, writeState } from './state.mjs'
import { printable } from './text.mjs'

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..')
/**
 * npm commands that run packages' install scripts. Set-up takes minutes and gigabytes, so it must never be their side
 * effect.
 */
const INSTALLING = new Set(['install', 'ci', 'update', 'install-test', 'install-ci-test', 'link', 'dedupe', 'audit'])
const SIGNAL_EXIT = { SIGHUP: 129, SIGINT: EXIT.sigint, SIGTERM: EXIT.sigterm }

/** Runs the set-up with the given command-line arguments and returns the exit status. */
export async function main(args, root = ROOT) {
  try {
    const options = parseOptions(args)
    if (options.help) {
      process.stdout.write(HELP)
      return EXIT.ok
    }
    if (options.unlessInstalling && INSTALLING.has(process.env.npm_command)) {
      process.stderr.write('setup: not while npm installs; run `mbconv setup` (or `npm run setup`) when it is done\n')
      return EXIT.ok
    }
    catchSignals()
    await setUp(root, options, new Progress(options.quiet === true))
    return EXIT.ok
  } catch (error) {
    return report(error)
  }
}

async function setUp(root, options, progress) {
  const began = Date.now()
  if (isDone(await plan(root, options))) {
    progress.say(`everything is up to date (${Date.now() - began} ms)`)
    return
  }
  const lock = path.join(root, 'build', 'setup.lock')
  const release = await acquireLock(lock, {
    check: throwIfInterrupted,
    onWait: (pid) => progress.say(`waiting for another set-up of this folder (process ${pid})`),
  })
  try {
    // The previous holder of the lock may have done everything.
    const due = await plan(root, options)
    if (!isDone(due)) await carryOut(root, options, due, progress)
  } finally {
    release()
  }
}

/** Decides which steps to run. `libtorch` is the chosen one and, if it is present, its facts. */
async function plan(root, options) {
  const state = readState(root)
  const checkout = isCheckout(root) && !options.nativeOnly
  const force = options.force === true
  const choice = await chooseLibtorch(root, options, state)
  if (choice.given === null) refuseMachine(thisMachine())
  const libtorch = lookAt(choice, force)
  refuseContradiction(choice, libtorch, options)
  const npm = checkout && !options.skipNpm && (force || !packagesFresh(root))
  // A checkout is for changing native/, so its addon is always compiled.
  const { prebuilt, why } =
    options.compile || isCheckout(root) ? { prebuilt: null, why: null } : fittingPrebuilt(root, libtorch ?? choice)
  const done = libtorch !== null && (nativeFresh(root, state, libtorch) || prebuiltFresh(state, prebuilt, libtorch))
  const native = force || npm || !done
  const javascript = checkout && (force || npm || !compiledFresh(root, state))
  const remember = JSON.stringify(state.libtorch?.choice ?? {}) !== JSON.stringify(choice.choice)
  return { state, choice, libtorch, npm, native, prebuilt, why, javascript, remember }
}

/** Refuses a machine that libtorch does not exist for, before anything is downloaded. */
function refuseMachine(machine) {
  const refused = refusal(machine)
  if (refused === null) return
  throw new SetupError(refused.reason, { exitCode: EXIT.environment, hint: refused.alternative })
}

function isDone({ libtorch, npm, native, javascript, remember }) {
  return libtorch !== null && !npm && !native && !javascript && !remember
}

export function lookAt(choice, deep) {
  if (choice.given !== null) return { ...inspectLibtorch(choice.given, choice.from), source: choice.from }
  const manifest = verifyFetched(choice.folder, deep)
  if (manifest === null) return null
  return { ...inspectLibtorch(choice.folder, choice.from), flavour: choice.flavour, source: manifest.wheel }
}

/** LIBTORCH must not silently overrule a flavour requested on the command line. */
function refuseContradiction(choice, libtorch, options) {
  const asked = options.cpu ? 'cpu' : options.cuda ? 'cuda' : null
  if (asked === null || choice.given === null || libtorch.flavour === asked) return
  throw new SetupError(
    `--${asked} was given, but ${choice.from} names a ${libtorch.flavour} libtorch, ${libtorch.path}`,
    {
      exitCode: EXIT.usage,
      hint: `Unset ${choice.from}, or leave out --${asked}.`,
    },
  )
}

async function carryOut(root, options, due, progress) {
  const { choice } = due
  if (choice.lost !== undefined) progress.say(`${choice.lost}, given earlier with --libtorch, is gone; choosing anew`)
  const compiling = due.native && due.prebuilt === null
  if (compiling && due.why !== null) progress.say(`the prebuilt addon is not used: ${due.why}; compiling one`)
  const tools = await checkPrerequisites({ npm: due.npm, python: due.libtorch === null, native: compiling })
  const step = (name, what, work) => loggedStep(root, progress, name, what, work)
  let { state } = due
  const remember = (facts) => {
    state = { ...state, ...facts, node: process.versions.node }
    writeState(root, state)
  }

  if (due.npm) await step('npm', 'npm packages', (to) => installPackages(root, tools.npm, to))

  let { libtorch } = due
  if (libtorch === null) {
    const what = `libtorch ${choice.version}, ${choice.flavour.toUpperCase()} (${choice.why})`
    await step('libtorch', what, (to) => fetchOnce(choice, { ...to, python: tools.python }, progress))
    libtorch = lookAt(choice, false)
    if (libtorch === null) throw new SetupError(`${choice.folder} is not whole although it was just made`)
  }
  remember({ libtorch: { ...libtorch, choice: choice.choice, nvidiaSmi: choice.nvidiaSmi } })

  const addon = (facts) => remember({ native: facts })
  if (due.native && !(due.npm && !options.force && nativeFresh(root, state, libtorch))) {
    if (due.prebuilt === null) addon(await compileAddon(root, libtorch, tools, options, step))
    else addon(await prebuiltAddon(root, due.prebuilt, libtorch, options, step, progress))
  }
  if (due.javascript) remember({ javascript: await step('typescript', 'JavaScript', (to) => compile(root, to)) })
}

function compileAddon(root, libtorch, tools, options, step) {
  const what = `native addon, against libtorch ${libtorch.version} ${libtorch.flavour.toUpperCase()}`
  return step('native', what, (to) => buildNative(root, libtorch, tools, { ...to, force: options.force === true }))
}

/** Uses the prebuilt addon if it loads; otherwise compiles one. */
async function prebuiltAddon(root, prebuilt, libtorch, options, step, progress) {
  const what = `native addon, prebuilt for libtorch ${libtorch.version} ${libtorch.flavour.toUpperCase()}`
  const { facts, lack } = await step('native', what, (to) => takePrebuilt(root, prebuilt, libtorch, to))
  if (facts !== null) return facts
  progress.say(`the prebuilt addon does not load (${lack}); compiling one`)
  const tools = await checkPrerequisites({ npm: false, python: false, native: true })
  return compileAddon(root, libtorch, tools, options, step)
}

/** Fetches while holding the cache's lock, since checkouts share the cache. */
export async function fetchOnce(choice, tools, progress) {
  let release
  try {
    release = await acquireLock(`${choice.folder}.lock`, {
      check: throwIfInterrupted,
      onWait: (pid) => progress.say(`waiting for another set-up to fetch libtorch (process ${pid})`),
    })
  } catch (error) {
    if (!isNotWritable(error)) throw error
    throw new SetupError(
      `cannot write to ${path.dirname(choice.folder)}, where libtorch is to be kept (${error.code})`,
      {
        exitCode: EXIT.environment,
        hint: 'Set MBCONV_CACHE to a folder that can be written.',
      },
    )
  }
  try {
    if (verifyFetched(choice.folder) === null) await fetchLibtorch(choice, tools)
  } finally {
    release()
  }
}

/**
 * Runs a step with its progress line and its log, build/logs/NAME.log.
 * @param {(tools: {log: number, logFile: string, detail: (text: string) => void, say: (text: string) => void}) => Promise<unknown>} work
 *   detail: shows what the step is doing; say: prints a line that stays
 */
export async function loggedStep(root, progress, name, what, work) {
  throwIfInterrupted()
  const logFile = path.join(root, 'build', 'logs', `${name}.log`)
  makeFolder(path.dirname(logFile))
  const log = fs.openSync(logFile, 'w')
  try {
    return await progress.step(what, (detail) => work({ log, logFile, detail, say: (text) => progress.say(text) }))
  } finally {
    fs.closeSync(log)
  }
}

/** Indents all lines of a text but the first, so that a line injected by a hostile name cannot imitate ours. */
const indented = (text) => text.replaceAll('\n', '\n  ').split('\n')

const say = (...lines) => process.stderr.write(lines.map((line) => `${printable(line)}\n`).join(''))

function isNotWritable(error) {
  return ['EACCES', 'EPERM', 'EROFS'].includes(error.code)
}

/** Prints what went wrong, in lines that begin with `who`, and returns the exit status. */
export function report(error, who = 'setup') {
  if (error instanceof Interrupted) {
    say(`${who}: ${error.message}; start it again to go on`)
    return SIGNAL_EXIT[error.signal]
  }
  if (error instanceof SetupError) {
    say(...indented(`${who}: ${error.message}`))
    if (error.log !== null) {
      const lines = error.excerpt ?? tail(error.log)
      if (lines !== '') say(...lines.split('\n').map((line) => `  | ${line}`))
      say(`  full log: ${error.log}`)
    }
    if (error.hint !== null) say(...indented(error.hint))
    return error.exitCode
  }
  if (isNotWritable(error)) {
    say(`${who}: cannot write ${error.path ?? 'here'} (${error.code})`)
    return EXIT.environment
  }
  say(...`${who}: ${error.stack}`.split('\n'))
  return EXIT.failure
}
