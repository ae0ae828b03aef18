#!/usr/bin/env node
/*
 * Builds the CUDA flavour of the addon beside the current one and checks that it loads. It needs neither a GPU nor a
 * driver nor the CUDA toolkit: headers and libraries come from the Python wheels.
 *
 *   npm run build:cuda                  into build/cuda, against the CUDA libtorch of setup's version (3.6 GB, kept in
 *                                       the cache, fetched unless it is there)
 *     -- --torch 2.11.0 --torch 2.15.0  into build/cuda-<version>, one after the other; a table, and
 *                                       build/cuda-matrix.json, say what came of each
 *     -- --all                          the same for every version of TORCH_VERSIONS (scripts/setup/libtorch.mjs)
 *     -- --libtorch DIR                 into build/cuda, against the CUDA libtorch in DIR
 *     -- --jobs N                       compilations at once; by default as many as fit the machine
 *     -- --force                        compiles everything again
 *     -- --preflight                    says whether --all can be done here: exit status 0, or 3 and the reason
 *
 * Needs a checkout that is set up. The addon is used by setting MBCONV_ADDON to the path printed last. Exit status: 0
 * all built and loaded, 1 one did not, 2 wrong usage, 3 something is missing on this machine, 130/143 interrupted.
 */
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { EXIT, Interrupted, SetupError } from './setup/failure.mjs'
import {
  cacheFolder,
  chooseLibtorch,
  fetchedFolder,
  isSupported,
  TORCH_VERSION,
  TORCH_VERSIONS,
  verifyFetched,
} from './setup/libtorch.mjs'
import { acquireLock } from './setup/lock.mjs'
import { fetchOnce, loggedStep, lookAt, report } from './setup/main.mjs'
import { addonPath, buildNative } from './setup/native.mjs'
import { whyUnreachable } from './setup/pip.mjs'
import { checkPrerequisites } from './setup/prerequisites.mjs'
import { catchSignals, Progress, run, throwIfInterrupted } from './setup/run.mjs'
import { writeFileWhole } from './setup/state.mjs'
import { printable } from './setup/text.mjs'

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const MATRIX = path.join(ROOT, 'build', 'cuda-matrix.json')

/** Prints the built addon's facts about itself, through the library, as one line of JSON. */
const PROBE = `
const mb = require(process.argv[1])
const { native } = require(process.argv[1] + '/dist/native/addon.js')
const one = mb.ones([2, 2]).matmul(mb.ones([2, 2])).sum().item()
console.log(JSON.stringify({ libtorch: mb.versions().loaded, built: native().cudaIsBuilt(),
  available: mb.cuda.isAvailable(), devices: mb.cuda.deviceCount(), why: mb.cuda.whyNot(), one }))`

/** The platform for which PyPI has CUDA wheels of torch that need no installed NVIDIA software. */
const PLATFORM = 'linux x64'

/**
 * Bytes that a version takes in the cache at most, and bytes that its wheels take in addition during unpacking;
 * measured.
 */
const ROOM = { version: 3.6e9, meanwhile: 3.4e9 }

/** Folder of a version's copy of libtorch, which may not exist yet. */
function fetched(version) {
  const folder = fetchedFolder(cacheFolder(ROOT), 'cuda', version)
  return { given: null, from: 'cache', version, flavour: 'cuda', folder }
}

/**
 * Fetches libtorch if it is missing, builds against it, and loads the result.
 * @param {{build: string, define: string[], label: string}} target label: prefix of the log files' names
 * @returns {Promise<{version: string, fetchSeconds: number|null, buildSeconds: number, whyNot: string|null}>}
 *   fetchSeconds: null if it was there already; whyNot: why no GPU is usable
 */
async function buildCuda(choice, target, options, progress) {
  let libtorch = lookAt(choice, false)
  const tools = await checkPrerequisites({ npm: false, python: libtorch === null, native: true })
  const step = async (name, what, work) => {
    const began = performance.now()
    const result = await loggedStep(ROOT, progress, `${target.label}-${name}`, what, work)
    return { result, seconds: (performance.now() - began) / 1000 }
  }
  let fetchSeconds = null
  if (libtorch === null) {
    const what = `libtorch ${choice.version}, CUDA`
    const fetch = await step('libtorch', what, (to) => fetchOnce(choice, { ...to, python: tools.python }, progress))
    fetchSeconds = fetch.seconds
    libtorch = lookAt(choice, false)
  }
  if (libtorch?.flavour !== 'cuda') {
    throw new SetupError(`${libtorch.path}, named by ${choice.from}, is a CPU libtorch`, { exitCode: EXIT.usage })
  }
  const { build, define } = target
  const jobs = options.jobs === undefined ? {} : { jobs: options.jobs }
  const native = await step('native', `native addon, against libtorch ${libtorch.version} CUDA`, (to) =>
    buildNative(ROOT, libtorch, tools, { ...to, ...jobs, force: options.force, build, define }),
  )
  const { result: facts } = await step('check', 'loading it in a process of its own', (to) => probe(build, to))
  progress.say(`libtorch ${facts.libtorch}; ${facts.why ?? `CUDA is available, ${facts.devices} GPU(s)`}`)
  return { version: libtorch.version, fetchSeconds, buildSeconds: native.seconds, whyNot: facts.why }
}

/**
 * @throws SetupError unless the addon works on the CPU, has its CUDA half, and either finds a GPU or reports why not
 */
async function probe(build, { log, logFile }) {
  const env = { ...process.env, MBCONV_ADDON: addonPath(ROOT, build) }
  const result = await run(process.execPath, ['-e', PROBE, ROOT], { log, env, timeout: 120_000 })
  if (result.code !== 0) throw new SetupError('the CUDA build does not work in the library', { log: logFile })
  const facts = JSON.parse(result.stdout.trim().split('\n').pop())
  const wrong = [
    facts.one !== 8 && `a matrix product on the CPU gave ${facts.one}, not 8`,
    !facts.built && 'it was compiled without CUDA',
    facts.available !== facts.devices > 0 && `available is ${facts.available} with ${facts.devices} devices`,
    facts.available !== (facts.why === null) && `available is ${facts.available}, the reason ${facts.why}`,
    result.output !== result.stdout && 'libtorch wrote to the console',
  ].filter(Boolean)
  if (wrong.length > 0) throw new SetupError(`the CUDA build is wrong: ${wrong.join('; ')}`, { log: logFile })
  return facts
}

/** Holds the lock of the folder `build` while `work` runs. */
async function locked(build, progress, work) {
  const release = await acquireLock(path.join(ROOT, build, 'build.lock'), {
    check: throwIfInterrupted,
    onWait: (pid) => progress.say(`waiting for another build (process ${pid})`),
  })
  try {
    return await work()
  } finally {
    release()
  }
}

/** Builds one version into build/cuda. */
async function buildOne(options, progress) {
  const choice = await chooseLibtorch(ROOT, { libtorch: options.libtorch ?? null, cuda: true }, {})
  const target = { build: path.join('build', 'cuda'), define: [], label: 'cuda' }
  await locked(target.build, progress, () => buildCuda(choice, target, options, progress))
  process.stdout.write(`${addonPath(ROOT, target.build)}\n`)
  return EXIT.ok
}

/**
 * Builds each version, and continues when one fails. The version of the set-up is built as it is shipped. The others
 * only need to show that they compile and load, so they are compiled the fast way.
 */
async function buildMatrix(versions, options, progress) {
  fs.rmSync(MATRIX, { force: true })
  const rows = []
  for (const version of versions) {
    const build = path.join('build', `cuda-${version}`)
    const define = version === TORCH_VERSION ? [] : ['MBCONV_UNOPTIMIZED=ON']
    const target = { build, define, label: `cuda-${version}` }
    try {
      const facts = await locked(build, progress, () => buildCuda(fetched(version), target, options, progress))
      rows.push({ ...facts, version, loads: true })
    } catch (error) {
      if (error instanceof Interrupted) throw error
      report(error)
      rows.push({ version, fetchSeconds: null, buildSeconds: null, whyNot: null, loads: false, error: error.message })
    }
  }
  writeFileWhole(MATRIX, `${JSON.stringify(rows, null, 2)}\n`)
  printTable(rows)
  return rows.every((row) => row.loads) ? EXIT.ok : EXIT.failure
}

function printTable(rows) {
  const seconds = (value, none) => (value === null ? none : `${value.toFixed(0)} s`)
  const table = rows.map((row) => [
    row.version,
    seconds(row.fetchSeconds, row.loads ? 'in the cache' : '–'),
    seconds(row.buildSeconds, '–'),
    row.loads ? 'yes' : `no: ${printable(row.error)}`,
    row.loads ? addonPath('', path.join('build', `cuda-${row.version}`)) : '–',
  ])
  table.unshift(['torch', 'fetched in', 'compiled and linked in', 'loads', 'addon'])
  const widths = table[0].map((_, i) => Math.max(...table.map((row) => row[i].length)))
  for (const row of table) process.stdout.write(`${row.map((cell, i) => cell.padEnd(widths[i])).join('  ')}\n`)
}

/** Reports whether the wheels are available here. Whether their content compiles is left to the builds. */
async function preflight() {
  const here = `${process.platform} ${process.arch}`
  if (here !== PLATFORM) throw cannot(`this is ${here}, and the CUDA wheels that are tried are for ${PLATFORM}`)
  const missing = TORCH_VERSIONS.filter((version) => verifyFetched(fetched(version).folder) === null)
  if (missing.length > 0) {
    const { python } = await checkPrerequisites({ npm: false, python: true, native: false })
    const why = await whyUnreachable(python)
    if (why !== null) throw cannot(`torch ${missing.join(', ')} not in the cache, and pip reaches no index: ${why}`)
    const cache = cacheFolder(ROOT)
    fs.mkdirSync(cache, { recursive: true })
    const { bavail, bsize } = fs.statfsSync(cache)
    const [free, needed] = [bavail * bsize, missing.length * ROOM.version + ROOM.meanwhile]
    const gigabytes = (bytes) => `${(bytes / 1e9).toFixed(1)} GB`
    if (free < needed) throw cannot(`${cache} has ${gigabytes(free)} left, and ${gigabytes(needed)} are needed`)
  }
  const source = missing.length === 0 ? 'all in the cache' : `${missing.join(', ')} to be fetched`
  process.stdout.write(`torch ${TORCH_VERSIONS.join(', ')}: ${source}\n`)
  return EXIT.ok
}

function cannot(why) {
  return new SetupError(`the CUDA flavour cannot be built here: ${why}`, { exitCode: EXIT.environment })
}

function parseOptions() {
  try {
    const { values } = parseArgs({
      options: {
        torch: { type: 'string', multiple: true, default: [] },
        all: { type: 'boolean', default: false },
        libtorch: { type: 'string' },
        jobs: { type: 'string' },
        force: { type: 'boolean', default: false },
        preflight: { type: 'boolean', default: false },
      },
    })
    const jobs = values.jobs === undefined ? undefined : Number(values.jobs)
    if (jobs !== undefined && !(Number.isInteger(jobs) && jobs > 0)) throw new Error('--jobs needs a positive number')
    const ways = [values.torch.length > 0, values.all, values.libtorch !== undefined, values.preflight]
    if (ways.filter(Boolean).length > 1)
      throw new Error('--torch, --all, --libtorch and --preflight exclude each other')
    for (const version of values.torch) {
      if (!/^\d+\.\d+\.\d+$/.test(version)) throw new Error(`--torch needs a version like 2.13.0, got '${version}'`)
      if (!isSupported(version)) throw new Error(`torch ${version} is outside native/torch-versions.txt`)
    }
    const versions = values.all ? TORCH_VERSIONS : [...new Set(values.torch)]
    return { ...values, jobs, versions }
  } catch (error) {
    throw new SetupError(error.message, { exitCode: EXIT.usage })
  }
}

async function main() {
  try {
    const options = parseOptions()
    catchSignals()
    const progress = new Progress(false)
    if (options.preflight) return await preflight()
    if (options.versions.length > 0) return await buildMatrix(options.versions, options, progress)
    return await buildOne(options, progress)
  } catch (error) {
    return report(error)
  }
}

process.exitCode = await main()
