import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseConfig, train } from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { metricsOf, tinyConfig } from './helpers/tiny.mjs'

const { SkippedSteps } = internal('divergence')
const { trainLoop } = internal('loop')
const { positionFrom } = internal('position')
const { Recorder } = internal('recorder')
const { openSession } = internal('session')

const dir = t.testdir()

async function iterate(run) {
  for await (const _ of run);
}

// A learning rate that blows up any network within a few steps.
const top = {
  epochs: 50,
  optimizer: { name: 'sgd', lr: 1e30, momentum: 0, nesterov: false },
  schedule: { name: 'constant' },
}

t.test('stops the run, and names step, rate and the last good checkpoint', async (t) => {
  const config = tinyConfig(dir, { top: { ...top, checkpoint: { everySteps: 1 } }, run: { name: 'stop' } })
  for (const worker of [true, false]) {
    const run = train({ ...config, run: { ...config.run, name: `stop-${worker}` } }, { worker })
    const message = /(NaN|[iI]nfinit?y?|not finite).* at step \d+ \(learning rate 1e\+30\)/
    await t.rejects(iterate(run), { code: 'ERR_DIVERGED', message, hint: /optimizer\.lr/ })
    await t.rejects(run.result, { code: 'ERR_DIVERGED' })
    t.notOk(existsSync(join(await run.runDir, '.lock')))
  }
})

t.test('stops, when asked to skip, once nothing but skipping is left', async (t) => {
  const config = tinyConfig(dir, { top: { ...top, onDivergence: 'skip', ema: false }, run: { name: 'skip' } })
  const events = []
  const run = train(config, { worker: false })
  await t.rejects(
    (async () => {
      for await (const event of run) events.push(event)
    })(),
    { code: 'ERR_DIVERGED', message: /11 of the last 1\d steps were skipped at step 1\d/ },
  )
  const warnings = events.filter(({ type }) => type === 'warning')
  t.match(warnings[0], { message: /step \d+ skipped/ })
  const losses = metricsOf(join(dir, 'runs', 'skip')).filter(({ type }) => type === 'step')
  t.equal(losses.at(-1).loss, null, 'a loss that is no number is null in the file')
})

/** The loop of a run that nobody asks to stop, with its loggers. */
async function loop({ session, runDir, position = positionFrom(), emit = () => {} }) {
  mkdirSync(join(runDir, 'checkpoints'), { recursive: true })
  const recorder = new Recorder({ runDir, position, emit })
  try {
    return await trainLoop({ session, runDir, position, recorder, stopRequested: () => false })
  } finally {
    recorder.close()
  }
}

/** A run of eight steps; the batches of those named, from 1, are not numbers. */
async function withBadBatches(onDivergence, ...bad) {
  const name = [onDivergence, ...bad].join('-')
  const config = parseConfig(tinyConfig(dir, { top: { onDivergence }, run: { name } }))
  const session = await openSession(config)
  const runDir = join(dir, name)
  const { trainLoader } = session
  const epoch = function* (number, from) {
    for (const batch of trainLoader.epoch(number, from)) {
      if (bad.includes(++taken)) batch.images.fill(Number.NaN)
      yield batch
    }
  }
  let taken = 0
  const events = []
  const emit = (event) => events.push(event)
  const run = loop({ session: { ...session, trainLoader: { epoch } }, runDir, emit })
  return { session, events, run, runDir }
}

t.test('a single bad batch ends the run', async (t) => {
  const { session, run } = await withBadBatches('stop', 3)
  await t.rejects(run, { code: 'ERR_DIVERGED', message: /the loss is NaN at step 3 .*no checkpoint/ })
  session.dispose()
})

t.test('a single bad batch leaves no trace when it is skipped', async (t) => {
  const { session, events, run } = await withBadBatches('skip', 3)
  const { steps } = await run
  t.equal(steps, 8)
  t.strictSame(
    events.filter(({ type }) => type === 'warning').map(({ message }) => message),
    ['step 3 skipped: loss or gradient is not finite'],
  )
  t.strictSame(
    events.filter(({ type }) => type === 'step').map(({ loss }) => Number.isFinite(loss)),
    [true, true, false, true, true, true, true, true],
  )
  t.equal(session.optimizer.steps, 7)
  t.equal(session.ema.updates, 7)
  for (const [name, tensor] of Object.entries({
    ...session.model.stateDict(),
    ...session.optimizer.stateDict().tensors,
  })) {
    if (tensor.dtype === 'float32') t.ok(tensor.toTypedArray().every(Number.isFinite), name)
  }
  const counts = session.model.namedBuffers().filter(([name]) => name.endsWith('num_batches_tracked'))
  t.ok(
    counts.length > 0 && counts.every(([, count]) => Number(count.item()) === 7),
    'batch norm has not seen it either',
  )
  session.dispose()
})

t.test('a run that has skipped more than half of its steps has failed', async (t) => {
  const half = await withBadBatches('skip', 1, 3, 5, 7)
  t.equal((await half.run).steps, 8)
  half.session.dispose()
  for (const bad of [
    [1, 2, 3, 4, 5, 6, 7, 8],
    [1, 2, 3, 5, 8],
  ]) {
    const { session, run, runDir } = await withBadBatches('skip', ...bad)
    const message = new RegExp(`${bad.length} of the last 8 steps were skipped at step 8`)
    await t.rejects(run, { code: 'ERR_DIVERGED', message })
    t.notOk(existsSync(join(runDir, 'result.json')), 'nothing is taken for its result')
    session.dispose()
  }
})

t.test('of a longer run the last 20 steps count, also where a checkpoint lies between them', async (t) => {
  const skipped = new SkippedSteps()
  for (let i = 0; i < 30; i++) skipped.add(i % 2 === 0)
  t.equal(skipped.tooMany(false), undefined, 'every other one')
  skipped.add(true)
  t.equal(skipped.tooMany(false), undefined, '10 again: the oldest is gone')
  skipped.add(true)
  t.equal(skipped.tooMany(false), '11 of the last 20 steps were skipped')
  t.equal(new SkippedSteps(skipped.latest).tooMany(false), '11 of the last 20 steps were skipped')
  t.equal(new SkippedSteps().tooMany(true), undefined, 'a run without a step')

  const config = tinyConfig(dir, {
    top: { ...top, onDivergence: 'skip', ema: false, epochs: 2 },
    run: { name: 'kept' },
  })
  const controller = new AbortController()
  const run = train(config, { worker: false, signal: controller.signal })
  for await (const event of run) if (event.type === 'step' && event.step === 5) controller.abort()
  const runDir = join(dir, 'runs', 'kept')
  const { state } = JSON.parse(readFileSync(join((await run.result).checkpoint, 'state.json'), 'utf8'))
  t.equal(state.skipped.length, 5)
  t.equal(state.skipped.filter(Boolean).length, 4, 'all but the first, which makes the weights huge')
  const message = /7 of the last 8 steps were skipped at step 8/
  await t.rejects(iterate(train(undefined, { resume: runDir, worker: false })), { code: 'ERR_DIVERGED', message })
})

t.test('steps skipped long ago are not held against a run that is resumed without skipping', async (t) => {
  const session = await openSession(parseConfig(tinyConfig(dir, { top: { epochs: 6 }, run: { name: 'recovered' } })))
  const runDir = join(dir, 'recovered')
  const position = { ...positionFrom(), skipped: new SkippedSteps(new Array(8).fill(true)) }
  const { steps } = await loop({ session, runDir, position })
  t.equal(steps, 24)
  t.strictSame(position.skipped.latest, new Array(20).fill(false))
  session.dispose()
})

t.test('a run that is cut to what is done is judged by its last evaluation, too', async (t) => {
  const session = await openSession(parseConfig(tinyConfig(dir, { top: { maxSteps: 4 }, run: { name: 'cut' } })))
  const runDir = join(dir, 'cut')
  const lastEval = { step: 4, loss: Number.NaN, top1: 0.25, top5: 1, confusion: [] }
  const position = { ...positionFrom(), step: 4, lastEval }
  const run = loop({ session, runDir, position })
  await t.rejects(run, { code: 'ERR_DIVERGED', message: /the test loss is NaN at step 4/ })
  t.notOk(existsSync(join(runDir, 'result.json')))
  session.dispose()
})

t.test('a test loss that is no number at the end is no result', async (t) => {
  const config = parseConfig(tinyConfig(dir, { run: { name: 'unmeasured' } }))
  const session = await openSession(config)
  const runDir = join(dir, 'unmeasured')
  const testLoader = {
    dataset: session.testLoader.dataset,
    *epoch() {
      for (const batch of session.testLoader.epoch(0)) {
        batch.images.fill(Number.NaN)
        yield batch
      }
    },
  }
  const run = loop({ session: { ...session, testLoader }, runDir })
  await t.rejects(run, { code: 'ERR_DIVERGED', message: /the test loss is NaN at step 8/ })
  t.notOk(existsSync(join(runDir, 'result.json')))
  session.dispose()
})
