import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { train } from 'mbconv'
import t from 'tap'
import { parseConfig } from '../dist/train/config.js'
import { trainLoop } from '../dist/train/loop.js'
import { progressFrom } from '../dist/train/progress.js'
import { openSession } from '../dist/train/session.js'
import { metricsOf, tinyConfig } from './helpers/tiny.mjs'

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
    { code: 'ERR_DIVERGED', message: /100 steps in a row were skipped/ },
  )
  const warnings = events.filter(({ type }) => type === 'warning')
  t.match(warnings[0], { message: /step \d+ skipped/ })
  const losses = metricsOf(join(dir, 'runs', 'skip')).filter(({ type }) => type === 'step')
  t.equal(losses.at(-1).loss, null, 'a loss that is no number is null in the file')
})

/** A run whose third batch is not a number. */
async function withBadBatch(onDivergence) {
  const config = parseConfig(tinyConfig(dir, { top: { onDivergence }, run: { name: onDivergence } }))
  const session = openSession(config)
  const runDir = join(dir, onDivergence)
  mkdirSync(join(runDir, 'checkpoints'), { recursive: true })
  const { trainLoader } = session
  const epoch = function* (number, from) {
    for (const batch of trainLoader.epoch(number, from)) {
      if (++taken === 3) batch.images.fill(Number.NaN)
      yield batch
    }
  }
  let taken = 0
  const events = []
  const run = trainLoop({
    session: { ...session, trainLoader: { epoch } },
    runDir,
    progress: progressFrom(),
    emit: (event) => events.push(event),
    stopRequested: () => false,
  })
  return { session, events, run }
}

t.test('a single bad batch ends the run', async (t) => {
  const { session, run } = await withBadBatch('stop')
  await t.rejects(run, { code: 'ERR_DIVERGED', message: /the loss is NaN at step 3 .*no checkpoint/ })
  session.dispose()
})

t.test('a single bad batch leaves no trace when it is skipped', async (t) => {
  const { session, events, run } = await withBadBatch('skip')
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
