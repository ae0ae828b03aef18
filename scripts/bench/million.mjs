// Opens a million made-up images of 21,843 classes, and trains on them. Fails if opening takes too long or too much memory,
// or if the steps of training need another amount of memory than models.estimateMemory predicts.
//
//   npm run bench:million
//     -- --width 1 --resolution 96 --batch 64 --steps 12 --json
//
// Memory is what the process holds (its resident set), and beside it what tensors take (allocatorStatistics). A small
// training goes before: it loads libraries and compiles kernels, which is no part of the prediction.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import mb from 'mbconv'
import { median } from './median.mjs'

/** Seconds and bytes of opening; how far memory may be from the prediction. */
const TARGET = { seconds: 2, bytes: 200e6, share: 0.1 }
const FAKE = { classes: 21_843, train: 1_000_000, test: 1 }

const { values: options } = parseArgs({
  options: {
    width: { type: 'string', default: '1' },
    resolution: { type: 'string', default: '96' },
    batch: { type: 'string', default: '64' },
    steps: { type: 'string', default: '12' },
    json: { type: 'boolean', default: false },
  },
})
const [width, resolution, batchSize, steps] = ['width', 'resolution', 'batch', 'steps'].map((name) => {
  const number = Number(options[name])
  if (!(number > 0)) throw new Error(`--${name} needs a positive number`)
  return number
})

const resident = () => process.memoryUsage.rss()
const percent = (share) => `${(100 * share).toFixed(1)} %`
const megabytes = (bytes) => `${(bytes / 1e6).toFixed()} MB`

function opened() {
  const [before, began] = [resident(), performance.now()]
  const { train } = mb.data.datasetOf({ dataset: 'fake', fake: FAKE }, resolution)
  // Whoever opens a data set looks at its labels, and shuffles it.
  const loader = new mb.data.Loader(train, { batchSize: 1, size: resolution, mean: 0.5, std: 0.25, shuffle: true })
  loader.order(0)
  if (train.labels.length !== FAKE.train) throw new Error(`${train.labels.length} labels`)
  return { seconds: (performance.now() - began) / 1000, bytes: resident() - before }
}

const folder = mkdtempSync(join(tmpdir(), 'mbconv-million-'))
const configOf = (name, given) => ({
  ...{ device: 'cpu', threads: 2, epochs: 1, maxSteps: steps, run: { dir: folder, name, curves: false } },
  model: { name: 'efficientnet_b0', width, resolution },
  data: { dataset: 'fake', fake: FAKE, batchSize, mean: 0.5, std: 0.25 },
  ...given,
})

/** Memory after each step, in this thread, since the evaluation and the checkpoint at the end need more. */
async function trained(config) {
  const after = []
  const logger = {
    name: 'memory',
    open: () => ({
      record({ type }) {
        if (type === 'step') after.push({ resident: resident(), tensors: mb.allocatorStatistics().peak })
      },
    }),
  }
  await mb.train(config, { worker: false, loggers: [logger] }).result
  return after
}

try {
  const opening = opened()
  await trained(
    configOf('small', {
      ...{ maxSteps: 2, model: { name: 'efficientnet_b0', width: 0.25, resolution: 32 } },
      data: { dataset: 'fake', fake: { classes: 8, train: 64, test: 1 }, batchSize: 8 },
    }),
  )
  const config = mb.parseConfig(configOf('large'))
  const arch = mb.models.scale(mb.models.arch('efficientnet_b0'), { width, resolution })
  const { peak: predicted } = mb.models.estimateMemory(arch, {
    ...{ training: true, batch: batchSize, numClasses: FAKE.classes, dropPath: config.model.dropPath },
  })
  const before = resident()
  const after = await trained(config)
  const held = after.map((each) => each.resident - before)
  const tensors = Math.max(...after.map((each) => each.tensors))
  const [usual, most] = [median(held), Math.max(...held)]
  console.error(
    `opening ${FAKE.train} images of ${FAKE.classes} classes: ${opening.seconds.toFixed(2)} s (target ≤ ${TARGET.seconds} s), ` +
      `${megabytes(opening.bytes)} (target ≤ ${megabytes(TARGET.bytes)})`,
  )
  console.error(
    `${steps} steps of batch ${batchSize}: predicted ${megabytes(predicted)}; tensors ${megabytes(tensors)} ` +
      `(${percent(tensors / predicted - 1)}), the process grew by ${megabytes(usual)} (median, ${percent(usual / predicted - 1)}), ` +
      `${megabytes(most)} at most (${percent(most / predicted - 1)}); target within ${percent(TARGET.share)}`,
  )
  const isOff = [tensors, usual, most].some((bytes) => Math.abs(bytes / predicted - 1) > TARGET.share)
  if (opening.seconds > TARGET.seconds || opening.bytes > TARGET.bytes || isOff) process.exitCode = 1
  if (options.json) console.log(JSON.stringify({ opening, steps, batchSize, predicted, tensors, usual, most }))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
