/*
 * Provides the native addon: the prebuilt one of the package where it fits, otherwise a compiled one. cmake-js builds
 * native/ in build/cmake, and an addon that loads is moved to build/Release/mbconv.node. So a half-linked or unloadable
 * file is never where the program looks for it.
 */
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { thisMachine } from '../../lib/native/platform.cjs'
import { compiledIn, misfit, prebuiltIn } from '../../lib/native/prebuilt.cjs'
import { Interrupted, SetupError } from './failure.mjs'
import { makeFolder } from './folders.mjs'
import { run } from './run.mjs'
import { contentDigest, fileMark, listFiles, writeFileWhole } from './state.mjs'

/** Bytes of memory that a compilation with ATen's headers can take. */
const BYTES_PER_JOB = 1.2e9

const LOADING_MS = 120_000

/** Packages needed for a build: the driver of cmake, and the headers that native/ includes. */
const PACKAGES = ['cmake-js', 'node-addon-api']

export function addonPath(root, build = 'build') {
  return path.join(root, build, 'Release', 'mbconv.node')
}

/** A digest of the addon's inputs; null if a package needed for building is missing. */
export function nativeDigest(root, libtorch, env = process.env) {
  const packages = PACKAGES.map((name) => packageVersion(root, name))
  if (packages.includes(null)) return null
  const sources = listFiles(path.join(root, 'native'), (name) => /\.(cc|cpp|h|hpp|cu|cuh|cmake|txt)$/.test(name))
  const files = ['CMakeLists.txt', ...sources.map((name) => `native/${name}`)]
  const { path: folder, version, flavour, mark } = libtorch
  return contentDigest(root, files, [root, folder, version, flavour, mark, ...packages, env.CXX ?? '', process.arch])
}

export function nativeFresh(root, state, libtorch) {
  const addon = fileMark(addonPath(root))
  return addon !== '' && addon === state.native?.addon && state.native.digest === nativeDigest(root, libtorch)
}

/**
 * The package's prebuilt addon if it fits this machine and a libtorch; otherwise null, and `why`.
 * @param {{version: string, flavour: 'cpu'|'cuda'}} libtorch the one chosen, which may not be here yet
 * @returns {{prebuilt: object|null, why: string|null}} why: null if the package has no prebuilt addon at all
 */
export function fittingPrebuilt(root, libtorch) {
  const prebuilt = prebuiltIn(root)
  if (prebuilt === null) return { prebuilt, why: null }
  const why = misfit(prebuilt.needs, thisMachine(), libtorch)
  return { prebuilt: why === null ? prebuilt : null, why }
}

/** Whether an earlier set-up has found that this prebuilt addon loads with this libtorch. */
export function prebuiltFresh(state, prebuilt, libtorch) {
  return prebuilt !== null && state.native?.prebuilt === prebuiltMark(prebuilt, libtorch)
}

const prebuiltMark = ({ addon, loader }, { path: folder, mark }) =>
  [fileMark(addon), fileMark(loader), folder, mark].join(' ')

/**
 * Tests whether the prebuilt addon loads. If so, removes compiled ones, which the library would prefer.
 * @returns {Promise<{facts: object|null, lack: string|null}>} facts: what to store as state.native
 */
export async function takePrebuilt(root, prebuilt, libtorch, { log }) {
  const module = fileURLToPath(new URL('../../lib/native/prebuilt.cjs', import.meta.url))
  const script = 'require(process.argv[1]).loadPrebuilt(JSON.parse(process.argv[2]), process.argv[3])'
  const args = ['-e', script, module, JSON.stringify(prebuilt), libtorch.path]
  const result = await run(process.execPath, args, { log, timeout: LOADING_MS })
  if (result.code !== 0) return { facts: null, lack: whyNotLoaded(result) }
  for (const compiled of compiledIn(root)) fs.rmSync(compiled, { force: true })
  return { facts: { prebuilt: prebuiltMark(prebuilt, libtorch), path: prebuilt.addon }, lack: null }
}

/**
 * Builds the addon in the folder `build` of the checkout, with at most `jobs` compilations at once; `define` holds
 * options of CMakeLists.txt, such as 'MBCONV_UNOPTIMIZED=ON'.
 * @returns {Promise<object>} what to store as state.native
 */
export async function buildNative(root, libtorch, tools, options) {
  const { log, logFile, detail, force, build = 'build', jobs = defaultJobs(), define = [] } = options
  const work = path.join(root, build, 'cmake')
  const digest = nativeDigest(root, libtorch)
  if (digest === null) {
    const missing = PACKAGES.filter((name) => packageVersion(root, name) === null).join(' and ')
    throw new SetupError(`not installed: ${missing}`, { hint: 'Run it without --skip-npm.' })
  }
  if (force) fs.rmSync(work, { recursive: true, force: true })
  await configure(root, work, libtorch, tools, define, { log, logFile, detail })

  const unfinished = path.join(work, 'unfinished')
  dropHalfWritten(work, unfinished)
  fs.writeFileSync(unfinished, '')
  detail('compiling')
  const args = [cmakeJs(root), 'build', '-d', root, '-O', work, '-B', 'Release', '-p', String(jobs)]
  const result = await run(process.execPath, args, { log, cwd: root, ...watchBuild(detail) }).catch((error) => {
    if (error instanceof Interrupted && !error.forced) fs.rmSync(unfinished, { force: true })
    throw error
  })
  fs.rmSync(unfinished, { force: true })
  if (result.code !== 0) throw new SetupError('the native addon does not compile', { log: logFile })

  detail('loading')
  const target = addonPath(root, build)
  const candidate = path.join(path.dirname(target), 'mbconv.candidate.node')
  makeFolder(path.dirname(target))
  try {
    fs.copyFileSync(path.join(work, 'Release', 'mbconv.node'), candidate)
    await checkLoads(candidate, { log, logFile, libtorch })
    fs.renameSync(candidate, target)
  } finally {
    fs.rmSync(candidate, { force: true })
  }
  return {
    digest,
    addon: fileMark(target),
    path: target,
    compiler: tools.compiler.version,
    cmake: tools.cmake,
    generator: tools.generator,
  }
}

/**
 * The progress in a line of ninja's or make's output, "12 of 60, native/nn/conv.cc"; null for any other line. ninja
 * counts finished files and names them, make gives a percentage and names the file it begins.
 */
export function buildStep(line) {
  const [, done, all, doing] = /^\[ *(\d+)(?:\/(\d+)|%)\] *(.*)$/.exec(line) ?? []
  if (done === undefined) return null
  const count = all === undefined ? `${done} %` : `${done} of ${all}`
  // "Building CXX object CMakeFiles/mbconv.dir/native/nn/conv.cc.o", "Linking CXX shared module Release/mbconv.node".
  const source = /\.dir\/(.+)\.o(bj)?$/.exec(doing)?.[1]
  const file = source ?? (/^(Linking|Precompiling)\b/.test(doing) ? doing.split(' ')[0].toLowerCase() : null)
  return file === null ? count : `${count}, ${file}`
}

/** Options of run() for a build by cmake: reports its progress to `detail`. */
export function watchBuild(detail) {
  const onLine = (line) => {
    const step = buildStep(line)
    if (step !== null) detail(step)
  }
  // Sets the format that is parsed here, whatever the user's own is.
  return { onLine, env: { ...process.env, NINJA_STATUS: '[%f/%t] ' } }
}

/** `cmake-js build` ignores changed -D values, so this decides when to configure, and when to start afresh. */
async function configure(root, work, libtorch, tools, define, { log, logFile, detail }) {
  const stamp = path.join(work, 'mbconv-configured.json')
  // CMake cannot change these in an existing build folder.
  const fixed = [root, tools.compiler, tools.generator, tools.cmake, libtorch.mark]
  const adjustable = [
    libtorch.path,
    libtorch.version,
    libtorch.flavour,
    ...PACKAGES.map((name) => packageVersion(root, name)),
    process.versions.node,
    ...define,
  ]
  const wanted = JSON.stringify({ fixed, adjustable })
  let found = null
  try {
    found = fs.readFileSync(stamp, 'utf8')
  } catch {
    // It was never configured completely.
  }
  if (found === wanted) return
  if (found === null || JSON.stringify(JSON.parse(found).fixed) !== JSON.stringify(fixed)) {
    fs.rmSync(work, { recursive: true, force: true })
  }
  fs.rmSync(stamp, { force: true })
  detail('configuring')
  const args = [cmakeJs(root), 'configure', '-d', root, '-O', work, '-B', 'Release', '-G', tools.generator]
  args.push(...[`LIBTORCH=${libtorch.path}`, ...define].map((option) => `--CD${option}`))
  const env = { ...process.env, CXX: tools.compiler.command }
  const result = await run(process.execPath, args, { log, cwd: root, env })
  if (result.code !== 0) throw new SetupError('cmake could not configure the native addon', { log: logFile })
  writeFileWhole(stamp, wanted)
}

/**
 * If a build was killed, files that it was writing may be incomplete yet newer than their sources (if it ends normally
 * or by a signal it can catch, ninja or make removes them). Everything written since that build began is built again.
 */
function dropHalfWritten(work, unfinished) {
  const since = fs.statSync(unfinished, { throwIfNoEntry: false })?.mtimeMs
  if (since === undefined) return
  for (const name of listFiles(work, (file) => /\.(o|a|so|node|dylib)$/.test(file))) {
    const file = path.join(work, name)
    if (fs.statSync(file).mtimeMs >= since) fs.rmSync(file)
  }
}

/** Loads the addon in a separate process: a wrong libtorch can end a process without an exception. */
async function checkLoads(file, { log, logFile, libtorch }) {
  const script = 'require(process.argv[1])'
  const result = await run(process.execPath, ['-e', script, file], { log, timeout: LOADING_MS })
  if (result.code === 0) return
  const said = whyNotLoaded(result).replace(file, 'the addon')
  throw new SetupError(`the native addon was built but does not load: ${said}`, {
    hint: `It was built against ${libtorch.path}. \`node scripts/setup.mjs --force\` makes everything again.`,
    log: logFile,
  })
}

function whyNotLoaded({ code, output }) {
  return output.match(/^Error: .*/m)?.[0] ?? `the process ended with ${code ?? 'a signal'}`
}

export function defaultJobs() {
  const memory = Math.min(os.totalmem(), process.constrainedMemory?.() || Number.POSITIVE_INFINITY)
  const cores = os.availableParallelism?.() ?? os.cpus().length
  return Math.max(1, Math.min(cores, Math.floor(memory / BYTES_PER_JOB)))
}

function cmakeJs(root) {
  return path.join(path.dirname(packageJson(root, 'cmake-js')), 'bin', 'cmake-js')
}

/** The package.json of a dependency, wherever npm has put it; null if it is not installed. */
function packageJson(root, name) {
  for (const folder of createRequire(path.join(root, 'package.json')).resolve.paths(name) ?? []) {
    const file = path.join(folder, name, 'package.json')
    if (fs.existsSync(file)) return file
  }
  return null
}

export function packageVersion(root, name) {
  const file = packageJson(root, name)
  return file === null ? null : JSON.parse(fs.readFileSync(file, 'utf8')).version
}
