/*
 * onnxruntime for tests and benchmarks. It is installed into this folder on first use, separate from the package's own
 * installation, since it takes 290 MB. Its CPU library is in the npm package; the install script, which would download
 * the CUDA one, is not run.
 */
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { SetupError } from '../../setup/failure.mjs'
import { installPackages, packagesFresh } from '../../setup/javascript.mjs'
import { acquireLock } from '../../setup/lock.mjs'
import { findNpm } from '../../setup/prerequisites.mjs'

const FOLDER = fileURLToPath(new URL('.', import.meta.url))
const BUILD = fileURLToPath(new URL('../../../build', import.meta.url))

/**
 * Loads onnxruntime-node. Installs it first if it is missing.
 *
 * @param {{note?: (text: string) => void}} options note: called before an installation, which takes a while
 * @returns {Promise<{ort: object, reason?: undefined} | {ort?: undefined, reason: string}>} the module, or why this
 *   machine cannot have it
 * @throws if it is installed but does not work
 */
export async function loadOnnxruntime({ note = () => {} } = {}) {
  if (!packagesFresh(FOLDER)) {
    const reason = await install(note)
    if (reason !== null) return { reason }
  }
  const require = createRequire(path.join(FOLDER, 'package.json'))
  const binaries = path.join(
    FOLDER,
    'node_modules',
    'onnxruntime-node',
    'bin',
    'napi-v6',
    process.platform,
    process.arch,
  )
  if (!fs.existsSync(binaries)) {
    return { reason: `onnxruntime-node has no library for ${process.platform} ${process.arch}` }
  }
  return { ort: require('onnxruntime-node') }
}

/** @returns {Promise<string | null>} why it cannot be installed here; null after success */
async function install(note) {
  const npm = findNpm(process.env)
  if (npm === null) return 'npm is not on PATH'
  const release = await acquireLock(path.join(BUILD, 'onnxruntime.lock'))
  try {
    if (packagesFresh(FOLDER)) return null // another process has installed it meanwhile
    note('installing onnxruntime-node into scripts/bench/onnxruntime')
    const logFile = path.join(BUILD, 'logs', 'onnxruntime.log')
    fs.mkdirSync(path.dirname(logFile), { recursive: true })
    const log = fs.openSync(logFile, 'w')
    try {
      await installPackages(FOLDER, npm, { log, logFile })
    } finally {
      fs.closeSync(log)
    }
    return null
  } catch (error) {
    if (error instanceof SetupError && error.message === 'npm cannot reach its package registry') return error.message
    throw error
  } finally {
    release()
  }
}
