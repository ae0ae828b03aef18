// Compares the caching CPU allocator (native/device/allocator.cc) with glibc's, which MBCONV_NO_CACHING_ALLOCATOR
// selects.
//
//   npm run bench:allocator                --steps=N --batch=N --rounds=N --json
//     -- --synchronous                     without returning to the event loop, where no finalizer runs
//     -- --loop                            only the loop
//
// The loop makes and frees 3,000 tensors of 1 MiB and keeps one number of each. Every round runs one process per
// allocator, in alternating order. Resident memory must be at most a fifth of glibc's, time at most half (medians of
// the rounds' ratios).
//
// Training is B0 at 64 px, 2,000 steps. Resident memory after the last step must be at most 1.1 times that after step 50.
// The two allocators run in processes that alternate every few steps; the median of the ratios of their times must not
// exceed 1.
//
// Fails when a target is missed.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median } from './median.mjs'

const TARGET = { loopResident: 0.2, loopTime: 0.5, growth: 1.1, ratio: 1 }
const GLIBC = { MBCONV_NO_CACHING_ALLOCATOR: '1' }
const TENSORS = 3000
const { values: options } = parseArgs({
  options: {
    steps: { type: 'string', default: '2000' },
    batch: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '11' },
    json: { type: 'boolean', default: false },
    synchronous: { type: 'boolean', default: false },
    loop: { type: 'boolean', default: false },
    child: { type: 'string' },
  },
})
const [steps, batch, rounds] = [options.steps, options.batch, options.rounds].map(Number)

/** Makes a tensor of 1 MiB, keeps its sum and frees it, repeatedly. Reports resident memory and seconds. */
async function loopChild() {
  const { default: mb } = await import('mbconv')
  mb.ones([1]).dispose() // loads the addon
  const start = process.hrtime.bigint()
  const kept = []
  for (let i = 0; i < TENSORS; i++) mb.scope(() => kept.push(mb.keep(mb.ones([2 ** 18]).sum())))
  const seconds = Number(process.hrtime.bigint() - start) / 1e9
  process.send({ resident: process.memoryUsage.rss(), seconds })
}

/** Answers "run n steps" with the seconds of each step and the resident memory afterwards. */
async function trainingChild() {
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

function start(child, env) {
  const flags = [`--child=${child}`, `--batch=${batch}`, ...(options.synchronous ? ['--synchronous'] : [])]
  const forked = fork(fileURLToPath(import.meta.url), flags, { env: { ...process.env, ...env } })
  const ended = new Promise((_, reject) => {
    forked.once('exit', (code) => reject(new Error(`a side ended with ${code}`)))
  })
  ended.catch(() => {}) // matters only while an answer is awaited
  const answer = () => Promise.race([new Promise((resolve) => forked.once('message', resolve)), ended])
  return {
    first: answer(),
    run: (count) => {
      forked.send(count)
      return answer()
    },
    stop: () => forked.disconnect(),
  }
}

const spread = (values) => ({ median: median(values), least: Math.min(...values), most: Math.max(...values) })
const ratioText = ({ median, least, most }) => `${median.toFixed(3)} (${least.toFixed(3)}–${most.toFixed(3)})`
const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(0)} MiB`

async function loop() {
  const sides = [[], []]
  for (let round = 0; round < rounds; round++) {
    // Alternate who goes first.
    for (const side of round % 2 === 0 ? [0, 1] : [1, 0]) {
      const child = start('loop', side === 0 ? {} : GLIBC)
      sides[side].push(await child.first)
      child.stop()
    }
  }
  const [ours, glibc] = sides
  const of = (key) => ({
    ours: median(ours.map((run) => run[key])),
    glibc: median(glibc.map((run) => run[key])),
    ratio: spread(ours.map((run, i) => run[key] / glibc[i][key])),
  })
  const result = { tensors: TENSORS, rounds, resident: of('resident'), seconds: of('seconds') }
  const { resident, seconds } = result
  console.error(
    `${TENSORS} tensors of 1 MiB, each beside a number that stays: resident ${mib(resident.ours)}, with glibc ` +
      `${mib(resident.glibc)}, ratio ${ratioText(resident.ratio)}, target ≤ ${TARGET.loopResident}; ` +
      `${seconds.ours.toFixed(2)} s, with glibc ${seconds.glibc.toFixed(2)} s, ratio ${ratioText(seconds.ratio)}, ` +
      `target ≤ ${TARGET.loopTime}; ${rounds} rounds`,
  )
  if (resident.ratio.median > TARGET.loopResident || seconds.ratio.median > TARGET.loopTime) process.exitCode = 1
  return result
}

async function training() {
  const ours = start('training', {})
  const glibc = start('training', GLIBC)
  await Promise.all([ours.first, glibc.first])
  const early = await ours.run(50)
  await glibc.run(10)
  const ratios = []
  for (let round = 0; round < rounds; round++) {
    const sides = [ours, glibc]
    const seconds = []
    // Alternate who goes first.
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
    ratio: spread(ratios),
    rounds,
  }
  console.error(
    `B0, 64 px, batch ${batch}: resident ${mib(result.residentAt50)} after 50 steps, ${mib(result.residentAtEnd)} after ` +
      `${steps} (${result.growth.toFixed(3)}×, target ≤ ${TARGET.growth}); a step takes ${ratioText(result.ratio)} of the ` +
      `time with glibc, target ≤ ${TARGET.ratio}, ${rounds} rounds`,
  )
  if (result.growth > TARGET.growth || result.ratio.median > TARGET.ratio) process.exitCode = 1
  return result
}

async function main() {
  const result = { loop: await loop() }
  if (!options.loop) result.training = await training()
  if (options.json) console.log(JSON.stringify(result))
}

const CHILDREN = { loop: loopChild, training: trainingChild }
await (options.child === undefined ? main() : CHILDREN[options.child]())
