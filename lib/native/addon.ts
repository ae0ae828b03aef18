/**
 * Loads the native addon on first use, not earlier: `mbconv --help`, configuration errors and everything computed from
 * architecture tables work on a machine where nothing native has been built.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { MbconvError } from '../errors/error'
import { packageRoot } from '../package/manifest'
import { cacheFolder, fetchedFolder, libtorchAt } from './libtorch.cjs'
import { REMEDY, refusal, thisMachine } from './platform.cjs'
import { compiledIn, loadPrebuilt, misfit, prebuiltFolder, prebuiltIn } from './prebuilt.cjs'
import { setupFacts } from './setup-facts'
import type { Native, TensorClass } from './signatures'

/** An addon that may be loaded. */
export interface Candidate {
  path: string
  /** Why it is not tried; null if it is. */
  misfit: string | null
  /** For the prebuilt addon: the folder of the libtorch to open before it. */
  libtorch?: string
}

/**
 * The addons, in the order in which they are tried: one that was compiled here, then the prebuilt one of the package.
 * MBCONV_ADDON overrides both.
 */
export function* candidates(): Generator<Candidate, void> {
  const explicit = process.env.MBCONV_ADDON
  if (explicit) yield { path: explicit, misfit: absent(explicit) }
  else {
    for (const path of compiledIn(packageRoot)) yield { path, misfit: absent(path) }
    // Whether it fits takes a report of the process, so it is only asked if no compiled one loads.
    yield prebuiltCandidate()
  }
}

const absent = (path: string): string | null => (existsSync(path) ? null : 'not there')

function prebuiltCandidate(): Candidate {
  const prebuilt = prebuiltIn(packageRoot)
  if (prebuilt === null) return { path: prebuiltFolder(packageRoot), misfit: 'not there' }
  const { addon: path, needs } = prebuilt
  const libtorch = libtorchForPrebuilt()
  const why = misfit(needs, thisMachine(), libtorch)
  if (needs === null) return { path, misfit: why }
  if (why === null) return { path, misfit: null, libtorch: libtorch?.path }
  const looked = libtorch === null ? `; looked in ${libtorchPlaces(needs.flavour).join(', ')}` : ` (${libtorch.path})`
  return { path, misfit: `${why}${looked}` }
}

/** The libtorch that the prebuilt addon would get; null if there is none. */
export function libtorchForPrebuilt(): { path: string; version: string | null; flavour: 'cpu' | 'cuda' } | null {
  const flavour = prebuiltIn(packageRoot)?.needs?.flavour
  if (flavour === undefined) return null
  const place = libtorchPlaces(flavour).find((folder) => libtorchAt(folder) !== null)
  return place === undefined ? null : libtorchAt(place)
}

/** Where the prebuilt addon's libtorch may lie: where LIBTORCH says, where the set-up found it, in the cache. */
function libtorchPlaces(flavour: string): string[] {
  const cached = join(fetchedFolder(cacheFolder(packageRoot), flavour), 'torch')
  const places = [process.env.LIBTORCH, setupFacts().libtorch?.path, cached]
  return [...new Set(places.filter((place) => place !== undefined && place !== ''))] as string[]
}

// libgomp's threads spin for milliseconds between two parallel regions before they sleep. Beside other busy processes
// that slowed a training step tenfold (measured, 2 cores, load 7). A short spin costs nothing measurable on an idle
// machine. libgomp reads its settings once, when it is loaded, and only the main thread can set a real environment
// variable. So this runs at import, before any worker loads the addon.
if (isMainThread && process.env.OMP_WAIT_POLICY === undefined) process.env.GOMP_SPINCOUNT ??= '1000'

// Windows has no paths of libraries in an addon: it looks for libtorch's DLLs along PATH. As above, only the main thread can
// change the real one.
if (isMainThread && process.platform === 'win32') {
  const { path: folder } = setupFacts().libtorch ?? {}
  if (folder !== undefined) process.env.PATH = `${join(folder, 'lib')};${process.env.PATH ?? ''}`
}

let loaded: Native | undefined
let loadedPath: string | undefined
let tensors: TensorClass | undefined

/** Passes the class of tensors to the addon: now, or as soon as the addon is loaded. */
export function registerTensorClass(tensorClass: TensorClass): void {
  tensors = tensorClass
  loaded?.registerTensorClass(tensorClass)
}

/**
 * The native functions. Everything under lib/tensor, lib/nn and lib/optim is a thin layer over these.
 *
 * @throws MbconvError ERR_NATIVE_LOAD with every path tried and the command to run.
 */
export function native(): Native {
  loaded ??= load()
  return loaded
}

/** The file of the addon that is loaded. */
export const addonPath = (): string | undefined => loadedPath

let refused = false

/** From now on this thread does without the addon: what needs it is an error, even where it could be loaded. */
export function doWithoutNative(): void {
  refused = true
}

/** Whether this thread uses the addon. Where it does not, a slower way in JavaScript is taken, if there is one. */
export const usesNative = (): boolean => !refused

function load(): Native {
  if (refused) throw new MbconvError('ERR_INTERNAL', 'the native addon is asked for in a thread that does without it')
  const failures: string[] = []
  for (const candidate of candidates()) {
    const { path, misfit } = candidate
    if (misfit !== null) {
      failures.push(`${path}: ${misfit}`)
      continue
    }
    try {
      const addon = open(candidate)
      checkVersion(addon, path)
      addon.registerErrorClass(MbconvError)
      addon.registerWarningListener((message) =>
        process.emitWarning(message, { type: 'LibtorchWarning', code: 'MBCONV_LIBTORCH' }),
      )
      if (tensors !== undefined) addon.registerTensorClass(tensors)
      loadedPath = path
      return addon
    } catch (error) {
      if (error instanceof MbconvError) throw error
      failures.push(`${path}: ${(error as Error).message}`)
    }
  }
  throw new MbconvError('ERR_NATIVE_LOAD', `the native addon cannot be loaded:\n  ${failures.join('\n  ')}`, {
    op: 'load',
    hint: remedyFor(failures.join('\n')),
  })
}

function open({ path, libtorch }: Candidate): Native {
  const prebuilt = libtorch === undefined ? null : prebuiltIn(packageRoot)
  return prebuilt === null || libtorch === undefined ? require(path) : loadPrebuilt(prebuilt, libtorch)
}

/** Refuses a libtorch other than the one the addon was built against: the C++ ABI differs between versions. */
function checkVersion(addon: Native, path: string): void {
  const compiled = addon.compiledVersion()
  const found = addon.loadedVersion()
  if (found === '' || found.startsWith(compiled)) return
  throw new MbconvError('ERR_NATIVE_LOAD', `${path} was built against libtorch ${compiled} but ${found} was loaded`, {
    op: 'load',
    hint: `remove the other libtorch from LD_LIBRARY_PATH, or ${REMEDY}`,
  })
}

function remedyFor(failures: string): string {
  // With a libtorch of one's own, an addon can be compiled on other machines, too.
  const refused = refusal(thisMachine())
  if (refused !== null && !process.env.LIBTORCH) return `${refused.reason}. ${refused.alternative}`
  if (/NODE_MODULE_VERSION|GLIBC/.test(failures)) return `built on another system; ${REMEDY} --force`
  const where = setupFacts().libtorch?.path
  if (/libtorch|libc10|undefined symbol/.test(failures) && where && !existsSync(where))
    return `libtorch was at ${where} and is gone; ${REMEDY}`
  return REMEDY
}
