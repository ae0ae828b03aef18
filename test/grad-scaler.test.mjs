// Loss scaling: the protocol and the numbers of torch.amp.GradScaler.
import { readFileSync } from 'node:fs'
import t from 'tap'
import mb from '../dist/index.js'

const { GradScaler, SGD, clipGradNorm } = mb.optim
const golden = JSON.parse(readFileSync(new URL('./golden/grad-scaler.json', import.meta.url), 'utf8'))
/** JSON has no infinities. */
const numbers = (list) => list?.map((x) => Number(String(x).replace('inf', 'Infinity'))) ?? null

for (const [name, rows] of Object.entries(golden.programs)) {
  t.test(`as torch: ${name}`, async (t) => {
    const params = [mb.tensor([0.5, -1, 2], { requiresGrad: true }), mb.tensor([1.5, -0.25], { requiresGrad: true })]
    const optimizers = params.map((p) => new SGD([p], { lr: 0.125, momentum: 0 }))
    const scaler = new GradScaler({ initialScale: 1000, growthInterval: 3 })
    const calls = {
      backward: (...lists) => {
        const terms = params.flatMap((p, i) => (lists[i] ? p.mul(mb.tensor(numbers(lists[i]))).sum() : []))
        scaler.scale(terms.reduce((sum, term) => sum.add(term))).backward()
      },
      unscale: (i) => scaler.unscale_(optimizers[i]),
      clip: (i, maxNorm, normType) => clipGradNorm([params[i]], maxNorm, { normType: numbers([normType])[0] }),
      step: (i) => scaler.step(optimizers[i]),
      update: (scale) => scaler.update(scale),
      zero: () => {
        for (const optimizer of optimizers) optimizer.zeroGrad()
      },
    }
    const near = (found, wanted, what) =>
      t.ok(
        found.length === wanted.length &&
          found.every((x, k) => Object.is(x, wanted[k]) || Math.abs(x - wanted[k]) <= 2e-6 * Math.abs(wanted[k])),
        `${what}: ${found} and ${wanted}`,
      )
    for (const [at, { call, error, scale, tracker, params: values, grads }] of rows.entries()) {
      const where = `${at} ${call.join(' ')}`
      const perform = () => mb.scope(() => void calls[call[0]](...call.slice(1)))
      if (error === null) perform()
      else t.throws(perform, { code: 'ERR_VALUE', op: /GradScaler/ }, `${where}: refused as by torch`)
      t.same([scaler.scaleFactor, scaler.goodSteps], [scale, tracker], where)
      params.forEach((p, i) => {
        near(p.toArray(), numbers(values[i]), `${where}: parameter ${i}`)
        if (grads[i] === null) t.equal(p.grad, null, where)
        else near(p.grad.toArray(), numbers(grads[i]), `${where}: gradient ${i}`)
      })
    }
  })
}

t.test('a scaled loss in float16 without dimensions is float32, as torch promotes', async (t) => {
  const scaler = new GradScaler()
  const half = mb.tensor(3, { dtype: 'float16' })
  t.same([scaler.scale(half).dtype, scaler.scale(half).item()], ['float32', 3 * 65536])
  const [a, b] = scaler.scale([mb.tensor([1, 2]), half])
  t.same([a.toArray(), b.item()], [[65536, 131072], 3 * 65536], 'several at once')
  t.throws(() => scaler.scale([3]), { code: 'ERR_TYPE', op: 'GradScaler.scale' })
})

t.test('what GradScaler refuses changes nothing', async (t) => {
  const w = mb.tensor([1], { requiresGrad: true })
  const optimizer = new SGD([w], { lr: 1 })
  const scaler = new GradScaler({ initialScale: 8 })
  scaler.scale(w.sum()).backward()
  w.grad = null
  t.throws(() => scaler.step(optimizer), { code: 'ERR_VALUE', message: /No inf checks were recorded/ }, 'no gradient')
  scaler.scale(w.sum()).backward()
  t.ok(scaler.step(optimizer), 'and with one the step is taken')
  t.throws(() => scaler.update(0), { code: 'ERR_VALUE' })
  t.throws(() => scaler.update('4'), { code: 'ERR_TYPE' })
  t.throws(() => scaler.step({}), { code: 'ERR_TYPE' })
  const half = mb.tensor([1], { dtype: 'float16', requiresGrad: true })
  const other = new SGD([w, half], { lr: 1 })
  scaler.update()
  scaler.scale(w.sum().add(half.sum())).backward()
  const before = w.grad.item()
  t.throws(() => scaler.unscale_(other), { code: 'ERR_TYPE', message: /float16/ })
  t.equal(w.grad.item(), before, 'no gradient was divided')
  for (const [options, code] of [
    [{ growthFactor: 1 }, 'ERR_VALUE'],
    [{ backoffFactor: 1 }, 'ERR_VALUE'],
    [{ initialScale: 1e39 }, 'ERR_VALUE'],
    [{ growthInterval: 1.5 }, 'ERR_VALUE'],
    [{ growthInterval: '2' }, 'ERR_TYPE'],
  ])
    t.throws(() => new GradScaler(options), { code, op: 'GradScaler' }, JSON.stringify(options))
})

t.test('the state of a GradScaler goes over to another', async (t) => {
  const w = mb.tensor([1], { requiresGrad: true })
  const optimizer = new SGD([w], { lr: 0.1 })
  const scaler = new GradScaler({ initialScale: 8, growthFactor: 3, backoffFactor: 0.25, growthInterval: 5 })
  for (const gradient of [1, Number.POSITIVE_INFINITY, 1]) {
    scaler.scale(w.mul(gradient).sum()).backward()
    t.equal(scaler.step(optimizer), Number.isFinite(gradient))
    scaler.update()
    optimizer.zeroGrad()
  }
  const state = scaler.stateDict()
  t.same(state, {
    ...{ scaleFactor: 2, growthFactor: 3, backoffFactor: 0.25, growthInterval: 5, goodSteps: 1, skipped: 1 },
  })
  const other = new GradScaler()
  for (const wrong of [
    {},
    { ...state, scaleFactor: 0 },
    { ...state, goodSteps: -1 },
    { ...state, growthFactor: 1 },
    null,
  ])
    t.throws(() => other.loadStateDict(wrong), { code: /ERR_TYPE|ERR_VALUE/ }, JSON.stringify(wrong))
  t.same(other.stateDict(), new GradScaler().stateDict(), 'untouched by what was refused')
  other.loadStateDict(state)
  t.same(other.stateDict(), state)
})

t.test('a GradScaler that is not enabled leaves everything to the optimiser', async (t) => {
  const w = mb.tensor([1], { requiresGrad: true })
  const optimizer = new SGD([w], { lr: 0.5 })
  const scaler = new GradScaler({ enabled: false })
  const loss = w.sum()
  t.equal(scaler.scale(loss), loss)
  loss.backward()
  scaler.unscale_(optimizer)
  t.equal(scaler.step(optimizer), true)
  scaler.update()
  t.same([w.item(), scaler.scaleFactor], [0.5, 1])
})

t.test('clipping refuses gradients that are not finite where that is asked for', async (t) => {
  const w = mb.tensor([1, 2], { requiresGrad: true })
  w.grad = mb.tensor([Number.NaN, 2])
  t.throws(() => clipGradNorm([w], 1, { errorIfNonfinite: true }), { code: 'ERR_VALUE', message: /not finite/ })
  t.same(w.grad.toArray(), [Number.NaN, 2], 'as they were')
  t.ok(Number.isNaN(clipGradNorm([w], 1).item()), 'otherwise the norm says it')
  t.throws(() => clipGradNorm([w], 1, { normType: 0 }), { code: 'ERR_VALUE' })
  t.throws(() => clipGradNorm([w], 1, { foreach: true }), { code: 'ERR_TYPE', message: /unknown option/ })
})
