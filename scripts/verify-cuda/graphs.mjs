/* CUDA graphs: a captured training step does what the eager one does. */
import mb from 'mbconv'
import { LIMITS, valuesOf, worstError } from './compare.mjs'
import { Absent } from './report.mjs'
import { capture, makeTraining, stateOf } from './training-step.mjs'

const STEPS = 50

export async function checkGraphs(report, { device }) {
  await report.check(`a captured training step equals the eager one over ${STEPS} steps`, () => {
    if (mb.cuda.graph === undefined) throw new Absent('not in this build (mb.cuda.graph)')
    if (device === 'cpu') throw new Absent('there are no graphs on the CPU')
    const eager = trained(device, (training) => () => training.step().dispose())
    const captured = trained(device, (training) => {
      const graph = capture(training)
      training.graph = graph
      return () => graph.replay()
    })
    return { ...worstError(captured, eager), limit: LIMITS.float32 }
  })
}

/** The state after the steps, each on other images, which are copied to where the graph reads them. */
function trained(device, prepare) {
  const arch = mb.models.scale(mb.models.arch('efficientnet_b0'), { width: 0.25, depth: 0.5, resolution: 32 })
  const training = makeTraining({ arch, batch: 16, size: 32, device, numClasses: 10, seed: 4 })
  try {
    const step = prepare(training)
    for (let i = 0; i < STEPS; i++) {
      mb.scope(() => {
        mb.manualSeed(100 + i)
        training.images[0].copy_(mb.randn([16, 3, 32, 32]))
        training.labels.copy_(mb.randint(0, 10, [16]))
      })
      step()
    }
    return mb.scope(() => Object.fromEntries(Object.entries(stateOf(training)).map(([name, t]) => [name, valuesOf(t)])))
  } finally {
    training.graph?.dispose()
    training.dispose()
  }
}
