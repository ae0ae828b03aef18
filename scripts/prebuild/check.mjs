/* Checks the prebuilt addon: what it needs of the system, its instructions, its size, and that it loads. */
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { SetupError } from '../setup/failure.mjs'
import { run } from '../setup/run.mjs'
import { listFiles } from '../setup/state.mjs'
import { LIBRARIES } from './stubs.mjs'
import { compareVersions, dynamicSymbols, family } from './symbols.mjs'

const MOST_BYTES = 15e6
/** Libraries that the addon may name: libtorch's, and those that libtorch itself needs. */
const ALLOWED = new Set(['libtorch_cpu.so', 'libc10.so', 'libgcc_s.so.1', ...LIBRARIES])
/** Node's own functions, which have no version. */
const OF_NODE = /^(napi_|node_api_)/
/** Instructions of AVX and later: they begin with v, or use registers that baseline x86-64 does not have. */
const BEYOND_BASELINE = /^\s+[0-9a-f]+:\s+(v[a-z0-9]+\s|.*%[yz]mm)/
/** Objects of one instruction set, which native/kernels/cpu/dispatch.cc chooses after asking the processor. */
const OF_ONE_SET = /native\/kernels\/cpu\/micro\/(.+\/)?avx\w+\.cc\.o$/
/** Functions that run only after the processor was asked for AVX2 (native/decode/resize.cc). */
const ASKED_FIRST = /avx2/i

/**
 * @param {string[]} files the addon and its loader
 * @param {{ceilings: Record<string, string>, ofTorch: object[], objects: string, libtorch: {path: string}, log: number}} facts
 *   ofTorch: the symbols of libtorch; objects: the folder of the object files
 * @throws SetupError naming everything that is wrong
 */
export async function checkPrebuilt(files, { ceilings, ofTorch, objects, libtorch, log }) {
  const provided = new Set(ofTorch.filter(({ defined }) => defined).map(({ name }) => name))
  const faults = []
  for (const file of files) {
    const name = path.basename(file)
    faults.push(...symbolFaults(await dynamicSymbols(file), ceilings, provided).map((fault) => `${name}: ${fault}`))
    faults.push(...(await dynamicFaults(file)).map((fault) => `${name}: ${fault}`))
    faults.push(...pathFaults(fs.readFileSync(file), [libtorch.path]).map((fault) => `${name}: ${fault}`))
    const { size } = fs.statSync(file)
    if (size > MOST_BYTES) faults.push(`${name}: ${size} bytes, more than ${MOST_BYTES}`)
  }
  if (process.arch === 'x64') faults.push(...(await instructionFaults(objects)))
  const loading = await whyNotLoading(files, libtorch, log)
  if (loading !== null) faults.push(loading)
  if (faults.length > 0) {
    throw new SetupError(`the prebuilt addon would not run everywhere:\n- ${faults.join('\n- ')}`)
  }
}

/** Symbols that are newer than the ceilings, or that nothing provides. */
export function symbolFaults(symbols, ceilings, provided) {
  const faults = []
  for (const { name, version, defined } of symbols) {
    if (defined) continue
    if (version === null) {
      const weak = name.startsWith('_ITM_') || name === '__gmon_start__'
      if (!OF_NODE.test(name) && !provided.has(name) && !weak)
        faults.push(`${name} is in no library of the oldest system`)
      continue
    }
    const ceiling = ceilings[family(version)]
    if (ceiling !== undefined && compareVersions(version, ceiling) > 0) faults.push(`${name} needs ${version}`)
  }
  return faults
}

/** Libraries that the oldest system may not have, and paths of this machine among those to search. */
async function dynamicFaults(file) {
  const { stdout } = await run('objdump', ['-p', file])
  const faults = []
  for (const [, kind, value] of stdout.matchAll(/^ {2}(NEEDED|RPATH|RUNPATH) +(\S+)$/gm)) {
    if (kind !== 'NEEDED') faults.push(`it searches ${value} (${kind})`)
    else if (!ALLOWED.has(value)) faults.push(`it needs ${value}`)
  }
  return faults
}

/** Folders of this machine in the file: they would be other bytes elsewhere, and tell where it was made. */
function pathFaults(content, folders) {
  const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
  return [root, ...folders].filter((folder) => content.includes(folder)).map((folder) => `it contains ${folder}`)
}

/** Functions with instructions that not every x86-64 has. */
async function instructionFaults(objects) {
  const faults = new Set()
  for (const name of listFiles(objects, (file) => file.endsWith('.o'))) {
    if (OF_ONE_SET.test(name)) {
      const { code, stdout } = await run('nm', ['--defined-only', path.join(objects, name)])
      if (code !== 0) throw new SetupError(`nm cannot read ${name}`)
      for (const symbol of sharedSymbols(stdout)) faults.add(`${symbol} (${name}) may run on every processor`)
      continue
    }
    const { code, stdout } = await run('objdump', ['-d', '--no-show-raw-insn', path.join(objects, name)])
    if (code !== 0) throw new SetupError(`objdump cannot disassemble ${name}`)
    for (const symbol of functionsBeyondBaseline(stdout)) faults.add(`${symbol} (${name}) needs AVX`)
  }
  return [...faults]
}

/**
 * What the linker or the loader could take from an object of one instruction set for every processor: a function that it
 * shares with other objects, or one that runs when the addon is loaded. Its tables are data.
 *
 * @param {string} text what `nm --defined-only` printed
 */
export function sharedSymbols(text) {
  const found = []
  for (const [, kind, name] of text.matchAll(/^[0-9a-f]+ (\S) (.+)$/gm)) {
    const isLocal = kind === kind.toLowerCase() && !'uvw'.includes(kind)
    const isTable = 'RD'.includes(kind)
    if ((!isLocal && !isTable) || name.startsWith('_GLOBAL__sub_I')) found.push(name)
  }
  return found
}

/** The functions of a disassembly that use AVX and are not named after it. */
export function functionsBeyondBaseline(text) {
  const found = new Set()
  let symbol = ''
  for (const line of text.split('\n')) {
    symbol = /^[0-9a-f]+ <(.+)>:$/.exec(line)?.[1] ?? symbol
    if (BEYOND_BASELINE.test(line) && !ASKED_FIRST.test(symbol)) found.add(symbol)
  }
  return [...found]
}

async function whyNotLoading([addon, loader], libtorch, log) {
  const module = fileURLToPath(new URL('../../lib/native/prebuilt.cjs', import.meta.url))
  const script = `const addon = require(process.argv[1]).loadPrebuilt(JSON.parse(process.argv[2]), process.argv[3])
    console.log(addon.compiledVersion(), Object.keys(addon).length)`
  const args = ['-e', script, module, JSON.stringify({ addon, loader }), libtorch.path]
  const { code, stdout, output } = await run(process.execPath, args, { log })
  if (code === 0 && /^[\d.]+ \d{3,}$/m.test(stdout)) return null
  return `it does not load: ${
    output
      .trim()
      .split('\n')
      .find((line) => /Error/.test(line)) ?? output.trim()
  }`
}
