/**
 * Which machines libtorch exists for: a pure function of facts about a machine, and a function that collects them.
 *
 * This is plain JavaScript because both the library and the set-up use it, and the set-up runs before anything is
 * compiled.
 */
'use strict'
const { TORCH_VERSION } = require('./libtorch.cjs')

/**
 * @typedef {{ platform: string, arch: string, libc: 'glibc' | 'musl' | null, glibc: string | null, napi: number }} Machine
 *   libc: null where it is unknown or has no name; glibc: its version; napi: the newest version of Node-API
 */

/** What to do where the addon or libtorch is missing. Every message says it in these words. */
const REMEDY = 'run: npx mbconv setup'
/** The glibc that libtorch's wheels for Linux need. */
const OLDEST_GLIBC = '2.28'

/** Facts about this machine. @returns {Machine} */
function thisMachine() {
  const { platform, arch } = process
  return { platform, arch, ...libcFacts(), napi: Number(process.versions.napi ?? process.versions.modules ?? 0) }
}

/** @returns {{ libc: 'glibc' | 'musl' | null, glibc: string | null }} */
function libcFacts() {
  if (process.platform !== 'linux') return { libc: null, glibc: null }
  try {
    /** @type {any} */
    const facts = reportWithoutNetwork()
    const glibc = facts?.header?.glibcVersionRuntime ?? null
    if (glibc !== null) return { libc: 'glibc', glibc }
    const musl = facts?.sharedObjects?.some((/** @type {string} */ file) => /(^|\/)(libc\.musl-|ld-musl-)/.test(file))
    return { libc: musl ? 'musl' : null, glibc: null }
  } catch {
    return { libc: null, glibc: null }
  }
}

/** The names of network addresses are left out: to find them takes seconds without a network. */
function reportWithoutNetwork() {
  /** @type {any} */
  const report = process.report
  if (report === undefined) return undefined
  const before = report.excludeNetwork
  try {
    report.excludeNetwork = true
    return report.getReport()
  } finally {
    // The setting is the process's: the program's own reports keep what it has chosen.
    report.excludeNetwork = before
  }
}

/**
 * Why libtorch cannot be fetched for a machine, and what works there instead; null where it can be fetched.
 * @param {Machine} machine
 * @returns {{ reason: string, alternative: string } | null}
 */
function refusal({ platform, arch, libc, glibc }) {
  // The addon does not compile on Windows. onnxruntime-node, which predicts without libtorch, has a library for it.
  if (platform === 'win32') {
    return {
      reason: 'mbconv does not run on Windows',
      alternative:
        'Use WSL 2, which is a Linux. To predict only, `mbconv export` on Linux and onnxruntime-node here (untested).',
    }
  }
  const own = 'With a libtorch of your own, set LIBTORCH to the folder that holds its lib/ and include/ (untested).'
  const refuse = (/** @type {string} */ reason, /** @type {string} */ instead) => ({
    reason,
    alternative: `${instead} ${own}`,
  })
  if (platform === 'darwin' && arch === 'x64') {
    return refuse(
      `PyTorch publishes no libtorch ${TORCH_VERSION} for Intel Macs`,
      'Use a Linux container or a Mac with ARM64.',
    )
  }
  if (platform !== 'linux' && platform !== 'darwin') {
    return refuse(`PyTorch publishes no libtorch for ${platform}`, 'Use Linux with glibc, or a container with it.')
  }
  if (arch !== 'x64' && arch !== 'arm64') {
    return refuse(`PyTorch publishes no libtorch for ${platform} on ${arch}`, 'Use x86-64 or ARM64.')
  }
  if (libc === 'musl') {
    return refuse(
      'PyTorch publishes no libtorch for musl, the C library of Alpine Linux',
      'Use a Linux with glibc 2.28 or newer: the container image node:22-slim in place of node:22-alpine.',
    )
  }
  if (glibc !== null && olderThan(glibc, OLDEST_GLIBC)) {
    return refuse(
      `libtorch ${TORCH_VERSION} needs glibc ${OLDEST_GLIBC}, and this is ${glibc}`,
      'Use Debian 10, Ubuntu 20.04, Fedora 29, RHEL 8 or newer.',
    )
  }
  return null
}

/** Whether a dotted version is below another. @param {string} version @param {string} other */
function olderThan(version, other) {
  const [a, b] = [version, other].map((text) => text.split('.').map(Number))
  for (let i = 0; i < Math.max(a.length, b.length); i++)
    if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) < (b[i] ?? 0)
  return false
}

module.exports = { OLDEST_GLIBC, REMEDY, olderThan, refusal, thisMachine }
