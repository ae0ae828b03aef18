#!/usr/bin/env node
/*
 * Tries the package as its users meet it: packs it, installs the tarball in fresh projects without running install
 * scripts, fetches libtorch (from the cache, if it is there) and makes a first prediction.
 *
 *   node scripts/check-package.mjs                 npm, CommonJS, ES modules, TypeScript, publint, attw: what CI runs
 *   node scripts/check-package.mjs --all           these and other package managers, runtimes, bundlers
 *   node scripts/check-package.mjs pnpm esbuild    only these; --list prints the names
 *   node scripts/check-package.mjs --tarball FILE  does not pack
 *
 * Exit status 1 if a check fails.
 */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { CHECKS } from './check-package/checks.mjs'
import { Fresh, node, npm } from './check-package/fresh.mjs'
import { report } from './setup/main.mjs'
import { catchSignals } from './setup/run.mjs'

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')

function parse(args) {
  const names = []
  let tarball = null
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--all') names.push(...CHECKS.map(({ name }) => name))
    else if (args[i] === '--tarball') tarball = path.resolve(args[++i] ?? '')
    else if (CHECKS.some(({ name }) => name === args[i])) names.push(args[i])
    else throw new Error(`unknown argument ${args[i]}; checks: ${CHECKS.map(({ name }) => name).join(' ')}`)
  }
  if (names.length === 0) names.push(...CHECKS.filter(({ quick }) => quick).map(({ name }) => name))
  return { names: new Set(names), tarball }
}

async function timed(name, work) {
  const began = performance.now()
  const seconds = () => `${((performance.now() - began) / 1000).toFixed(1)} s`
  try {
    const said = await work()
    console.log(`ok      ${name}: ${said ?? ''}${said ? ', ' : ''}${seconds()}`)
    return 0
  } catch (error) {
    console.log(`FAILED  ${name}, ${seconds()}: ${error.message}`)
    return 1
  }
}

async function main(args) {
  if (args.includes('--list')) {
    for (const { name, what } of CHECKS) console.log(`${name.padEnd(12)} ${what}`)
    return 0
  }
  const { names, tarball: given } = parse(args)
  catchSignals()
  // Outside the checkout, whose node_modules would be found otherwise.
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'mbconv-package-'))
  const began = performance.now()
  let failed = 0
  try {
    let tarball = given
    const pack = async () => {
      const { stdout } = await npm(['pack', '--json', '--pack-destination', folder], { cwd: ROOT })
      // prepack's own lines may stand before the JSON.
      const answer = JSON.parse(stdout.slice(stdout.search(/^[[{]/m)))
      const [{ filename, size, unpackedSize, entryCount }] = Object.values(answer)
      tarball = path.join(folder, filename)
      const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`
      return `${filename}, ${entryCount} files, ${megabytes(size)}, unpacked ${megabytes(unpackedSize)}`
    }
    if (tarball === null) failed += await timed('npm pack', pack)
    if (failed > 0) return 1
    const project = new Fresh(path.join(folder, 'project'))
    failed += await timed('npm install, scripts off', () => project.install(tarball))
    failed += await timed('mbconv setup', () => project.setUp())
    if (failed > 0) return 1
    for (const { name, check } of CHECKS)
      if (names.has(name)) failed += await timed(name, () => check({ project, tarball, folder, root: ROOT, node }))
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
  console.log(`${((performance.now() - began) / 1000).toFixed(0)} s in all`)
  return failed === 0 ? 0 : 1
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code
  },
  (error) => {
    process.exitCode = report(error, 'check-package')
  },
)
