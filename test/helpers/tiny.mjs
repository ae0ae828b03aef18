/** What the training tests share: a data set, a network and runs so small that a step takes milliseconds. */
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { internal } from './internals.mjs'

const { writeIdx } = internal('idx')

/** Deterministic pixels: a bright quarter says which of four classes, the rest is noise. */
function images(count, seed) {
  const pixels = new Uint8Array(count * 64)
  const labels = new Uint8Array(count)
  let state = seed
  const noise = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 24
  }
  for (let i = 0; i < count; i++) {
    labels[i] = i % 4
    const [top, left] = [labels[i] >> 1, labels[i] & 1].map((half) => 4 * half)
    for (let p = 0; p < 64; p++) {
      const inside = p >> 3 >= top && p >> 3 < top + 4 && (p & 7) >= left && (p & 7) < left + 4
      pixels[i * 64 + p] = (inside ? 128 : 0) + (noise() >> 1)
    }
  }
  return { pixels, labels }
}

/** Writes the data set into `dir` and returns the `data` of a configuration: 64 + 24 images of 8 × 8, four classes. */
export function tinyData(dir) {
  const files = {}
  mkdirSync(dir, { recursive: true })
  for (const [part, count, seed] of [
    ['train', 64, 1],
    ['test', 24, 2],
  ]) {
    const { pixels, labels } = images(count, seed)
    files[`${part}Images`] = join(dir, `${part}-images.idx`)
    files[`${part}Labels`] = join(dir, `${part}-labels.idx`)
    writeIdx(files[`${part}Images`], { dtype: 'uint8', shape: [count, 8, 8], data: pixels })
    writeIdx(files[`${part}Labels`], { dtype: 'uint8', shape: [count], data: labels })
  }
  return { dataset: 'idx', ...files, batchSize: 16, evalBatchSize: 24 }
}

/**
 * A configuration whose runs land in `dir/runs`: four steps an epoch, everything random switched on. One thread: several
 * would spend their time waiting for each other on a busy machine.
 */
export function tinyConfig(dir, changes = {}) {
  return {
    seed: 5,
    device: 'cpu',
    threads: 1,
    model: { name: 'efficientnet_b0', width: 0.25, depth: 0.1, resolution: 8, dropout: 0.2, dropPath: 0.2 },
    data: { ...tinyData(join(dir, 'data')), augment: { rotate: 10, translate: 0.1, flip: true }, ...changes.data },
    optimizer: { name: 'rmsprop', lr: 0.001 },
    schedule: { name: 'staircase', warmupEpochs: 1 },
    epochs: 2,
    ...changes.top,
    run: { dir: join(dir, 'runs'), name: 'run', ...changes.run },
  }
}

/** The lines of a run's metrics.jsonl. */
export const metricsOf = (runDir) =>
  readFileSync(join(runDir, 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

/**
 * Runs a script in a process of its own.
 *
 * @param source an ES module; `$mbconv` stands for the package
 * @returns exit code, signal and what it printed
 */
export function runScript(source, { onLine = () => {}, kill = new AbortController().signal } = {}) {
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', source.replaceAll('$mbconv', new URL('../../dist/index.mjs', import.meta.url).href)],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  kill.addEventListener('abort', () => child.kill('SIGKILL'))
  return new Promise((resolve, reject) => {
    let [stdout, stderr, rest] = ['', '', '']
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text
      const lines = (rest + text).split('\n')
      rest = lines.pop()
      for (const line of lines) onLine(line, child)
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text
    })
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
}
