// Built networks: their tensors, their randomness, their use of memory.
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { Block } = internal('blocks')

const { arch, count, create, list, scale } = mb.models
const B0 = arch('efficientnet_b0')
/** Small enough to run in milliseconds, with a skip connection in the second stage. */
const TINY = scale(B0, { width: 0.25, depth: 0.5, resolution: 32, divisor: 4 })

const numelOf = (entries) => entries.reduce((sum, [, tensor]) => sum + tensor.numel, 0)
const float = ([, tensor]) => tensor.dtype !== 'int64'
const bytesOf = (model) => Object.values(model.stateDict()).map((tensor) => Buffer.from(tensor.toTypedArray().buffer))
const sameWeights = (a, b) => bytesOf(a).every((bytes, i) => bytes.equals(bytesOf(b)[i]))

/** What the counted figures say about a built network. */
function measured(model) {
  const parameters = model.namedParameters()
  const buffers = model.namedBuffers()
  return {
    params: numelOf(parameters),
    paramTensors: parameters.length,
    floatBuffers: numelOf(buffers.filter(float)),
    stateDictEntries: Object.keys(model.stateDict()).length,
    convLayers: model.modules().filter((module) => module instanceof mb.nn.Conv2d).length,
    blocks: model.modules().filter((module) => module instanceof Block).length,
  }
}

for (const name of list()) {
  t.test(`${name} has the parameters that were counted`, (t) => {
    // Weights are left as memory comes. Of L2's 1.9 GB only the page with the allocator's header, at most 2 MB of each
    // tensor, becomes real: building it is cheap.
    mb.memory() // loads libtorch, so that its size is not counted below
    const before = process.memoryUsage.rss()
    const model = create(name, { init: 'none' })
    const found = measured(model)
    const wanted = count(arch(name))
    t.match(wanted, found)
    t.ok(process.memoryUsage.rss() - before < 60e6 + wanted.params, 'most of the weights stay virtual')
    model.dispose()
    t.end()
  })
}

t.test('so have networks of any other table', (t) => {
  const options = fc.record({
    width: fc.double({ min: 0.1, max: 0.6, noNaN: true }),
    depth: fc.double({ min: 0.1, max: 1.5, noNaN: true }),
    divisor: fc.constantFrom(1, 4, 8),
  })
  const heads = fc.record({ numClasses: fc.integer({ min: 1, max: 50 }), inChannels: fc.integer({ min: 1, max: 4 }) })
  fc.assert(
    fc.property(options, heads, (coefficients, head) => {
      const table = scale(B0, coefficients)
      const model = create(table, { ...head, init: 'none' })
      const found = measured(model)
      const wanted = count(table, head)
      model.dispose()
      return Object.entries(found).every(([key, value]) => wanted[key] === value)
    }),
    { numRuns: 15 },
  )
  t.end()
})

t.test('names, order, shapes and types of the state dict are torchvision’s', (t) => {
  const golden = JSON.parse(readFileSync(new URL('./golden/state-dict-b0.json', import.meta.url), 'utf8'))
  const model = create('efficientnet_b0', { numClasses: 32, init: 'none' })
  const entries = Object.entries(model.stateDict())
  t.same(
    entries.map(([key, tensor]) => [key, tensor.shape]),
    golden.entries,
  )
  t.ok(entries.every(([key, tensor]) => tensor.dtype === (key.endsWith('tracked') ? 'int64' : 'float32')))
  t.same(
    model.namedParameters().map(([key]) => key),
    golden.entries.map(([key]) => key).filter((key) => !/running|tracked/.test(key)),
  )
  model.dispose()
  t.end()
})

t.test('a seed decides the weights, whatever the random state, and leaves that state alone', (t) => {
  const options = { numClasses: 10, seed: 7 }
  mb.manualSeed(1)
  const state = mb.getRandomState()
  const a = create(TINY, options)
  t.same(mb.getRandomState(), state, 'the state is as before')
  mb.manualSeed(2)
  const b = create(TINY, options)
  const other = create(TINY, { ...options, seed: 8 })
  t.ok(sameWeights(a, b), 'same seed, same weights')
  t.notOk(sameWeights(a, other), 'another seed, others')

  const doubles = create(TINY, { ...options, dtype: 'float64' })
  const pairs = Object.values(a.stateDict()).map((tensor, i) => [tensor, Object.values(doubles.stateDict())[i]])
  const equal = mb.scope(() => pairs.every(([x, y]) => x.detach().to({ dtype: y.dtype }).equal(y.detach())))
  t.ok(equal, 'float64 weights are the float32 ones, converted')

  mb.manualSeed(3)
  const drawn = [create(TINY, { numClasses: 10 }), create(TINY, { numClasses: 10 })]
  t.notOk(sameWeights(...drawn), 'without a seed the random state moves on')
  mb.manualSeed(3)
  const again = create(TINY, { numClasses: 10 })
  t.ok(sameWeights(drawn[0], again), 'and decides')
  for (const model of [a, b, other, doubles, ...drawn, again]) model.dispose()
  t.end()
})

t.test('initial weights follow the paper', (t) => {
  const model = create('efficientnet_b0', { seed: 0 })
  const state = model.stateDict()
  const check = (key, std) => {
    const values = state[key].toTypedArray()
    const [mean, square] = [1, 2].map((power) => values.reduce((sum, v) => sum + v ** power, 0) / values.length)
    const tolerance = 5 / Math.sqrt(values.length) // five standard errors
    t.ok(Math.abs(mean) < std * tolerance, `${key}: mean ${mean}`)
    t.ok(Math.abs(Math.sqrt(square) / std - 1) < tolerance, `${key}: deviation ${Math.sqrt(square)}, not ${std}`)
  }
  check('features.0.0.weight', Math.sqrt(2 / (9 * 32)))
  check('features.6.1.block.0.0.weight', Math.sqrt(2 / 1152))
  check('features.6.1.block.1.0.weight', Math.sqrt(2 / 25))
  check('features.6.1.block.2.fc1.weight', Math.sqrt(2 / 48))
  check('features.8.0.weight', Math.sqrt(2 / 1280))
  check('classifier.1.weight', 1 / Math.sqrt(3 * 1000))
  const bound = 1 / Math.sqrt(1000)
  t.ok(state['classifier.1.weight'].toTypedArray().every((v) => Math.abs(v) <= bound))
  const constant = { bias: 0, '.1.weight': 1, running_mean: 0, running_var: 1, num_batches_tracked: 0 }
  for (const [key, tensor] of Object.entries(state)) {
    const suffix = key === 'classifier.1.weight' ? undefined : Object.keys(constant).find((end) => key.endsWith(end))
    if (suffix === undefined) continue
    const values = [...tensor.toTypedArray()].map(Number)
    if (!values.every((v) => v === constant[suffix])) t.fail(`${key} is not ${constant[suffix]}`)
  }
  model.dispose()
  t.end()
})

t.test('drop path grows with depth and dropout is the architecture’s', (t) => {
  const model = create('efficientnet_b0', { init: 'none' })
  const blocks = model.modules().filter((module) => module instanceof Block)
  // arXiv:1905.11946 and its code: survival 1 − 0.2·i/16, only where there is a skip connection.
  const skips = { 2: 2, 4: 4, 6: 6, 7: 7, 9: 9, 10: 10, 12: 12, 13: 13, 14: 14 }
  const rates = blocks.map((block) => block.dropPath?.p)
  t.same(
    rates,
    blocks.map((_, i) => (i in skips ? (0.2 * i) / 16 : undefined)),
  )
  t.equal(model.classifier.at(0).p, 0.2)
  const other = create('efficientnet_b4', { init: 'none', dropPath: 0, dropout: 0.1 })
  t.ok(other.modules().every((module) => !(module instanceof mb.nn.DropPath) || module.p === 0))
  t.equal(other.classifier.at(0).p, 0.1)
  const plain = create('efficientnet_b4', { init: 'none' })
  t.equal(plain.classifier.at(0).p, 0.4)
  for (const one of [model, other, plain]) one.dispose()
  t.end()
})

t.test('profiles', (t) => {
  const { profileNamed } = mb.models
  const constants = ({ padding, bnEps, bnMomentum }) => [padding, bnEps, bnMomentum]
  const expected = {
    torchvision: ['symmetric', 1e-5, 0.1],
    timm: ['symmetric', 1e-5, 0.1],
    tf: ['same', 1e-3, 0.1],
    paper: ['same', 1e-3, 0.01],
  }
  for (const [name, wanted] of Object.entries(expected)) {
    t.same(constants(profileNamed(name, 'efficientnet_b0')), wanted, name)
    const model = create(TINY, { profile: name, init: 'none' })
    const norms = model.modules().filter((module) => module instanceof mb.nn.BatchNorm2d)
    t.ok(norms.every(({ eps, momentum }) => eps === wanted[1] && momentum === wanted[2]))
    const strided = model.modules().filter((module) => module instanceof mb.nn.Conv2d && module.stride[0] === 2)
    t.equal(strided.length, 5)
    t.ok(
      strided.every(({ padding, kernelSize: [kernel] }) =>
        wanted[0] === 'same' ? padding === 'same' : padding[0] === (kernel - 1) / 2,
      ),
    )
    model.dispose()
  }
  const large = ['symmetric', 1e-3, 0.01]
  t.same(constants(profileNamed('torchvision', 'efficientnet_b4')), expected.torchvision)
  t.same(constants(profileNamed('torchvision', 'efficientnet_b5')), large)
  t.same(constants(profileNamed('torchvision', 'efficientnet_b7')), large)
  t.same(constants(profileNamed('torchvision', scale(arch('efficientnet_b7'), { width: 0.5 }).name)), large)
  t.same(profileNamed('paper', 'any').mean, [0.485, 0.456, 0.406])
  t.same(profileNamed('paper', 'any').std, [0.229, 0.224, 0.225])
  const own = { ...profileNamed('paper', 'any'), name: 'own', bnEps: 0.5 }
  const model = create(TINY, { profile: own, init: 'none' })
  t.equal(model.modules().find((module) => module instanceof mb.nn.BatchNorm2d).eps, 0.5)
  model.dispose()
  t.end()
})

t.test('a network belongs to no scope and its passes leave nothing behind', (t) => {
  const model = mb.scope(() => {
    const inner = create(TINY, { numClasses: 10, seed: 0 })
    return { inner } // the network itself is no tensor: what keeps its weights is not this return
  }).inner
  t.notOk(model.parameters().some((parameter) => parameter.isDisposed))
  const x = mb.randn([2, 3, 32, 32])
  const { tensors } = mb.memory()
  model.eval()
  const logits = mb.noGrad(() => model.forward(x))
  t.same(logits.shape, [2, 10])
  t.equal(mb.memory().tensors, tensors + 1, 'the logits are all that is new')
  logits.dispose()
  model.train()
  const step = () => mb.scope(() => model.forward(x).sum().backward())
  step()
  model.zeroGrad()
  const steady = mb.memory()
  for (let i = 0; i < 3; i++) {
    step()
    model.zeroGrad()
  }
  t.same(mb.memory(), steady)
  mb.scope(() => {
    t.throws(() => model.forward(mb.zeros([2, 3, 32, 32], { dtype: 'int64' })), { name: 'MbconvError' })
    t.equal(mb.memory().tensors, steady.tensors + 1, 'a failed pass leaves nothing either')
  })
  model.dispose()
  model.dispose()
  x.dispose()
  t.ok(model.parameters().every((parameter) => parameter.isDisposed))
  t.end()
})

t.test('inference frees each block’s intermediates before the next', (t) => {
  const model = create(TINY, { numClasses: 10, seed: 0 }).eval()
  mb.scope(() => {
    const x = mb.randn([1, 3, 64, 64])
    const live = []
    for (const block of model.modules().filter((module) => module instanceof Block)) {
      const forward = block.forward
      block.forward = (y) => {
        live.push(mb.memory().tensors)
        return forward.call(block, y)
      }
    }
    mb.noGrad(() => model.forward(x))
    t.ok(live.length > 5)
    t.same(live, Array(live.length).fill(live[0]), 'the same number of live tensors before every block')
  })
  model.dispose()
  t.end()
})

t.test('images need not be square, and wrong input is refused by name', (t) => {
  const model = create(TINY, { numClasses: 5, inChannels: 1, seed: 0 }).eval()
  mb.scope(() => {
    for (const [height, width] of [
      [1, 1],
      [32, 48],
      [33, 7],
    ]) {
      t.same(mb.noGrad(() => model.forward(mb.zeros([2, 1, height, width]))).shape, [2, 5], `${height}x${width}`)
    }
    const refused = (x, code, message) => t.throws(() => model.forward(x), { code, message })
    refused(undefined, 'ERR_TYPE', /forward: expected a Tensor/)
    refused([[1]], 'ERR_TYPE', /forward/)
    refused(mb.zeros([1, 32, 32]), 'ERR_SHAPE', /\[N, 1, H, W\], got \[1, 32, 32\]/)
    refused(mb.zeros([1, 3, 32, 32]), 'ERR_SHAPE', /got \[1, 3, 32, 32\]/)
    const disposed = mb.zeros([1, 1, 32, 32])
    disposed.dispose()
    refused(disposed, 'ERR_DISPOSED', /disposed/)
  })
  model.dispose()
  t.end()
})

t.test('create refuses what it cannot build', (t) => {
  const { tensors } = mb.memory()
  const refused = (model, options, code, message) => t.throws(() => create(model, options), { code, message })
  refused('b9', {}, 'ERR_VALUE', /"b9"/)
  refused(undefined, {}, 'ERR_TYPE', /create/)
  refused(TINY, { classes: 10 }, 'ERR_TYPE', /unknown option "classes"/)
  refused(TINY, { numClasses: -1 }, 'ERR_VALUE', /numClasses/)
  refused(TINY, { dropPath: 1 }, 'ERR_VALUE', /dropPath/)
  refused(TINY, { dropout: Number.NaN }, 'ERR_VALUE', /dropout/)
  refused(TINY, { profile: 'keras' }, 'ERR_VALUE', /keras/)
  refused(TINY, { profile: { name: 'own', padding: 'valid' } }, 'ERR_VALUE', /profile.padding/)
  refused(TINY, { seed: 0.5 }, 'ERR_VALUE', /seed/)
  refused(TINY, { init: 'zeros' }, 'ERR_VALUE', /init/)
  refused(TINY, { dtype: 'int64' }, 'ERR_TYPE', /dtype/)
  refused(TINY, { device: 'tpu' }, /ERR_/, /tpu/)
  t.equal(mb.memory().tensors, tensors, 'and leaves nothing behind')
  t.end()
})
