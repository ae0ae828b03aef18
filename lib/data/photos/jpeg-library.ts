/**
 * libjpeg-turbo, which decodes JPEG files for training several times as fast as sharp. It comes with an optional package
 * or with the system. Without it, sharp decodes.
 */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { MbconvError } from '../../errors/error'
import { listFolder } from '../../files/folders'
import { native } from '../../native/addon'
import type { JpegLibrary } from '../../native/signatures'

/** The package that carries the library. */
const PACKAGE = '@julusian/jpeg-turbo'

/** The library's names in the system's folders. */
const SYSTEM_NAMES =
  process.platform === 'darwin'
    ? ['libturbojpeg.0.dylib', '/opt/homebrew/opt/jpeg-turbo/lib/libturbojpeg.0.dylib']
    : ['libturbojpeg.so.0']

/** The library of this thread, or the reason why there is none. */
export type FoundLibrary = { library: JpegLibrary; path: string; version: string } | { library: null; reason: string }

/** The library in the package, if the package is installed and has one for this machine. */
function packagedPaths(): string[] {
  let folder: string
  try {
    folder = join(dirname(require.resolve(`${PACKAGE}/package.json`)), 'prebuilds')
  } catch {
    return [] // not installed
  }
  const system = `${process.platform}-${process.arch}`
  const builds = existsSync(folder)
    ? listFolder(folder).flatMap(({ name }) => (name.includes(system) ? [name] : []))
    : []
  // Those for another C library do not load, and the next one is tried. The shortest name is the one for glibc.
  builds.sort((a, b) => a.length - b.length)
  return builds.map((name) => join(folder, name, 'libturbojpeg.so.0')).filter((path) => existsSync(path))
}

/**
 * Where the library is looked for, in this order. The variable MBCONV_TURBOJPEG names one place, and then nothing else is
 * tried.
 */
export function jpegLibraryPaths(): string[] {
  const explicit = process.env.MBCONV_TURBOJPEG
  return explicit ? [explicit] : [...packagedPaths(), ...SYSTEM_NAMES]
}

let found: FoundLibrary | undefined

/**
 * Loads the library with the first call.
 *
 * @throws MbconvError ERR_NATIVE_LOAD
 */
export function jpegLibrary(): FoundLibrary {
  found ??= load()
  return found
}

function load(): FoundLibrary {
  const addon = native()
  try {
    const library = addon.loadJpegLibrary(jpegLibraryPaths())
    const [path, minor] = addon.describeJpegLibrary(library)
    return { library, path, version: versionText(minor) }
  } catch (error) {
    if (!(error instanceof MbconvError) || error.code !== 'ERR_ENVIRONMENT') throw error
    return { library: null, reason: reasonIn(error.message) }
  }
}

/** The reason in the message of the addon's function, which begins with its name. */
export const reasonIn = (message: string): string => message.replace(/^loadJpegLibrary: /, '')

/** The version in words: the library tells only what it can do. */
export const versionText = (minor: number): string => (minor > 0 ? '3.1 or newer' : '3.0')

/**
 * The library, for what only it can do.
 *
 * @throws MbconvError ERR_ENVIRONMENT with the reason and the remedy
 */
export function requireJpegLibrary(op: string): JpegLibrary {
  const answer = jpegLibrary()
  if (answer.library !== null) return answer.library
  throw new MbconvError('ERR_ENVIRONMENT', `${op}: ${answer.reason}`, { op, hint: `npm install ${PACKAGE}` })
}
