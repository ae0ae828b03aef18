/* The training step that the loop, estimates and latency share. */
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { tinyConfig } from './helpers/tiny.mjs'

const { measureJob } = internal('estimate')
const { native } = internal('addon')
const { addGradient, finishStep, trainingStep } = internal('optimizerStep')

const { crossEntropy } = mb.nn.functional

/** A linear classifier of 4 numbers in 3 classes, with momentum and an average: everything that a step moves. */
function setting(changes = {}) {
  mb.manualSeed(3)
  const model = new mb.nn.Linear(4, 3)
  const optimizer = new mb.optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 })
  const ema = new mb.optim.Ema(model, { decay: 0.5 })
  const parts = { model, criterion: crossEntropy, optimizer, ema, device: 'cpu', memoryFormat: 'contiguous' }
  const batch = { images: mb.randn([8, 4]), labels: mb.randint(0, 3, [8]) }
  const plain = { precision: 'float32', scaler: null, clip: null, mustBeFinite: 'nothing' }
  return { parts: { ...parts, ...plain, ...changes }, batch }
}

const valuesOf = ({ model, optimizer, ema }) =>
  [model.stateDict(), optimizer.stateDict().tensors, ema.stateDict()].map((tensors) =>
    Object.values(tensors).map((tensor) => tensor.toArray()),
  )

t.test('a step is what its parts do one after another, bit for bit', async (t) => {
  const ways = {
    norm: (params, limit) => mb.optim.clipGradNorm(params, limit),
    value: (params, limit) => mb.optim.clipGradValue(params, limit),
    agc: (params, limit) => mb.optim.adaptiveClipGrad(params, limit),
  }
  for (const by of [null, ...Object.keys(ways)]) {
    const { parts, batch } = setting()
    if (by !== null) parts.clip = { by, limit: 0.01, params: parts.model.parameters() }
    const other = setting()
    for (let i = 0; i < 3; i++) {
      const { loss, updated } = trainingStep(parts, batch)
      t.equal(updated, true)
      mb.scope(() => {
        const { model, optimizer, ema } = other.parts
        const expected = crossEntropy(model.forward(other.batch.images), other.batch.labels)
        expected.backward()
        if (by !== null) ways[by](model.parameters(), 0.01)
        optimizer.step()
        ema.update()
        optimizer.zeroGrad()
        t.equal(loss.item(), expected.item())
      })
      loss.dispose()
    }
    t.strictSame(valuesOf(parts), valuesOf(other.parts), `clipped by ${by}`)
    t.equal(parts.model.parameters()[0].grad, null, 'gradients are gone')
  }
})

t.test('a step changes nothing where what must be finite is not', async (t) => {
  const bad = (which) => {
    const { parts, batch } = setting()
    if (which === 'loss') batch.images.fill_(Number.NaN)
    // The loss is 0, its gradient 0/0.
    else parts.criterion = (logits) => logits.sum().mul(0).abs().sqrt()
    return { parts, batch }
  }
  const cases = [
    ['loss', 'loss', false],
    ['loss', 'gradients', false],
    ['gradients', 'gradients', false],
    ['gradients', 'loss', true],
    ['loss', 'nothing', true],
  ]
  for (const [which, mustBeFinite, expected] of cases) {
    const { parts, batch } = bad(which)
    const before = valuesOf(parts)
    const { loss, updated } = trainingStep({ ...parts, mustBeFinite }, batch)
    t.equal(updated, expected, `${which} not finite, where ${mustBeFinite} must be`)
    t.equal(typeof loss, mustBeFinite === 'nothing' ? 'object' : 'number')
    if (updated) continue
    t.strictSame(valuesOf(parts), before)
    t.equal(parts.optimizer.steps, 0)
    t.equal(parts.ema.updates, 0)
    t.equal(parts.model.parameters()[0].grad, null)
  }
})

t.test('nothing but the loss outlives a step', async (t) => {
  const { parts, batch } = setting()
  const before = mb.memory().tensors
  const { loss } = trainingStep(parts, batch)
  t.equal(mb.memory().tensors, before + 1)
  loss.dispose()
})

/** A network of convolutions without batch norm, whose loss is a mean over images: batches can be joined. */
function joinable() {
  mb.manualSeed(5)
  const layers = [new mb.nn.Conv2d(2, 4, 3, { padding: 1 }), new mb.nn.Linear(4 * 36, 3)]
  for (const layer of layers) layer.to({ dtype: 'float64' })
  const model = { forward: (x) => layers[1].forward(mb.nn.functional.silu(layers[0].forward(x)).flatten(1)) }
  const params = layers.flatMap((layer) => layer.parameters())
  const optimizer = new mb.optim.SGD(params, { lr: 0.1, momentum: 0.9, weightDecay: 0.01 })
  const criterion = (logits, labels) => crossEntropy(logits, labels, { labelSmoothing: 0.1 })
  const parts = { model, criterion, optimizer, ema: null, device: 'cpu', memoryFormat: 'contiguous' }
  const clip = { by: 'norm', limit: 0.5, params }
  const images = mb.randn([16, 2, 6, 6], { dtype: 'float64' })
  const labels = mb.randint(0, 3, [16])
  const batches = images.chunk(4).map((part, i) => ({ images: part, labels: labels.chunk(4)[i] }))
  return {
    ...{ params, batches, joined: { images, labels } },
    parts: { ...parts, precision: 'float32', scaler: null, clip },
  }
}

t.test('four batches in one step equal the batch that they make together', async (t) => {
  for (const mustBeFinite of ['nothing', 'loss', 'gradients']) {
    const [apart, together] = [joinable(), joinable()]
    for (let step = 0; step < 3; step++) {
      const found = trainingStep({ ...apart.parts, mustBeFinite }, apart.batches)
      const expected = trainingStep({ ...together.parts, mustBeFinite }, together.joined)
      const [a, b] = [found, expected].map(({ loss }) => (typeof loss === 'number' ? loss : loss.item()))
      t.ok(Math.abs(a - b) < 1e-12, `loss ${a}, not ${b}`)
      t.equal(typeof found.loss, mustBeFinite === 'nothing' ? 'object' : 'number')
    }
    t.equal(apart.parts.optimizer.steps, 3, 'each is one update')
    for (const [i, param] of apart.params.entries()) {
      const expected = together.params[i].toArray().flat(3)
      const worst = Math.max(
        ...param
          .toArray()
          .flat(3)
          .map((value, j) => Math.abs(value - expected[j])),
      )
      t.ok(worst < 1e-12, `${mustBeFinite}, parameter ${i}: ${worst}`)
    }
  }
})

t.test('batches that come one after another: the same step, and nothing stays but the loss', async (t) => {
  const [apart, together] = [joinable(), joinable()].map(({ parts, ...rest }) => ({
    ...rest,
    parts: { ...parts, mustBeFinite: 'nothing' },
  }))
  const before = mb.memory().tensors
  const added = apart.batches.map((batch) => addGradient(apart.parts, batch, 4))
  const { loss } = finishStep(apart.parts, added)
  t.equal(mb.memory().tensors, before + 1)
  t.equal(loss.item(), trainingStep(together.parts, together.batches).loss.item())
  t.same(
    apart.params.map((param) => param.toArray()),
    together.params.map((param) => param.toArray()),
  )
})

t.test('one bad batch of several: the step changes nothing', async (t) => {
  const { parts, batches, params } = joinable()
  const before = params.map((param) => param.toArray())
  mb.noGrad(() => batches[2].images.fill_(Number.NaN))
  const { updated, loss } = trainingStep({ ...parts, mustBeFinite: 'loss' }, batches)
  t.equal(updated, false)
  t.ok(Number.isNaN(loss))
  t.same(
    params.map((param) => param.toArray()),
    before,
  )
  t.equal(params[0].grad, null, 'the gradients of the good ones are gone, too')
})

/** How often a native function is called meanwhile. */
async function callsOf(name, work) {
  const addon = native()
  const original = addon[name]
  let calls = 0
  addon[name] = (...words) => {
    calls++
    return original(...words)
  }
  try {
    await work()
  } finally {
    addon[name] = original
  }
  return calls
}

t.test("an estimate's steps are the loop's: they clip where the loop clips", async (t) => {
  const estimate = (top) => async () => {
    const { seconds, why } = await measureJob(tinyConfig(t.testdir(), { top }))
    t.equal(why, undefined)
    t.ok(seconds > 0)
  }
  t.equal(await callsOf('clipGradNorm', estimate({})), 0)
  t.equal(await callsOf('clipGradNorm', estimate({ clipGradNorm: 1 })), 4)
  t.equal(await callsOf('clipGradNorm', estimate({ onDivergence: 'skip' })), 4, 'for the norm')
  t.equal(await callsOf('clipGradNorm', estimate({ onDivergence: 'skip', clipGradNorm: 1 })), 4, 'for both')
})

t.test('there is one training step', async (t) => {
  const lib = fileURLToPath(new URL('../lib', import.meta.url))
  const files = fs.readdirSync(lib, { recursive: true }).filter((file) => file.endsWith('.ts'))
  const calls = files.filter((file) => {
    const lines = fs.readFileSync(path.join(lib, file), 'utf8').split('\n')
    return lines.some((line) => /^[^'*]*\.backward\(\)/.test(line)) // neither comments nor messages
  })
  t.strictSame(calls, [path.join('optim', 'step.ts')], 'everything else that trains calls it')
})
