// Whatever is passed to the model layer, the outcome is a result or an MbconvError that names the call.
import fc from 'fast-check'
import * as mb from 'mbconv'
import t from 'tap'

const { models, nn } = mb
const B0 = models.arch('efficientnet_b0')
const TINY = models.scale(B0, { width: 0.25, depth: 0.25, divisor: 4 })

/** Values made anew for each use, so that one that gets disposed or changed does no harm. */
const ODD = [
  () => undefined,
  () => null,
  () => Symbol('odd'),
  () => 10n ** 30n,
  () => -(2 ** 60),
  () => Number.NaN,
  () => 0,
  () => 1,
  () => 2,
  () => 3.5,
  () => true,
  () => 'paper',
  () => 'efficientnet_b0',
  () => 'same',
  () => () => 1,
  () => new Map(),
  () => [],
  () => Array(2),
  () => Object.create(null),
  () => TINY,
  () => ({ ...TINY, stages: Array(2) }),
  () => ({ ...TINY, stages: [{ ...TINY.stages[0], kernel: Symbol('odd') }] }),
  () => ({ width: Symbol('odd') }),
  () => ({ phi: '2' }),
  () => ({ phi: 1, gamma: 1e300 }),
  () => ({ strict: false }),
  () => ({ stride: 0 }),
  () => ({ padding: 'full' }),
  () => ({ init: 'none', bias: 1 }),
  () => ({ eps: -1 }),
  () => ({ dtype: Symbol('odd') }),
  () => ({ dtype: 'int8' }),
  () => ({ device: 7 }),
  () => ({ memoryFormat: 'odd' }),
  () => ({ numClasses: 3, profile: 10n }),
  () => ({ numClasses: 3, profile: { padding: 'same', bnEps: 1, bnMomentum: 1 } }),
  () => ({ seed: 0.5 }),
  () => ({ seed: 10n ** 30n }),
  () => ({ weight: 7, bias: null }),
  () => ({ toString: null }),
  () => mb.zeros([]),
  () => mb.zeros([2, 3]),
  () => mb.zeros([1, 3, 4, 4]),
  () => mb.zeros([1, 4, 0, 4]),
  () => mb.zeros([1, 4, 4, 4], { dtype: 'int64' }),
  () => Object.create(mb.Tensor.prototype),
  () => {
    const tensor = mb.zeros([1, 3, 4, 4])
    tensor.dispose()
    return tensor
  },
]

/** A layer made once for its methods; what a call breaks in it, later calls have to put up with. */
const network = models.create(TINY, { numClasses: 2, seed: 0 })
const layers = {
  network,
  conv: new nn.Conv2d(3, 4, 3, { stride: 2, padding: 'same' }),
  norm: new nn.BatchNorm2d(3),
  linear: new nn.Linear(3, 2),
  squeeze: new nn.SqueezeExcite(3, 1),
  drop: new nn.DropPath(0.5),
  dropout: new nn.Dropout(0.5),
  act: new nn.SiLU(),
  sequential: new nn.Sequential(new nn.ReLU(), new nn.Linear(3, 2)),
}

const calls = {}
for (const [name, fn] of Object.entries(models)) if (typeof fn === 'function') calls[`models.${name}`] = fn
for (const name of ['Conv2d', 'BatchNorm2d', 'Linear', 'SqueezeExcite', 'DropPath', 'Dropout', 'Sequential']) {
  calls[`new ${name}`] = (...args) => new nn[name](...args)
}
for (const [name, layer] of Object.entries(layers)) {
  for (const method of ['forward', 'train', 'loadStateDict', 'to', 'fuse', 'freeze', 'unfreeze', 'forwardFeatures']) {
    if (typeof layer[method] !== 'function') continue
    calls[`${name}.${method}`] = (...args) => layer[method](...args)
  }
}

t.test('odd arguments give results or coded errors', (t) => {
  const outcome = { returned: 0, threw: 0 }
  const seen = new Set()
  const argument = fc.integer({ min: 0, max: ODD.length - 1 })
  const property = fc.property(
    fc.constantFrom(...Object.keys(calls)),
    fc.array(argument, { maxLength: 4 }),
    (name, choices) => {
      seen.add(name)
      mb.scope(() => {
        try {
          calls[name](...choices.map((choice) => ODD[choice]()))
          outcome.returned++
        } catch (error) {
          outcome.threw++
          if (!(error instanceof mb.MbconvError)) throw error
          if (!/^ERR_[A-Z_]+$/.test(error.code) || !error.op || !error.message)
            throw new Error(`bare error from ${name}`)
        }
      })
    },
  )
  fc.assert(property, { numRuns: 6000 })
  t.ok(outcome.returned > 100 && outcome.threw > 100, 'both outcomes occur')
  t.equal(seen.size, Object.keys(calls).length, 'everything was called')
  t.ok(mb.scope(() => network.eval().forward(mb.zeros([1, 3, 8, 8]).to({ dtype: network.parameters()[0].dtype }))))
  t.end()
})
