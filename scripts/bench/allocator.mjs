// What the caching CPU allocator (native/device/allocator.cc) does for training: B0 at 64 px, 2,000 steps, against glibc's.
//
//   npm run bench:allocator                --steps=N --batch=N --json
//     -- --synchronous                     without returning to the event loop, where no finalizer runs
//
// Resident memory: after the last step at most 1.1 times that after step 50. Time: the two allocators run in processes
// of their own that take turns, a few steps each; the median of the ratios must not be above 1. Fails when either is
// missed.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median } from './median.mjs'

const TARGET = { growth: 1.1, ratio: 1 }
const { values: options } = parseArgs({
  options: {
    steps: { type: 'string', default: '2000' },
    batch: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '11' },
    json: { type: 'boolean', default: false },
    synchronous: { type: 'boolean', default: false },
    child: { type: 'boolean', default: false },
  },
})
const [steps, batch, rounds] = [options.steps, options.batch, options.rounds].map(Number)

/** Answers "run n steps" with the seconds of each and the resident memory afterwards. */
async function child() {
  const { default: mb } = await import('mbconv')
  const model = mb.models.create('efficientnet_b0', { numClasses: 10, seed: 0 }).to({ memoryFormat: 'channelsLast' })
  const optimizer = new mb.optim.RMSprop(model.parameters(), { lr: 1e-4, weightDecay: 1e-5 })
  const step = () =>
    mb.scope(() => {
      const images = mb.randn([batch, 3, 64, 64]).to({ memoryFormat: 'channelsLast' })
      mb.nn.functional.crossEntropy(model.forward(images), mb.randint(0, 10, [batch])).backward()
      optimizer.step()
      optimizer.zeroGrad()
    })
  process.on('message', async (count) => {
    const seconds = []
    for (let i = 0; i < count; i++) {
      const start = process.hrtime.bigint()
      step()
      seconds.push(Number(process.hrtime.bigint() - start) / 1e9)
      if (!options.synchronous) await new Promise((resolve) => setImmediate(resolve)) // as train() does after every step
    }
    process.send({ seconds, resident: process.memoryUsage.rss() })
  })
  process.send('ready')
}

function start(env) {
  const flags = ['--child', `--batch=${batch}`, ...(options.synchronous ? ['--synchronous'] : [])]
  const forked = fork(fileURLToPath(import.meta.url), flags, { env: { ...process.env, ...env } })
  const ended = new Promise((_, reject) => {
    forked.once('exit', (code) => reject(new Error(`a side ended with ${code}`)))
  })
  ended.catch(() => {}) // only of interest while an answer is awaited
  const answer = () => Promise.race([new Promise((resolve) => forked.once('message', resolve)), ended])
  return {
    ready: answer(),
    run: (count) => {
      forked.send(count)
      return answer()
    },
    stop: () => forked.disconnect(),
  }
}

async function main() {
  const ours = start({})
  const glibc = start({ MBCONV_NO_CACHING_ALLOCATOR: '1' })
  await Promise.all([ours.ready, glibc.ready])
  const early = await ours.run(50)
  await glibc.run(10)
  const ratios = []
  for (let round = 0; round < rounds; round++) {
    const sides = [ours, glibc]
    const seconds = []
    // Who goes first alternates too.
    for (const side of round % 2 === 0 ? [0, 1] : [1, 0]) seconds[side] = median((await sides[side].run(5)).seconds)
    ratios.push(seconds[0] / seconds[1])
  }
  glibc.stop()
  const late = await ours.run(Math.max(1, steps - 50 - 5 * rounds))
  ours.stop()
  const result = {
    model: 'efficientnet_b0',
    size: 64,
    batch,
    steps,
    synchronous: options.synchronous,
    residentAt50: early.resident,
    residentAtEnd: late.resident,
    growth: late.resident / early.resident,
    ratio: median(ratios),
    ratioMin: Math.min(...ratios),
    ratioMax: Math.max(...ratios),
    rounds,
  }
  const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(0)} MiB`
  console.error(
    `B0, 64 px, batch ${batch}: resident ${mib(result.residentAt50)} after 50 steps, ${mib(result.residentAtEnd)} after ` +
      `${steps} (${result.growth.toFixed(3)}×, target ≤ ${TARGET.growth}); a step takes ${result.ratio.toFixed(3)} of the ` +
      `time with glibc (${result.ratioMin.toFixed(3)}–${result.ratioMax.toFixed(3)} over ${rounds} rounds, target ≤ ${TARGET.ratio})`,
  )
  if (options.json) console.log(JSON.stringify(result))
  if (result.growth > TARGET.growth || result.ratio > TARGET.ratio) process.exitCode = 1
}

await (options.child ? child() : main())
