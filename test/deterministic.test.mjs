// The switch that allows deterministic algorithms only.
import * as mb from 'mbconv'
import t from 'tap'

// By its own declaration aten::put_ writes repeated indices in no fixed order unless it accumulates.
const put = (accumulate) =>
  mb.callOp('aten::put_', [mb.zeros([4]), mb.tensor([1n, 1n]), mb.tensor([5, 6]), accumulate]).toArray()

t.test('an operation without a deterministic algorithm is refused, and only then', async (t) => {
  t.equal(mb.isDeterministic(), false)
  t.equal(put(false).length, 4)
  mb.setDeterministic(true)
  t.teardown(() => mb.setDeterministic(false))
  t.equal(mb.isDeterministic(), true)
  t.throws(() => put(false), { code: 'ERR_NOT_IMPLEMENTED', message: /deterministic/ })
  t.same(put(true), [0, 11, 0, 0], 'accumulating has one')
  t.ok(mb.empty([100]).isnan().all().item(), 'memory is not left as it comes')
})

t.test('a training step is the same, bit for bit, with several threads', async (t) => {
  mb.setDeterministic(true)
  t.teardown(() => mb.setDeterministic(false))
  const run = () =>
    mb.scope(() => {
      mb.manualSeed(3)
      const arch = mb.models.scale(mb.models.arch('efficientnet_b0'), { width: 0.25, depth: 0.25, resolution: 32 })
      const model = mb.models.create(arch, { numClasses: 10, seed: 0 })
      mb.nn.functional.crossEntropy(model.forward(mb.randn([4, 3, 32, 32])), mb.randint(0, 10, [4])).backward()
      const gradients = model.parameters().map((p) => p.grad.toTypedArray())
      model.dispose()
      return gradients
    })
  t.same(run(), run())
})
