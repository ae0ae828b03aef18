/**
 * Where libtorch lies, and which one it is.
 *
 * This is plain JavaScript because both the library and the set-up use it, and the set-up runs before anything is
 * compiled.
 */
'use strict'
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

/** The version that is fetched, and that the prebuilt addon is for. */
const TORCH_VERSION = '2.13.0'
/** The list of a fetched copy's files, written last. */
const MANIFEST = 'mbconv-libtorch.json'

/**
 * The folder for everything that all checkouts of this user share.
 * @param {string} root of the package
 * @param {NodeJS.ProcessEnv} env
 */
function cacheFolder(root, env = process.env) {
  if (env.MBCONV_CACHE) return path.resolve(env.MBCONV_CACHE)
  // The XDG specification says that a relative path is to be ignored.
  if (env.XDG_CACHE_HOME && path.isAbsolute(env.XDG_CACHE_HOME)) return path.join(env.XDG_CACHE_HOME, 'mbconv')
  if (process.platform === 'win32' && env.LOCALAPPDATA && path.isAbsolute(env.LOCALAPPDATA))
    return path.join(env.LOCALAPPDATA, 'mbconv')
  let home = env.HOME
  if (!home) {
    try {
      home = os.userInfo().homedir
    } catch {
      // The user number has no entry in the user database, which is common in containers.
    }
  }
  if (home && path.isAbsolute(home) && fs.existsSync(home)) return path.join(home, '.cache', 'mbconv')
  // Without a home folder: beside the build, where the caller can write.
  return path.join(root, 'build', 'cache')
}

/**
 * The folder of a fetched copy. The name contains everything that distinguishes copies, so one cache can serve many
 * machines.
 * @param {string} cache
 * @param {string} flavour
 */
function fetchedFolder(cache, flavour, version = TORCH_VERSION) {
  return path.join(cache, `libtorch-${version}-${flavour}-${process.platform}-${process.arch}`)
}

/** The file name of a shared library. @param {string} name */
function libraryName(name, platform = process.platform) {
  if (platform === 'win32') return `${name}.dll`
  return platform === 'darwin' ? `lib${name}.dylib` : `lib${name}.so`
}

/**
 * The version in its headers, which decides what a build gets; null without headers.
 * @param {string} dir that holds lib/ and include/
 */
function headerVersion(dir) {
  for (const header of ['torch/headeronly/version.h', 'torch/csrc/api/include/torch/version.h']) {
    const text = textOf(path.join(dir, 'include', header))
    if (text === null) continue
    const parts = ['MAJOR', 'MINOR', 'PATCH'].map((part) => new RegExp(`TORCH_VERSION_${part} +(\\d+)`).exec(text)?.[1])
    if (!parts.includes(undefined)) return parts.join('.')
  }
  return null
}

/**
 * The libtorch in `dir`, or in its folder torch or libtorch, for running: a copy without headers will do, if it has the
 * list of files that the set-up wrote.
 * @param {string} dir
 * @returns {{ path: string, version: string | null, flavour: 'cpu' | 'cuda' } | null} null: there is none
 */
function libtorchAt(dir) {
  const given = path.resolve(dir)
  for (const folder of [given, path.join(given, 'torch'), path.join(given, 'libtorch')]) {
    if (!fs.existsSync(path.join(folder, 'lib', libraryName('torch_cpu')))) continue
    const version = headerVersion(folder) ?? manifestVersion(folder) ?? manifestVersion(path.dirname(folder))
    const cuda = fs.existsSync(path.join(folder, 'lib', libraryName('torch_cuda')))
    return { path: folder, version, flavour: cuda ? 'cuda' : 'cpu' }
  }
  return null
}

/** @param {string} dir @returns {string | null} */
function manifestVersion(dir) {
  try {
    const { version } = JSON.parse(textOf(path.join(dir, MANIFEST)) ?? '{}')
    return typeof version === 'string' ? version.split('+')[0] : null
  } catch {
    return null
  }
}

/** @param {string} file @returns {string | null} null if it cannot be read */
function textOf(file) {
  try {
    // A pipe or a device in its place would be waited for.
    return fs.statSync(file).isFile() ? fs.readFileSync(file, 'utf8') : null
  } catch {
    return null
  }
}

module.exports = { TORCH_VERSION, MANIFEST, cacheFolder, fetchedFolder, headerVersion, libraryName, libtorchAt, textOf }
