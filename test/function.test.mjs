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
  // libtorch's engine counts how deep it is; what is thrown through it must not leave that count behind.
  for (let i = 0; i < 70; i++) t.throws(() => build(() => nowhere()).backward(), ReferenceError)
  mb.recompute((y) => mb.recompute((z) => z.mul(2), y), x)
    .sum()
    .backward()
  t.equal(mb.isGradEnabled(), true)
  t.same(mb.ones([2]).add(1).toArray(), [2, 2], 'and everything goes on')
})

t.test('autogradFunction: whatever JavaScript throws comes through as it is', async (t) => {
  const x = mb.ones([2], { requiresGrad: true })
  const double = (_, y) => y.mul(2)
  const backwardOf = (backward) => mb.autogradFunction({ forward: double, backward })(x).sum()
  const element = (get) => Object.defineProperty([0], 0, { get })
  const places = {
    forward: (raise) => mb.autogradFunction({ forward: raise, backward: () => null })(x),
    backward: (raise) => backwardOf(raise).backward(),
    'a backward in a backward': (raise) =>
      backwardOf(() => mb.enableGrad(() => backwardOf(raise)).backward()).backward(),
    'a getter in what backward returns': (raise) => backwardOf(() => element(raise)).backward(),
    'a getter in an argument': (raise) => mb.callOp('aten::sum', [x, element(raise)]),
    'a getter of named arguments': (raise) =>
      mb.callOp('aten::sum', [x], Object.defineProperty({}, 'dtype', { get: raise })),
  }
  const thrown = [
    new RangeError('mine'),
    Object.freeze(new Error('frozen')),
    5,
    'text',
    5n,
    false,
    null,
    undefined,
    Symbol('s'),
    x,
    () => 1,
  ]
  for (const [place, call] of Object.entries(places)) {
    for (const value of thrown) {
      let caught = 'nothing'
      try {
        call(() => {
          throw value
        })
      } catch (error) {
        caught = error
      }
      t.ok(Object.is(caught, value), `${place}: ${String(value)}`)
    }
    // Objects that throw when they are looked at: something is thrown, and the process lives.
    const refuse = () => {
      throw hostile
    }
    const hostile = new Proxy({}, { has: () => true, get: refuse })
    const shy = new Proxy({}, { has: refuse })
    for (const value of [hostile, shy]) {
      let caught = false
      try {
        call(() => {
          throw value
        })
      } catch {
        caught = true
      }
      t.ok(caught, `${place}: a Proxy that refuses to be looked at`)
    }
  }
  t.same(mb.ones([2]).add(1).toArray(), [2, 2], 'and everything goes on')
})

t.test('a pass through the graph that is being walked is refused', async (t) => {
  const x = mb.ones([2], { requiresGrad: true })
  let loss
  const nested = (again) => {
    const f = mb.autogradFunction({
      forward: (_, y) => y.mul(2),
      backward: (_, g) => {
        again()
        return g.mul(2)
      },
    })
    loss = f(x).mul(3).sum()
  }
  for (const again of [
    () => loss.backward(),
    () => loss.backward(null, { retainGraph: true }),
    () => mb.grad(loss, x),
    () => mb.enableGrad(() => loss.mul(2)).backward(),
  ]) {
    nested(again)
    t.throws(() => loss.backward(), { code: 'ERR_AUTOGRAD', message: /being walked/ }, String(again))
  }
  // Caught, it changes nothing.
  nested(() => t.throws(() => loss.backward(), { code: 'ERR_AUTOGRAD' }))
  x.grad = null
  loss.backward()
  t.same(x.grad.toArray(), [6, 6])

  // Another graph may be walked meanwhile, also one of which the outer graph is a part above.
  const w = mb.ones([2], { requiresGrad: true })
  nested(() => mb.enableGrad(() => w.mul(5).sum()).backward())
  loss.backward()
  t.same(w.grad.toArray(), [5, 5])
})

t.test('recomputation inside recomputation: as deep as libtorch goes, refused beyond', async (t) => {
  const nest = (depth) => (y) => (depth === 0 ? y.mul(2) : mb.recompute(nest(depth - 1), y))
  const x = mb.ones([2], { requiresGrad: true })
  nest(60)(x).sum().backward()
  t.same(x.grad.toArray(), [2, 2])
  t.throws(() => nest(150)(x).sum().backward(), { code: 'ERR_AUTOGRAD', message: /nested more than 60 deep/ })
  t.throws(() => nest(61)(x).sum().backward(), { code: 'ERR_AUTOGRAD' })
  nest(2)(x).sum().backward()
  t.same(x.grad.toArray(), [4, 4], 'and everything goes on')
})

t.test('what is saved belongs to the graph, is counted, and goes with it at once', async (t) => {
  const size = 1024
  const before = mb.memory()
  const keep = mb.autogradFunction({
    forward(context, y) {
      context.save(y.mul(1), y)
      return y.mul(2)
    },
    backward: ({ saved: [a, b] }, g) => g.mul(a).add(b),
  })
  const x = mb.ones([size], { requiresGrad: true })
  const build = () => mb.scope(() => keep(x).sum())
  const loss = build()
  t.match(
    mb.memory(),
    { tensors: before.tensors + 4, bytes: before.bytes + 4 * size + 4 + 4 * size },
    'x, the loss, two saved; x is saved without a copy',
  )
  mb.scope(() => loss.backward(null, { retainGraph: true }))
  t.equal(mb.memory().bytes - before.bytes, 2 * 4 * size + 4, 'retained')
  mb.scope(() => loss.backward())
  t.same(
    mb.scope(() => x.grad.toArray()),
    Array(size).fill(4),
  )
  t.equal(mb.memory().tensors - before.tensors, 2, 'freed by the pass')
  t.throws(() => loss.backward(), { code: 'ERR_AUTOGRAD', message: /second time/ })
  loss.dispose()
  build().dispose()
  t.equal(mb.memory().tensors - before.tensors, 1, 'a graph that goes without a pass takes it along')

  let late
  const spy = mb.autogradFunction({
    forward(context, y) {
      late = context
      context.save(y)
      return y.mul(2)
    },
    backward: (context, g) => {
      late = context.saved[0]
      return g
    },
  })
  const other = mb.scope(() => spy(x).sum())
  t.same(late.saved, [])
  t.throws(() => late.save(x), { code: 'ERR_AUTOGRAD', message: /only be saved in forward/ })
  other.backward()
  t.throws(() => late.add(1), { code: 'ERR_DISPOSED' }, 'handles of one call')
  const changed = mb.scope(() => {
    const y = x.mul(1)
    const sum = spy(y).sum()
    mb.noGrad(() => y.add_(1))
    return sum
  })
  t.throws(() => changed.backward(), { code: 'ERR_AUTOGRAD', message: /modified by an inplace operation/ })
})

t.test('a synchronous loop of recomputation keeps nothing', async (t) => {
  const x = mb.ones([1 << 20], { requiresGrad: true })
  const passes = {
    recomputed: () =>
      mb
        .recompute((y) => y.mul(2).exp(), x)
        .sum()
        .backward(),
    'without a pass': () => mb.recompute((y) => y.mul(2), x.mul(3)).sum(),
    inference: () => mb.noGrad(() => mb.recompute((y) => y.mul(2), x)),
  }
  for (const [name, pass] of Object.entries(passes)) {
    let settled
    for (let i = 0; i < 60; i++) {
      mb.scope(() => {
        pass()
      })
      settled ??= [mb.memory(), mb.allocatorStatistics().live]
    }
    t.same([mb.memory(), mb.allocatorStatistics().live], settled, name)
  }
})

t.test('recompute: the same loss and gradients, random numbers included', async (t) => {
  const arch = mb.models.scale(mb.models.arch('efficientnet_b0'), { width: 0.25, depth: 0.1, resolution: 32 })
  const images = mb.randn([4, 3, 32, 32])
  const run = (wrap) => {
    const head = new mb.nn.Linear(10, 3)
    const model = mb.models.create(arch, { numClasses: 10, seed: 3, dropout: 0.5 }).train()
    mb.manualSeed(7)
    mb.noGrad(() => {
      for (const parameter of head.parameters()) parameter.fill_(0.1)
    })
    const loss = head
      .forward(wrap((x) => model.forward(x), images))
      .square()
      .sum()
    loss.backward()
    return { loss: loss.item(), gradients: model.parameters().map((p) => p.grad.toArray()) }
  }
  const plain = run((fn, x) => fn(x))
  const recomputed = run((fn, x) => mb.recompute(fn, x))
  t.equal(recomputed.loss, plain.loss)
  t.same(recomputed.gradients, plain.gradients)
  t.equal(mb.checkpoint, mb.recompute, "PyTorch's name is the same function")
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

t.test('a pass that fails leaves nothing behind, nested or not', async (t) => {
  const fail = () => {
    throw new Error('in backward')
  }
  // Two branches into one product: the failing one is walked first, the other never.
  const inputs = () => [0, 1].map(() => mb.ones([1 << 16], { requiresGrad: true }))
  const loss = (backward, [first, second] = inputs()) => {
    const saving = mb.autogradFunction({
      forward: (context, x) => {
        context.save(x)
        return x.mul(2)
      },
      backward: (_, gradient) => gradient.mul(2),
    })
    const other = saving(first)
    return other.mul(mb.autogradFunction({ forward: (_, x) => x.mul(2), backward })(second)).sum()
  }
  const before = () => [mb.memory().tensors, mb.memory().bytes, mb.allocatorStatistics().live]
  const at = before()
  const run = (backward) => mb.scope(() => t.throws(() => loss(backward).backward(), { message: 'in backward' }))
  run(fail)
  t.same(before(), at, 'a failing pass')
  mb.scope(() => {
    const of = inputs()
    t.throws(() => mb.grad(loss(fail, of), of), { message: 'in backward' })
  })
  t.same(before(), at, 'a failing grad()')
  const inside = () => mb.enableGrad(() => loss(fail).backward())
  run(inside)
  t.same(before(), at, 'a failing pass in one that fails')
  mb.scope(() => {
    loss((_, gradient) => {
      t.throws(inside, { message: 'in backward' })
      return gradient.mul(2)
    }).backward()
    return []
  })
  t.same(before(), at, 'a failing pass in one that goes on')
})
