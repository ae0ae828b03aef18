/**
 * The checks of `mbconv doctor`: everything that this package needs of the machine, whether it was found, and the
 * remedy.
 *
 * Nothing native is loaded here. The addon is loaded in a separate process, so that even a crash becomes a finding.
 */
import { type ExecFileException, execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { jpegLibraryPaths, reasonIn, versionText } from '../../data/photos/jpeg-library'
import { libtorchForPrebuilt } from '../../native/addon'
import { libraryName } from '../../native/libtorch.cjs'
import { REMEDY, refusal, thisMachine } from '../../native/platform.cjs'
import { type SetupFacts, setupFacts } from '../../native/setup-facts'
import { counted } from '../../text/figures'

export interface Finding {
  name: string
  /** Whether it meets the requirement. */
  ok: boolean
  /** Whether the package cannot work without it: a missing addon is a fault, a missing GPU is not. */
  needed: boolean
  /** What was found, in a few words: a version, a path, 'none'. */
  found: string
  /** The requirement. */
  required?: string
  /** More about it: the path, the flavour, the reason for a failure. */
  detail?: string
  /** The remedy if it is not right. */
  remedy?: string
}

/** What ERR_NATIVE_LOAD says, as a sentence. */
const SETUP = `${REMEDY[0].toUpperCase()}${REMEDY.slice(1)}`
const TIMEOUT_MS = 60_000

/** The addon's facts about itself, as printed by its own process. */
interface AddonFacts {
  path: string
  compiled: string
  loaded: string
  capability: string
  cudaBuilt: boolean
  cudaAvailable: boolean
  cudaDevices: number
  /** libjpeg-turbo: where it is and the second number of its version, or the reason why there is none. */
  jpeg: { path: string; minor: number } | { reason: string }
}

/** The error of an addon that does not load. */
interface LoadError {
  message: string
  hint?: string
}

interface Outcome {
  code: number | string | null
  signal: string | null
  stdout: string
  output: string
}

/** Runs all checks concurrently, in a second or two. Findings never make it throw. */
export async function inspectEnvironment(): Promise<Finding[]> {
  const state = setupFacts()
  const addon = loadAddon()
  // Ordered so that each follows what it depends on.
  return Promise.all([
    inspectNode(),
    inspectNpm(),
    inspectPython(),
    inspectCompiler(),
    inspectCmake(),
    inspectLibtorch(state),
    addon.then((result) => inspectAddon(result, state)),
    addon.then((result) => inspectJpeg(result)),
    addon.then((result) => inspectCuda(result, state)),
  ])
}

function inspectNode(): Finding {
  const ok = atLeast(process.versions.node, 20, 19)
  const finding = { name: 'Node', ok, needed: true, found: process.versions.node, required: '20.19 or newer' }
  return ok ? finding : { ...finding, remedy: 'Take a newer one from https://nodejs.org/en/download.' }
}

async function inspectNpm(): Promise<Finding> {
  const { code, stdout } = await ask('npm', ['--version'])
  const finding = { name: 'npm', ok: code === 0, needed: false, required: 'any version, for `npm ci` in a checkout' }
  if (code === 0) return { ...finding, found: stdout.trim() }
  return {
    ...finding,
    found: 'none',
    remedy: 'It comes with Node; on Debian and Fedora it may be a package `npm` of its own.',
  }
}

async function inspectPython(): Promise<Finding> {
  const finding = { name: 'Python', needed: false, required: '3, with pip, to fetch libtorch' }
  for (const command of ['python3', 'python']) {
    const python = await ask(command, ['--version'])
    const version = /^Python (3\.[\d.]+)/m.exec(python.output)?.[1]
    if (python.code !== 0 || version === undefined) continue
    const pip = await ask(command, ['-m', 'pip', '--version'])
    const pipVersion = /^pip ([\d.]+)/m.exec(pip.stdout)?.[1]
    if (pip.code === 0) return { ...finding, ok: true, found: `${version}, pip ${pipVersion ?? 'of unknown version'}` }
    const remedy = installLine('python3-pip', 'python3-pip', 'brew install python')
    return { ...finding, ok: false, found: `${version} without pip`, remedy }
  }
  const remedy = installLine('python3 python3-pip', 'python3 python3-pip', 'brew install python')
  return { ...finding, ok: false, found: 'none', remedy }
}

async function inspectCompiler(): Promise<Finding> {
  const finding = {
    name: 'C++ compiler',
    needed: false,
    required: 'C++20 (g++ 11, clang++ 14 or newer), where the prebuilt addon does not fit',
  }
  const remedy = installLine('g++ make', 'gcc-c++ make', 'xcode-select --install')
  let tooOld: string | undefined
  for (const command of process.env.CXX ? [process.env.CXX] : ['c++', 'g++', 'clang++']) {
    const [program, ...flags] = command.trim().split(/\s+/)
    const version = await ask(program, [...flags, '--version'])
    if (version.code !== 0) continue
    const found = version.stdout.split('\n')[0]
    const source = '#include <concepts>\n#include <span>\ntemplate <std::integral T> T same(T x) { return x; }\n'
    const result = await ask(program, [...flags, '-std=c++20', '-x', 'c++', '-fsyntax-only', '-'], source)
    if (result.code === 0) return { ...finding, ok: true, found }
    tooOld ??= found
  }
  if (tooOld === undefined) return { ...finding, ok: false, found: 'none', remedy }
  return { ...finding, ok: false, found: tooOld, detail: 'it does not compile C++20', remedy }
}

async function inspectCmake(): Promise<Finding> {
  const finding = { name: 'CMake', needed: false, required: '3.18 or newer, where the prebuilt addon does not fit' }
  const remedy = installLine('cmake', 'cmake', 'brew install cmake')
  const { code, output } = await ask('cmake', ['--version'])
  const version = /version (\d+\.\d+[\d.]*)/.exec(output)?.[1]
  if (code !== 0 || version === undefined) return { ...finding, ok: false, found: 'none', remedy }
  const ok = atLeast(version, 3, 18)
  return ok ? { ...finding, ok, found: version } : { ...finding, ok, found: version, remedy }
}

function inspectLibtorch(state: SetupFacts): Finding {
  const { path: folder, version, flavour, source } = state.libtorch ?? libtorchOfPrebuilt()
  const finding = { name: 'libtorch', needed: true, required: '2.13.0 (2.11 to 2.15 build as well)' }
  if (folder === undefined) {
    const refused = refusal(thisMachine())
    if (refused !== null)
      return { ...finding, ok: false, found: 'none', detail: refused.reason, remedy: refused.alternative }
    return { ...finding, ok: false, found: 'none', detail: 'it has not been set up', remedy: SETUP }
  }
  const library = path.join(folder, 'lib', libraryName('torch_cpu'))
  if (!existsSync(library)) {
    return { ...finding, ok: false, found: 'none', detail: `${library} is gone`, remedy: SETUP }
  }
  const found = `${version ?? 'of unknown version'}, ${(flavour ?? 'cpu').toUpperCase()}`
  return { ...finding, ok: true, found, detail: source === undefined ? folder : `${folder} (from ${source})` }
}

/** The libtorch that the prebuilt addon finds without a record of a set-up, as that record would have it. */
function libtorchOfPrebuilt(): NonNullable<SetupFacts['libtorch']> {
  const { version, ...place } = libtorchForPrebuilt() ?? { version: null }
  return { ...place, version: version ?? undefined }
}

function inspectAddon(result: Outcome, state: SetupFacts): Finding {
  const finding = { name: 'native addon', needed: true, required: 'one that loads: prebuilt or compiled here' }
  const facts = factsOf(result)
  if (facts === null) {
    const { message, hint } = errorOf(result)
    return { ...finding, ok: false, found: 'does not load', detail: message, remedy: hint ?? `${SETUP} --force` }
  }
  const by = state.native?.compiler === undefined ? '' : `, by ${state.native.compiler}`
  return {
    ...finding,
    ok: true,
    found: `loads (libtorch ${facts.compiled}, ${facts.capability})`,
    detail: `${facts.path}${by}`,
  }
}

/** What decodes JPEG files for training. */
function inspectJpeg(result: Outcome): Finding {
  const finding = { name: 'JPEG decoder', needed: false }
  const facts = factsOf(result)
  if (facts === null) return { ...finding, ok: false, found: 'unknown', detail: 'the native addon does not load' }
  const { jpeg } = facts
  if ('path' in jpeg)
    return { ...finding, ok: true, found: `libjpeg-turbo ${versionText(jpeg.minor)}`, detail: jpeg.path }
  return {
    ...finding,
    ok: false,
    found: 'sharp, which is several times slower',
    detail: reasonIn(jpeg.reason),
    remedy: 'Run `npm install @julusian/jpeg-turbo`.',
  }
}

/** Whether CUDA is usable; if not, the first reason that applies. */
async function inspectCuda(result: Outcome, state: SetupFacts): Promise<Finding> {
  const finding = { name: 'CUDA', needed: false }
  const driver = await ask('nvidia-smi', ['--query-gpu=name,driver_version', '--format=csv,noheader'])
  const gpus =
    driver.code === 0
      ? driver.stdout
          .trim()
          .split('\n')
          .filter((line) => line !== '')
      : []
  const facts = factsOf(result)
  if (facts?.cudaAvailable) {
    return {
      ...finding,
      ok: true,
      found: counted(facts.cudaDevices, 'GPU'),
      detail: gpus.join('; '),
    }
  }
  const not = { ...finding, ok: false, found: 'not usable' }
  if (process.platform !== 'linux') return { ...not, detail: 'CUDA exists for Linux only' }
  if (driver.code === 'ENOENT' && facts?.cudaBuilt !== true) {
    return { ...not, detail: 'there is no nvidia-smi, so no NVIDIA driver; computing is done on the CPU' }
  }
  if (gpus.length === 0) {
    const said = driver.code === 'ENOENT' ? 'nvidia-smi is missing' : `nvidia-smi says: ${lastLine(driver.output)}`
    return { ...not, detail: said, remedy: 'Install or repair the NVIDIA driver.' }
  }
  const seen = gpus.join('; ')
  if (state.libtorch?.flavour !== 'cuda') {
    return { ...not, detail: `${seen}; but libtorch is the CPU flavour`, remedy: `${SETUP} --cuda` }
  }
  if (facts === null) return { ...not, detail: `${seen}; but the native addon does not load`, remedy: SETUP }
  if (!facts.cudaBuilt) {
    return {
      ...not,
      detail: `${seen}; but the native addon was built without CUDA`,
      remedy: `${SETUP} --cuda --force`,
    }
  }
  return {
    ...not,
    detail: `${seen}; but libtorch finds no usable GPU`,
    remedy: 'Its CUDA 13 needs driver 580 or newer; CUDA_VISIBLE_DEVICES may hide GPUs.',
  }
}

/** Loads the addon in a process of its own, as the library would, and asks it for its facts. */
async function loadAddon(): Promise<Outcome> {
  const script = `const { native, addonPath } = require(process.argv[1])
    let addon
    try {
      addon = native()
    } catch ({ message, hint }) {
      console.log(JSON.stringify({ message, hint }))
      process.exit(3)
    }
    let jpeg
    try {
      const [path, minor] = addon.describeJpegLibrary(addon.loadJpegLibrary(JSON.parse(process.argv[2])))
      jpeg = { path, minor }
    } catch (error) {
      jpeg = { reason: error.message }
    }
    process.stdout.write(JSON.stringify({ path: addonPath(), compiled: addon.compiledVersion(), loaded: addon.loadedVersion(), capability: addon.cpuCapability(),
      cudaBuilt: addon.cudaIsBuilt(), cudaAvailable: addon.cudaIsAvailable(), cudaDevices: addon.cudaDeviceCount(), jpeg }))`
  const module = path.join(__dirname, '..', '..', 'native', 'addon.js')
  return ask(process.execPath, ['-e', script, module, JSON.stringify(jpegLibraryPaths())])
}

function factsOf(result: Outcome): AddonFacts | null {
  if (result.code !== 0) return null
  try {
    return JSON.parse(result.stdout) as AddonFacts
  } catch {
    return null
  }
}

/** Why the addon does not load: the error that was thrown, or how its process ended. */
function errorOf(result: Outcome): LoadError {
  if (result.signal !== null) return { message: `its process was ended by ${result.signal}` }
  try {
    return JSON.parse(result.stdout) as LoadError
  } catch {
    return { message: /^\w*Error: (.*)/m.exec(result.output)?.[1] ?? lastLine(result.output) }
  }
}

function ask(command: string, args: string[], input = ''): Promise<Outcome> {
  return new Promise((resolve) => {
    const done = (error: ExecFileException | null, stdout: string, stderr: string) =>
      resolve({
        code: error === null ? 0 : (error.code ?? null),
        signal: error?.signal ?? null,
        stdout,
        output: `${stdout}\n${stderr}`,
      })
    const child = execFile(command, args, { timeout: TIMEOUT_MS, maxBuffer: 1 << 24 }, done)
    // `done` reports a program that cannot be started or does not read its input.
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
  })
}

function atLeast(version: string, major: number, minor: number): boolean {
  const [a, b] = version.split('.').map(Number)
  return a > major || (a === major && b >= minor)
}

function installLine(debian: string, fedora: string, macos: string): string {
  if (process.platform === 'darwin') return `${macos}`
  return `Debian, Ubuntu: sudo apt-get install ${debian}. Fedora: sudo dnf install ${fedora}.`
}

function lastLine(text: string): string {
  return text.trim().split('\n').pop() ?? ''
}
