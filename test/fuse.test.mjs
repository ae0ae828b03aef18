// Batch norms folded into convolutions: equal logits for every architecture under both rules of padding; what a fused network is.
import * as mb from 'mbconv'
import t from 'tap'
import { disturbNorms, small } from './helpers/small.mjs'

mb.setNumThreads(1)

const { create, list, loadWeights } = mb.models

/** ‖a − b‖ / ‖b‖ */
function relative(a, b) {
  const [x, y] = [a, b].map((tensor) => mb.scope(() => tensor.detach().to({ dtype: 'float64' }).toTypedArray()))
  const norm = (values) => Math.hypot(...values)
  return norm(x.map((value, i) => value - y[i])) / norm(y)
}

for (const name of list()) {
  t.test(name, async (t) => {
    for (const profile of ['tf', 'torchvision']) {
      for (const [dtype, limit] of [
        ['float64', 1e-12],
        ['float32', 1e-5],
      ]) {
        mb.manualSeed(1)
        const network = disturbNorms(create(small(name), { numClasses: 7, profile, dtype, seed: 2 })).eval()
        const fused = network.fuse()
        mb.scope(() => {
          // Even and odd sides: at stride 2 SAME pads them differently.
          for (const size of [
            [32, 32],
            [33, 47],
          ]) {
            const x = mb.randn([2, 3, ...size], { dtype })
            const [wanted, found] = mb.noGrad(() => [network.forward(x), fused.forward(x)])
            const error = relative(found, wanted)
            t.ok(error <= limit, `${profile}, ${dtype}, ${size.join('x')}: ${error.toExponential(1)}`)
            t.ok(wanted.std().item() > 1e-3, 'logits worth comparing')
            const last = network.features.length - 1
            const maps = mb.noGrad(() => [network, fused].map((each) => each.forwardFeatures(x, { stages: [1, last] })))
            for (const i of [0, 1]) t.ok(relative(maps[1][i], maps[0][i]) <= limit, 'features')
          }
        })
        network.dispose()
        fused.dispose()
      }
    }
  })
}

t.test('a fused network is a network of its own, in evaluation mode for good', async (t) => {
  const network = disturbNorms(create(small('efficientnet_b0'), { numClasses: 3, profile: 'tf', seed: 0 })).eval()
  network.to({ memoryFormat: 'channelsLast' })
  const before = network.stateDict()
  const bytes = Object.values(before).map((tensor) => Buffer.from(tensor.detach().toTypedArray().buffer))
  const { tensors } = mb.memory()
  const fused = network.fuse()
  t.equal(mb.memory().tensors, tensors + Object.keys(fused.stateDict()).length, 'nothing else is left')
  t.same([fused.folded, fused.fused], [true, true])
  t.same([network.folded, network.fused], [false, false])
  t.notOk(fused.modules().some((module) => module instanceof mb.nn.BatchNorm2d))
  t.notOk(fused.modules().some(({ training }) => training))
  t.ok(
    network.parameters().every(({ requiresGrad }) => requiresGrad),
    'the other can go on training',
  )
  t.ok(fused.parameters().every(({ requiresGrad }) => !requiresGrad))
  const keys = Object.keys(fused.stateDict())
  const norms = Object.keys(before).filter((key) => key.endsWith('running_mean')).length
  // Of each batch norm's five entries one is left, the convolution's bias.
  t.equal(keys.length, Object.keys(before).length - 4 * norms)
  t.ok(keys.includes('features.1.0.block.0.0.bias') && !keys.some((key) => /running|tracked/.test(key)))
  t.equal(fused.stateDict()['features.0.0.weight'].memoryFormat, 'channelsLast')
  t.ok(
    Object.values(network.stateDict()).every((x, i) => Buffer.from(x.detach().toTypedArray().buffer).equals(bytes[i])),
    'the network it was made from is as before',
  )

  t.throws(() => fused.fuse(), { code: 'ERR_VALUE', message: /fuse: the network is fused already/ })
  t.throws(() => fused.train(), { code: 'ERR_VALUE', message: /a fused network cannot be trained/ })
  t.equal(fused.eval(), fused)
  t.throws(() => loadWeights(fused, before), { code: 'ERR_VALUE', message: /no batch norms to load/ })
  const again = network.fuse()
  t.same(again.loadStateDict(fused.stateDict()), { missing: [], unexpected: [] }, 'its own state dict it can load')

  mb.scope(() => {
    const x = mb.randn([1, 3, 32, 32]).requiresGrad_()
    fused.forward(x).sum().backward()
    const own = x.grad.clone()
    x.grad = null
    network.forward(x).sum().backward()
    t.ok(relative(own, x.grad) < 1e-5, 'gradients of the input are the same')
  })

  network.train()
  t.throws(() => network.fuse(), { code: 'ERR_VALUE', message: /in training mode/, hint: /eval\(\)/ })
  network.eval().modules().at(-3).training = true
  t.throws(() => network.fuse(), { code: 'ERR_VALUE', message: /in training mode/ })
  network.eval().dispose()
  mb.scope(() => t.same(fused.forward(mb.zeros([1, 3, 8, 8])).shape, [1, 3], 'lives on its own'))
  const { tensors: held } = mb.memory()
  t.throws(() => network.fuse(), { code: 'ERR_DISPOSED' })
  t.equal(mb.memory().tensors, held)
  fused.dispose()
  again.dispose()
})
