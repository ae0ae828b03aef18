/* The best checkpoints of a run: which are kept, which commands take, and what ends a run early. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { tinyConfig } from './helpers/tiny.mjs'

const { findCheckpoint, listCheckpoints } = internal('checkpoint')
const { EarlyStopping } = internal('earlyStopping')
const { trainLoop } = internal('loop')
const { positionFrom } = internal('position')
const { Recorder } = internal('recorder')
const { openSession } = internal('session')
const { openTrained } = internal('trained')
const { usedCheckpoint } = internal('usedCheckpoint')

/**
 * Runs the loop with given results of its evaluations: the number of test images, of 24, that are recognised after each
 * epoch. So a run can peak and decline. An epoch is one step.
 */
async function runWith(dir, rights, { top = {}, name = 'run', from, interrupt } = {}) {
  const runDir = join(dir, name)
  mkdirSync(join(runDir, 'checkpoints'), { recursive: true })
  const config = mb.parseConfig(tinyConfig(dir, { data: { batchSize: 64 }, top: { epochs: rights.length, ...top } }))
  const session = await openSession(config, from)
  let evaluation = 0
  const testLoader = {
    dataset: session.testLoader.dataset,
    *epoch() {
      yield* session.testLoader.epoch(0)
    },
  }
  // Logits that are right for the first images, in the order of the test set.
  const model = new Proxy(session.model, {
    get(target, key) {
      if (key !== 'forward' || target.training) {
        const value = target[key]
        return typeof value === 'function' ? value.bind(target) : value
      }
      return () => {
        const right = rights[position.step - 1]
        evaluation++
        const rows = Array.from({ length: 24 }, (_, i) =>
          [0, 1, 2, 3].map((label) => (label === (i < right ? i % 4 : (i + 1) % 4) ? 4 : 0)),
        )
        return mb.tensor(rows)
      }
    },
  })
  const position = positionFrom(from)
  const events = []
  const recorder = new Recorder({ runDir, position, emit: (event) => events.push(event) })
  const stopRequested = () => (interrupt !== undefined && position.step >= interrupt ? 'abort' : false)
  try {
    const result = await trainLoop({
      session: { ...session, model, testLoader },
      ...{ runDir, position, recorder, stopRequested },
    })
    return { result, events, runDir, evaluations: evaluation }
  } finally {
    recorder.close()
    session.dispose()
  }
}

const steps = (runDir) => listCheckpoints(runDir).map(({ step }) => step)

t.test('a run that peaks and declines keeps its peak, and gives its weights', async (t) => {
  const { result, runDir } = await runWith(t.testdir(), [12, 20, 10, 9, 8, 16], { top: { checkpoint: { keep: 2 } } })
  t.equal(result.top1, 16 / 24, 'the result is of the last evaluation')
  t.same(result.best, { step: 2, top1: 20 / 24, checkpoint: join(runDir, 'checkpoints', 'step-000002') })
  t.same(steps(runDir), [6, 5, 2])
  t.same(JSON.parse(readFileSync(join(runDir, 'result.json'), 'utf8')).best, result.best)
  const found = findCheckpoint(runDir)
  t.match(found, { chosen: 'best', path: result.best.checkpoint })
  t.match(findCheckpoint(result.checkpoint), { chosen: 'named', path: result.checkpoint })
  const trained = openTrained(runDir, 'cpu')
  t.equal(trained.state.step, 2)
  t.equal(trained.state.lastEval.top1, 20 / 24, 'the metrics of its card are its own')
  trained.model.dispose()
  t.equal(await usedCheckpoint(runDir), 'weights of step 2, the best evaluation (top-1 83.3 %)')
  t.equal(await usedCheckpoint(result.checkpoint), undefined)
  const exported = mb.exportRun(runDir, { out: join(t.testdirName, 'model.onnx') })
  t.match(JSON.parse(readFileSync(exported.card, 'utf8')), {
    source: /step-000002$/,
    notes: [/moving average/, /best evaluation of the run, at step 2/],
    metrics: { top1: 20 / 24, step: 2, images: 24 },
  })
})

t.test('several best, and equal ones: the older is better', async (t) => {
  const top = { checkpoint: { keep: 1, best: 2 } }
  const { result, runDir } = await runWith(t.testdir(), [20, 12, 20, 16, 21, 3], { top })
  t.same(steps(runDir), [6, 5, 1])
  t.equal(result.best.step, 5)
  // A damaged best one gives way to the next.
  writeFileSync(join(result.best.checkpoint, 'model.safetensors'), 'nonsense')
  const warnings = []
  t.match(
    findCheckpoint(runDir, (message) => warnings.push(message)),
    { chosen: 'best', state: { step: 1 } },
  )
  t.match(warnings, [/step-000005.*model\.safetensors/])
  rmSync(join(runDir, 'checkpoints', 'step-000001'), { recursive: true })
  t.match(findCheckpoint(runDir), { chosen: 'newest', state: { step: 6 } })
})

t.test('none is kept on request', async (t) => {
  const { result, runDir } = await runWith(t.testdir(), [20, 3, 4], { top: { checkpoint: { keep: 1, best: 0 } } })
  t.same(steps(runDir), [3])
  t.same(result.best, { step: 1, top1: 20 / 24, checkpoint: null })
  t.match(findCheckpoint(runDir), { chosen: 'newest' })
  t.equal(await usedCheckpoint(runDir), 'weights of step 3, the newest checkpoint')
})

t.test('a best evaluation is saved where no checkpoint is due', async (t) => {
  const top = { checkpoint: { everyEpochs: 9, keep: 1 } }
  const { result, runDir, events } = await runWith(t.testdir(), [5, 4, 20, 6, 7], { top })
  const saved = events.flatMap(({ type, step }) => (type === 'checkpoint' ? [step] : []))
  t.same(saved, [1, 3, 5])
  t.same(steps(runDir), [5, 3])
  t.ok(existsSync(result.best.checkpoint))
})

t.test('a run that is interrupted and resumed from its newest checkpoint keeps the same ones', async (t) => {
  const rights = [5, 20, 6, 7, 8, 9]
  const top = { checkpoint: { keep: 1, best: 2 }, earlyStopping: { patience: 3 } }
  const dir = t.testdir()
  const whole = await runWith(dir, rights, { top, name: 'whole' })
  const part = await runWith(dir, rights, { top, name: 'part', interrupt: 3 })
  t.equal(part.result.interrupted, 'abort')
  t.equal(part.result.endedBy, 'interruption')
  const { newestCheckpoint } = internal('checkpoint')
  const rest = await runWith(dir, rights, { top, name: 'part', from: newestCheckpoint(part.runDir) })
  t.same(steps(rest.runDir), steps(whole.runDir))
  t.equal(rest.result.endedBy, 'earlyStopping')
  t.equal(rest.result.steps, whole.result.steps)
  t.equal(basename(rest.result.best.checkpoint), basename(whole.result.best.checkpoint))
  const stateOf = (runDir) => JSON.parse(readFileSync(join(runDir, 'checkpoints', 'step-000005', 'state.json'))).state
  const { seconds: _, ...a } = stateOf(whole.runDir)
  const { seconds: __, ...b } = stateOf(rest.runDir)
  t.same(b, a)
})

t.test('early stopping ends a run with a result, which resuming gives again', async (t) => {
  const dir = t.testdir()
  const top = { earlyStopping: { patience: 2 } }
  const { result, runDir } = await runWith(dir, [5, 20, 19, 20, 24, 24], { top })
  t.match(result, { steps: 4, interrupted: false, endedBy: 'earlyStopping', best: { step: 2 } })
  const { newestCheckpoint } = internal('checkpoint')
  const again = await runWith(dir, [5, 20, 19, 20, 24, 24], { top, from: newestCheckpoint(runDir) })
  t.match(again.result, { steps: 4, endedBy: 'earlyStopping' })
  t.equal(again.evaluations, 0)
  const lifted = await runWith(dir, [5, 20, 19, 20, 24, 24], { from: newestCheckpoint(runDir) })
  t.match(lifted.result, { steps: 6, endedBy: 'completion', best: { step: 5 } }, 'the key may change')
})

t.test('what counts as an improvement', async (t) => {
  const watch = (options, results) => {
    const stopping = new EarlyStopping({ metric: 'top1', patience: 2, minDelta: 0, ...options })
    return results.findIndex((result) => {
      stopping.observe({ top1: result, loss: result })
      return stopping.isDue
    })
  }
  t.equal(watch({}, [0.5, 0.5, 0.5]), 2, 'an equal result is none')
  t.equal(watch({}, [0.5, 0.4, 0.6, 0.6, 0.6]), 4, 'one starts the count anew')
  t.equal(watch({ minDelta: 0.1 }, [0.5, 0.55, 0.59, 0.7]), 2)
  t.equal(watch({ minDelta: 0.1 }, [0.5, 0.55, 0.61, 0.62, 0.63]), 4, 'against the best, not the last')
  t.equal(watch({ metric: 'loss' }, [2, 1, 0.5, 0.6, 0.5]), 4)
  t.equal(watch({}, [Number.NaN, Number.NaN]), 1)
  t.equal(watch({ metric: 'loss' }, [Number.NaN, 3, 2, Number.NaN]), -1)
  const off = new EarlyStopping(null)
  off.observe({ top1: 0, loss: 0 })
  t.same([off.isDue, off.state], [false, null])
})
