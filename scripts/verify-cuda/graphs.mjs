/* CUDA graphs: every replay must give the results of eager execution. */
import mb from 'mbconv'
import { LIMITS, valuesOf, worstError } from './compare.mjs'
import { Absent } from './report.mjs'
import { capture, makeTraining, stateOf } from './training-step.mjs'

const STEPS = 50

export const CAPTURED = {
  RMSProp: (groups) => new mb.optim.RMSprop(groups, { lr: 1, capturable: true }),
  AdamW: (groups) => new mb.optim.AdamW(groups, { lr: 1, capturable: true }),
  SGD: (groups) => new mb.optim.SGD(groups, { lr: 1, momentum: 0.9, capturable: true }),
  Lion: (groups) => new mb.optim.Lion(groups, { lr: 1, capturable: true }),
  Lamb: (groups) => new mb.optim.Lamb(groups, { lr: 1, capturable: true }),
}

export async function checkGraphs(report, { device }) {
  const check = (name, run) =>
    report.check(name, () => {
      if (device === 'cpu') throw new Absent('there are no graphs on the CPU')
      if (mb.cuda.graph === undefined) throw new Absent('not in this build (mb.cuda.graph)')
      return run(device)
    })
  for (const [name, optimizer] of Object.entries(CAPTURED)) {
    const what = `a captured training step equals the eager one over ${STEPS} steps: ${name}, learning rate falling, average`
    await check(what, (target) => compareTraining(target, optimizer))
  }
  await check('a replay with new inputs', replayedWithInputs)
  await check('random numbers are new in every replay', randomReplays)
  await check('a capture that waits for the device is refused, and the process goes on', refusedCapture)
}

function compareTraining(device, optimizer) {
  const eager = trained(device, optimizer, (training) => ({ step: () => training.step(), dispose: () => {} }))
  const captured = trained(device, optimizer, (training) => {
    const { replay, dispose } = capture(training)
    return { step: () => replay().clone(), dispose }
  })
  return { ...worstError(captured, eager), limit: LIMITS.float32 }
}

/** Losses and final state of some steps, each on other images, which are copied to where the graph reads them. */
function trained(device, optimizer, prepare) {
  const arch = mb.models.scale(mb.models.arch('efficientnet_b0'), { width: 0.25, depth: 0.5, resolution: 32 })
  const settings = { arch, batch: 16, size: 32, device, numClasses: 10, seed: 4, optimizer, averaged: true }
  const training = makeTraining(settings)
  let runner
  try {
    runner = prepare(training)
    const losses = new Float64Array(STEPS)
    for (let i = 0; i < STEPS; i++) {
      mb.scope(() => {
        mb.manualSeed(100 + i)
        training.images[0].copy_(mb.randn([16, 3, 32, 32]))
        training.labels.copy_(mb.randint(0, 10, [16]))
        training.optimizer.lr = 1e-3 * 0.97 ** i
        losses[i] = runner.step().item()
      })
    }
    const state = mb.scope(() => Object.entries(stateOf(training)).map(([name, t]) => [name, valuesOf(t)]))
    const counts = Float64Array.of(training.optimizer.steps, training.ema.updates)
    return { losses, counts, ...Object.fromEntries(state) }
  } finally {
    runner?.dispose()
    training.dispose()
  }
}

function replayedWithInputs(device) {
  return mb.scope(() => {
    const graph = mb.cuda.graph((x) => x.mul(2).add(1).sum(), { inputs: [mb.zeros([100], { device })] })
    try {
      const sums = [3, 5].map((value) => graph.replay(mb.full([100], value, { device })).item())
      return { ok: sums[0] === 700 && sums[1] === 1100, detail: sums.join(', ') }
    } finally {
      graph.dispose()
    }
  })
}

function randomReplays(device) {
  return mb.scope(() => {
    const ones = mb.ones([10_000], { device })
    const graph = mb.cuda.graph(() => mb.nn.functional.dropout(ones, 0.5))
    try {
      const [first, second] = [0, 1].map(() => graph.replay().toTypedArray())
      const share = first.filter((value, i) => value !== second[i]).length / first.length
      const detail = `${(100 * share).toFixed(1)} % of the elements changed`
      return { ok: share > 0.4 && share < 0.6 && first.every((value) => value === 0 || value === 2), detail }
    } finally {
      graph.dispose()
    }
  })
}

function refusedCapture(device) {
  let refusal
  try {
    mb.scope(() => {
      const x = mb.ones([4], { device })
      mb.cuda.graph(() => x.sum().item()).dispose()
    })
  } catch (error) {
    refusal = error
  }
  const afterwards = mb.scope(() => mb.ones([8], { device }).sum().item())
  const detail = `${refusal?.code}: ${refusal?.message.split('\n')[0]}`
  return { ok: refusal?.code === 'ERR_CUDA' && afterwards === 8, detail }
}
