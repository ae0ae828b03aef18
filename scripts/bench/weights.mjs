/*
 * Loads weights of B7's size, 266 MB of random numbers, and measures time and memory.
 *
 *   node scripts/bench/weights.mjs [--rounds=9]
 *
 * Every reading runs in a separate process, alternating between the ways. Figures are medians with minimum and maximum.
 * The file is in the system's cache. Memory is the growth of the process at its peak: its own pages, and those of the
 * mapped file, which the system reclaims when it needs them.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as mb from 'mbconv'

const WAYS = {
  read: (path) => mb.io.safetensors.read(path),
  'read, mapped': (path) => mb.io.safetensors.read(path, { mmap: true }),
  'read, mapped, and every number used': (path) => {
    const { tensors } = mb.io.safetensors.read(path, { mmap: true })
    mb.scope(() => Object.values(tensors).map((each) => each.sum().item()))
    return tensors
  },
  'read .pth': (path) => mb.io.pth.read(path.replace('safetensors', 'pth')).stateDict(),
  loadWeights: (path, network) => mb.models.loadWeights(network, path),
  'loadWeights, mapped': (path, network) => mb.models.loadWeights(network, path, { mmap: true }),
}

function memory() {
  const status = readFileSync('/proc/self/status', 'utf8')
  const of = (name) => 1024 * Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1])
  return { peak: of('VmHWM'), now: of('VmRSS'), own: of('RssAnon') }
}

const [folder, way] = process.argv.slice(2).filter((word) => !word.startsWith('--'))
if (way !== undefined) {
  const network = way.startsWith('load') ? mb.models.create('efficientnet_b7', { profile: 'timm', seed: 1 }) : undefined
  mb.zeros([1]).dispose()
  const before = memory()
  const began = performance.now()
  const kept = WAYS[way](join(folder, 'b7.safetensors'), network)
  const ms = performance.now() - began
  const after = memory()
  console.log(
    JSON.stringify({ ms, peak: after.peak - before.now, own: after.own - before.own, kept: Object.keys(kept).length }),
  )
} else {
  const rounds = Number(/--rounds=(\d+)/.exec(process.argv.join(' '))?.[1] ?? 9)
  const made = mkdtempSync(join(tmpdir(), 'mbconv-weights-'))
  try {
    const network = mb.models.create('efficientnet_b7', { profile: 'timm', seed: 0 })
    const path = join(made, 'b7.safetensors')
    mb.io.safetensors.write(path, network.stateDict())
    const { writePth } = await import('../../test/helpers/pth-writer.mjs')
    writePth(join(made, 'b7.pth'), network.stateDict())
    console.log(`${(statSync(path).size / 1e6).toFixed(1)} MB, ${rounds} rounds`)
    const found = new Map(Object.keys(WAYS).map((name) => [name, []]))
    for (let round = 0; round < rounds; round++) {
      for (const [name, results] of found) {
        const text = execFileSync(process.execPath, [fileURLToPath(import.meta.url), made, name], { encoding: 'utf8' })
        results.push(JSON.parse(text))
      }
    }
    const spread = (values) => {
      const sorted = [...values].sort((a, b) => a - b)
      return [sorted[sorted.length >> 1], sorted[0], sorted.at(-1)].map((value) => value.toFixed(0))
    }
    console.log(`${''.padEnd(38)}ms (least-most)     peak MB    own MB`)
    for (const [name, results] of found) {
      const [ms, least, most] = spread(results.map((each) => each.ms))
      const [peak] = spread(results.map((each) => each.peak / 1e6))
      const [own] = spread(results.map((each) => each.own / 1e6))
      console.log(
        `${name.padEnd(38)}${ms.padStart(5)} (${least}-${most})`.padEnd(58),
        peak.padStart(7),
        own.padStart(9),
      )
    }
  } finally {
    rmSync(made, { recursive: true, force: true })
  }
}
