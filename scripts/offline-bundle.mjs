#!/usr/bin/env node
/*
 * Makes a folder to build and run mbconv on a Linux machine that has torch, but neither network nor Node. It contains
 * the Node runtime, headers, compiled JavaScript, the required packages, the native sources and an install script.
 *
 *   node scripts/offline-bundle.mjs [FOLDER] [--node FILE]
 *
 * FOLDER is build/offline-bundle by default; an older bundle there is replaced. --node names a Node binary to use
 * instead of the running one. Prints the content and its size; fails above 45 MB.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { contents, unknownPackages } from './offline-bundle/contents.mjs'
import { packRuntime, uncommonLibraries } from './offline-bundle/runtime.mjs'
import { makeFolder } from './setup/folders.mjs'
import { listFiles } from './setup/state.mjs'
import { printable, printableLines } from './setup/text.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const SCRIPTS = path.join(ROOT, 'scripts', 'offline-bundle')
const LIMIT_MB = 45
/** In the words of `uname -m`. */
const MACHINES = { x64: 'x86_64', arm64: 'aarch64' }
/** Where Node's licence may be, relative to the binary: in the official archive, in Debian's packages. */
const LICENSES = ['../LICENSE', '../share/doc/nodejs/LICENSE', '../share/doc/nodejs/copyright']

class BundleError extends Error {}

function makeBundle(folder, node) {
  if (process.platform !== 'linux') throw new BundleError('bundles are made on Linux, for Linux')
  const foreign = uncommonLibraries(node)
  if (foreign.length > 0) {
    const hint = 'take a binary from https://nodejs.org/en/download with --node'
    throw new BundleError(`${node} needs ${foreign.join(', ')}, which another machine may lack; ${hint}`)
  }
  const unknown = unknownPackages(ROOT)
  if (unknown.length > 0) {
    throw new BundleError(`dist/ uses ${unknown.join(', ')}: add it to scripts/offline-bundle/contents.mjs`)
  }
  if (fs.existsSync(folder) && fs.readdirSync(folder).length > 0 && !fs.existsSync(path.join(folder, 'bundle.json'))) {
    throw new BundleError(`${folder} holds something else`)
  }
  fs.rmSync(folder, { recursive: true, force: true })

  const groups = new Map()
  for (const { group, file, to } of contents(ROOT)) {
    const target = path.join(folder, to)
    makeFolder(path.dirname(target))
    fs.copyFileSync(path.join(ROOT, file), target)
    const { files, bytes } = groups.get(group) ?? { files: 0, bytes: 0 }
    groups.set(group, { files: files + 1, bytes: bytes + fs.statSync(target).size })
  }
  const runtime = addRuntime(folder, node)
  groups.set(`bin/node.gz (Node ${runtime.version})`, { files: 1, bytes: fs.statSync(runtime.file).size })
  addScripts(folder)
  const { name, version } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
  const facts = {
    name,
    version,
    commit: commit(),
    node: runtime.version,
    arch: process.arch,
    made: new Date().toISOString(),
  }
  fs.writeFileSync(path.join(folder, 'bundle.json'), `${JSON.stringify(facts, null, 2)}\n`)
  writeChecksums(folder)
  return groups
}

function addRuntime(folder, node) {
  fs.mkdirSync(path.join(folder, 'bin'))
  const file = path.join(folder, 'bin', 'node.gz')
  const license = LICENSES.map((name) => path.resolve(path.dirname(node), name)).find((name) => fs.existsSync(name))
  if (license !== undefined) fs.copyFileSync(license, path.join(folder, 'bin', 'LICENSE.node'))
  return { ...packRuntime(node, file), file }
}

function addScripts(folder) {
  const write = (name, text) => fs.writeFileSync(path.join(folder, name), text, { mode: 0o755 })
  const system = `Linux-${MACHINES[process.arch] ?? process.arch}`
  write('install.sh', fs.readFileSync(path.join(SCRIPTS, 'install.sh'), 'utf8').replaceAll('@SYSTEM@', system))
  write('bin/mbconv', fs.readFileSync(path.join(SCRIPTS, 'mbconv.sh')))
}

/** The commit of the sources, with a + if files differ from it; null outside a checkout. */
function commit() {
  try {
    const git = (...args) =>
      execFileSync('git', ['-C', ROOT, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return git('rev-parse', 'HEAD').trim() + (git('status', '--porcelain').trim() === '' ? '' : '+')
  } catch {
    return null
  }
}

function writeChecksums(folder) {
  const lines = listFiles(folder).map((name) => {
    const digest = createHash('sha256')
      .update(fs.readFileSync(path.join(folder, name)))
      .digest('hex')
    return `${digest}  ${name}\n`
  })
  fs.writeFileSync(path.join(folder, 'SHA256SUMS'), lines.join(''))
}

function main() {
  const { values, positionals } = parseArgs({ options: { node: { type: 'string' } }, allowPositionals: true })
  if (positionals.length > 1) throw new BundleError('one folder at most')
  const folder = path.resolve(positionals[0] ?? path.join(ROOT, 'build', 'offline-bundle'))
  const groups = makeBundle(folder, fs.realpathSync(values.node ?? process.execPath))

  const total = listFiles(folder).reduce((sum, name) => sum + fs.statSync(path.join(folder, name)).size, 0)
  const megabytes = (bytes) => (bytes / 1e6).toFixed(2).padStart(6)
  for (const [group, { files, bytes }] of groups) {
    console.log(`${megabytes(bytes)} MB  ${String(files).padStart(4)} ${files === 1 ? 'file ' : 'files'}  ${group}`)
  }
  console.log(`${megabytes(total)} MB  in all, in ${printable(folder)}`)
  if (total > LIMIT_MB * 1e6) throw new BundleError(`that is more than ${LIMIT_MB} MB`)
  console.log('There: sh install.sh')
}

try {
  main()
} catch (error) {
  const expected = error instanceof BundleError || /^ERR_PARSE_ARGS/.test(error.code ?? '')
  console.error(`offline-bundle: ${printableLines(expected ? error.message : error.stack)}`)
  process.exitCode = expected ? 2 : 1
}
