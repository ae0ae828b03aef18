// Functions with gradients written in JavaScript, recomputation, autocast, loss scaling.
import * as mb from 'mbconv'
import t from 'tap'

t.beforeEach(() => mb.manualSeed(0))

t.test('autogradFunction: forward and backward in JavaScript', async (t) => {
  const square = mb.autogradFunction({
    forward(context, x) {
      context.save(x)
      return x.mul(x)
    },
    backward: ({ saved: [x] }, gradient) => gradient.mul(x).mul(2),
  })
  const x = mb.tensor([1, 2, 3], { requiresGrad: true })
  const loss = mb.scope(() => square(x.mul(2)).sum()) // what is saved outlives the scope
  loss.backward()
  t.same(x.grad.toArray(), [8, 16, 24])

  const splitter = mb.autogradFunction({
    forward: (_, a, b) => [a.add(b), a.sub(b)],
    backward: (_, first, second) => [first.add(second), null],
  })
  const a = mb.ones([2], { requiresGrad: true })
  const b = mb.ones([2], { requiresGrad: true })
  const [sum, difference] = splitter(a, b)
  t.same(
    [sum.toArray(), difference.toArray()],
    [
      [2, 2],
      [0, 0],
    ],
  )
  difference.mul(3).sum().backward()
  t.same(a.grad.toArray(), [3, 3], 'the other output counts as zero')
  t.equal(b.grad, null)
})

t.test('autogradFunction: errors come through as they are', async (t) => {
  const x = mb.ones([2], { requiresGrad: true })
  const build = (backward) =>
    mb
      .autogradFunction({ forward: (_, y) => y.mul(2), backward })(x)
      .sum()
  const fails = build(() => {
    throw new RangeError('mine')
  })
  t.throws(() => fails.backward(), { constructor: RangeError, message: 'mine' })
  t.throws(() => build(() => 'nothing').backward(), { code: 'ERR_TYPE', message: /backward/ })
  t.throws(() => build((_, g) => [g, g]).backward(), { code: 'ERR_SHAPE', message: /must return 1/ })
  t.throws(() => build(() => mb.ones([5])).backward(), Error, 'a gradient of another shape')
  const failing = mb.autogradFunction({
    forward() {
      throw new RangeError('forward')
    },
    backward: () => null,
  })
  t.throws(() => failing(x), { constructor: RangeError })
  t.equal(mb.isGradEnabled(), true)
  t.same(mb.ones([2]).add(1).toArray(), [2, 2], 'and everything goes on')
})

t.test('checkpoint: the same loss and gradients, random numbers included', async (t) => {
  const arch = mb.models.scale(mb.models.arch('efficientnet_b0'), { width: 0.25, depth: 0.1, resolution: 32 })
  const images = mb.randn([4, 3, 32, 32])
  const run = (wrap) => {
    const head = new mb.nn.Linear(10, 3)
    const model = mb.models.create(arch, { numClasses: 10, seed: 3, dropout: 0.5 }).train()
    mb.manualSeed(7)
    mb.noGrad(() => head.weight.fill_(0.1))
    const loss = head
      .forward(wrap((x) => model.forward(x), images))
      .square()
      .sum()
    loss.backward()
    return { loss: loss.item(), gradients: model.parameters().map((p) => p.grad.toArray()) }
  }
  const plain = run((fn, x) => fn(x))
  const recomputed = run((fn, x) => mb.checkpoint(fn, x))
  t.equal(recomputed.loss, plain.loss)
  t.same(recomputed.gradients, plain.gradients)
})

t.test('autocast computes products in bfloat16 and restores the mode on throw', async (t) => {
  const x = mb.randn([4, 8])
  const layer = new mb.nn.Linear(8, 3)
  const y = mb.autocast({ dtype: 'bfloat16' }, () => {
    t.equal(mb.isAutocastEnabled(), true)
    t.equal(mb.autocast({ enabled: false }, () => layer.forward(x)).dtype, 'float32', 'switched off inside')
    return layer.forward(x)
  })
  t.equal(y.dtype, 'bfloat16')
  t.ok(y.to({ dtype: 'float32' }).allclose(layer.forward(x), { rtol: 0.02, atol: 0.02 }))
  y.sum().backward()
  t.equal(layer.weight.grad.dtype, 'float32', 'gradients keep the parameter’s dtype')
  t.throws(() =>
    mb.autocast({}, () => {
      throw new Error('x')
    }),
  )
  t.throws(() => mb.autocast({}, async () => 1), { code: 'ERR_SCOPE' })
  t.equal(mb.isAutocastEnabled(), false)
  t.throws(() => mb.autocast({ dtype: 'float32' }, () => 1), { code: 'ERR_VALUE', op: 'enterAutocast' })
})
