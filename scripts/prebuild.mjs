#!/usr/bin/env node
/*
 * Makes the addon that travels in the package, prebuilds/PLATFORM-ARCH-cpu: `npm run prebuild`, and npm's own `prepack`.
 * It is linked from the objects of the set-up's build, and then checked; the script fails if it would not run on the
 * oldest system that libtorch's wheel runs on. The same sources and the same compiler give the same bytes in any folder.
 */
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { OLDEST_GLIBC } from '../lib/native/platform.cjs'
import { prebuiltFolder } from '../lib/native/prebuilt.cjs'
import { checkPrebuilt } from './prebuild/check.mjs'
import { writeStubs } from './prebuild/stubs.mjs'
import { dynamicSymbols, newestNeeded } from './prebuild/symbols.mjs'
import { EXIT, SetupError } from './setup/failure.mjs'
import { TORCH_VERSION } from './setup/libtorch.mjs'
import { loggedStep, report } from './setup/main.mjs'
import { nativeFresh } from './setup/native.mjs'
import { checkPrerequisites } from './setup/prerequisites.mjs'
import { catchSignals, Progress, run } from './setup/run.mjs'
import { readState, writeFileWhole } from './setup/state.mjs'

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const NAPI = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8')).binary.napi_versions[0]

/** The libtorch of the set-up, if the addon for it is built and is the one to ship. */
function buildOfSetup() {
  const state = readState(ROOT)
  const { libtorch } = state
  const fits = libtorch?.version === TORCH_VERSION && libtorch.flavour === 'cpu'
  if (fits && nativeFresh(ROOT, state, libtorch) && fs.existsSync(path.join(ROOT, 'build', 'cmake'))) return libtorch
  throw new SetupError(
    `the prebuilt addon is linked from a finished set-up with libtorch ${TORCH_VERSION} for the CPU`,
    {
      exitCode: EXIT.environment,
      hint: 'Run `npm run setup -- --cpu --force` first.',
    },
  )
}

async function main() {
  catchSignals()
  if (process.platform !== 'linux') {
    throw new SetupError('the prebuilt addon is made on Linux', { exitCode: EXIT.environment })
  }
  const libtorch = buildOfSetup()
  const tools = await checkPrerequisites({ npm: false, python: false, native: true })
  const folder = prebuiltFolder(ROOT)
  const progress = new Progress(false)
  await loggedStep(ROOT, progress, 'prebuild', 'prebuilt addon', async ({ log, logFile, detail }) => {
    detail('stubs')
    const build = path.join(ROOT, 'build', 'cmake')
    const libraries = ['libtorch_cpu.so', 'libc10.so'].map((name) => path.join(libtorch.path, 'lib', name))
    const ofTorch = (await Promise.all(libraries.map(dynamicSymbols))).flat()
    const { GLIBCXX, CXXABI } = newestNeeded(ofTorch)
    const ceilings = { GLIBC: `GLIBC_${OLDEST_GLIBC}`, GLIBCXX, CXXABI }
    const compiler = tools.compiler.command.split(/\s+/)[0]
    await writeStubs(path.join(build, 'stubs'), compiler, ceilings, { log })

    detail('linking')
    const targets = ['mbconv_prebuilt', 'mbconv_loader']
    const { code } = await run('cmake', ['--build', build, '--target', ...targets], { log })
    if (code !== 0) throw new SetupError('the prebuilt addon cannot be linked', { log: logFile })

    detail('checking')
    const linked = path.join(build, 'prebuilt')
    const files = ['mbconv.node', 'loader.node'].map((name) => path.join(linked, name))
    await checkPrebuilt(files, {
      ceilings,
      ofTorch,
      objects: path.join(build, 'CMakeFiles', 'mbconv.dir'),
      libtorch,
      log,
    })

    fs.rmSync(path.join(ROOT, 'prebuilds'), { recursive: true, force: true })
    fs.mkdirSync(folder, { recursive: true })
    for (const file of files) fs.copyFileSync(file, path.join(folder, path.basename(file)))
    const { platform, arch } = process
    const needs = { platform, arch, glibc: OLDEST_GLIBC, napi: NAPI, torch: TORCH_VERSION, flavour: 'cpu' }
    writeFileWhole(path.join(folder, 'prebuilt.json'), `${JSON.stringify(needs, null, 2)}\n`)
  })
  const size = fs.statSync(path.join(folder, 'mbconv.node')).size
  progress.say(`${path.relative(ROOT, folder)}: ${(size / 1e6).toFixed(1)} MB`)
}

main().catch((error) => {
  process.exitCode = report(error, 'prebuild')
})
