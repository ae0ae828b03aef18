// Promises about memory: scopes, dispose, counters.
import * as mb from 'mbconv'
import t from 'tap'

const live = () => mb.memory().tensors

t.test('Scopes survive throw, nesting and early return', async (t) => {
  const before = live()
  t.throws(
    () =>
      mb.scope(() => {
        mb.ones([3]).add(1)
        mb.scope(() => {
          mb.zeros([2])
          throw new RangeError('inside')
        })
      }),
    RangeError,
  )
  t.equal(live(), before, 'after a throw through two scopes')

  const early = (flag) =>
    mb.scope(() => {
      const a = mb.ones([2])
      if (flag) return 1
      return a.add(1).sum().item()
    })
  t.equal(early(true) + early(false), 5)
  t.equal(live(), before, 'after early return')

  mb.scope(() => {
    const inner = mb.scope(() => mb.scope(() => mb.ones([2]).mul(3)))
    t.same(inner.toArray(), [3, 3], 'what inner scopes return is alive in the outer one')
  })
  t.equal(live(), before, 'and freed with it')
})

t.test('a scope keeps what it returns, wherever it is inside', async (t) => {
  const before = live()
  const shared = mb.ones([1])
  const result = mb.scope(() => {
    mb.rand([4])
    return { list: [mb.ones([1]), { deep: mb.ones([2]) }], map: new Map([['a', mb.ones([3])]]), shared, text: 'x' }
  })
  t.equal(live(), before + 4)
  for (const tensor of [result.list[0], result.list[1].deep, result.map.get('a'), shared]) tensor.dispose()
  t.equal(live(), before)
})

t.test('keep() takes a tensor out of every scope', async (t) => {
  const before = live()
  const kept = mb.scope(() => mb.scope(() => [mb.keep(mb.ones([2])), mb.ones([2])]))[0]
  t.equal(live(), before + 2)
  t.same(kept.toArray(), [1, 1])
})

t.test('Overlapping async scopes are refused or isolated, never corrupt', async (t) => {
  const before = live()
  const run = async () => mb.ones([1]).add(1)
  for (const wrap of [mb.scope, mb.noGrad, mb.inferenceMode, mb.enableGrad]) {
    t.throws(() => wrap(run), { code: 'ERR_SCOPE', op: wrap.name })
  }
  t.equal(mb.isGradEnabled(), true, 'modes are restored')
  const results = await Promise.allSettled([
    Promise.resolve().then(() => mb.scope(async () => mb.ones([1]))),
    Promise.resolve().then(() => mb.scope(() => mb.ones([1]).item())),
  ])
  t.same(
    results.map((r) => r.status),
    ['rejected', 'fulfilled'],
  )
  // noGrad, enableGrad and inferenceMode own nothing: the two tensors each made there are still alive.
  t.ok(live() >= before)

  // Two asynchronous tasks in turns, each with scopes between its awaits and a tensor that it keeps over them.
  const settled = live()
  const task = async (start) => {
    let sum = mb.tensor([start])
    for (let i = 0; i < 20; i++) {
      await null
      const next = mb.scope(() => sum.mul(2).sub(sum).add(i))
      sum.dispose()
      sum = next
    }
    return sum
  }
  const sums = await Promise.all([task(0), task(1000)])
  t.same(
    sums.map((sum) => sum.item()),
    [190, 1190],
  )
  for (const sum of sums) sum.dispose()
  t.equal(live(), settled)
})

t.test('Dispose is safe', async (t) => {
  const gradients = [false, true].map((early) =>
    mb.scope(() => {
      const x = mb.tensor([1, 2, 3], { requiresGrad: true })
      const squared = x.mul(x)
      const exponential = squared.exp()
      const loss = exponential.sum()
      if (early) for (const intermediate of [squared, exponential]) intermediate.dispose()
      loss.backward()
      return x.grad.toArray()
    }),
  )
  t.same(gradients[1], gradients[0], 'intermediates disposed before backward: the same gradients')

  const x = mb.ones([2])
  x.dispose()
  x.dispose()
  x[Symbol.dispose]()
  t.equal(x.isDisposed, true, 'twice is a no-op')
  t.throws(() => x.add(1), { code: 'ERR_DISPOSED', op: 'add', message: /input has been disposed/ })
  t.throws(() => mb.ones([2]).add(x), { code: 'ERR_DISPOSED', op: 'add', message: /other has been disposed/ })
  t.throws(() => x.shape, { code: 'ERR_DISPOSED', op: 'shape' })
  t.match(String(x[Symbol.for('nodejs.util.inspect.custom')]()), /disposed/)
})

t.test('Parameters, optimiser and EMA state are never scope-owned', async (t) => {
  const before = live()
  const { model, optimizer, ema } = mb.scope(() => {
    const arch = mb.models.scale(mb.models.arch('efficientnet_b0'), { width: 0.1, depth: 0.1, resolution: 32 })
    const model = mb.models.create(arch, { numClasses: 3, seed: 0 })
    return { model, optimizer: new mb.optim.AdamW(model.parameters(), { lr: 0.01 }), ema: new mb.optim.Ema(model) }
  })
  const owned = [model.stateDict(), optimizer.stateDict().tensors, ema.stateDict()].flatMap(Object.values)
  t.notOk(
    owned.some((tensor) => tensor.isDisposed),
    'alive after the scope they were made in',
  )
  const losses = [0, 1, 2].map(() =>
    mb.scope(() => {
      optimizer.zeroGrad()
      mb.manualSeed(0)
      const loss = mb.nn.functional.crossEntropy(model.forward(mb.randn([4, 3, 32, 32])), mb.tensor([0n, 1n, 2n, 0n]))
      loss.backward()
      optimizer.step()
      ema.update()
      return loss.item()
    }),
  )
  t.ok(losses[2] < losses[0], `they train: ${losses}`)
  t.notOk(owned.some((tensor) => tensor.isDisposed))
  optimizer.zeroGrad()
  for (const each of [ema, optimizer, model]) each.dispose()
  t.equal(live(), before, 'dispose() frees all of it')
})

// Nothing counts what glibc's allocator hands out. The sanitizers need that one.
const isCounted = process.env.MBCONV_NO_CACHING_ALLOCATOR === undefined

t.test('memory() counts handles, and the bytes behind them once', async (t) => {
  const before = mb.memory()
  const x = mb.zeros([1000])
  const view = x.view([10, 100])
  const { allocated, ...counted } = mb.memory()
  t.same(counted, { tensors: before.tensors + 2, bytes: before.bytes + 4000 })
  if (isCounted) t.ok(allocated >= before.allocated + 4000, 'the allocator counts them too')
  else t.equal(allocated, null, 'nothing counts them')
  x.dispose()
  t.equal(mb.memory().bytes, before.bytes + 4000, 'the view holds the memory')
  t.same(mb.memory('cpu'), mb.memory(), 'all of it on the CPU')
  t.throws(() => mb.memory('gpu'), { code: 'ERR_VALUE', op: 'memoryUsage' })
  view.dispose()
  t.same(mb.memory(), before)
})

t.test('memory() shows what a graph keeps for backward()', async (t) => {
  const before = mb.memory()
  const w = mb.ones([1000], { requiresGrad: true })
  // exp() keeps its result: ten of them, of which no handle is left.
  const loss = mb.scope(() => {
    let x = w
    for (let i = 0; i < 10; i++) x = x.mul(0.5).exp()
    return x.sum()
  })
  const held = mb.memory()
  t.equal(held.bytes, before.bytes + 4004, 'handles hold w and the loss')
  if (isCounted) {
    const beside = held.allocated - before.allocated - 4004
    t.ok(beside >= 10 * 4000, `the graph holds ${beside} bytes beside them`)
  } else t.equal(held.allocated, null)
  loss.backward()
  const after = mb.memory()
  if (isCounted) {
    t.ok(after.allocated < held.allocated - 9 * 4000, 'backward() frees the graph')
    t.ok(after.allocated - before.allocated >= 8000, 'and leaves the gradient')
  }
  for (const x of [w, loss]) x.dispose()
  t.same(mb.memory(), before, 'all of it is freed')
})

t.test('views of a disposed tensor live on', async (t) => {
  const x = mb.arange(6)
  const row = x.view([2, 3]).select(0, 1)
  x.dispose()
  t.same(row.toArray(), [3, 4, 5])
})
