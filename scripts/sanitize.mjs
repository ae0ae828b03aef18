#!/usr/bin/env node
/*
 * Builds the addon with the address and undefined-behaviour sanitizers into build/sanitize and runs the tests of the
 * native functions on it. Any report is a failure. `.ci/run` does this.
 *
 *   npm run sanitize                    the tests below, unless nothing they depend on has changed since they passed
 *     -- fuzz tensor …                  these tests of test/, in any case
 *     -- --force                        in any case
 *     -- --jobs N                       compilations at once; by default as many as fit the machine
 *
 * Needs a finished set-up, Linux and g++ with its sanitizers. Exit status: 0 no report, 1 a report or a failed test,
 * 2 wrong usage, 3 something is missing on this machine.
 */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { configure, libtorchOfSetup } from './check-build.mjs'
import { EXIT, SetupError } from './setup/failure.mjs'
import { acquireLock } from './setup/lock.mjs'
import { loggedStep, report } from './setup/main.mjs'
import { defaultJobs, nativeDigest, watchBuild } from './setup/native.mjs'
import { checkPrerequisites } from './setup/prerequisites.mjs'
import { catchSignals, Progress, run, throwIfInterrupted } from './setup/run.mjs'
import { contentDigest, listFiles, writeFileWhole } from './setup/state.mjs'
import { printableLines } from './setup/text.mjs'

/**
 * The tests that exercise the addon most, by their names in test/. Add a new test here if it makes, frees, shares or
 * converts native objects.
 */
const TESTS = [
  'fuzz',
  'tensor',
  'scope',
  'autograd',
  'ops-golden',
  'function',
  'debug',
  'optim',
  'nn-layers',
  'deterministic',
  'safetensors',
  'scenes',
  'photo-decode',
  'photo-resize',
  'photo-loader',
  'augment',
  'threads',
]

/**
 * Tests of the addon's own allocator. All others run without it: a tensor then is a malloc block, whose bounds and
 * lifetime the address sanitizer checks, instead of a part of a large mapping.
 */
const ALLOCATOR_TESTS = ['allocator', 'out-of-memory', 'transfer']

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const BUILD = path.join(ROOT, 'build', 'sanitize')
/** Records what passed last, and when. */
const STAMP = path.join(BUILD, 'passed.json')

/** Uses both sanitizers, so that it links only if both have their runtime. */
const PROGRAM = 'int main(int count, char** arguments) { return arguments[count - 1][0] + count > (1 << 20); }\n'

const SANITIZERS_MISSING = `This runs the tests on an addon built with g++'s address and undefined-behaviour sanitizers. Get them, then start again:
  Debian, Ubuntu:  sudo apt-get install -y g++
  Fedora:          sudo dnf install -y gcc-c++ libasan libubsan
With another compiler in CXX, unset it, or name a g++ there. The tests without the sanitizers: npx tap`

/**
 * The g++ to build with and the runtime of its address sanitizer, which has to be loaded before anything else.
 * @returns {Promise<{command: string, version: string, runtime: string}>}
 */
async function findSanitizers(tools) {
  const lacking = (what) => new SetupError(what, { exitCode: EXIT.environment, hint: SANITIZERS_MISSING })
  if (process.platform !== 'linux') throw lacking(`the sanitizer build runs on Linux, and this is ${process.platform}`)
  const { command, version } = tools.compiler
  const macros = await run(command, ['-dM', '-E', '-x', 'c++', '-'], { input: '' })
  if (/__clang__/.test(macros.stdout)) throw lacking(`the sanitizer build is made with g++, and ${command} is clang`)
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'mbconv-sanitize-'))
  try {
    const flags = ['-fsanitize=address,undefined', '-x', 'c++', '-', '-o', path.join(folder, 'program')]
    const built = await run(command, flags, { input: PROGRAM })
    if (built.code !== 0) throw lacking(`${command} has no sanitizers (${built.output.trim().split('\n').pop()})`)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
  const runtime = (await run(command, ['-print-file-name=libasan.so'])).stdout.trim()
  if (!path.isAbsolute(runtime)) throw lacking(`${command} has its sanitizers, but libasan.so is nowhere`)
  return { command, version, runtime }
}

/**
 * A digest of what a run depends on: sources, the JavaScript that calls them, the tests, libtorch, the compiler, Node.
 */
function digestOf(libtorch, compiler) {
  const compiled = listFiles(path.join(ROOT, 'dist'), (name) => /\.[cm]?js$/.test(name)).map((name) => `dist/${name}`)
  const tests = [...TESTS, ...ALLOCATOR_TESTS].map((name) => `test/${name}.test.mjs`)
  const aids = ['helpers', 'golden'].flatMap((folder) =>
    listFiles(path.join(ROOT, 'test', folder)).map((name) => `test/${folder}/${name}`),
  )
  const fuzz = ['fuzz', 'sweep-operators'].flatMap((folder) =>
    listFiles(path.join(ROOT, 'scripts', folder)).map((name) => `scripts/${folder}/${name}`),
  )
  const scripts = ['scripts/sanitize.mjs', 'scripts/check-build.mjs', ...fuzz]
  const facts = [nativeDigest(ROOT, libtorch), compiler, process.versions.node, process.env.MBCONV_FUZZ_RUNS ?? null]
  return contentDigest(ROOT, [...compiled, ...tests, ...aids, ...scripts], facts)
}

function readStamp() {
  try {
    return JSON.parse(fs.readFileSync(STAMP, 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT' || error instanceof SyntaxError) return null
    throw error
  }
}

async function build(libtorch, tools, jobs, to) {
  const options = ['MBCONV_SANITIZE=ON']
  await configure(ROOT, BUILD, libtorch.path, tools, options, to)
  const result = await run('cmake', ['--build', BUILD, '-j', String(jobs)], { log: to.log, ...watchBuild(to.detail) })
  if (result.code !== 0) throw new SetupError('the sanitizer build does not compile', { log: to.logFile })
}

/** Runs one test file on the sanitized addon. Returns its output if it failed, otherwise null. */
async function runTest(name, runtime, { log }) {
  const env = {
    ...process.env,
    MBCONV_ADDON: path.join(BUILD, 'mbconv.node'),
    // The addon is loaded by a program without sanitizers, so their runtime has to be preloaded. Leaks are
    // indistinguishable from what node and libtorch keep until the end.
    LD_PRELOAD: runtime,
    ASAN_OPTIONS: 'detect_leaks=0:allocator_may_return_null=1',
    UBSAN_OPTIONS: 'print_stacktrace=1',
    TAP_TIMEOUT: '300',
  }
  if (!ALLOCATOR_TESTS.includes(name)) env.MBCONV_NO_CACHING_ALLOCATOR = '1'
  const result = await run(process.execPath, [path.join('test', `${name}.test.mjs`)], { log, cwd: ROOT, env })
  // A child process or worker of the test may report while the test passes.
  const reported = /^==\d+==ERROR: |: runtime error: /m.test(result.output)
  return result.code === 0 && !reported ? null : result.output.slice(-20_000)
}

async function sanitize(options, progress) {
  const tools = await checkPrerequisites({ npm: false, python: false, native: true })
  const { runtime, ...compiler } = await findSanitizers(tools)
  const libtorch = libtorchOfSetup(ROOT)
  const digest = digestOf(libtorch, compiler)
  const passed = readStamp()
  if (options.tests === null && !options.force && passed?.digest === digest) {
    progress.say(`sanitizers: unchanged since ${passed.at}, no report`)
    return
  }
  const step = (name, what, work) => loggedStep(ROOT, progress, `sanitize-${name}`, what, work)
  await step('build', 'addon with sanitizers', (to) => build(libtorch, tools, options.jobs, to))
  const tests = options.tests ?? [...TESTS, ...ALLOCATOR_TESTS]
  const failed = []
  for (const name of tests) {
    const output = await step(name, `${name}, with sanitizers`, (to) => runTest(name, runtime, to))
    if (output === null) continue
    failed.push(name)
    process.stdout.write(`${printableLines(output)}\n`)
  }
  if (failed.length > 0) throw new SetupError(`sanitizers: failed: ${failed.join(', ')}`)
  progress.say(`sanitizers: no report in ${tests.length} test files`)
  if (options.tests === null)
    writeFileWhole(STAMP, `${JSON.stringify({ digest, at: new Date().toISOString(), tests })}\n`)
}

function parseOptions() {
  try {
    const { values, positionals } = parseArgs({
      options: { force: { type: 'boolean', default: false }, jobs: { type: 'string' } },
      allowPositionals: true,
    })
    const jobs = values.jobs === undefined ? defaultJobs() : Number(values.jobs)
    if (!(Number.isInteger(jobs) && jobs > 0)) throw new Error('--jobs needs a positive number')
    const unknown = positionals.find((name) => !fs.existsSync(path.join(ROOT, 'test', `${name}.test.mjs`)))
    if (unknown !== undefined) throw new Error(`there is no test/${unknown}.test.mjs`)
    return { force: values.force, jobs, tests: positionals.length > 0 ? positionals : null }
  } catch (error) {
    throw new SetupError(error.message, { exitCode: EXIT.usage })
  }
}

async function main() {
  try {
    const options = parseOptions()
    catchSignals()
    const progress = new Progress(false)
    const release = await acquireLock(path.join(ROOT, 'build', 'sanitize.lock'), {
      check: throwIfInterrupted,
      onWait: (pid) => progress.say(`waiting for another sanitizer run (process ${pid})`),
    })
    try {
      await sanitize(options, progress)
    } finally {
      release()
    }
    return EXIT.ok
  } catch (error) {
    return report(error)
  }
}

process.exitCode = await main()
