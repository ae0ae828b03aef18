/* Downloads wheels with pip, which knows the index, the proxy and the machine's tags. It installs nothing. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { thisMachine } from '../../lib/native/platform.cjs'
import { EXIT, SetupError } from './failure.mjs'
import { makeFolder } from './folders.mjs'
import { run } from './run.mjs'
import { listFiles } from './state.mjs'
import { knownWheels } from './wheels.mjs'

/** PyTorch's own index of CPU-only wheels: a third of the size of the default index's wheels for Linux. */
export const CPU_INDEX = 'https://download.pytorch.org/whl/cpu'
const PROBE_MS = 3000

/** pip's messages when it cannot reach an index. */
const OFFLINE =
  /Retrying|ConnectionError|Connection refused|name resolution|Name or service|timed out|ProxyError|SSLError/i

const DOWNLOAD = ['-m', 'pip', 'download', '--disable-pip-version-check', '--no-input', '--no-cache-dir']
/** A package of a few kilobytes, downloaded only to test whether pip reaches its index. */
const SMALL_PACKAGE = 'cuda-toolkit'
const SMALL_PACKAGE_MS = 60_000

/** Whether PyTorch's index answers. Python makes the request, because it uses the same proxy settings as pip. */
export async function cpuIndexAnswers({ python, log }) {
  const script = `import urllib.request as r; r.urlopen(r.Request('${CPU_INDEX}/torch/', method='HEAD'), timeout=${PROBE_MS / 1000})`
  const result = await run(python, ['-c', script], { log, timeout: PROBE_MS })
  return result.code === 0
}

/**
 * Tests whether pip reaches its index, by downloading a few kilobytes from it.
 * @returns {Promise<string|null>} pip's message if it could not reach the index; null if it could
 * @throws SetupError if the index answers but does not have the package
 */
export async function whyUnreachable(python) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'mbconv-pip-'))
  try {
    const args = [...DOWNLOAD, '--retries', '1', '--timeout', '10', '--no-deps', '-d', folder, SMALL_PACKAGE]
    const env = { ...process.env, PIP_REQUIRE_VIRTUALENV: '0' }
    const result = await run(python, args, { env, timeout: SMALL_PACKAGE_MS })
    if (result.code === 0) return null
    if (result.timedOut) return `no answer in ${SMALL_PACKAGE_MS / 1000} s`
    const lines = result.output.trim().split('\n')
    const offline = lines.find((line) => OFFLINE.test(line))
    if (offline !== undefined) return offline
    throw new SetupError(`pip cannot download ${SMALL_PACKAGE}: ${lines.pop()}`)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * Downloads wheels into `folder`, trying pip with each attempt's arguments in turn.
 * @param {{python: string, log: number, logFile: string, detail: (text: string) => void}} tools
 * @returns {Promise<string[]>} the wheels in `folder`
 * @throws SetupError naming what could not be downloaded, and the remedy
 */
export async function downloadWheels(requirements, flags, attempts, folder, { python, log, logFile, detail }) {
  const temporary = path.join(folder, 'tmp')
  makeFolder(temporary)
  // pip collects downloads in TMPDIR, which may be a small memory disk.
  const env = { ...process.env, TMPDIR: temporary, PIP_REQUIRE_VIRTUALENV: '0', PYTHONUNBUFFERED: '1' }
  const known = knownWheels()
  const sizes = new Map()
  const onLine = (line) => {
    const file = downloadedFile(line, known)
    if (file !== null) sizes.set(file.name, file.bytes)
  }
  let before = 0
  const watch = setInterval(() => detail(progressOf(folder, [...sizes.values()], before)), 500)
  let result
  try {
    for (const attempt of attempts) {
      // Another index has other wheels, and pip does not name those that are complete already.
      sizes.clear()
      before = bytesIn(folder)
      const source = ['--retries', '3', '--only-binary=:all:', ...flags, ...attempt]
      result = await run(python, [...DOWNLOAD, ...source, '-d', folder, ...requirements], { log, env, onLine })
      if (result.code === 0) return listFiles(folder, (name) => name.endsWith('.whl'))
      if (OFFLINE.test(result.output) && !attempt.includes(CPU_INDEX)) break
    }
  } finally {
    clearInterval(watch)
    fs.rmSync(temporary, { recursive: true, force: true })
  }
  throw downloadFailed(requirements, result.output, logFile)
}

function downloadFailed(requirements, output, logFile) {
  if (/No space left/i.test(output)) return Object.assign(new Error('no space left for pip'), { code: 'ENOSPC' })
  const what = requirements.join(' ')
  const wheel = requirements.find((requirement) => requirement.startsWith('torch==')) ?? 'torch'
  const elsewhere = `Or, on a machine that can, \`python3 -m pip download ${wheel}\`, unpack the wheels (they are zip files) into one folder, bring it here and set LIBTORCH to its torch/ folder.`
  if (OFFLINE.test(output)) {
    return new SetupError(`pip cannot reach its package index to download ${what}`, {
      exitCode: EXIT.environment,
      hint: `Check the network, and pip's settings where a proxy or a mirror is needed, then try again. ${elsewhere}`,
      log: logFile,
    })
  }
  const glibc = process.platform === 'linux' && thisMachine().glibc === null
  const machine = `${process.platform} ${process.arch}${glibc ? ' without glibc' : ''}`
  const said = output.match(/^ERROR: .*/gm)?.pop() ?? 'no reason given'
  return new SetupError(`pip could not download ${what} for ${machine} (${said})`, {
    exitCode: EXIT.environment,
    hint: 'PyTorch exists for Linux with glibc 2.28 or newer (x86-64, ARM64) and macOS on ARM64. With a libtorch of your own, set LIBTORCH to the folder that holds its lib/ and include/.',
    log: logFile,
  })
}

function bytesIn(folder) {
  let bytes = 0
  for (const name of listFiles(folder))
    bytes += fs.statSync(path.join(folder, name), { throwIfNoEntry: false })?.size ?? 0
  return bytes
}

/**
 * "downloading, 212 of 427 MB", or without the total while pip has not named a file. The `before` bytes that were in the
 * folder at the beginning do not count.
 */
export function progressOf(folder, sizes, before = 0) {
  const bytes = Math.max(0, bytesIn(folder) - before)
  const megabytes = (count) => Math.round(count / 1e6)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  if (total === 0) return `downloading, ${megabytes(bytes)} MB`
  // At the end pip copies each file, and then there are two for a while.
  return `downloading, ${megabytes(Math.min(bytes, total))} of ${megabytes(total)} MB`
}

/**
 * The file that pip begins to download, by a line of its output, "Downloading https://…/torch-2.13.0-….whl (426.5 MB)";
 * null for any other line. pip rounds sizes, so those of known wheels are taken from the table.
 */
export function downloadedFile(line, known = {}) {
  const [, address, size, unit] = /^\s*Downloading (\S+\.whl) \(([\d.]+) ?(bytes|kB|MB|GB)\)/.exec(line) ?? []
  if (address === undefined) return null
  const name = decodeURIComponent(path.posix.basename(address))
  const factor = { bytes: 1, kB: 1e3, MB: 1e6, GB: 1e9 }[unit]
  return { name, bytes: (Object.hasOwn(known, name) ? known[name].size : undefined) ?? Number(size) * factor }
}
