// Each layer against its definition.
import * as mb from 'mbconv'
import t from 'tap'

const { BatchNorm2d, Conv2d, Dropout, DropPath, functional: F, Linear, SqueezeExcite } = mb.nn
const DOUBLE = { dtype: 'float64' }

/** Largest absolute difference. */
const gap = (a, b) => mb.scope(() => a.detach().sub(b.detach()).abs().amax().item())
const inScope = (fn) => (t) => {
  mb.manualSeed(0)
  mb.scope(() => fn(t))
  t.end()
}

t.test(
  'SAME padding equals padding the image, forward and backward',
  inScope((t) => {
    for (const [kernel, stride, height, width] of [
      [3, 2, 8, 8],
      [3, 2, 7, 8],
      [3, 2, 9, 7],
      [5, 2, 8, 9],
      [5, 2, 6, 10],
      [5, 3, 8, 10],
      [3, 1, 6, 7],
      [1, 2, 7, 8],
      [2, 1, 5, 6],
      [3, 4, 9, 10],
      [5, 2, 1, 2],
    ]) {
      const layer = new Conv2d(4, 4, kernel, { stride, groups: 2, padding: 'same' }).to(DOUBLE)
      const x = mb.randn([2, 4, height, width], { ...DOUBLE, requiresGrad: true })
      // TensorFlow's documentation: total = max((ceil(i/s) − 1)·s + k − i, 0), the smaller half in front.
      const total = (size) => Math.max((Math.ceil(size / stride) - 1) * stride + kernel - size, 0)
      const sides = [width, height].flatMap((size) => [Math.floor(total(size) / 2), Math.ceil(total(size) / 2)])
      const expected = F.conv2d(F.pad(x, sides), layer.weight, { bias: layer.bias, stride, groups: 2 })
      const found = layer.forward(x)
      const name = `kernel ${kernel}, stride ${stride}, ${height}x${width}`
      t.same(found.shape, [2, 4, Math.ceil(height / stride), Math.ceil(width / stride)], name)
      t.ok(gap(found, expected) < 1e-13, 'values')
      const inputs = [x, layer.weight, layer.bias]
      const upstream = [mb.randn(found.shape, DOUBLE)]
      const theirs = mb.grad(expected, inputs, { gradOutputs: upstream })
      const ours = mb.grad(found, inputs, { gradOutputs: upstream })
      t.ok(
        ours.every((gradient, i) => gap(gradient, theirs[i]) < 1e-12),
        'gradients',
      )
      layer.dispose()
    }
    const layer = new Conv2d(4, 4, 3, { stride: 2, padding: 'same' })
    t.throws(() => layer.forward(mb.zeros([4, 8, 8])), { code: 'ERR_SHAPE' })
    t.throws(() => layer.forward(mb.zeros([1, 3, 8, 8])), { name: 'MbconvError' })
    layer.dispose()
  }),
)

t.test(
  'convolution by hand',
  inScope((t) => {
    const layer = new Conv2d(1, 1, 3, { stride: 2, padding: 1 })
    layer.loadStateDict({
      weight: mb.tensor([
        [
          [
            [1, 2, 3],
            [4, 5, 6],
            [7, 8, 9],
          ],
        ],
      ]),
      bias: mb.tensor([10]),
    })
    const y = layer.forward(
      mb.tensor([
        [
          [
            [1, 0, 2],
            [0, 1, 0],
            [3, 0, 4],
          ],
        ],
      ]),
    )
    // Corners of the zero-padded image: 5·1+9·1, 4·0+5·2+7·1, 3·1+5·3, 1·1+5·4, each plus the bias.
    t.same(y.toArray(), [
      [
        [
          [24, 27],
          [28, 31],
        ],
      ],
    ])
    t.equal(new Conv2d(1, 1, 1, { bias: false }).bias, undefined)
    layer.dispose()
  }),
)

t.test(
  'batch norm: statistics of the batch while training, running ones otherwise',
  inScope((t) => {
    const layer = new BatchNorm2d(3, { eps: 0.01, momentum: 0.3 }).to(DOUBLE)
    layer.loadStateDict({ ...layer.stateDict(), weight: mb.tensor([1, 2, 3]), bias: mb.tensor([4, 5, 6]) })
    const x = mb.randn([4, 3, 5, 5], DOUBLE).mul(3).add(1)
    const spread = (values) => values.view([1, 3, 1, 1])
    const normalised = (mean, variance) =>
      x
        .sub(spread(mean))
        .div(spread(variance.add(0.01)).sqrt())
        .mul(spread(layer.weight))
        .add(spread(layer.bias))
    const mean = x.mean({ dim: [0, 2, 3] })
    const variance = x.var({ dim: [0, 2, 3], correction: 0 })
    t.ok(gap(layer.forward(x), normalised(mean, variance)) < 1e-12, 'training: the batch’s')
    t.ok(gap(layer.runningMean, mean.mul(0.3)) < 1e-14)
    t.ok(
      gap(
        layer.runningVar,
        x
          .var({ dim: [0, 2, 3] })
          .mul(0.3)
          .add(0.7),
      ) < 1e-13,
      'unbiased variance',
    )
    layer.forward(x)
    t.equal(layer.numBatchesTracked.item(), 2)
    layer.eval()
    const [runningMean, runningVar] = [layer.runningMean.clone(), layer.runningVar.clone()]
    t.ok(gap(layer.forward(x), normalised(runningMean, runningVar)) < 1e-12, 'evaluation: the running ones')
    t.ok(layer.runningMean.equal(runningMean) && layer.runningVar.equal(runningVar), 'which it leaves alone')
    t.equal(layer.numBatchesTracked.item(), 2)
    layer.train()
    t.throws(() => layer.forward(mb.zeros([1, 4, 5, 5], DOUBLE)), { name: 'MbconvError' })
    t.equal(layer.numBatchesTracked.item(), 2, 'a refused batch is not counted')
    layer.dispose()
  }),
)

t.test(
  'squeeze and excitation by its definition, forward and backward',
  inScope((t) => {
    const layer = new SqueezeExcite(6, 2).to(DOUBLE)
    mb.noGrad(() => {
      for (const parameter of layer.parameters()) parameter.normal_()
    })
    t.same(Object.keys(layer.stateDict()), ['fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias'])
    t.same(layer.fc1.weight.shape, [2, 6, 1, 1])
    for (const memoryFormat of ['contiguous', 'channelsLast']) {
      layer.to({ memoryFormat })
      const x = mb.randn([3, 6, 4, 5], DOUBLE).contiguous({ memoryFormat }).requiresGrad_()
      const means = x.mean({ dim: [2, 3], keepdim: true })
      const hidden = F.conv2d(means, layer.fc1.weight, { bias: layer.fc1.bias })
      const gates = F.conv2d(hidden.mul(hidden.sigmoid()), layer.fc2.weight, { bias: layer.fc2.bias }).sigmoid()
      const expected = x.mul(gates)
      const found = layer.forward(x)
      t.ok(gap(found, expected) < 1e-14, memoryFormat)
      t.ok(found.isContiguous({ memoryFormat }), 'layout is kept')
      const inputs = [x, ...layer.parameters()]
      const upstream = [mb.randn([3, 6, 4, 5], DOUBLE)]
      const theirs = mb.grad(expected, inputs, { gradOutputs: upstream })
      const ours = mb.grad(found, inputs, { gradOutputs: upstream })
      t.ok(
        ours.every((gradient, i) => gap(gradient, theirs[i]) < 1e-13),
        'gradients',
      )
    }
    layer.dispose()
  }),
)

t.test(
  'drop path: a sample’s branch is kept whole and divided by p, or lost; each independently, with probability p',
  inScope((t) => {
    const n = 20_000
    for (const p of [0.0125, 0.2, 0.7]) {
      const layer = new DropPath(p)
      const x = mb.randn([n, 2, 1, 2], { ...DOUBLE, requiresGrad: true })
      const y = layer.forward(x)
      const mask = y.detach().div(x.detach()).view([n, 4])
      const kept = mask.select(1, 0)
      t.ok(gap(mask, kept.view([n, 1]).expand([n, 4])) < 1e-12, 'one factor a sample')
      const survivors = kept.toTypedArray().filter((factor) => factor !== 0)
      t.ok(
        survivors.every((factor) => Math.abs(factor * (1 - p) - 1) < 1e-12),
        'which is 0 or 1 / (1 − p)',
      )
      const deviation = Math.sqrt((p * (1 - p)) / n)
      t.ok(Math.abs(survivors.length / n - (1 - p)) < 5 * deviation, `survivors ${survivors.length} of ${n}`)
      // Independent neighbours: pairs that survive together.
      const flags = [...kept.toTypedArray()].map((factor) => factor !== 0)
      const pairs = flags.filter((flag, i) => i > 0 && flag && flags[i - 1]).length / (n - 1)
      t.ok(Math.abs(pairs - (1 - p) ** 2) < 10 * deviation, `pairs ${pairs}`)
      const [gradient] = mb.grad(y.sum(), x)
      t.ok(gap(gradient.view([n, 4]), mask) < 1e-12, 'the gradient gets the same factor')
      layer.eval()
      t.equal(layer.forward(x), x, 'evaluation leaves everything')
    }
    const x = mb.ones([2, 1])
    t.equal(new DropPath(0).forward(x), x, 'as does p = 0')
    for (const p of [-0.1, 1, Number.NaN]) t.throws(() => new DropPath(p), { code: 'ERR_VALUE' })
  }),
)

t.test(
  'in expectation a block with drop path is the block without',
  inScope((t) => {
    const block = new DropPath(0.3)
    const branch = mb.randn([1, 3, 2, 2], DOUBLE)
    const rounds = 20_000
    const mean = block.forward(branch.expand([rounds, 3, 2, 2])).mean({ dim: 0, keepdim: true })
    const deviation = Math.sqrt(0.3 / 0.7 / rounds) // of the factor's mean
    t.ok(gap(mean.div(branch), mb.ones([1, 3, 2, 2], DOUBLE)) < 5 * deviation)
  }),
)

t.test(
  'dropout: each element by itself',
  inScope((t) => {
    const layer = new Dropout(0.25)
    const x = mb.ones([100, 1000], DOUBLE)
    const values = layer.forward(x).toTypedArray()
    const survivors = values.filter((value) => value !== 0)
    t.ok(survivors.every((value) => Math.abs(value - 4 / 3) < 1e-12))
    t.ok(Math.abs(survivors.length / values.length - 0.75) < 5 * Math.sqrt((0.25 * 0.75) / values.length))
    t.ok(new Set(Array.from({ length: 100 }, (_, i) => values.subarray(i * 1000, i * 1000 + 40).join())).size === 100)
    t.equal(layer.eval().forward(x), x)
    t.throws(() => new Dropout(1), { code: 'ERR_VALUE' })
  }),
)

t.test(
  'linear layers and activations',
  inScope((t) => {
    const layer = new Linear(3, 2)
    layer.loadStateDict({
      weight: mb.tensor([
        [1, 2, 3],
        [4, 5, 6],
      ]),
      bias: mb.tensor([0.5, -0.5]),
    })
    t.same(layer.forward(mb.tensor([[1, 0, -1]])).toArray(), [[-1.5, -2.5]])
    layer.dispose()
    const x = mb.tensor([-4, -1, 0, 1, 7], DOUBLE)
    const sigmoid = (v) => 1 / (1 + Math.exp(-v))
    const clip = (v) => Math.min(Math.max(v, 0), 6)
    const definitions = {
      SiLU: (v) => v * sigmoid(v),
      Sigmoid: sigmoid,
      ReLU: (v) => Math.max(v, 0),
      ReLU6: clip,
      Hardswish: (v) => (v * clip(v + 3)) / 6,
    }
    for (const [name, definition] of Object.entries(definitions)) {
      const y = new mb.nn[name]().forward(x)
      t.ok(gap(y, mb.tensor([-4, -1, 0, 1, 7].map(definition), DOUBLE)) < 1e-15, name)
      t.same(x.toArray(), [-4, -1, 0, 1, 7], `${name} leaves its input`)
    }
  }),
)

t.test('layers refuse sizes that make none', (t) => {
  const refused = (make, message) => t.throws(make, { code: 'ERR_VALUE', message })
  refused(() => new Conv2d(0, 1, 1), /Conv2d: inChannels/)
  refused(() => new Conv2d(1, 1, 1.5), /Conv2d: kernel/)
  refused(() => new Conv2d(1, 1, 3, { padding: -1 }), /Conv2d: padding/)
  refused(() => new Conv2d(4, 6, 3, { groups: 4 }), /Conv2d: 4 groups/)
  refused(() => new BatchNorm2d(-1), /BatchNorm2d: channels/)
  t.throws(() => new Conv2d(1, 1, 3, { strides: 2 }), { code: 'ERR_TYPE', message: /Conv2d: unknown option "strides"/ })
  refused(() => new BatchNorm2d(1, { eps: 0 }), /BatchNorm2d: eps/)
  refused(() => new SqueezeExcite(4, 0), /SqueezeExcite: squeezed/)
  t.throws(() => new Linear('3', 1), { code: 'ERR_TYPE', message: /Linear: inFeatures/ })
  t.throws(() => new SqueezeExcite(4, 1).forward(1), { code: 'ERR_TYPE', message: /SqueezeExcite/ })
  t.end()
})
