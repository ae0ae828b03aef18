/* Networks that compute activations again for the gradient. */
import { execFileSync } from 'node:child_process'
import * as mb from 'mbconv'
import t from 'tap'
import { small } from './helpers/small.mjs'
import { tinyConfig } from './helpers/tiny.mjs'

const { crossEntropy } = mb.nn.functional

/** Losses, gradients and state of two steps with drop path and dropout. */
function trained(name, recompute, precision) {
  const network = mb.models.create(small(name), { numClasses: 5, seed: 3, dropPath: 0.5, dropout: 0.3, recompute })
  mb.manualSeed(7)
  const images = mb.randn([6, 3, 32, 32])
  const labels = mb.randint(0, 5, [6])
  const optimizer = new mb.optim.SGD(network.parameters(), { lr: 0.05, momentum: 0.9 })
  const losses = []
  for (let step = 0; step < 2; step++) {
    const forward = () => crossEntropy(network.forward(images), labels)
    const loss = precision === 'bf16' ? mb.autocast({}, forward) : forward()
    loss.backward()
    losses.push(loss.item())
    if (step === 0) {
      optimizer.step()
      optimizer.zeroGrad()
    }
  }
  const gradients = network.parameters().map(({ grad }) => grad.toArray())
  const state = Object.entries(network.stateDict()).map(([key, tensor]) => [key, tensor.toArray()])
  network.dispose()
  optimizer.dispose()
  return { losses, gradients, state }
}

t.test('gradients and statistics are the same, bit for bit', async (t) => {
  for (const name of ['efficientnet_b0', 'resnet18', 'mobilenet_v3_small']) {
    for (const precision of ['float32', 'bf16']) {
      const plain = trained(name, 'none', precision)
      for (const unit of ['blocks', 'stages']) {
        const found = trained(name, unit, precision)
        t.same(found.losses, plain.losses, `${name}, ${unit}, ${precision}: losses`)
        t.same(found.gradients, plain.gradients, 'gradients')
        t.same(found.state, plain.state, 'weights, running statistics and the count of batches')
      }
    }
  }
})

/** Bytes that the activations of a forward pass in training take. */
function activations(recompute) {
  const script = `
    const mb = require('mbconv')
    const arch = mb.models.scale(mb.models.arch('efficientnet_b0'), { width: 0.5, depth: 1, resolution: 64 })
    const network = mb.models.create(arch, { numClasses: 10, seed: 1, recompute: ${JSON.stringify(recompute)} })
    mb.setNumThreads(1)
    const images = mb.randn([8, 3, 64, 64])
    const before = mb.allocatorStatistics().live
    mb.scope(() => {
      const loss = network.forward(images).sum()
      process.stdout.write(String(mb.allocatorStatistics().live - before))
    })`
  return Number(execFileSync(process.execPath, ['-e', script], { cwd: import.meta.dirname, encoding: 'utf8' }))
}

t.test('less memory is kept for the gradient', async (t) => {
  const [none, blocks, stages] = ['none', 'blocks', 'stages'].map(activations)
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
  for (const recompute of ['none', 'blocks', 'stages']) {
    const config = tinyConfig(dir, { top: { epochs: 1 }, run: { name: recompute } })
    const { loss, confusion } = await mb.train({ ...config, model: { ...config.model, recompute } }).result
    results.push({ loss, confusion })
  }
  t.same(results[1], results[0])
  t.same(results[2], results[0])
})
