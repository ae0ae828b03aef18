/*
 * Compares logits with timm's and torchvision's: their networks with random weights, read here from both kinds of file.
 *
 *   MBCONV_PEER_PYTHON=/path/to/python npm run parity [-- NAME ...]      all networks or some; a Python with torch, torchvision, timm and safetensors
 *
 * Prints a table and ends with "N passed, N failed". Exit status 1 if a relative error is above 1e-5 in float32 or
 * 1e-10 in float64. Random networks may amplify rounding: if their own float32 differs by more than that from their
 * float64, ours may differ by four times as much.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as mb from 'mbconv'
import { archOf } from '../dist/models/weights/published.js'

const LIMIT = { float32: 1e-5, float64: 1e-10 }
const script = fileURLToPath(new URL('goldens/parity.py', import.meta.url))
const python = process.env.MBCONV_PEER_PYTHON ?? 'python3'

/** The network of that name, or the one of a checkpoint with that name. */
function archNamed(name) {
  const checkpoint = mb.models.checkpoints().find(({ arch }) => arch === name)
  return checkpoint === undefined ? name : archOf(checkpoint)
}

/** ‖a − b‖ / ‖b‖ */
function distance(a, b) {
  const norm = (values) => Math.hypot(...values)
  return norm(b.map((value, i) => value - a[i])) / norm(b)
}

function compare(folder, { model: name, profile, source, size, batch, files, logits, exact }) {
  const images = Float32Array.from({ length: batch * 3 * size * size }, (_, i) => Math.sin(i * 12.9898) * 1.5)
  const rounding = distance(logits, exact)
  return files.map((file) => {
    let scheme
    const run = (dtype) => {
      const model = mb.models.create(archNamed(name), { profile, init: 'none', dtype }).eval()
      scheme = mb.models.loadWeights(model, join(folder, file)).scheme
      const found = mb.scope(() =>
        mb.noGrad(() => model.forward(mb.fromTypedArray(images, [batch, 3, size, size]).to({ dtype })).toTypedArray()),
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
    console.log(ok ? 'ok  ' : 'FAIL', ...words, ...figures)
    return ok
  })
}

const folder = mkdtempSync(join(tmpdir(), 'mbconv-parity-'))
try {
  const run = spawnSync(python, [script, folder, ...process.argv.slice(2)], { stdio: ['ignore', 'inherit', 'inherit'] })
  if (run.status !== 0) {
    console.error(
      `${python} could not make the networks; MBCONV_PEER_PYTHON names one with torch, torchvision, timm and safetensors`,
    )
    process.exitCode = 3
  } else {
    console.log('relative error: float32, theirs in float32 from theirs in float64, float64')
    const results = JSON.parse(readFileSync(join(folder, 'parity.json'), 'utf8')).flatMap((entry) =>
      compare(folder, entry),
    )
    const passed = results.filter(Boolean).length
    console.log(`${passed} passed, ${results.length - passed} failed`)
    if (passed < results.length) process.exitCode = 1
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
