// The CPU allocator: what is freed is reused, what is alive is never touched, what is idle goes back on request.
import * as mb from 'mbconv'
import t from 'tap'

const MEBIBYTE = 2 ** 20

t.test('a freed block serves the next request, and goes back to the system on request', async (t) => {
  mb.trimMemory()
  const before = mb.allocatorStatistics()
  mb.zeros([64 * MEBIBYTE], { dtype: 'uint8' }).dispose()
  const freed = mb.allocatorStatistics()
  t.equal(freed.live, before.live)
  t.ok(freed.cached >= before.cached + 64 * MEBIBYTE, 'it is held')
  mb.zeros([64 * MEBIBYTE], { dtype: 'uint8' }).dispose()
  mb.zeros([60 * MEBIBYTE], { dtype: 'uint8' }).dispose()
  t.equal(mb.allocatorStatistics().requests, freed.requests, 'the system is not asked again, for a smaller one neither')
  mb.trimMemory()
  t.ok(mb.allocatorStatistics().cached <= before.cached, 'nothing of it is held any more')
})

t.test('neighbours that are free make one block', async (t) => {
  mb.trimMemory()
  // Four quarters of a segment, freed in an order that merges to the left, to the right and on both sides.
  for (const order of [
    [0, 1, 2, 3],
    [3, 2, 1, 0],
    [1, 3, 0, 2],
    [0, 2, 1, 3],
  ]) {
    const quarters = order.map(() => mb.zeros([7 * MEBIBYTE], { dtype: 'uint8' }))
    for (const i of order) quarters[i].dispose()
    const { requests } = mb.allocatorStatistics()
    mb.zeros([28 * MEBIBYTE], { dtype: 'uint8' }).dispose()
    t.equal(mb.allocatorStatistics().requests, requests, `freed in the order ${order}`)
  }
})

t.test('small tensors that stay do not hold the memory of large ones that are freed', async (t) => {
  mb.trimMemory()
  const before = mb.allocatorStatistics()
  const kept = []
  for (let i = 0; i < 200; i++) mb.scope(() => kept.push(mb.keep(mb.ones([2 ** 18]).sum())))
  const after = mb.allocatorStatistics()
  t.ok(after.requests - before.requests <= 2, `${after.requests - before.requests} requests for memory`)
  for (const tensor of kept) tensor.dispose()
})

t.test('live tensors keep their values while thousands of others come and go', async (t) => {
  let state = 1
  const random = (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
  const live = []
  const check = ({ tensor, value }) => tensor.amin().item() === value && tensor.amax().item() === value
  let wrong = 0
  mb.scope(() => {
    for (let i = 0; i < 4000; i++) {
      if (live.length > 150 || (live.length > 0 && random(3) === 0)) {
        const [entry] = live.splice(random(live.length), 1)
        if (!mb.scope(() => check(entry))) wrong++
        entry.tensor.dispose()
      } else {
        const size = 1 + random(2 ** (1 + random(20)))
        live.push({ tensor: mb.full([size], i, { dtype: 'int32' }), value: i })
      }
    }
    wrong += live.filter((entry) => !check(entry)).length
  })
  t.equal(wrong, 0)
})

t.test('a training loop that has settled asks the system for no more memory', async (t) => {
  mb.setNumThreads(1)
  const arch = mb.models.scale(mb.models.arch('efficientnet_b0'), { width: 0.25, depth: 0.5, resolution: 32 })
  const model = mb.models.create(arch, { numClasses: 10, seed: 0 })
  const optimizer = new mb.optim.RMSprop(model.parameters(), { lr: 1e-4 })
  const step = () =>
    mb.scope(() => {
      const images = mb.randn([8, 3, 32, 32])
      mb.nn.functional.crossEntropy(model.forward(images), mb.randint(0, 10, [8])).backward()
      optimizer.step()
      optimizer.zeroGrad()
    })
  for (let i = 0; i < 10; i++) step()
  const settled = mb.allocatorStatistics()
  for (let i = 0; i < 40; i++) step()
  const later = mb.allocatorStatistics()
  t.equal(later.requests, settled.requests)
  t.equal(later.live, settled.live)
  optimizer.dispose()
  model.dispose()
})
