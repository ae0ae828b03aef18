#!/usr/bin/env node
/*
 * Runs clang-tidy over native/ with the checks of native/.clang-tidy; any finding is a failure.
 *
 *   npm run tidy                        every file
 *     -- native/binding/env.cc …                these only
 *     -- --jobs N                       files at once; by default as many as fit the machine
 *
 * Needs a finished set-up. scripts/clang.mjs gets clang-tidy. The parts that only the CUDA flavour compiles are checked
 * too if a CUDA libtorch is in the cache (`npm run build:cuda`); otherwise the output says that they were not.
 */
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { configure, libtorchOfSetup } from './check-build.mjs'
import { clangProgram } from './clang.mjs'
import { EXIT, SetupError } from './setup/failure.mjs'
import { cacheFolder, fetchedFolder, verifyFetched } from './setup/libtorch.mjs'
import { loggedStep, report } from './setup/main.mjs'
import { defaultJobs } from './setup/native.mjs'
import { checkPrerequisites } from './setup/prerequisites.mjs'
import { catchSignals, Progress, run } from './setup/run.mjs'
import { listFiles } from './setup/state.mjs'
import { printableLines } from './setup/text.mjs'

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')

/**
 * @param {string} build folder with compile_commands.json
 * @returns {Promise<string[]>} the output for each file with findings
 */
async function examine(binary, build, files, jobs, { log, detail }) {
  const findings = []
  const waiting = [...files]
  const work = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      detail(`${files.length - waiting.length} of ${files.length}, ${file}`)
      const result = await run(binary, ['-p', build, '--quiet', path.join(ROOT, file)], { log, cwd: ROOT })
      if (result.code !== 0) findings.push(result.output.trim())
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  return findings
}

function parseOptions() {
  try {
    const { values, positionals } = parseArgs({ options: { jobs: { type: 'string' } }, allowPositionals: true })
    const jobs = values.jobs === undefined ? defaultJobs() : Number(values.jobs)
    if (!(Number.isInteger(jobs) && jobs > 0)) throw new Error('--jobs needs a positive number')
    const all = listFiles(path.join(ROOT, 'native'), (name) => name.endsWith('.cc')).map((name) => `native/${name}`)
    const files = positionals.map((file) => path.relative(ROOT, path.resolve(file)))
    const unknown = files.find((file) => !all.includes(file))
    if (unknown !== undefined) throw new Error(`${unknown} is no .cc file of native/`)
    return { jobs, files: files.length > 0 ? files : all }
  } catch (error) {
    throw new SetupError(error.message, { exitCode: EXIT.usage })
  }
}

async function main() {
  try {
    const { jobs, files } = parseOptions()
    catchSignals()
    const progress = new Progress(false)
    const libtorch = libtorchOfSetup(ROOT)
    const tools = await checkPrerequisites({ npm: false, python: false, native: true })
    const cache = cacheFolder(ROOT)
    const step = (name, what, work) => loggedStep(ROOT, progress, name, what, work)
    const binary = await clangProgram('clang-tidy', progress)

    const flavours = [{ label: 'tidy', path: libtorch.path, files }]
    const cuda = fetchedFolder(cache, 'cuda')
    const forCuda = files.filter((file) => fs.readFileSync(path.join(ROOT, file), 'utf8').includes('MBCONV_CUDA'))
    if (libtorch.flavour !== 'cuda' && forCuda.length > 0) {
      const present = verifyFetched(cuda) !== null
      if (present) flavours.push({ label: 'tidy-cuda', path: path.join(cuda, 'torch'), files: forCuda })
      else
        progress.say(`not looked at, for there is no CUDA libtorch in the cache: CUDA's parts of ${forCuda.join(', ')}`)
    }
    const findings = []
    for (const flavour of flavours) {
      const what = `${flavour.files.length} files${flavour.label === 'tidy' ? '' : ', as the CUDA flavour compiles them'}`
      const found = await step(flavour.label, what, async (to) => {
        const build = path.join(ROOT, 'build', flavour.label)
        // Without precompiled headers, so that a missing #include is found.
        const options = ['CMAKE_EXPORT_COMPILE_COMMANDS=ON', 'MBCONV_PRECOMPILE=OFF']
        await configure(ROOT, build, flavour.path, tools, options, to)
        return examine(binary, build, flavour.files, jobs, to)
      })
      findings.push(...found)
    }
    for (const text of findings) process.stdout.write(`${printableLines(text)}\n`)
    progress.say(findings.length === 0 ? 'no findings' : `findings in ${findings.length} of ${files.length} files`)
    return findings.length === 0 ? EXIT.ok : EXIT.failure
  } catch (error) {
    return report(error)
  }
}

process.exitCode = await main()
