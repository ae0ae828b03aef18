// Times one training step of EfficientNet-B0 here and in PyTorch (eager, channels-last), alternating in one run.
//
//   npm run bench                          both settings below; fails when a ratio is above its target
//   MBCONV_PEER_PYTHON=/path/to/python     a Python that has torch and torchvision (default: python3)
//   --rounds=N --json
//
// The step: forward, cross-entropy with label smoothing 0.1, backward, RMSProp with momentum and weight decay, float32,
// synthetic images already in memory. A round runs a few steps on each side. The result is the median over rounds of
// the ratio of the two sides' median steps, so that changes in the machine's speed cancel out.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpus } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

// The environment from before mbconv set anything, so that PyTorch runs as its users run it.
const environment = { ...process.env }
const { default: mb } = await import('mbconv')

/** Largest allowed ratio of our time to PyTorch's. */
const TARGET = 1.0
const SETTINGS = [
  { batch: 16, size: 224, stepsPerRound: 2 },
  { batch: 64, size: 32, stepsPerRound: 4 },
]

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '9' }, json: { type: 'boolean', default: false } },
})
const rounds = Number(options.rounds)
const threads = Math.max(1, Math.min(cpus().length, mb.getNumThreads()))
mb.setNumThreads(threads)

/** Runs steps in this process. */
function ours({ batch, size }) {
  mb.manualSeed(0)
  const model = mb.models.create('efficientnet_b0', {
    numClasses: 10,
    profile: 'torchvision',
    dropPath: 0.2,
    dropout: 0.2,
    seed: 0,
  })
  model.train().to({ memoryFormat: 'channelsLast' })
  const images = mb.scope(() => mb.randn([batch, 3, size, size]).contiguous({ memoryFormat: 'channelsLast' }))
  const labels = mb.randint(0, 10, [batch])
  const optimizer = new mb.optim.RMSprop([{ params: model.parameters(), weightDecay: 1e-5 }], {
    lr: 1e-4,
    momentum: 0.9,
  })
  const step = () =>
    mb.scope(() => {
      optimizer.zeroGrad()
      mb.nn.functional.crossEntropy(model.forward(images), labels, { labelSmoothing: 0.1 }).backward()
      optimizer.step()
    })
  return (steps) =>
    Array.from({ length: steps }, () => {
      const start = process.hrtime.bigint()
      step()
      return Number(process.hrtime.bigint() - start) / 1e9
    })
}

/** Runs steps in a Python process, which is idle during ours. */
async function peer({ batch, size }) {
  const script = fileURLToPath(new URL('../goldens/training_step.py', import.meta.url))
  const python = process.env.MBCONV_PEER_PYTHON ?? 'python3'
  const child = spawn(python, [script, batch, size, threads].map(String), {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: environment,
  })
  const failed = new Promise((_, reject) => {
    child.on('error', reject)
    child.on('exit', (code) =>
      reject(new Error(`${python} ended with ${code}; MBCONV_PEER_PYTHON needs torch, torchvision`)),
    )
  })
  failed.catch(() => {}) // matters only while a line is awaited
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = async () => JSON.parse((await Promise.race([lines.next(), failed])).value)
  const { torch } = await line()
  return {
    torch,
    run: (steps) => {
      child.stdin.write(`${steps}\n`)
      return line()
    },
    stop: async () => {
      child.stdin.end()
      await once(child, 'close')
    },
  }
}

const results = []
for (const setting of SETTINGS) {
  const theirs = await peer(setting)
  const run = ours(setting)
  run(2)
  await theirs.run(2)
  const pairs = []
  for (let round = 0; round < rounds; round++) {
    // Alternate who goes first.
    const sides = [
      async () => median(run(setting.stepsPerRound)),
      async () => median(await theirs.run(setting.stepsPerRound)),
    ]
    const order = round % 2 === 0 ? [0, 1] : [1, 0]
    const seconds = []
    for (const side of order) seconds[side] = await sides[side]()
    pairs.push(seconds)
  }
  await theirs.stop()
  const ratios = pairs.map(([a, b]) => a / b)
  results.push({
    model: 'efficientnet_b0',
    ...setting,
    threads,
    torch: theirs.torch,
    secondsPerStep: median(pairs.map(([a]) => a)),
    peerSecondsPerStep: median(pairs.map(([, b]) => b)),
    ratio: median(ratios),
    ratioMin: Math.min(...ratios),
    ratioMax: Math.max(...ratios),
    rounds,
  })
  const r = results.at(-1)
  console.error(
    `B0, ${r.size} px, batch ${r.batch}, ${threads} threads: mbconv ${r.secondsPerStep.toFixed(3)} s, ` +
      `PyTorch ${r.torch} ${r.peerSecondsPerStep.toFixed(3)} s a step; ratio ${r.ratio.toFixed(3)} ` +
      `(${r.ratioMin.toFixed(3)}–${r.ratioMax.toFixed(3)} over ${rounds} rounds; target ≤ ${TARGET})`,
  )
}
if (options.json) console.log(JSON.stringify(results))
if (results.some((r) => r.ratio > TARGET)) process.exitCode = 1
