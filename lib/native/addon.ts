/**
 * Loads the native addon on first use, not earlier: `mbconv --help`, configuration errors and everything computed from
 * architecture tables work on a machine where nothing native has been built.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { MbconvError } from '../errors/error'
import { packageRoot } from '../package/manifest'
import { setupFacts } from './setup-facts'
import type { Native, TensorClass } from './signatures'

/** Where the build leaves the addon, in order of preference. MBCONV_ADDON overrides both. */
export function addonPaths(): string[] {
  const explicit = process.env.MBCONV_ADDON
  if (explicit) return [explicit]
  return [join(packageRoot, 'build', 'Release', 'mbconv.node'), join(packageRoot, 'build', 'Debug', 'mbconv.node')]
}

// libgomp's threads spin for milliseconds between two parallel regions before they sleep. Beside other busy processes
// that slowed a training step tenfold (measured, 2 cores, load 7). A short spin costs nothing measurable on an idle
// machine. libgomp reads its settings once, when it is loaded, and only the main thread can set a real environment
// variable. So this runs at import, before any worker loads the addon.
if (isMainThread && process.env.OMP_WAIT_POLICY === undefined) process.env.GOMP_SPINCOUNT ??= '1000'

let loaded: Native | undefined
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

function load(): Native {
  const failures: string[] = []
  for (const path of addonPaths()) {
    if (!existsSync(path)) {
      failures.push(`${path}: not there`)
      continue
    }
    try {
      const addon = require(path) as Native
      checkVersion(addon, path)
      addon.registerErrorClass(MbconvError)
      if (tensors !== undefined) addon.registerTensorClass(tensors)
      return addon
    } catch (error) {
      if (error instanceof MbconvError) throw error
      failures.push(`${path}: ${(error as Error).message}`)
    }
  }
  throw new MbconvError('ERR_NATIVE_LOAD', `the native addon cannot be loaded:\n  ${failures.join('\n  ')}`, {
    op: 'load',
    hint: `${remedyFor(failures.join('\n'))} (in ${packageRoot})`,
  })
}

/** Refuses a libtorch other than the one the addon was built against: the C++ ABI differs between versions. */
function checkVersion(addon: Native, path: string): void {
  const compiled = addon.compiledVersion()
  const found = addon.loadedVersion()
  if (found === '' || found.startsWith(compiled)) return
  throw new MbconvError('ERR_NATIVE_LOAD', `${path} was built against libtorch ${compiled} but ${found} was loaded`, {
    op: 'load',
    hint: 'remove the other libtorch from LD_LIBRARY_PATH, or run: npm run setup',
  })
}

function remedyFor(failures: string): string {
  if (/libtorch|libc10|undefined symbol/.test(failures)) {
    const where = setupFacts().libtorch?.path
    return where && !existsSync(where)
      ? `libtorch was at ${where} and is gone; run: npm run setup`
      : 'the libtorch found is not the one the addon was built against; run: npm run setup'
  }
  if (/NODE_MODULE_VERSION|GLIBC/.test(failures)) return 'built on another system; run: npm run setup -- --force'
  return 'run: npm run setup'
}
