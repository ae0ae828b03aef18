// Gradients: accumulation, modes, chosen inputs, higher derivatives, errors.
import * as mb from 'mbconv'
import t from 'tap'

t.beforeEach(() => mb.manualSeed(0))

t.test('backward accumulates in leaves', async (t) => {
  const x = mb.tensor([1, 2], { requiresGrad: true })
  x.mul(x).sum().backward()
  x.mul(3).sum().backward()
  t.same(x.grad.toArray(), [5, 7])
  x.grad = null
  t.equal(x.grad, null)
  x.mul(mb.tensor([1, 2])).backward(mb.tensor([1, 10]))
  t.same(x.grad.toArray(), [1, 20])
  t.throws(() => (x.grad = mb.ones([3])), { code: 'ERR_SHAPE' })
  t.equal(x.isLeaf, true)
  t.equal(x.mul(2).isLeaf, false)
})

t.test('what cannot be differentiated says so', async (t) => {
  t.throws(() => mb.ones([2]).sum().backward(), { code: 'ERR_AUTOGRAD', op: 'backward' })
  const x = mb.ones([2], { requiresGrad: true })
  t.throws(() => x.mul(2).backward(), { code: 'ERR_AUTOGRAD', message: /scalar/ })
  const y = x.exp().sum()
  y.backward()
  t.throws(() => y.backward(), { code: 'ERR_AUTOGRAD', message: /second time/ })
  const z = x.exp().sum()
  z.backward(null, { retainGraph: true })
  z.backward()
  t.throws(() => x.add_(1), { code: 'ERR_AUTOGRAD', message: /leaf/ })
  t.throws(() => mb.ones([2], { dtype: 'int64', requiresGrad: true }), Error)
})

t.test('noGrad, inferenceMode and enableGrad nest and are restored on throw', async (t) => {
  const x = mb.ones([2], { requiresGrad: true })
  t.equal(
    mb.noGrad(() => x.mul(2).requiresGrad),
    false,
  )
  t.equal(
    mb.noGrad(() => mb.enableGrad(() => x.mul(2).requiresGrad)),
    true,
  )
  t.throws(() =>
    mb.noGrad(() => {
      throw new Error('x')
    }),
  )
  t.equal(mb.isGradEnabled(), true)
  const inferred = mb.inferenceMode(() => x.mul(2))
  t.equal(inferred.requiresGrad, false)
  t.throws(() => x.mul(inferred).sum().backward(), /[Ii]nference/)
  t.equal(mb.isGradEnabled(), true)
})

t.test('gradients of chosen inputs, and gradients of gradients', async (t) => {
  const x = mb.tensor([2], { requiresGrad: true })
  const y = mb.tensor([3], { requiresGrad: true })
  const unused = mb.tensor([1], { requiresGrad: true })
  const f = x.pow(3).mul(y)
  const [dx, dy] = mb.grad(f, [x, y], { createGraph: true })
  t.same([dx.item(), dy.item()], [36, 8])
  t.equal(x.grad, null, "nobody's grad is touched")
  t.equal(mb.grad(dx, x)[0].item(), 36, 'd²f/dx² = 6xy')
  t.same(mb.grad(x.mul(2), [unused], { allowUnused: true }), [null])
  t.throws(() => mb.grad(x.mul(2), [unused]), { code: 'ERR_AUTOGRAD', op: 'gradients' })
})
