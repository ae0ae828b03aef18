// Networks whose MBConv blocks are trained by the native operator: gradients, statistics and random numbers as with
// libtorch's operations, and an error with a reason wherever the operator would compute something else.
import * as mb from 'mbconv'
import t from 'tap'
import { small } from './helpers/small.mjs'

const { create } = mb.models
const flat = (tensor) => mb.scope(() => tensor.detach().to({ dtype: 'float64' }).toTypedArray())
const images = (dtype = 'float32', memoryFormat = 'contiguous') => {
  mb.manualSeed(3)
  return mb.scope(() => mb.keep(mb.randn([4, 3, 33, 40]).to({ dtype, memoryFormat })))
}

/** One step's loss, gradients, buffers and logits. */
function stepOf(name, options, { recompute, seed = 7 } = {}) {
  const { dtype = 'float32', profile = 'tf', backend, memoryFormat } = options
  const network = create(small(name), {
    numClasses: 5,
    seed: 2,
    dropPath: 0.4,
    dropout: 0,
    dtype,
    profile,
    backend,
    recompute,
  })
  const x = images(dtype, memoryFormat)
  mb.manualSeed(seed)
  const logits = network.forward(x)
  logits.mul(logits).sum().backward()
  const tensors = new Map([['logits', flat(logits)]])
  for (const [key, parameter] of network.namedParameters()) tensors.set(key, flat(parameter.grad))
  for (const [key, tensor] of Object.entries(network.stateDict()))
    if (/running|num_batches/.test(key)) tensors.set(key, flat(tensor))
  for (const each of [network, x, logits]) each.dispose()
  return tensors
}
/** ‖a − b‖ over all tensors of that kind, relative to b's. */
function distance(found, wanted, kind) {
  let [error, size] = [0, 0]
  for (const [key, values] of wanted) {
    if (!kind(key)) continue
    values.forEach((value, i) => {
      error += (found.get(key)[i] - value) ** 2
      size += value ** 2
    })
  }
  return Math.sqrt(error / size)
}

for (const name of ['efficientnet_b0', 'mobilenet_v2', 'mnasnet_a1']) {
  for (const profile of ['tf', 'torchvision']) {
    t.test(`${name}, ${profile}: gradients and statistics against float64`, async (t) => {
      const kinds = {
        logits: (key) => key === 'logits',
        gradients: (key) => key !== 'logits' && !/running|num_batches/.test(key),
        statistics: (key) => /running/.test(key),
      }
      const found = Object.fromEntries(Object.keys(kinds).map((title) => [title, []]))
      for (const seed of [1, 2, 3, 4, 5, 6, 7, 8, 9]) {
        const [exact, composite, otherLayout, native] = [
          { dtype: 'float64', backend: 'composite' },
          { backend: 'composite' },
          { backend: 'composite', memoryFormat: 'channelsLast' },
          { backend: 'native' },
        ].map((options) => stepOf(name, { profile, ...options }, { seed }))
        for (const [title, kind] of Object.entries(kinds)) {
          const [ours, ...theirs] = [native, composite, otherLayout].map((each) => distance(each, exact, kind))
          // An activation with corners has another derivative on the other side of one, where rounding may lead.
          const bound = title === 'gradients' && name !== 'efficientnet_b0' ? 5e-2 : 1e-4
          t.ok(ours < bound, `${title}: ${ours.toExponential(1)}`)
          found[title].push({ ours, first: ours / Math.max(theirs[0], 1e-7), larger: ours / Math.max(...theirs, 1e-7) })
        }
        t.same([...native.keys()], [...composite.keys()])
        const counts = [...native].filter(([key]) => /num_batches/.test(key))
        t.ok(counts.length > 0 && counts.every(([, [count]]) => count === 1), 'every batch norm has counted the batch')
      }
      for (const [title, each] of Object.entries(found)) {
        const median = (key) => each.map((values) => values[key]).sort((a, b) => a - b)[(each.length - 1) / 2]
        t.ok(median('ours') < 1e-4, `${title}: ${median('ours').toExponential(1)}`)
        // libtorch's own errors differ between its two layouts by up to five times.
        const [first, larger] = [median('first'), median('larger')]
        t.ok(first <= 2, `${title}: the error is ${first.toFixed(2)} times that of libtorch's float32, contiguous`)
        t.ok(larger <= 1.25, `${title}: and ${larger.toFixed(2)} times that of the worse layout`)
      }
    })
  }
}

t.test('recomputed blocks: the same bits, and batches counted once', async (t) => {
  const wanted = stepOf('efficientnet_b0', { backend: 'native' })
  t.same(stepOf('efficientnet_b0', { backend: 'native' }), wanted, 'from run to run')
  t.same(stepOf('efficientnet_b0', { backend: 'auto' }), wanted, 'by choice')
  for (const recompute of ['blocks', 'stages'])
    t.same(stepOf('efficientnet_b0', { backend: 'native' }, { recompute }), wanted, `recomputed ${recompute}`)
})

t.test('what the operator would not compute is an error, with the reason', async (t) => {
  const conv = (network) => network.features.at(2).at(0).block.at(1)
  const causes = [
    ['a hook', (network) => conv(network).registerForwardHook(() => {}), /layers have been replaced/],
    [
      'a hook of a batch norm',
      (network) => conv(network).norm.registerForwardHook(() => {}),
      /layers have been replaced/,
    ],
    [
      'a forward that was assigned',
      (network) => {
        network.features.at(2).at(0).block.forward = (x) => x
      },
      /hooks, or a forward that was assigned/,
    ],
    ['frozen statistics', (network) => conv(network).norm.eval(), /a batch norm is in evaluation mode/],
    ['another momentum', (network) => Object.assign(conv(network).norm, { momentum: 0.3 }), /settings of their own/],
    [
      'another dilation',
      (network) => Object.assign(conv(network).conv, { dilation: [2, 2] }),
      /without a native kernel/,
    ],
    [
      'another activation',
      (network) => Object.assign(conv(network), { activation: 'relu' }),
      /activations were changed/,
    ],
    ['float64', (network) => network.to({ dtype: 'float64' }), /float64/, 'float64'],
  ]
  for (const [title, change, reason, dtype = 'float32'] of causes) {
    const network = create(small('efficientnet_b0'), { numClasses: 5, seed: 2, backend: 'native' })
    t.equal(network.whyNotNative(), undefined)
    change(network)
    const x = images(dtype)
    t.throws(() => mb.scope(() => network.forward(x)), { code: 'ERR_NOT_IMPLEMENTED', message: reason }, title)
    if (dtype === 'float32') t.match(network.whyNotNative(), reason, title)
    const logits = (backend) => {
      network.backend = backend
      mb.manualSeed(7)
      return mb.scope(() => flat(network.forward(x)))
    }
    const [automatic, composite] = [logits('auto'), logits('composite')]
    const largest = Math.max(...composite.map(Math.abs))
    const off = Math.max(...automatic.map((value, i) => Math.abs(value - composite[i])))
    t.ok(off <= 1e-4 * largest, `${title}: libtorch computes that block, ${off / largest}`)
    network.dispose()
  }
  const network = create(small('efficientnet_b0'), { numClasses: 5, seed: 2, backend: 'native' })
  t.throws(() => mb.autocast({ dtype: 'bfloat16' }, () => network.forward(images())), { message: /autocast is on/ })
  network.backend = 'composite'
  t.equal(network.whyNotNative(), 'the backend is composite')
  const fused = create(small('efficientnetv2_s'), { numClasses: 5, backend: 'native' })
  t.throws(() => fused.forward(images()), {
    code: 'ERR_NOT_IMPLEMENTED',
    message: /kind fused have no native training/,
  })
})

t.test('a block with hooks of its own, and gradients of gradients', async (t) => {
  const network = create(small('efficientnet_b0'), { numClasses: 5, seed: 2, dropout: 0, backend: 'native' })
  const seen = []
  network.features
    .at(3)
    .at(0)
    .registerForwardHook((_, __, y) => void seen.push(y.shape))
  const x = images()
  x.requiresGrad_()
  mb.scope(() => {
    const [gradient] = mb.grad(network.forward(x).sum(), x, { createGraph: true })
    gradient.mul(gradient).sum().backward()
    t.ok(Array.from(x.grad.toTypedArray()).some((value) => value !== 0))
  })
  t.equal(seen.length, 1)
  network.dispose()
})
