/*
 * Compares logits with timm's and torchvision's, in both directions: their networks with random weights, read here from
 * both kinds of file; and the same networks saved here under their names in both kinds of file, which they load strictly.
 *
 *   MBCONV_PEER_PYTHON=/path/to/python npm run parity [-- NAME ...]      all networks or some; a Python with torch, torchvision, timm and safetensors
 *
 * Prints a table and ends with "N passed, N failed". Exit status 1 if a relative error is above 1e-5 in float32 or
 * 1e-10 in float64. Random networks may amplify rounding: if their own float32 differs by more than that from their
 * float64, ours may differ by four times as much.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as mb from 'mbconv'
import { archOf } from '../dist/models/weights/published.js'

const LIMIT = { float32: 1e-5, float64: 1e-10 }
const script = fileURLToPath(new URL('goldens/parity.py', import.meta.url))
const loader = fileURLToPath(new URL('goldens/strict_load.py', import.meta.url))
const python = process.env.MBCONV_PEER_PYTHON ?? 'python3'
const STDIO = ['ignore', 'inherit', 'inherit']

/** The network of that name, or the one of a checkpoint with that name. */
function archNamed(name) {
  const checkpoint = mb.models.checkpoints().find(({ arch }) => arch === name)
  return checkpoint === undefined ? name : archOf(checkpoint)
}

/** timm's options as ours. */
const optionsOf = ({ profile, options: { num_classes: numClasses, global_pool: globalPool, in_chans: inChannels } }) =>
  JSON.parse(JSON.stringify({ profile, numClasses, globalPool, inChannels }))

const wordsOf = (options) => Object.entries(options).map((pair) => pair.join('='))

/** ‖a − b‖ / ‖b‖ */
function distance(a, b) {
  const norm = (values) => Math.hypot(...values)
  return norm(b.map((value, i) => value - a[i])) / norm(b)
}

function compare(folder, entry) {
  const { model: name, profile, source, size, batch, files, logits, exact, options } = entry
  const rounding = distance(logits, exact)
  return files.map((file) => {
    let scheme
    const run = (dtype) => {
      const model = mb.models.create(archNamed(name), { ...optionsOf(entry), init: 'none', dtype }).eval()
      scheme = mb.models.loadWeights(model, join(folder, file)).scheme
      const found = mb.scope(() =>
        mb.noGrad(() => model.forward(images(batch, model.inChannels, size).to({ dtype })).toTypedArray()),
      )
      model.dispose()
      return found
    }
    const error = distance(run('float32'), logits)
    const error64 = distance(run('float64'), exact)
    const ok = error <= Math.max(LIMIT.float32, 4 * rounding) && error64 <= LIMIT.float64
    const words = [
      name.padEnd(19),
      profile.padEnd(12),
      source.padEnd(33),
      file.replace(/^\d+/, '').padEnd(13),
      scheme.padEnd(12),
    ]
    const figures = [error, rounding, error64].map((value) => value.toExponential(1).padStart(8))
    console.log(ok ? 'ok  ' : 'FAIL', ...words, ...figures, ...wordsOf(options))
    return ok
  })
}

/** The batch that the Python scripts make by the same rule. */
const images = (batch, channels, size) => {
  const numbers = Float32Array.from({ length: batch * channels * size * size }, (_, i) => Math.sin(i * 12.9898) * 1.5)
  return mb.fromTypedArray(numbers, [batch, channels, size, size])
}

/** Saves the network of a case under its library's names, in both kinds of file, with our logits. */
function save(folder, entry, number) {
  const { model: name, source, size, batch, files, logits: theirs, exact, options } = entry
  const rounding = distance(theirs, exact)
  const model = mb.models.create(archNamed(name), { ...optionsOf(entry), init: 'none' }).eval()
  mb.models.loadWeights(model, join(folder, files[0]))
  const [library, called] = source.split(' ')
  const logits = [
    ...mb.scope(() => mb.noGrad(() => model.forward(images(batch, model.inChannels, size)).toTypedArray())),
  ]
  const saved = ['safetensors', 'pth'].map((ending) => {
    const file = `saved-${number}.${ending}`
    const report = mb.models.saveWeights(model, join(folder, file), { scheme: library })
    const shared = { library, name: called, told: report.name, options, file, size, batch, logits, rounding }
    return { ...shared, channels: model.inChannels }
  })
  model.dispose()
  return saved
}

/** Whether the libraries take the saved files strictly and compute what we do. */
function checkSaved(folder, cases) {
  writeFileSync(join(folder, 'saved.json'), JSON.stringify(cases))
  const run = spawnSync(python, [loader, folder], { stdio: STDIO })
  if (run.status !== 0) {
    console.log('FAIL the libraries did not take the saved files')
    return [false]
  }
  const theirs = JSON.parse(readFileSync(join(folder, 'loaded.json'), 'utf8'))
  return cases.map(({ library, name, told, file, logits, rounding, options }, i) => {
    const error = distance(theirs[i], logits)
    const isCalled = told === null || told === name
    const ok = error <= Math.max(LIMIT.float32, 4 * rounding) && isCalled
    const words = [library.padEnd(12), name.padEnd(25), file.replace(/^saved-\d+/, '').padEnd(13)]
    console.log(
      ok ? 'ok  ' : 'FAIL',
      ...words,
      error.toExponential(1).padStart(8),
      isCalled ? '' : `is told: ${told}`,
      ...wordsOf(options),
    )
    return ok
  })
}

const folder = mkdtempSync(join(tmpdir(), 'mbconv-parity-'))
try {
  const run = spawnSync(python, [script, folder, ...process.argv.slice(2)], { stdio: STDIO })
  if (run.status !== 0) {
    console.error(
      `${python} could not make the networks; MBCONV_PEER_PYTHON names one with torch, torchvision, timm and safetensors`,
    )
    process.exitCode = 3
  } else {
    console.log('relative error: float32, theirs in float32 from theirs in float64, float64')
    const cases = JSON.parse(readFileSync(join(folder, 'parity.json'), 'utf8'))
    const results = cases.flatMap((entry) => compare(folder, entry))
    console.log('saved here, loaded strictly there; relative error in float32')
    const saved = cases.flatMap((entry, i) => save(folder, entry, i))
    results.push(...checkSaved(folder, saved))
    const passed = results.filter(Boolean).length
    console.log(`${passed} passed, ${results.length - passed} failed`)
    if (passed < results.length) process.exitCode = 1
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
