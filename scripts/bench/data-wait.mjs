// Share of a training step that is spent waiting for photographs: EfficientNet-B0 at 224 px, batch 16, on the CPU, with one
// and with two loader threads. Fails if the share exceeds the target.
//
//   npm run bench:data-wait
//     -- --folder DIR          a folder of photographs by class; by default those of test/photographs, of 128 px
//     -- --steps 40 --batch 16 --resolution 224 --json
//
// Two measures of the same share. First a run as `mbconv train` makes it: what its step events say (dataWait), without the
// first steps. Then the same loader and the same training step, without the training loop: the loop here takes the time at
// each batch itself, and compares a step with one on a batch that was loaded before. The latter counts what waiting does
// not show: loader threads take processor time from the computation.
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import mb from 'mbconv'
import { median } from './median.mjs'

/** Largest share of a step. */
const TARGET = 0.03
/** Steps that are left out: the first batches have not been made yet, and memory is new. */
const WARM_UP = 5

const { values: options } = parseArgs({
  options: {
    folder: { type: 'string', default: fileURLToPath(new URL('../../test/photographs/train', import.meta.url)) },
    steps: { type: 'string', default: '40' },
    batch: { type: 'string', default: '16' },
    resolution: { type: 'string', default: '224' },
    json: { type: 'boolean', default: false },
  },
})
const [steps, batchSize, resolution] = ['steps', 'batch', 'resolution'].map((name) => {
  const number = Number(options[name])
  if (!Number.isInteger(number) || number < 1) throw new Error(`--${name} needs a positive number`)
  return number
})

const configOf = (loaderThreads, folder) => ({
  ...{ recipe: 'scratch', seed: 0, device: 'cpu', epochs: 10_000, maxSteps: WARM_UP + steps, evalEveryEpochs: 10_000 },
  model: { name: 'efficientnet_b0', resolution },
  data: { dataset: 'folder', folder: { path: path.resolve(options.folder) }, batchSize, loaderThreads },
  checkpoint: { everyEpochs: 10_000 },
  run: { dir: folder, name: `threads-${loaderThreads}`, curves: false },
})

/** What the run itself reports. Losses of several steps may be read at once; all then have one share. */
async function reported(loaderThreads, folder) {
  const shares = []
  for await (const event of mb.train(configOf(loaderThreads, folder)))
    if (event.type === 'step' && event.step > WARM_UP) shares.push(event.dataWait)
  return shares.reduce((sum, share) => sum + share, 0) / shares.length
}

/** The same loader and step, timed here: ms. */
async function timed(loaderThreads, folder) {
  const require = createRequire(import.meta.url)
  const { openSession } = require('../../dist/train/session/session.js')
  const { Stepper } = require('../../dist/train/step.js')
  const session = await openSession(mb.parseConfig(configOf(loaderThreads, folder)))
  const stepper = new Stepper(session)
  const { trainLoader } = session
  let epoch = 0
  let batches = trainLoader.epoch(epoch)
  async function next() {
    for (;;) {
      const { value, done } = await batches.next()
      // The last batch of an epoch is smaller or missing; a step on it is another one.
      if (!done && value.labels.length === batchSize) return value
      if (done) batches = trainLoader.epoch(++epoch)
    }
  }
  const take = (batch) => {
    const began = performance.now()
    stepper.take(batch, 1e-3)
    return performance.now() - began
  }
  session.model.train()
  const [waits, computed, alone] = [[], [], []]
  try {
    for (let step = 0; step < WARM_UP + steps; step++) {
      const asked = performance.now()
      const batch = await next()
      const wait = performance.now() - asked
      const taken = take(batch)
      if (step < WARM_UP) continue
      waits.push(wait)
      computed.push(taken)
    }
    // The batches ahead are made by now, so the threads rest while the last batch is used again.
    const batch = await next()
    await new Promise((rested) => setTimeout(rested, 500))
    for (let step = 0; step < WARM_UP + steps / 2; step++) {
      const taken = take(batch)
      if (step >= WARM_UP) alone.push(taken)
    }
  } finally {
    await batches.return?.()
    stepper.dispose()
    session.dispose()
  }
  const sum = (list) => list.reduce((a, b) => a + b, 0)
  return {
    wait: sum(waits) / (sum(waits) + sum(computed)),
    step: median(computed.map((taken, i) => taken + waits[i])),
    alone: median(alone),
  }
}

const folder = mkdtempSync(path.join(tmpdir(), 'mbconv-data-wait-'))
const results = []
try {
  for (const threads of [1, 2]) {
    const own = await reported(threads, folder)
    const { wait, step, alone } = await timed(threads, folder)
    results.push({ threads, reported: own, timed: wait, step, alone })
    const percent = (share) => `${(100 * share).toFixed(2)} %`
    console.error(
      `${threads} loader thread${threads > 1 ? 's' : ''}: waits ${percent(own)} of the time as reported, ${percent(wait)} as timed ` +
        `(target ≤ ${percent(TARGET)}); a step takes ${step.toFixed()} ms, and ${alone.toFixed()} ms on a batch that is there`,
    )
    if (Math.max(own, wait) > TARGET) process.exitCode = 1
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
if (options.json) console.log(JSON.stringify({ steps, batchSize, resolution, results }))
