/*
 * Networks of timm and torchvision, their random weights read here from both kinds of file: do they give their logits?
 *
 *   MBCONV_PEER_PYTHON=/path/to/python npm run parity      a Python with torch, torchvision, timm and safetensors
 *
 * Prints a table and ends with "N passed, N failed"; exit status 1 when a relative error is above 1e-5 (float32).
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as mb from 'mbconv'

const LIMIT = 1e-5
const script = fileURLToPath(new URL('goldens/parity.py', import.meta.url))
const python = process.env.MBCONV_PEER_PYTHON ?? 'python3'

/** ‖a − b‖ / ‖b‖ */
function distance(a, b) {
  const norm = (values) => Math.hypot(...values)
  return norm(b.map((value, i) => value - a[i])) / norm(b)
}

function compare(folder, { model: name, profile, source, size, batch, files, logits }) {
  const images = Float32Array.from({ length: batch * 3 * size * size }, (_, i) => Math.sin(i * 12.9898) * 1.5)
  return files.map((file) => {
    const model = mb.models.create(name, { profile, init: 'none' }).eval()
    try {
      const { scheme } = mb.models.loadWeights(model, join(folder, file))
      const found = mb.scope(() =>
        mb.noGrad(() => model.forward(mb.fromTypedArray(images, [batch, 3, size, size])).toTypedArray()),
      )
      const error = distance(found, logits)
      const ok = error <= LIMIT
      console.log(
        `${ok ? 'ok  ' : 'FAIL'} ${name.padEnd(20)} ${profile.padEnd(12)} ${source.padEnd(34)} ${file.replace(/^\d+/, '').padEnd(13)} ${scheme.padEnd(12)} ${error.toExponential(1)}`,
      )
      return ok
    } finally {
      model.dispose()
    }
  })
}

const folder = mkdtempSync(join(tmpdir(), 'mbconv-parity-'))
try {
  const run = spawnSync(python, [script, folder], { stdio: ['ignore', 'inherit', 'inherit'] })
  if (run.status !== 0) {
    console.error(
      `${python} could not make the networks; MBCONV_PEER_PYTHON names one with torch, torchvision, timm and safetensors`,
    )
    process.exitCode = 3
  } else {
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
