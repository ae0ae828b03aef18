// Whole networks against torchvision and timm on the same weights.
//
// "Relative" is ‖ours − theirs‖ / ‖theirs‖ (Euclidean): over all logits of the batch for outputs, over the whole
// gradient (all parameters as one vector) for gradients. The gradient's distance is estimated from projections, see
// helpers/hashed.mjs. Theirs were computed in float64 whatever we compute in, so float32 results owe nothing to rounding
// errors that both sides happen to share.
import { readFileSync } from 'node:fs'
import * as mb from 'mbconv'
import t from 'tap'
import { distance, images, sketch, sketchDistance, weights } from './helpers/hashed.mjs'

// libtorch computes a float64 depthwise convolution as thousands of tiny products, each a meeting of all threads: where
// other work competes for the cores, two threads need ten times as long for them as one.
mb.setNumThreads(1)

const LIMIT = { float64: 1e-10, float32: 1e-5 }

const golden = (name) => JSON.parse(readFileSync(new URL(`./golden/models-${name}.json`, import.meta.url), 'utf8'))

/** The network of the golden, with its weights and nothing random in it. */
function build(model, profile, dtype, { numClasses }) {
  const options = { numClasses, profile, dtype, dropPath: 0, dropout: 0, init: 'none' }
  const network = mb.models.create(`efficientnet_${model}`, options)
  for (const [key, tensor] of Object.entries(network.stateDict())) {
    mb.scope(() => mb.noGrad(() => tensor.copy_(mb.fromTypedArray(weights(key, tensor.shape), tensor.shape))))
  }
  // Both layouts are exercised: float32 runs as training does.
  return network.to({ memoryFormat: dtype === 'float32' ? 'channelsLast' : 'contiguous' })
}

function input({ batch, resolution }, dtype) {
  const x = mb.fromTypedArray(images(batch, resolution), [batch, 3, resolution, resolution])
  return x.to({ dtype, memoryFormat: dtype === 'float32' ? 'channelsLast' : 'contiguous' })
}

const doubles = (tensor) => mb.scope(() => tensor.detach().to({ dtype: 'float64' }).toTypedArray())

function compare(t, { name, model, profile, dtype }) {
  const expected = golden(name)
  const { batch, numClasses } = expected
  const network = build(model, profile, dtype, expected)
  const limit = LIMIT[dtype]
  const close = (what, error) => t.ok(error <= limit, `${what}: relative ${error.toExponential(1)} ≤ ${limit}`)
  mb.scope(() => {
    const x = input(expected, dtype)
    network.eval()
    close('logits in eval mode', distance(mb.noGrad(() => network.forward(x)).toArray(), expected.evalLogits))
    if (expected.train === undefined) return
    network.train()
    const logits = network.forward(x)
    const classes = BigInt64Array.from({ length: batch }, (_, i) => BigInt((i * 7) % numClasses))
    const loss = mb.nn.functional.crossEntropy(logits, mb.fromTypedArray(classes, [batch]))
    loss.backward()
    close('logits in train mode', distance(logits.toArray(), expected.train.logits))
    close('loss', Math.abs(loss.item() / expected.train.loss - 1))

    const gradients = network.namedParameters().map(([key, parameter]) => sketch(key, doubles(parameter.grad)))
    t.equal(gradients.length, expected.train.gradients.length, 'a gradient for each parameter')
    close('gradient', sketchDistance(gradients, expected.train.gradients))
    // Each tensor by itself too, so that none hides behind larger ones. Some gradients are 0 but for rounding (a batch
    // norm's shift that the next batch norm takes out again): those are measured against the whole.
    const whole = Math.hypot(...expected.train.gradients.map(([norm]) => norm))
    const worst = gradients.map((own, i) => {
      const theirs = expected.train.gradients[i]
      return (sketchDistance([own], [theirs]) * theirs[0]) / Math.max(theirs[0], whole / 1000)
    })
    t.ok(Math.max(...worst) <= 100 * limit, `worst tensor's gradient: ${Math.max(...worst).toExponential(1)}`)

    const buffers = network.namedBuffers().filter(([, tensor]) => tensor.dtype !== 'int64')
    const statistics = buffers.map(([key, tensor]) => sketch(key, doubles(tensor)))
    t.equal(statistics.length, expected.train.buffers.length, 'running statistics of each batch norm')
    close('running statistics after one batch', sketchDistance(statistics, expected.train.buffers))
    const counters = network.namedBuffers().filter(([, tensor]) => tensor.dtype === 'int64')
    t.ok(
      counters.every(([, tensor]) => tensor.item() === 1),
      'each batch norm has counted one batch',
    )
  })
  network.dispose()
}

const cases = [
  { name: 'torchvision-b0', model: 'b0', profile: 'torchvision' },
  { name: 'torchvision-b4', model: 'b4', profile: 'torchvision' },
  { name: 'torchvision-b7', model: 'b7', profile: 'torchvision' },
  { name: 'timm-b0', model: 'b0', profile: 'timm' },
  { name: 'tf-b0', model: 'b0', profile: 'tf' },
  { name: 'tf-b0-odd', model: 'b0', profile: 'tf' },
]

for (const dtype of ['float64', 'float32']) {
  for (const { name, model, profile } of cases) {
    t.test(`${name} in ${dtype}`, (t) => {
      compare(t, { name, model, profile, dtype })
      t.end()
    })
  }
}

t.test('the paper profile computes what tf does in eval mode, and moves its statistics a tenth as far', (t) => {
  const expected = golden('tf-b0')
  const network = build('b0', 'paper', 'float64', expected)
  mb.scope(() => {
    const x = input(expected, 'float64')
    network.eval()
    const logits = mb.noGrad(() => network.forward(x))
    t.ok(distance(logits.toArray(), expected.evalLogits) <= LIMIT.float64, 'logits')
    const before = weights('features.0.1.running_mean', [32])
    mb.noGrad(() => network.train().forward(x))
    const [key, mean] = network.namedBuffers()[0]
    // tf's mean moved by 0.1 of the way, this one by 0.01: 10·(ours − before) = theirs − before.
    const moved = doubles(mean).map((value, i) => before[i] + 10 * (value - before[i]))
    t.ok(sketchDistance([sketch(key, moved)], [expected.train.buffers[0]]) <= LIMIT.float64, 'statistics')
  })
  network.dispose()
  t.end()
})
