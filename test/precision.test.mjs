/* Training and evaluation in 16 bits, and the scale of the loss. */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { digestOf } from './helpers/small.mjs'
import { tinyConfig } from './helpers/tiny.mjs'

const { inPrecision } = internal('stepPrecision')
const { trainingStep } = internal('optimizerStep')
const { resolvePrecision } = internal('sessionPrecision')
const { openSession } = internal('session')
const { Stepper } = internal('stepper')

const { crossEntropy } = mb.nn.functional

/** A run's events, and its result. */
async function follow(config, options = { worker: false }) {
  const run = mb.train(config, options)
  const events = []
  for await (const event of run) events.push(event)
  return { events, result: await run.result }
}

t.test('the precision of a device', async (t) => {
  t.equal(resolvePrecision('auto', 'cpu'), 'float32')
  for (const wanted of ['float32', 'bf16', 'fp16']) t.equal(resolvePrecision(wanted, 'cpu'), wanted)
  t.throws(() => mb.parseConfig({ model: { name: 'efficientnet_b0' }, epochs: 1, precision: 'bfloat16' }), {
    code: 'ERR_CONFIG',
    message: /^precision: must be auto, float32, bf16 or fp16/,
  })
})

t.test('a step in bf16 is what autocast computes, bit for bit, with float32 weights', async (t) => {
  const parts = () => {
    mb.manualSeed(3)
    const model = mb.models.create(
      mb.models.scale(mb.models.arch('efficientnet_b0'), { width: 0.25, depth: 0.1, resolution: 32 }),
      { numClasses: 4, seed: 1, dropPath: 0, dropout: 0 },
    )
    const optimizer = new mb.optim.SGD(model.parameters(), { lr: 0.1 })
    const plain = { scaler: null, clip: null, mustBeFinite: 'nothing', memoryFormat: 'contiguous', device: 'cpu' }
    return { ...plain, model, optimizer, ema: null, criterion: crossEntropy, precision: 'bf16' }
  }
  const batch = { images: mb.randn([8, 3, 32, 32]), labels: mb.randint(0, 4, [8]) }
  const [own, other] = [parts(), parts()]
  mb.manualSeed(7)
  const { loss } = trainingStep(own, batch)
  mb.manualSeed(7)
  mb.scope(() => {
    const expected = mb.autocast({ dtype: 'bfloat16' }, () =>
      crossEntropy(other.model.forward(batch.images), batch.labels),
    )
    expected.backward()
    other.optimizer.step()
    t.equal(loss.item(), expected.item())
  })
  const [a, b] = [own, other].map(({ model }) => model.parameters())
  t.ok(a.every((param, i) => param.dtype === 'float32' && param.equal(b[i])))
  mb.manualSeed(7)
  const full = parts()
  const { loss: exact } = trainingStep({ ...full, precision: 'float32' }, batch)
  t.not(loss.item(), exact.item(), 'not the same as in float32')
  t.ok(Math.abs(loss.item() - exact.item()) < 0.2 * exact.item(), `${loss.item()}, close to ${exact.item()}`)
  t.equal(mb.isAutocastEnabled(), false)
  t.equal(
    inPrecision('float32', 'cpu', () => mb.isAutocastEnabled()),
    false,
  )
})

t.test('a run in bf16: said at the start, evaluated alike, and evaluated again alike', async (t) => {
  const dir = t.testdir()
  const { events, result } = await follow(tinyConfig(dir, { top: { precision: 'bf16' }, run: { name: 'bf16' } }))
  t.equal(events.find(({ type }) => type === 'start').precision, 'bf16')
  const again = await mb.evaluateRun(result.checkpoint)
  t.equal(again.loss, result.loss, 'evaluateRun has the precision of the run')
  const plain = await follow(tinyConfig(dir, { run: { name: 'float32' } }))
  t.equal(plain.events.find(({ type }) => type === 'start').precision, 'float32')
  t.not(plain.result.loss, result.loss)
})

t.test('fp16: gradients that overflow change nothing but the scale', async (t) => {
  const top = { precision: 'fp16', ema: { decay: 0.9 } }
  const session = await openSession(mb.parseConfig(tinyConfig(t.testdir(), { top })))
  const stepper = new Stepper(session)
  const { model, optimizer, ema, scaler, trainLoader } = session
  const batch = trainLoader.epoch(0).next().value
  const state = () => {
    const parts = [model.stateDict(), optimizer.stateDict().tensors, ema.stateDict()]
    return parts.map((tensors) => digestOf(Object.values(tensors)))
  }
  const take = (images) => {
    const { loss, updated } = stepper.take({ ...batch, images }, 0.01)
    const value = loss.item()
    loss.dispose()
    return { loss: value, updated }
  }
  const before = state()
  const bad = take(batch.images.map((value, i) => (i === 0 ? Number.NaN : value)))
  t.same({ ...bad, loss: Number.isNaN(bad.loss) }, { loss: true, updated: false })
  t.same(state(), before, 'weights, statistics, average and optimiser are as they were')
  t.match(scaler.stateDict(), { scaleFactor: 32768, skipped: 1, goodSteps: 0 })
  scaler.loadStateDict({ ...scaler.stateDict(), scaleFactor: 256 })
  const good = take(batch.images)
  t.ok(good.updated && Number.isFinite(good.loss))
  t.match(scaler.stateDict(), { scaleFactor: 256, skipped: 1, goodSteps: 1 })
  t.not(state()[0], before[0])
  stepper.dispose()
  session.dispose()
})

t.test('a run in fp16: skipped steps are no divergence, and the scale is part of a checkpoint', async (t) => {
  const { trainLoop } = internal('loop')
  const { positionFrom } = internal('position')
  const { Recorder } = internal('recorder')
  const dir = t.testdir()
  const run = async (name, epochs, isBad) => {
    const runDir = join(dir, name)
    mkdirSync(join(runDir, 'checkpoints'), { recursive: true })
    const session = await openSession(mb.parseConfig(tinyConfig(dir, { top: { precision: 'fp16', epochs } })))
    // So low that only bad batches overflow.
    session.scaler.loadStateDict({ ...session.scaler.stateDict(), scaleFactor: 256 })
    let taken = 0
    const events = []
    const epoch = function* (number, from) {
      for (const batch of session.trainLoader.epoch(number, from)) {
        if (isBad(++taken)) batch.images.fill(Number.NaN)
        yield batch
      }
    }
    const position = positionFrom()
    const recorder = new Recorder({ runDir, position, emit: (event) => events.push(event) })
    try {
      const loop = { ...session, trainLoader: { epoch } }
      await trainLoop({ session: loop, runDir, position, recorder, stopRequested: () => false })
      return { events, runDir, updates: session.optimizer.steps }
    } finally {
      recorder.close()
      session.dispose()
    }
  }
  const { events, runDir, updates } = await run('some', 2, (batch) => batch === 2 || batch === 5)
  const losses = events.filter(({ type }) => type === 'step').map(({ loss }) => Number.isFinite(loss))
  t.same(losses, [true, false, true, true, false, true, true, true])
  t.same(
    events.filter(({ type }) => type === 'warning'),
    [],
  )
  t.equal(updates, 6)
  const { state } = JSON.parse(readFileSync(join(runDir, 'checkpoints', 'step-000008', 'state.json'), 'utf8'))
  t.match(state.scaler, { scaleFactor: 64, skipped: 2, goodSteps: 3 })

  const { openCheckpoint } = internal('checkpoint')
  const checkpoint = openCheckpoint(join(runDir, 'checkpoints', 'step-000008'))
  const resumed = await openSession(checkpoint.state.config, checkpoint)
  t.same(resumed.scaler.stateDict(), state.scaler, 'a resumed run goes on with it')
  resumed.dispose()

  const all = () => true
  await t.rejects(run('short', 1, all), { code: 'ERR_DIVERGED', message: /no step has changed the weights/ })
  await t.rejects(run('long', 3, all), { code: 'ERR_DIVERGED', message: /overflow whatever the scale .* at step 9/ })
})

t.test('what the CPU cannot do is refused, and what may be left out is accepted', async (t) => {
  const run = (top, name) => mb.train(tinyConfig(t.testdirName, { top: { maxSteps: 1, ...top }, run: { name } })).result
  t.testdir()
  await t.rejects(run({ cudaGraph: true }, 'graph'), { code: 'ERR_CONFIG', message: /^cudaGraph: .*the CPU/ })
  for (const cudaGraph of ['auto', false]) t.equal((await run({ cudaGraph }, String(cudaGraph))).steps, 1)
  t.throws(() => mb.parseConfig({ model: { name: 'efficientnet_b0' }, epochs: 1, cudaGraph: 'always' }), {
    code: 'ERR_CONFIG',
  })
})
