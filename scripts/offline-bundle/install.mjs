/*
 * The second half of a bundle's install.sh, run by the bundle's Node. Finds a torch, builds the addon with plain cmake,
 * checks that it loads, then runs `mbconv doctor` and verify-cuda. A second run does only what has changed.
 */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { EXIT, SetupError } from '../setup/failure.mjs'
import { makeFolder } from '../setup/folders.mjs'
import { inspectLibtorch } from '../setup/libtorch.mjs'
import { report } from '../setup/main.mjs'
import { defaultJobs, watchBuild } from '../setup/native.mjs'
import { checkPrerequisites } from '../setup/prerequisites.mjs'
import { catchSignals, Progress, run, which } from '../setup/run.mjs'
import { fileMark, readState, writeFileWhole, writeState } from '../setup/state.mjs'
import { findCudaHeaders } from './cuda-headers.mjs'

const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
const BUNDLE = path.dirname(ROOT)
const WORK = path.join(ROOT, 'build', 'cmake')
const ADDON = path.join(ROOT, 'build', 'Release', 'mbconv.node')
const LOG = path.join(ROOT, 'build', 'logs', 'native.log')

const HELP = `Usage: sh install.sh [options]

  --libtorch DIR   the torch to build against, a folder holding lib/ and include/; the environment variable LIBTORCH does
                   the same. Otherwise the one that Python imports
  --python FILE    the Python to ask (default: $PYTHON, then python3 on PATH)
  --jobs N         compilations at once (default: as many as cores and memory allow)
  --out FILE       where verify-cuda writes its JSON (default: verify-cuda.json beside install.sh)
  --no-verify      build and run doctor, no more
`

/**
 * Prints the folder of the torch that would be imported, without importing it, and the folder of its Python's programs.
 */
const ASK_PYTHON = `
import importlib.util, json, os, sys
spec = importlib.util.find_spec('torch')
places = list(spec.submodule_search_locations or []) if spec else []
print(json.dumps({'torch': places[0] if places else None, 'programs': os.path.dirname(sys.executable)}))
`

function readOptions(args) {
  const text = { type: 'string' }
  const flag = { type: 'boolean', default: false }
  try {
    const options = { libtorch: text, python: text, jobs: text, out: text, 'no-verify': flag, help: flag }
    const { values } = parseArgs({ args, options })
    if (values.jobs !== undefined && !/^[1-9]\d*$/.test(values.jobs)) throw new Error('--jobs takes a number above 0')
    return values
  } catch (error) {
    throw new SetupError(error.message, { exitCode: EXIT.usage, hint: 'sh install.sh --help lists the options.' })
  }
}

/** Asks the available Python; null if there is none. */
async function askPython({ python = process.env.PYTHON }) {
  const file = python ? which(python) : (which('python3') ?? which('python'))
  if (file === null) return null
  // Run in another folder: Python would take a folder named torch in the current one for the package.
  const answer = await run(file, ['-c', ASK_PYTHON], { cwd: os.tmpdir() })
  return answer.code === 0 ? { file, ...JSON.parse(answer.stdout.trim().split('\n').pop()) } : null
}

/** Finds everything needed on this machine, or throws one error that names all that is missing. */
async function look(options) {
  const python = await askPython(options)
  // The bundle's Node comes first. pip's program folder comes last: cmake and ninja are often installed there.
  const programs = python === null ? [] : [python.programs]
  process.env.PATH = [path.join(BUNDLE, 'bin'), process.env.PATH ?? '/usr/bin:/bin', ...programs].join(path.delimiter)
  const problems = []
  const attempt = async (work) => {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof SetupError)) throw error
      problems.push(error)
      return null
    }
  }
  const libtorch = await attempt(() => findLibtorch(options, python))
  if (libtorch?.flavour === 'cuda') {
    // CMakeLists.txt looks beside torch first, then here.
    await attempt(() => {
      process.env.CUDA_HOME = findCudaHeaders(libtorch.path)
    })
  }
  const tools = await attempt(() => checkPrerequisites({ npm: false, python: false, native: true }))
  if (problems.length === 0) return { libtorch, tools }
  throw new SetupError(problems.map(({ message }) => message).join('\n'), {
    exitCode: EXIT.environment,
    hint: problems.map(({ hint }) => hint).join('\n'),
  })
}

function findLibtorch({ libtorch = process.env.LIBTORCH }, python) {
  if (libtorch) return { ...inspectLibtorch(libtorch, 'the torch given'), source: 'the folder given' }
  if (python?.torch) return { ...inspectLibtorch(python.torch, python.file), source: python.file }
  const asked = python === null ? 'there is no Python to ask for one' : `${python.file} has none`
  throw new SetupError(`no torch: ${asked}`, {
    hint: 'Give its folder with --libtorch DIR, or the Python that has it with --python FILE.',
  })
}

/** Plain cmake instead of a checkout's cmake-js: it must be given the path of Node-API's headers. */
async function build(options, { libtorch, tools }, detail) {
  makeFolder(path.dirname(LOG))
  const log = fs.openSync(LOG, 'w')
  try {
    const must = async (what, command, args, more = {}) => {
      const result = await run(command, args, { log, cwd: ROOT, ...more })
      if (result.code !== 0) throw new SetupError(what, { log: LOG })
    }
    await configure(libtorch, tools, must)
    await must(
      'the native addon does not compile',
      'cmake',
      ['--build', WORK, '--parallel', options.jobs ?? String(defaultJobs())],
      watchBuild(detail),
    )
    const built = path.join(WORK, 'Release', 'mbconv.node')
    await must('the native addon was built but does not load', process.execPath, [
      '-e',
      'require(process.argv[1])',
      built,
    ])
    makeFolder(path.dirname(ADDON))
    fs.copyFileSync(built, `${ADDON}.new`)
    fs.renameSync(`${ADDON}.new`, ADDON)
  } finally {
    fs.closeSync(log)
  }
}

async function configure(libtorch, tools, must) {
  const stamp = path.join(WORK, 'configured-for.json')
  // What cmake cannot change in an existing build folder, and what it would not notice.
  const { path: folder, version, flavour, mark } = libtorch
  const wanted = JSON.stringify([ROOT, tools, folder, version, flavour, mark, process.env.CUDA_HOME])
  if (!fs.existsSync(stamp) || fs.readFileSync(stamp, 'utf8') !== wanted) {
    fs.rmSync(WORK, { recursive: true, force: true })
  }
  const settings = {
    CMAKE_BUILD_TYPE: 'Release',
    CMAKE_LIBRARY_OUTPUT_DIRECTORY: path.join(WORK, 'Release'),
    CMAKE_JS_INC: path.join(ROOT, 'node_modules', 'node-api-headers', 'include'),
    LIBTORCH: libtorch.path,
  }
  const definitions = Object.entries(settings).map(([name, value]) => `-D${name}=${value}`)
  const env = { ...process.env, CXX: tools.compiler.command }
  await must(
    'cmake could not configure the native addon',
    'cmake',
    ['-S', ROOT, '-B', WORK, '-G', tools.generator, ...definitions],
    { env },
  )
  writeFileWhole(stamp, wanted)
}

/** Runs a program of the bundle in the foreground and returns its exit status. */
function follow(...args) {
  const { status, signal, error } = spawnSync(process.execPath, args, { stdio: 'inherit', cwd: ROOT })
  if (error !== undefined) throw error
  if (signal !== null) throw new SetupError(`${path.basename(args[0])} was ended by ${signal}`)
  return status
}

async function install(args) {
  const options = readOptions(args)
  if (options.help) {
    process.stdout.write(HELP)
    return EXIT.ok
  }
  const out = path.resolve(options.out ?? path.join(BUNDLE, 'verify-cuda.json'))
  catchSignals()
  const progress = new Progress(false)
  const found = await look(options)
  const { libtorch, tools } = found
  const what = `native addon, against libtorch ${libtorch.version} ${libtorch.flavour.toUpperCase()} in ${libtorch.path}`
  await progress.step(what, (detail) => build(options, found, detail))
  writeState(ROOT, {
    ...readState(ROOT),
    libtorch: { ...libtorch, choice: { folder: libtorch.path } },
    native: {
      path: ADDON,
      addon: fileMark(ADDON),
      compiler: tools.compiler.version,
      cmake: tools.cmake,
      generator: tools.generator,
    },
    node: process.versions.node,
  })
  const healthy = follow(path.join(ROOT, 'dist', 'cli', 'main.js'), 'doctor')
  if (healthy !== 0 || options['no-verify']) return healthy
  return follow(path.join(ROOT, 'scripts', 'verify-cuda.mjs'), '--out', out)
}

try {
  process.exitCode = await install(process.argv.slice(2))
} catch (error) {
  process.exitCode = report(error, 'install')
}
