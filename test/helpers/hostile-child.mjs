// Reads hostile files one after the other and says of each what came of it, how long it took and how much memory more.
// Usage: node --expose-gc hostile-child.mjs FOLDER SEED FUZZED   (FUZZED refusals of each kind)
import { mkdtempSync, readdirSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as mb from 'mbconv'
import { mutatedPth, mutatedSafetensors, randomOf } from './fuzz-weights.mjs'
import { LARGE_PTH, LARGE_SAFETENSORS } from './hostile-large.mjs'
import { HOSTILE as PTH } from './hostile-pth.mjs'
import { HOSTILE as SAFETENSORS } from './hostile-safetensors.mjs'

const [folder, seed, fuzzed] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])]
const golden = fileURLToPath(new URL('../golden/', import.meta.url))

const read = {
  safetensors: (path) => mb.io.safetensors.read(path).tensors,
  mapped: (path) => mb.io.safetensors.read(path, { mmap: true }).tensors,
  pth: (path) => mb.io.pth.read(path).stateDict(),
}

/** Resident memory now and at most since the last call, bytes. */
function memory() {
  const status = readFileSync('/proc/self/status', 'utf8')
  const [now, peak] = ['VmRSS', 'VmHWM'].map((name) => 1024 * Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]))
  writeFileSync('/proc/self/clear_refs', '5')
  return { now, peak }
}

/** Processor time since, ms, of all threads. */
function since(began) {
  const { user, system } = process.cpuUsage(began)
  return (user + system) / 1000
}

function attempt(kind, path) {
  const began = process.cpuUsage()
  try {
    const tensors = read[kind](path)
    let bytes = 0
    for (const tensor of Object.values(tensors)) bytes += tensor.numel
    for (const tensor of Object.values(tensors)) tensor.dispose()
    return { code: null, bytes, ms: since(began) }
  } catch (error) {
    return { code: error.code ?? error.stack, message: error.message, ms: since(began) }
  }
}

const say = (result) => writeSync(1, `${JSON.stringify(result)}\n`)

/** One file, measured. */
function measured(kind, name, path) {
  globalThis.gc()
  memory()
  const { now } = memory()
  const result = attempt(kind, path)
  say({ kind, name, ...result, memory: memory().peak - now, length: result.message?.length })
}

// What the first reading of each kind loads is not a file's doing.
for (const [kind, name] of [
  ['pth', 'pth/checkpoint.pth'],
  ['safetensors', 'safetensors/dtypes.safetensors'],
  ['mapped', 'safetensors/dtypes.safetensors'],
]) {
  const { code } = attempt(kind, join(golden, name))
  if (code !== null) throw new Error(`a good file is not read: ${code}`)
}
const tensorsBefore = mb.memory().tensors

for (const [kind, small, large] of [
  ['safetensors', SAFETENSORS, LARGE_SAFETENSORS],
  ['mapped', SAFETENSORS, LARGE_SAFETENSORS],
  ['pth', PTH, LARGE_PTH],
]) {
  for (const [name, make] of [
    ...Object.entries(small).map(([name, [bytes]]) => [name, () => bytes]),
    ...Object.entries(large),
  ]) {
    const path = join(folder, `hostile.${kind}`)
    writeFileSync(path, make())
    measured(kind, name, path)
  }
  // Gigabytes that take no room on the disk.
  const path = join(folder, `sparse.${kind}`)
  writeFileSync(path, kind === 'pth' ? Buffer.from('PK\x03\x04') : Buffer.from([0, 0, 128, 0, 0, 0, 0, 0]))
  truncateSync(path, 2 ** 40)
  measured(kind, 'a terabyte of zeros', path)
  for (const path of readdirSync(join(folder, 'special'))) measured(kind, `a ${path}`, join(folder, 'special', path))
  for (const device of ['zero', 'null', 'full', 'urandom']) measured(kind, `/dev/${device}`, `/dev/${device}`)
}

const files = (kind, match) =>
  readdirSync(join(golden, kind))
    .filter((name) => match.test(name))
    .map((name) => readFileSync(join(golden, kind, name)))
const summed = join(folder, 'summed.safetensors')
mb.scope(() =>
  mb.io.safetensors.write(summed, { a: mb.ones([3, 4]), b: mb.zeros([5]) }, { key: 'value' }, { checksum: true }),
)
for (const [kind, mutated, sources] of [
  [
    'safetensors',
    mutatedSafetensors,
    [...files('safetensors', /\.safetensors$/).filter((b) => b.length > 20), readFileSync(summed)],
  ],
  ['pth', mutatedPth, files('pth', /^(dtypes|views|module|parameters|checkpoint|protocol4)\.pth$/)],
]) {
  const random = randomOf(seed)
  const path = join(mkdtempSync(join(folder, 'fuzz-')), `fuzzed.${kind}`)
  const sum = { kind, fuzzed: 0, refused: 0, read: 0, slowest: 0, odd: [] }
  globalThis.gc()
  memory()
  const { now } = memory()
  for (; sum.refused < fuzzed && sum.fuzzed < 20 * fuzzed; sum.fuzzed++) {
    const bytes = mutated(sources, random)
    writeFileSync(path, bytes)
    const result = attempt(kind, path)
    sum.slowest = Math.max(sum.slowest, result.ms)
    if (result.code === 'ERR_FORMAT') sum.refused++
    else if (result.code === null && result.bytes <= bytes.length) sum.read++
    else sum.odd.push({ number: sum.fuzzed, ...result, base64: bytes.toString('base64').slice(0, 4000) })
  }
  say({ ...sum, memory: memory().peak - now })
}
say({ tensors: mb.memory().tensors - tensorsBefore })
