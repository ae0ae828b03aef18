/*
 * Training throughput of EfficientNet-B0, in a separate program: TF32 is at libtorch's default (on for convolutions),
 * while the comparisons of numbers run with it off, and NVIDIA's libraries read that switch once per process.
 *
 *   node scripts/verify-cuda/throughput.mjs [--device cuda] [--quick]
 *
 * Prints a line of JSON per setting. A step is forward, loss, backward and RMSProp on images already on the device,
 * rotating over four batches. Time is wall clock over a round of steps, with a wait for the device at its end; the
 * result is the median of the rounds. cuDNN tries its algorithms during warm-up, if this build can request it.
 */
import { parseArgs } from 'node:util'
import mb from 'mbconv'
import { Absent } from './report.mjs'
import { capture, emptyCache, HALF, makeTraining, wait } from './training-step.mjs'

const { values: options } = parseArgs({
  options: { device: { type: 'string', default: 'cuda' }, quick: { type: 'boolean', default: false } },
})
const { device, quick } = options
const plan = quick
  ? { arch: { width: 0.25, depth: 0.1, resolution: 32 }, size: 32, batches: [2, 4], warmUp: 1, rounds: 2, steps: 1 }
  : { arch: {}, size: 224, batches: [32, 64, 128, 256], warmUp: 10, rounds: 5, steps: 20 }
if (device !== 'cpu') mb.cuda.setFlags?.({ cudnnBenchmark: true })
const arch = mb.models.scale(mb.models.arch('efficientnet_b0'), plan.arch)

function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
}

/** Seconds per step in each round. */
function time(step) {
  for (let i = 0; i < plan.warmUp; i++) step(i)
  wait(device)
  return Array.from({ length: plan.rounds }, () => {
    const began = performance.now()
    for (let i = 0; i < plan.steps; i++) step(i)
    wait(device)
    return (performance.now() - began) / 1000 / plan.steps
  })
}

function measure({ batch, dtype, mode }) {
  const batches = mode === 'graph' ? 1 : 4
  const training = makeTraining({ arch, batch, size: plan.size, device, dtype, batches })
  let graph
  try {
    if (mode === 'graph') graph = capture(training)
    const rounds = time(graph === undefined ? (i) => training.step(i).dispose() : () => graph.replay())
    const seconds = median(rounds)
    return {
      secondsPerStep: seconds,
      imagesPerSecond: batch / seconds,
      slowestRound: Math.max(...rounds),
      fastestRound: Math.min(...rounds),
    }
  } finally {
    graph?.dispose()
    training.dispose()
    emptyCache(device)
  }
}

for (const mode of ['eager', 'graph']) {
  for (const dtype of ['float32', 'bfloat16']) {
    for (const batch of plan.batches) {
      const setting = { model: arch.name, size: plan.size, batch, dtype, mode }
      if (dtype === 'bfloat16') setting.by = HALF
      let result
      try {
        result = measure(setting)
      } catch (error) {
        const absent = error instanceof Absent
        const [line] = error.message.split('\n')
        result = { failure: absent ? line : `${error.code ?? error.name}: ${line}`, absent }
      }
      process.stdout.write(`${JSON.stringify({ ...setting, ...result })}\n`)
    }
  }
}
