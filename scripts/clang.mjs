#!/usr/bin/env node
/*
 * Gets the clang programs that the checks use, in pinned versions, since their output differs between versions. They
 * come from Python wheels, once per machine, into the cache. Each download is compared with the known wheel, as in the
 * set-up (scripts/setup/wheels.mjs).
 *
 *   node scripts/clang.mjs clang-format      fetches it unless it is there, and prints where it is
 */
import fs from 'node:fs'
import path from 'node:path'
import { EXIT, SetupError } from './setup/failure.mjs'
import { makeFolder } from './setup/folders.mjs'
import { cacheFolder } from './setup/libtorch.mjs'
import { loggedStep, report } from './setup/main.mjs'
import { downloadWheels } from './setup/pip.mjs'
import { checkPrerequisites } from './setup/prerequisites.mjs'
import { catchSignals, Progress } from './setup/run.mjs'
import { unpackDownloaded } from './setup/unpack.mjs'

export const CLANG_VERSIONS = { 'clang-tidy': '23.1.4', 'clang-format': '19.1.7' }

const ROOT = path.resolve(import.meta.dirname, '..')
const NOTHING = /^$/

/**
 * The path of the program `name`. Fetches it atomically if it is missing.
 * @throws SetupError
 */
export async function clangProgram(name, progress) {
  const version = CLANG_VERSIONS[name]
  const cache = cacheFolder(ROOT)
  const folder = path.join(cache, `${name}-${version}`)
  const inside = path.join(name.replace('-', '_'), 'data', 'bin', name)
  const program = path.join(folder, inside)
  if (fs.existsSync(program)) return program
  await loggedStep(ROOT, progress, name, `${name} ${version}`, async (to) => {
    const { python } = await checkPrerequisites({ npm: false, python: true, native: false })
    const tools = { ...to, python }
    makeFolder(cache)
    const work = fs.mkdtempSync(path.join(cache, `.${name}-`))
    try {
      const [downloads, staging] = [path.join(work, 'downloads'), path.join(work, 'staging')]
      makeFolder(staging)
      const [wheel] = await downloadWheels([`${name}==${version}`], ['--no-deps'], [[]], downloads, tools)
      // Its headers are beside it.
      await unpackDownloaded(downloads, wheel, staging, /^[^/]+\/data\//, NOTHING, tools)
      fs.chmodSync(path.join(staging, inside), 0o755)
      fs.rmSync(folder, { recursive: true, force: true })
      fs.renameSync(staging, folder)
    } finally {
      fs.rmSync(work, { recursive: true, force: true })
    }
  })
  return program
}

async function main([name, ...more]) {
  try {
    if (!Object.hasOwn(CLANG_VERSIONS, name ?? '') || more.length > 0) {
      throw new SetupError(`one of ${Object.keys(CLANG_VERSIONS).join(', ')} is to be named`, { exitCode: EXIT.usage })
    }
    catchSignals()
    process.stdout.write(`${await clangProgram(name, new Progress(false))}\n`)
    return EXIT.ok
  } catch (error) {
    return report(error)
  }
}

const started = process.argv[1]
if (started && fs.realpathSync(started) === import.meta.filename) process.exitCode = await main(process.argv.slice(2))
