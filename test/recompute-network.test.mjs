/* Networks that compute activations again for the gradient. */
import { execFileSync } from 'node:child_process'
import * as mb from 'mbconv'
import t from 'tap'
import { digestOf, small } from './helpers/small.mjs'
import { tinyConfig } from './helpers/tiny.mjs'

const { crossEntropy } = mb.nn.functional

/** Loss, gradients and state of a step with drop path and dropout. */
function trained(name, recompute, { precision = 'float32', freeze } = {}) {
  const network = mb.models.create(small(name), { numClasses: 5, seed: 3, dropPath: 0.5, dropout: 0.3, recompute })
  if (freeze !== undefined) network.freeze({ upTo: freeze })
  mb.manualSeed(7)
  const images = mb.randn([4, 3, 32, 32])
  const labels = mb.randint(0, 5, [4])
  const forward = () => crossEntropy(network.forward(images), labels)
  const loss = precision === 'bf16' ? mb.autocast({}, forward) : forward()
  loss.backward()
  const gradients = digestOf(network.parameters().flatMap(({ grad }) => (grad === null ? [] : [grad])))
  const state = digestOf(Object.values(network.stateDict()))
  network.dispose()
  return { loss: loss.item(), gradients, state }
}

t.test('gradients and statistics are the same, bit for bit', async (t) => {
  const cases = [
    ['efficientnet_b0', {}, ['blocks', 'stages']],
    ['efficientnet_b0', { precision: 'bf16' }, ['blocks']],
    ['resnet18', { freeze: 1 }, ['blocks', 'stages']],
  ]
  for (const [name, options, units] of cases) {
    const plain = trained(name, 'none', options)
    for (const unit of units) {
      const found = trained(name, unit, options)
      t.equal(found.loss, plain.loss, `${name}, ${unit}, ${JSON.stringify(options)}: loss`)
      t.equal(found.gradients, plain.gradients, 'gradients')
      t.equal(found.state, plain.state, 'weights, running statistics and the count of batches')
    }
  }
})

/** Bytes that the activations of a forward pass in training take, without recomputation, by blocks and by stages. */
function activations() {
  const script = `
    const mb = require('mbconv')
    const arch = mb.models.scale(mb.models.arch('efficientnet_b0'), { width: 0.25, depth: 1, resolution: 64 })
    mb.setNumThreads(1)
    const images = mb.randn([4, 3, 64, 64])
    const bytes = ['none', 'blocks', 'stages'].map((recompute) => {
      const network = mb.models.create(arch, { numClasses: 10, seed: 1, recompute })
      const before = mb.allocatorStatistics().live
      const taken = mb.scope(() => {
        network.forward(images).sum()
        return mb.allocatorStatistics().live - before
      })
      network.dispose()
      return taken
    })
    console.log(JSON.stringify(bytes))`
  return JSON.parse(execFileSync(process.execPath, ['-e', script], { cwd: import.meta.dirname, encoding: 'utf8' }))
}

t.test('less memory is kept for the gradient', async (t) => {
  const [none, blocks, stages] = activations()
  t.ok(blocks < none / 3, `${blocks} bytes with blocks, ${none} without`)
  t.ok(stages < blocks, `${stages} bytes with stages`)
})

t.test('evaluation and inference compute once', async (t) => {
  const network = mb.models.create(small('efficientnet_b0'), { numClasses: 5, seed: 3, recompute: 'blocks' })
  const plain = mb.models.create(small('efficientnet_b0'), { numClasses: 5, seed: 3 })
  const x = mb.randn([2, 3, 32, 32])
  for (const net of [network, plain]) net.eval()
  t.same(network.forward(x).toArray(), plain.forward(x).toArray())
  const fused = network.fuse()
  t.equal(fused.recomputed, 'none')
  for (const net of [network, plain, fused]) net.dispose()
  t.throws(() => mb.models.create('efficientnet_b0', { recompute: 'all' }), { code: 'ERR_VALUE', message: /recompute/ })
})

t.test('a run is the same with and without', async (t) => {
  const dir = t.testdir()
  const results = []
  for (const recompute of ['none', 'stages']) {
    const config = tinyConfig(dir, { top: { maxSteps: 2 }, run: { name: recompute } })
    const { loss, ece } = await mb.train({ ...config, model: { ...config.model, recompute } }, { worker: false }).result
    results.push({ loss, ece })
  }
  t.same(results[1], results[0])
})
