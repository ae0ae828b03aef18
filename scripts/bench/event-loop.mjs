// Measures how long the calling thread's event loop is blocked while a network trains in a worker, and while large
// tensors are read: the gaps between ticks of a 10 ms timer. Fails if more than 1 % of them miss the target.
//
//   npm run bench:event-loop         --json
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import mb from 'mbconv'

/** 99 % of the gaps must be below this, ms. */
const TARGET = 50
const READINGS = 24

const { values: options } = parseArgs({ options: { json: { type: 'boolean', default: false } } })
const quantile = (list, share) => [...list].sort((x, y) => x - y)[Math.floor(list.length * share)]

/** Records the timer's gaps, in ms, until the returned function is called. */
function watchTimer() {
  const gaps = []
  let last = performance.now()
  const tick = () => {
    const now = performance.now()
    gaps.push(now - last)
    last = now
  }
  const timer = setInterval(tick, 10)
  return () => {
    clearInterval(timer)
    tick()
    return { ticks: gaps.length, p99: quantile(gaps, 0.99), longest: Math.max(...gaps) }
  }
}

async function training(folder) {
  const run = mb.train({
    seed: 0,
    model: { name: 'efficientnet_b0', width: 1, depth: 0.5, resolution: 64 },
    data: { dataset: 'digits', batchSize: 32 },
    epochs: 2,
    evalEveryEpochs: 2,
    run: { dir: folder, curves: false },
  })
  let stop
  let watched
  for await (const { type } of run) {
    if (type === 'step') stop ??= watchTimer()
    if (type === 'eval') watched ??= stop()
  }
  return watched
}

async function reading() {
  const unordered = mb.zeros([128, 128, 128]).permute([2, 1, 0])
  const total = unordered.sum()
  const stop = watchTimer()
  for (let i = 0; i < READINGS; i++) await unordered.toTypedArrayAsync()
  for (let i = 0; i < READINGS; i++) await total.itemAsync()
  return stop()
}

const folder = mkdtempSync(join(tmpdir(), 'mbconv-event-loop-'))
try {
  const results = { training: await training(folder), reading: await reading() }
  for (const [what, { ticks, p99, longest }] of Object.entries(results)) {
    const gaps = `99 % of ${ticks} gaps below ${p99.toFixed(1)} ms, the longest ${longest.toFixed(1)} ms`
    console.error(`${what}: ${gaps} (target < ${TARGET} ms)`)
    if (p99 >= TARGET) process.exitCode = 1
  }
  if (options.json) console.log(JSON.stringify(results))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
