/**
 * The addon that travels in the package (scripts/prebuild.mjs makes it): which machines it fits, and how it is loaded.
 *
 * This is plain JavaScript because both the library and the set-up use it, and the set-up runs before anything is
 * compiled.
 */
'use strict'
const path = require('node:path')
const { libraryName, textOf } = require('./libtorch.cjs')
const { olderThan } = require('./platform.cjs')

/**
 * @typedef {import('./platform.cjs').Machine} Machine
 * @typedef {{ platform: string, arch: string, glibc: string, napi: number, torch: string, flavour: string }} Needs
 *   what the addon needs: glibc and Node-API at least, the others exactly; the content of prebuilt.json
 * @typedef {{ version: string | null, flavour: string }} Libtorch
 * @typedef {{ folder: string, addon: string, loader: string, needs: Needs | null }} Prebuilt
 *   needs: null if prebuilt.json is damaged
 */

/** The keys of prebuilt.json. */
const NEEDS = {
  platform: 'string',
  arch: 'string',
  glibc: 'string',
  napi: 'number',
  torch: 'string',
  flavour: 'string',
}

/**
 * Why the prebuilt addon does not fit a machine and a libtorch; null if it fits.
 * @param {Needs | null} needs
 * @param {Machine} machine
 * @param {Libtorch | null} libtorch
 * @returns {string | null}
 */
function misfit(needs, machine, libtorch) {
  if (needs === null) return 'its prebuilt.json is damaged'
  const [made, here] = [needs, machine].map(({ platform, arch }) => `${platform} ${arch}`)
  if (made !== here) return `it is for ${made}, and this is ${here}`
  if (machine.platform === 'linux' && machine.glibc === null) {
    return machine.libc === 'musl'
      ? 'it is for glibc, and this is musl'
      : 'it is for glibc, and the C library here is unknown'
  }
  if (machine.glibc !== null && olderThan(machine.glibc, needs.glibc)) {
    return `it needs glibc ${needs.glibc}, and this is ${machine.glibc}`
  }
  if (machine.napi < needs.napi) return `it needs Node-API ${needs.napi}, and this is ${machine.napi}`
  if (libtorch === null) return `there is no libtorch ${needs.torch} for it`
  if (libtorch.version !== needs.torch) {
    return `it is for libtorch ${needs.torch}, and the one chosen is ${libtorch.version ?? 'of unknown version'}`
  }
  if (libtorch.flavour !== needs.flavour) {
    return `it is for libtorch without CUDA, and the one chosen is for ${libtorch.flavour.toUpperCase()}`
  }
  return null
}

/** The folder of the prebuilt addon for a kind of machine. @param {string} root of the package */
function prebuiltFolder(root, { platform, arch } = /** @type {{platform: string, arch: string}} */ (process)) {
  return path.join(root, 'prebuilds', `${platform}-${arch}-cpu`)
}

/**
 * The prebuilt addon in the package: its two files, and what it needs; null if there is none for this kind of machine.
 * @param {string} root of the package
 * @returns {Prebuilt | null}
 */
function prebuiltIn(root) {
  const folder = prebuiltFolder(root)
  const text = textOf(path.join(folder, 'prebuilt.json'))
  if (text === null) return null
  return {
    folder,
    addon: path.join(folder, 'mbconv.node'),
    loader: path.join(folder, 'loader.node'),
    needs: needsIn(text),
  }
}

/** @param {string} text of prebuilt.json @returns {Needs | null} */
function needsIn(text) {
  try {
    const needs = JSON.parse(text)
    return Object.entries(NEEDS).every(([key, type]) => typeof needs[key] === type) ? needs : null
  } catch {
    return null
  }
}

/**
 * The files of addons that are compiled here, in the order in which they are tried: a debug build comes second.
 * @param {string} root of the package
 */
function compiledIn(root) {
  return ['Release', 'Debug'].map((kind) => path.join(root, 'build', kind, 'mbconv.node'))
}

/**
 * Loads the prebuilt addon. libtorch is opened first, because the addon does not know where it lies.
 * @param {{ addon: string, loader: string }} prebuilt
 * @param {string} libtorch the folder that holds lib/
 */
function loadPrebuilt({ addon, loader }, libtorch) {
  const { open } = require(loader)
  for (const name of ['c10', 'torch_cpu']) {
    const reason = open(path.join(libtorch, 'lib', libraryName(name)))
    if (reason !== '') throw new Error(reason)
  }
  return require(addon)
}

module.exports = { compiledIn, loadPrebuilt, misfit, prebuiltFolder, prebuiltIn }
