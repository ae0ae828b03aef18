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
import { addonPaths } from '../../native/addon'
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

/** The addon that the package would load. */
const ADDON = addonPaths().find((file) => existsSync(file)) ?? addonPaths()[0]
const SETUP = 'Run `mbconv setup` (in a checkout: `npm run setup`).'
const TIMEOUT_MS = 60_000

/** The addon's facts about itself, as printed by its own process. */
interface AddonFacts {
  compiled: string
  loaded: string
  capability: string
  cudaBuilt: boolean
  cudaAvailable: boolean
  cudaDevices: number
  /** libjpeg-turbo: where it is and the second number of its version, or the reason why there is none. */
  jpeg: { path: string; minor: number } | { reason: string }
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
    required: 'C++20 (g++ 11, clang++ 14 or newer), to build the addon',
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
  const finding = { name: 'CMake', needed: false, required: '3.18 or newer, to build the addon' }
  const remedy = installLine('cmake', 'cmake', 'brew install cmake')
  const { code, output } = await ask('cmake', ['--version'])
  const version = /version (\d+\.\d+[\d.]*)/.exec(output)?.[1]
  if (code !== 0 || version === undefined) return { ...finding, ok: false, found: 'none', remedy }
  const ok = atLeast(version, 3, 18)
  return ok ? { ...finding, ok, found: version } : { ...finding, ok, found: version, remedy }
}

function inspectLibtorch(state: SetupFacts): Finding {
  const { path: folder, version, flavour, source } = state.libtorch ?? {}
  const finding = { name: 'libtorch', needed: true, required: '2.13.0 (2.11 to 2.15 build as well)' }
  if (folder === undefined) {
    return { ...finding, ok: false, found: 'none', detail: 'it has not been set up', remedy: SETUP }
  }
  const library = path.join(folder, 'lib', process.platform === 'darwin' ? 'libtorch_cpu.dylib' : 'libtorch_cpu.so')
  if (!existsSync(library)) {
    return { ...finding, ok: false, found: 'none', detail: `${library} is gone`, remedy: SETUP }
  }
  const found = `${version ?? 'of unknown version'}, ${(flavour ?? 'cpu').toUpperCase()}`
  return { ...finding, ok: true, found, detail: source === undefined ? folder : `${folder} (from ${source})` }
}

function inspectAddon(result: Outcome | null, state: SetupFacts): Finding {
  const finding = { name: 'native addon', needed: true, required: 'one that is built and loads' }
  if (result === null) {
    return { ...finding, ok: false, found: 'none', detail: `${ADDON} is missing`, remedy: SETUP }
  }
  const facts = factsOf(result)
  if (facts === null) {
    return {
      ...finding,
      ok: false,
      found: 'does not load',
      detail: reasonOf(result),
      remedy: `${SETUP} With --force it makes everything again.`,
    }
  }
  if (facts.loaded !== '' && facts.loaded.split('+')[0] !== facts.compiled.split('+')[0]) {
    const detail = `built against libtorch ${facts.compiled}, but ${facts.loaded} is what it loads`
    return {
      ...finding,
      ok: false,
      found: 'does not fit',
      detail,
      remedy: `${SETUP} With --force it makes everything again.`,
    }
  }
  const by = state.native?.compiler === undefined ? '' : `, by ${state.native.compiler}`
  return {
    ...finding,
    ok: true,
    found: `loads (libtorch ${facts.compiled}, ${facts.capability})`,
    detail: `${ADDON}${by}`,
  }
}

/** What decodes JPEG files for training. */
function inspectJpeg(result: Outcome | null): Finding {
  const finding = { name: 'JPEG decoder', needed: false }
  const facts = result === null ? null : factsOf(result)
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
async function inspectCuda(result: Outcome | null, state: SetupFacts): Promise<Finding> {
  const finding = { name: 'CUDA', needed: false }
  const driver = await ask('nvidia-smi', ['--query-gpu=name,driver_version', '--format=csv,noheader'])
  const gpus =
    driver.code === 0
      ? driver.stdout
          .trim()
          .split('\n')
          .filter((line) => line !== '')
      : []
  const facts = result === null ? null : factsOf(result)
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
    return { ...not, detail: `${seen}; but libtorch is the CPU flavour`, remedy: 'Run `mbconv setup --cuda`.' }
  }
  if (facts === null) return { ...not, detail: `${seen}; but the native addon does not load`, remedy: SETUP }
  if (!facts.cudaBuilt) {
    return {
      ...not,
      detail: `${seen}; but the native addon was built without CUDA`,
      remedy: 'Run `mbconv setup --cuda --force`.',
    }
  }
  return {
    ...not,
    detail: `${seen}; but libtorch finds no usable GPU`,
    remedy: 'Its CUDA 13 needs driver 580 or newer; CUDA_VISIBLE_DEVICES may hide GPUs.',
  }
}

/** Loads the addon in a process and asks it for its facts; null if there is no addon. */
async function loadAddon(): Promise<Outcome | null> {
  if (!existsSync(ADDON)) return null
  const script = `const addon = require(process.argv[1])
    let jpeg
    try {
      const [path, minor] = addon.describeJpegLibrary(addon.loadJpegLibrary(JSON.parse(process.argv[2])))
      jpeg = { path, minor }
    } catch (error) {
      jpeg = { reason: error.message }
    }
    process.stdout.write(JSON.stringify({ compiled: addon.compiledVersion(), loaded: addon.loadedVersion(), capability: addon.cpuCapability(),
      cudaBuilt: addon.cudaIsBuilt(), cudaAvailable: addon.cudaIsAvailable(), cudaDevices: addon.cudaDeviceCount(), jpeg }))`
  return ask(process.execPath, ['-e', script, ADDON, JSON.stringify(jpegLibraryPaths())])
}

function factsOf(result: Outcome): AddonFacts | null {
  if (result.code !== 0) return null
  try {
    return JSON.parse(result.stdout) as AddonFacts
  } catch {
    return null
  }
}

function reasonOf(result: Outcome): string {
  if (result.signal !== null) return `its process was ended by ${result.signal}`
  return /^\w*Error: (.*)/m.exec(result.output)?.[1] ?? lastLine(result.output)
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
