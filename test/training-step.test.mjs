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
const { trainingStep } = internal('optimizerStep')

const { crossEntropy } = mb.nn.functional

/** A linear classifier of 4 numbers in 3 classes, with momentum and an average: everything that a step moves. */
function setting(changes = {}) {
  mb.manualSeed(3)
  const model = new mb.nn.Linear(4, 3)
  const optimizer = new mb.optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 })
  const ema = new mb.optim.Ema(model, { decay: 0.5 })
  const parts = { model, criterion: crossEntropy, optimizer, ema, device: 'cpu', memoryFormat: 'contiguous' }
  const batch = { images: mb.randn([8, 4]), labels: mb.randint(0, 3, [8]) }
  return { parts: { ...parts, maxGradNorm: null, mustBeFinite: 'nothing', ...changes }, batch }
}

const valuesOf = ({ model, optimizer, ema }) =>
  [model.stateDict(), optimizer.stateDict().tensors, ema.stateDict()].map((tensors) =>
    Object.values(tensors).map((tensor) => tensor.toArray()),
  )

t.test('a step is what its parts do one after another, bit for bit', async (t) => {
  for (const maxGradNorm of [null, 0.01]) {
    const { parts, batch } = setting({ maxGradNorm })
    const other = setting()
    for (let i = 0; i < 3; i++) {
      const { loss, updated } = trainingStep(parts, batch)
      t.equal(updated, true)
      mb.scope(() => {
        const { model, optimizer, ema } = other.parts
        const expected = crossEntropy(model.forward(other.batch.images), other.batch.labels)
        expected.backward()
        if (maxGradNorm !== null) mb.optim.clipGradNorm(model.parameters(), maxGradNorm)
        optimizer.step()
        ema.update()
        optimizer.zeroGrad()
        t.equal(loss.item(), expected.item())
      })
      loss.dispose()
    }
    t.strictSame(valuesOf(parts), valuesOf(other.parts), `largest norm ${maxGradNorm}`)
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
