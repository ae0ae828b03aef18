#!/usr/bin/env node
/*
 * Builds the CUDA flavour of the addon into build/cuda/, beside the one in use, and checks that it loads. It needs
 * neither a GPU nor a driver nor the CUDA toolkit: headers and libraries come from the Python wheels.
 *
 *   npm run build:cuda                  fetches the CUDA libtorch (3.6 GB, kept in the cache) unless it is there
 *     -- --libtorch DIR                 builds against the CUDA libtorch in DIR instead
 *     -- --jobs N                       compilations at once; by default as many as fit the machine
 *     -- --force                        compiles everything again
 *
 * Needs a checkout that is set up. The addon is used by setting MBCONV_ADDON to the path printed last.
 */
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { EXIT, SetupError } from './setup/failure.mjs'
import { chooseLibtorch, TORCH_VERSION } from './setup/libtorch.mjs'
import { acquireLock } from './setup/lock.mjs'
import { fetchOnce, loggedStep, lookAt, report } from './setup/main.mjs'
import { addonPath, buildNative } from './setup/native.mjs'
import { checkPrerequisites } from './setup/prerequisites.mjs'
import { catchSignals, Progress, run, throwIfInterrupted } from './setup/run.mjs'

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const BUILD = path.join('build', 'cuda')

/** What the built addon says of itself through the library, as one line of JSON. */
const PROBE = `
const mb = require(process.argv[1])
const { native } = require(process.argv[1] + '/dist/native.js')
const one = mb.ones([2, 2]).matmul(mb.ones([2, 2])).sum().item()
console.log(JSON.stringify({ libtorch: mb.versions().loaded, built: native().cudaIsBuilt(),
  available: mb.cuda.isAvailable(), devices: mb.cuda.deviceCount(), why: mb.cuda.whyNot(), one }))`

async function buildCuda(options, progress) {
  const choice = await chooseLibtorch(ROOT, { libtorch: options.libtorch ?? null, cuda: true }, {})
  let libtorch = lookAt(choice, false)
  const tools = await checkPrerequisites({ npm: false, python: libtorch === null, native: true })
  const step = (name, what, work) => loggedStep(ROOT, progress, `cuda-${name}`, what, work)
  if (libtorch === null) {
    const what = `libtorch ${TORCH_VERSION}, CUDA`
    await step('libtorch', what, (to) => fetchOnce(choice, { ...to, python: tools.python }, progress))
    libtorch = lookAt(choice, false)
  }
  if (libtorch?.flavour !== 'cuda') {
    throw new SetupError(`${libtorch.path}, named by ${choice.from}, is a CPU libtorch`, { exitCode: EXIT.usage })
  }
  const jobs = options.jobs === undefined ? {} : { jobs: options.jobs }
  await step('native', `native addon, against libtorch ${libtorch.version} CUDA`, (to) =>
    buildNative(ROOT, libtorch, tools, { ...to, ...jobs, force: options.force, build: BUILD }),
  )
  const facts = await step('check', 'loading it in a process of its own', (to) => probe(to))
  progress.say(`libtorch ${facts.libtorch}; ${facts.why ?? `CUDA is available, ${facts.devices} GPU(s)`}`)
}

/** @throws SetupError unless the addon works on the CPU, has its CUDA half, and either finds a GPU or says why not */
async function probe({ log, logFile }) {
  const env = { ...process.env, MBCONV_ADDON: addonPath(ROOT, BUILD) }
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

function parseOptions() {
  try {
    const { values } = parseArgs({
      options: { libtorch: { type: 'string' }, jobs: { type: 'string' }, force: { type: 'boolean', default: false } },
    })
    const jobs = values.jobs === undefined ? undefined : Number(values.jobs)
    if (jobs !== undefined && !(Number.isInteger(jobs) && jobs > 0)) throw new Error('--jobs needs a positive number')
    return { ...values, jobs }
  } catch (error) {
    throw new SetupError(error.message, { exitCode: EXIT.usage })
  }
}

async function main() {
  try {
    const options = parseOptions()
    catchSignals()
    const progress = new Progress(false)
    const release = await acquireLock(path.join(ROOT, BUILD, 'build.lock'), {
      check: throwIfInterrupted,
      onWait: (pid) => progress.say(`waiting for another build (process ${pid})`),
    })
    try {
      await buildCuda(options, progress)
    } finally {
      release()
    }
    process.stdout.write(`${addonPath(ROOT, BUILD)}\n`)
    return EXIT.ok
  } catch (error) {
    return report(error)
  }
}

process.exitCode = await main()
