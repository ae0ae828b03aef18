import { readFileSync } from 'node:fs'
import { fromTypedArray, memory, nn, noGrad, ones, optim, scope, tensor, zeros } from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { AdamW, decayGroups, Ema, Lamb, Lion, RMSprop, SGD } = optim
const golden = JSON.parse(readFileSync(new URL('./golden/optim.json', import.meta.url), 'utf8'))
const CLASSES = { rmsprop: RMSprop, sgd: SGD, adamw: AdamW, lion: Lion, lamb: Lamb }
const FLOAT64 = { dtype: 'float64' }

/** The golden's parameters or gradients, flat lists in the shapes of the golden. */
const tensorsOf = (lists, dtype, requiresGrad = false) =>
  lists.map((list, i) => fromTypedArray(Float64Array.from(list), golden.shapes[i], { dtype, requiresGrad }))

/** Gives every parameter its gradient through a real backward pass: the gradient of sum(p · g) is g. */
function backward(params, gradients) {
  scope(() => {
    for (const [i, p] of params.entries()) p.mul(gradients[i]).sum().backward()
  })
}

/** Largest difference, relative to the larger of the expected value and 1: weights are of that size. */
function difference(params, expected) {
  return Math.max(
    ...params.flatMap((p, i) =>
      [...p.toTypedArray()].map((value, j) => Math.abs(value - expected[i][j]) / Math.max(1, Math.abs(expected[i][j]))),
    ),
  )
}

for (const { title, optimizer: name, options, dtype, after } of golden.cases) {
  t.test(`${title} in ${dtype} equals the reference over ten steps`, async (t) => {
    const params = tensorsOf(golden.initial, dtype, true)
    const optimizer = new CLASSES[name](params, { lr: 1, ...options })
    for (const [i, lr] of golden.rates.entries()) {
      scope(() => backward(params, tensorsOf(golden.gradients[i], dtype)))
      optimizer.lr = lr
      optimizer.step()
      optimizer.zeroGrad()
      const expected = after[i + 1]
      if (expected === undefined) continue
      const worst = difference(params, expected)
      t.ok(worst <= (dtype === 'float64' ? 1e-12 : 1e-6), `after step ${i + 1}: ${worst}`)
    }
    t.equal(optimizer.steps, 10)
    for (const p of params) t.equal(p.grad, null, 'zeroGrad drops the gradients')
    optimizer.dispose()
    for (const p of params) p.dispose()
  })
}

// On the CPU the numbers come out of the tensors again for float32; in float64 the list-wise kernels take the tensors, as
// they do on a GPU.
for (const dtype of ['float32', 'float64']) {
  t.test(`capturable, ${dtype}: rates and counts kept in tensors make the same updates`, async (t) => {
    const optimizers = {
      RMSprop: (params, capturable) => new RMSprop(params, { lr: 0.1, weightDecay: 0.01, capturable }),
      'SGD without momentum': (params, capturable) => new SGD(params, { lr: 0.1, weightDecay: 0.01, capturable }),
      'SGD, Nesterov': (params, capturable) => new SGD(params, { lr: 0.1, momentum: 0.9, nesterov: true, capturable }),
      AdamW: (params, capturable) => new AdamW(params, { lr: 0.1, weightDecay: 0.01, capturable }),
      Lion: (params, capturable) => new Lion(params, { lr: 0.1, weightDecay: 0.01, capturable }),
      Lamb: (params, capturable) => new Lamb(params, { lr: 0.1, weightDecay: 0.01, capturable }),
    }
    for (const [name, make] of Object.entries(optimizers)) {
      const [there, here] = [true, false].map((capturable) => {
        const params = tensorsOf(golden.initial, dtype, true)
        const optimizer = make(params, capturable)
        const state = Object.fromEntries(params.map((p, i) => [i, p]))
        const ema = new Ema({ stateDict: () => state }, { decay: 0.5, capturable })
        for (let step = 0; step < 10; step++) {
          scope(() => backward(params, tensorsOf(golden.gradients[step % golden.gradients.length], dtype)))
          optimizer.lr = 0.1 * 0.8 ** step
          optimizer.step()
          ema.update()
          optimizer.zeroGrad()
        }
        t.equal(optimizer.steps, 10)
        t.equal(ema.updates, 10)
        t.equal(optimizer.lr, 0.1 * 0.8 ** 9)
        const values = [...params, ...Object.values(ema.stateDict())].map((p) => [...p.toTypedArray()])
        const saved = optimizer.stateDict()
        optimizer.loadStateDict({ ...saved, step: 3 })
        t.equal(optimizer.steps, 3)
        ema.dispose()
        optimizer.dispose()
        return values
      })
      const flat = here.flat()
      const worst = Math.max(...there.flat().map((v, i) => Math.abs(v - flat[i]) / Math.max(1, Math.abs(flat[i]))))
      t.ok(worst <= (dtype === 'float32' ? 1e-6 : 1e-13), `${name}: ${worst}`)
    }
  })
}

t.test('memory layout does not change an update', async (t) => {
  for (const Class of Object.values(CLASSES)) {
    const make = (memoryFormat) => {
      const p = fromTypedArray(
        Float32Array.from({ length: 24 }, (_, i) => Math.sin(i)),
        [2, 3, 2, 2],
      )
      return p.contiguous({ memoryFormat }).clone().requiresGrad_(true)
    }
    const params = [make('contiguous'), make('channelsLast')]
    t.ok(params[1].isContiguous({ memoryFormat: 'channelsLast' }))
    const options = { lr: 0.1, ...(Class === SGD ? { momentum: 0.9 } : {}), weightDecay: 0.1 }
    const optimizers = params.map((p) => new Class([p], options))
    for (let step = 0; step < 3; step++) {
      // The gradient has the contiguous layout in both: the fast path must not mix up elements.
      for (const [i, p] of params.entries()) {
        scope(() =>
          p
            .mul(
              fromTypedArray(
                Float32Array.from({ length: 24 }, (_, j) => j - 10 * step),
                [2, 3, 2, 2],
              ),
            )
            .sum()
            .backward(),
        )
        optimizers[i].step()
        optimizers[i].zeroGrad()
      }
    }
    t.ok(
      scope(() => params[0].allclose(params[1], { rtol: 1e-6, atol: 1e-7 })),
      Class.name,
    )
    for (const each of [...params, ...optimizers]) each.dispose()
  }
})

t.test('parameters without a gradient are left alone', async (t) => {
  for (const Class of Object.values(CLASSES)) {
    const params = [tensor([1, 2], { requiresGrad: true }), tensor([3, 4], { requiresGrad: true })]
    const optimizer = new Class(params, { lr: 0.1, weightDecay: 0.5 })
    scope(() => params[0].sum().backward())
    optimizer.step()
    t.strictSame(params[1].toArray(), [3, 4], Class.name)
    t.not(params[0].toArray()[0], 1)
    for (const each of [...params, optimizer]) each.dispose()
  }
})

t.test('groups: each with its weight decay, one learning rate', async (t) => {
  const [a, b] = [1, 1].map((x) => tensor([x], { ...FLOAT64, requiresGrad: true }))
  const optimizer = new SGD(
    [
      { params: [a], weightDecay: 0.5 },
      { params: [b], lr: 7 },
    ],
    { lr: 1 },
  )
  t.strictSame(
    optimizer.groups.map(({ lr, weightDecay }) => [lr, weightDecay]),
    [
      [1, 0.5],
      [7, 0],
    ],
  )
  optimizer.lr = 0.1
  scope(() => a.add(b).sum().backward())
  optimizer.step()
  t.ok(Math.abs(a.toArray()[0] - (1 - 0.1 * (1 + 0.5))) < 1e-15)
  t.ok(Math.abs(b.toArray()[0] - (1 - 0.1)) < 1e-15)
  for (const each of [a, b, optimizer]) each.dispose()
})

t.test('weight decay spares batch norm and nothing else', async (t) => {
  const p = () => zeros([1], { requiresGrad: true })
  const parameters = {
    'features.0.0.weight': p(),
    'features.0.1.weight': p(),
    'features.0.1.bias': p(),
    'features.1.fc1.weight': p(),
    'features.1.fc1.bias': p(),
    'classifier.1.weight': p(),
    'classifier.1.bias': p(),
  }
  const frozen = zeros([1])
  const model = {
    namedParameters: () => [...Object.entries(parameters), ['frozen.weight', frozen]],
    namedBuffers: () => [
      ['features.0.1.running_mean', zeros([1])],
      ['features.0.1.running_var', zeros([1])],
    ],
  }
  const groups = decayGroups(model, 0.25)
  t.strictSame(
    groups.map(({ names, weightDecay }) => [weightDecay, names]),
    [
      [
        0.25,
        [
          'features.0.0.weight',
          'features.1.fc1.weight',
          'features.1.fc1.bias',
          'classifier.1.weight',
          'classifier.1.bias',
        ],
      ],
      [0, ['features.0.1.weight', 'features.0.1.bias']],
    ],
  )
})

t.test('state is saved and restored exactly', async (t) => {
  for (const [name, Class] of Object.entries(CLASSES)) {
    const options = { lr: 0.05, weightDecay: 0.1, ...(Class === SGD ? { momentum: 0.9 } : {}) }
    const make = () => {
      const params = tensorsOf(golden.initial, 'float32', true)
      const groups = [
        { params: params.slice(0, 1), names: ['first'] },
        { params: params.slice(1), names: ['second', 'third'] },
      ]
      return { params, optimizer: new Class(groups, options) }
    }
    const step = ({ params, optimizer }, i) => {
      scope(() => backward(params, tensorsOf(golden.gradients[i], 'float32')))
      optimizer.step()
      optimizer.zeroGrad()
    }
    const one = make()
    for (let i = 0; i < 6; i++) step(one, i)
    const two = make()
    for (let i = 0; i < 3; i++) step(two, i)
    const three = make()
    const saved = two.optimizer.stateDict()
    t.ok(
      Object.keys(saved.tensors).every((key) => /^\w+\.(first|second|third)$/.test(key)),
      name,
    )
    three.optimizer.loadStateDict(saved)
    noGrad(() => three.params.forEach((p, i) => void p.copy_(two.params[i])))
    for (let i = 3; i < 6; i++) step(three, i)
    t.equal(three.optimizer.steps, 6)
    t.ok(
      one.params.every((p, i) => p.equal(three.params[i])),
      `${name}: the same weights`,
    )

    const { tensors } = saved
    const [key] = Object.keys(tensors)
    const before = three.optimizer.stateDict().tensors[key].toArray()
    const { [key]: _, ...fewer } = tensors
    t.throws(() => three.optimizer.loadStateDict({ step: 1, tensors: fewer }), {
      code: 'ERR_VALUE',
      message: /missing/,
    })
    t.throws(() => three.optimizer.loadStateDict({ step: 1, tensors: { ...tensors, more: zeros([1]) } }), {
      message: /unknown more/,
    })
    t.throws(() => three.optimizer.loadStateDict({ step: 1, tensors: { ...tensors, [key]: zeros([9]) } }), {
      code: 'ERR_SHAPE',
    })
    const wrong = zeros(tensors[key].shape, FLOAT64)
    t.throws(() => three.optimizer.loadStateDict({ step: 1, tensors: { ...tensors, [key]: wrong } }), {
      code: 'ERR_TYPE',
    })
    t.throws(() => three.optimizer.loadStateDict({ step: -1, tensors }), { code: 'ERR_VALUE' })
    t.strictSame(three.optimizer.stateDict().tensors[key].toArray(), before, 'nothing is changed by what is refused')
    t.equal(three.optimizer.steps, 6)
  }
})

t.test('state belongs to no scope, and dispose frees it', async (t) => {
  const params = tensorsOf(golden.initial, 'float32', true)
  const live = memory().tensors
  let optimizer
  scope(() => {
    optimizer = new AdamW(params, { lr: 0.1 })
  })
  t.equal(memory().tensors, live + 2 * params.length)
  scope(() => backward(params, tensorsOf(golden.gradients[0], 'float32')))
  optimizer.step()
  optimizer[Symbol.dispose]()
  t.equal(memory().tensors, live)
})

t.test('what an optimiser refuses', async (t) => {
  const p = tensor([1], { requiresGrad: true })
  const wrong = (make, code, message) => t.throws(make, { code, message })
  wrong(() => new SGD([], { lr: 1 }), 'ERR_VALUE', /no parameters/)
  wrong(() => new SGD([p, p], { lr: 1 }), 'ERR_VALUE', /twice/)
  wrong(() => new SGD([tensor([1])], { lr: 1 }), 'ERR_VALUE', /gradient/)
  wrong(() => new SGD(p, { lr: 1 }), 'ERR_TYPE', /list/)
  wrong(() => new SGD([1], { lr: 1 }), 'ERR_TYPE', /list of tensors/)
  wrong(() => new SGD([{ params: [p], names: [] }], { lr: 1 }), 'ERR_VALUE', /names/)
  wrong(() => new SGD([p], { lr: -1 }), 'ERR_VALUE', /lr/)
  wrong(() => new SGD([p], { lr: Number.NaN }), 'ERR_VALUE', /lr/)
  wrong(() => new SGD([p], { lr: '1' }), 'ERR_TYPE', /lr/)
  wrong(() => new SGD([p], {}), 'ERR_TYPE', /lr/)
  wrong(() => new SGD([p], { lr: 1, nesterov: true }), 'ERR_VALUE', /nesterov/)
  wrong(() => new SGD([p], { lr: 1, momentum: 1 }), 'ERR_VALUE', /momentum/)
  wrong(() => new RMSprop([p], { lr: 1, decay: 1 }), 'ERR_VALUE', /decay/)
  wrong(() => new RMSprop([p], { lr: 1, weightDecay: -1 }), 'ERR_VALUE', /weightDecay/)
  wrong(() => new AdamW([p], { lr: 1, betas: [0.9] }), 'ERR_TYPE', /betas/)
  wrong(() => new AdamW([p], { lr: 1, betas: [0.9, 1] }), 'ERR_VALUE', /betas\[1\]/)
  wrong(() => new Lion([p], { lr: 1, betas: [0.9] }), 'ERR_TYPE', /betas/)
  wrong(() => new Lamb([p], { lr: 1, betas: [0.9] }), 'ERR_TYPE', /betas/)
  wrong(() => new Lamb([p], { lr: 1, maxGradNorm: 0 }), 'ERR_VALUE', /maxGradNorm/)
  wrong(() => new Ema({ stateDict: () => ({ p }) }, { rule: 'keras' }), 'ERR_VALUE', /rule/)
  wrong(() => optim.clipGradValue([p], 0), 'ERR_VALUE', /limit/)
  wrong(() => optim.clipGradValue([1], 1), 'ERR_TYPE', /list of tensors/)
  wrong(() => optim.adaptiveClipGrad([p], -1), 'ERR_VALUE', /factor/)
  wrong(() => optim.adaptiveClipGrad([p], 1, { norm: 2 }), 'ERR_TYPE', /unknown option/)
  wrong(() => optim.adaptiveClipGrad({}, 1), 'ERR_TYPE', /list of tensors/)
  wrong(() => new Lion([p], { lr: 1, betas: [1, 0.9] }), 'ERR_VALUE', /betas\[0\]/)
})

t.test('gradient clipping', async (t) => {
  for (const { maxNorm, norm, gradients } of golden.clipping) {
    const params = tensorsOf(golden.initial, 'float64', true)
    scope(() => backward(params, tensorsOf(golden.gradients[0], 'float64')))
    const found = optim.clipGradNorm(params, maxNorm).item()
    t.ok(Math.abs(found - norm) <= 1e-12 * norm, `norm ${found}`)
    t.ok(
      difference(
        params.map((p) => p.grad),
        gradients,
      ) <= 1e-12,
      `gradients at ${maxNorm}`,
    )
  }
})

/** A model of one float tensor, one statistic and one count, for the average. */
function toyModel() {
  const state = {
    weight: tensor([1, 2], { ...FLOAT64, requiresGrad: true }),
    running_mean: tensor([0.5], FLOAT64),
    num_batches_tracked: tensor([3n]),
  }
  return { state, stateDict: () => ({ ...state }) }
}

t.test('the average: decay with warm-up, statistics included, counts copied', async (t) => {
  const model = toyModel()
  const { weight, running_mean, num_batches_tracked } = model.state
  const ema = new Ema(model, { decay: 0.3 })
  let [w, mean] = [1, 0.5]
  for (let step = 0; step < 6; step++) {
    noGrad(() => {
      weight.add_(step + 1)
      running_mean.mul_(1.5)
      num_batches_tracked.add_(1)
    })
    const decay = Math.min(0.3, (1 + step) / (10 + step))
    t.equal(ema.nextDecay, decay)
    ema.update()
    w = decay * w + (1 - decay) * weight.toArray()[0]
    mean = decay * mean + (1 - decay) * running_mean.toArray()[0]
  }
  t.equal(ema.nextDecay, 0.3, 'the warm-up ends at the decay')
  const average = ema.stateDict()
  t.strictSame(Object.keys(average), Object.keys(model.state))
  t.ok(Math.abs(average.weight.toArray()[0] - w) < 1e-12)
  t.ok(Math.abs(average.running_mean.toArray()[0] - mean) < 1e-12)
  t.strictSame(average.num_batches_tracked.toArray(), num_batches_tracked.toArray())
  t.equal(average.weight.requiresGrad, false)

  const without = new Ema(model, { decay: 0.9, warmup: false })
  t.equal(without.nextDecay, 0.9)
})

t.test('a step in the middle of whileAveraged is refused: it would train the average', async (t) => {
  const layer = new nn.Linear(2, 1)
  const ema = new Ema(layer)
  const second = new Ema(layer)
  const optimizer = new SGD(layer.parameters(), { lr: 1 })
  const refused = { code: 'ERR_VALUE', message: /holds an average/, hint: /Await whileAveraged/ }
  const train = () => {
    scope(() =>
      layer
        .forward(ones([1, 2]))
        .sum()
        .backward(),
    )
    optimizer.step()
    optimizer.zeroGrad()
  }
  train()
  const own = layer.weight.toArray()
  const pending = ema.whileAveraged(async () => null) // and no await
  for (const call of [
    train,
    () => ema.update(),
    () => second.update(),
    () => ema.whileAveragedSync(() => 1),
    () => ema.loadStateDict(second.stateDict(), 0),
  ])
    t.throws(call, refused, String(call))
  await t.rejects(
    second.whileAveraged(() => 1),
    refused,
  )
  t.equal(optimizer.steps, 1, 'a refused step is not counted')
  await pending
  t.same(layer.weight.toArray(), own)
  train()
  ema.update()
  t.equal(optimizer.steps, 2)
  // Another model may be trained meanwhile.
  const other = new nn.Linear(2, 1)
  const others = new SGD(other.parameters(), { lr: 1 })
  ema.whileAveragedSync(() => others.step())
  for (const each of [ema, second, optimizer, others, layer, other]) each.dispose()
})

t.test('the average stands in for the weights and leaves no trace', async (t) => {
  const model = toyModel()
  const { weight } = model.state
  const ema = new Ema(model)
  noGrad(() => void weight.mul_(1 / 3))
  ema.update()
  const bits = (x) => Buffer.from(x.toTypedArray().buffer).toString('hex')
  const own = bits(weight)
  const averaged = bits(ema.stateDict().weight)
  t.not(own, averaged)
  const live = memory().tensors
  const result = await ema.whileAveraged(async () => {
    t.equal(bits(weight), averaged)
    await null
    return 'result'
  })
  t.equal(memory().tensors, live, 'the exchange leaves no tensor behind')
  t.equal(result, 'result')
  t.equal(bits(weight), own)
  t.equal(bits(ema.stateDict().weight), averaged)
  await t.rejects(
    ema.whileAveraged(() => {
      throw new Error('in the middle')
    }),
    /in the middle/,
  )
  t.equal(bits(weight), own, 'also after a throw')

  const seen = ema.whileAveragedSync(() => bits(weight))
  t.equal(seen, averaged, 'the synchronous form')
  t.equal(bits(weight), own)
  t.throws(
    () =>
      ema.whileAveragedSync(() => {
        throw new Error('in the middle')
      }),
    /in the middle/,
  )
  t.throws(() => ema.whileAveragedSync(async () => {}), { code: 'ERR_SCOPE', op: 'whileAveragedSync' })
  t.throws(() => ema.whileAveragedSync(), { code: 'ERR_TYPE', message: /use must be a function/ })
  await t.rejects(ema.whileAveraged(5), { code: 'ERR_TYPE' })
  t.equal(bits(weight), own, 'also after a throw')

  const other = new Ema(toyModel())
  other.loadStateDict(ema.stateDict(), ema.updates)
  t.equal(other.updates, 1)
  t.equal(bits(other.stateDict().weight), averaged)
  t.throws(() => other.loadStateDict({ weight }, 1), { code: 'ERR_VALUE', message: /missing running_mean/ })
  t.throws(() => new Ema(model, { decay: 1 }), { code: 'ERR_VALUE' })
  const held = memory().tensors
  other.dispose()
  ema[Symbol.dispose]()
  t.equal(memory().tensors, held - 6)
})

t.test('slots of state: every one is disposed with its optimiser', async (t) => {
  const weight = zeros([2])
  const before = memory().tensors
  const optimizer = new SGD([weight.requiresGrad_()], { lr: 0.1, momentum: 0.9 })
  const refused = (slot) =>
    t.throws(() => optimizer.addState(slot, (p) => zeros(p.shape)), { code: 'ERR_VALUE', op: 'SGD.addState' })
  for (const slot of ['__proto__', Symbol('x'), '', 5, 'momentumBuffer']) refused(slot)
  optimizer.addState('second', (p) => zeros(p.shape))
  t.equal(memory().tensors, before + 2)
  optimizer.dispose()
  t.equal(memory().tensors, before)
})

t.test('a slot of state whose making fails leaves nothing behind, and can be made again', async (t) => {
  const weights = [zeros([2]), zeros([2]), zeros([2])].map((weight) => weight.requiresGrad_())
  const optimizer = new SGD([{ params: weights.slice(0, 1) }, { params: weights.slice(1) }], { lr: 0.1, momentum: 0 })
  const before = memory().tensors
  const failing = (p) => {
    if (p === weights[2]) throw new Error('no more')
    return zeros(p.shape)
  }
  t.throws(() => optimizer.addState('average', failing), { message: 'no more' })
  t.equal(memory().tensors, before)
  t.same(optimizer.stateDict().tensors, {})
  optimizer.addState('average', (p) => zeros(p.shape))
  t.equal(memory().tensors, before + 3)
  t.same(Object.keys(optimizer.stateDict().tensors), ['average.0', 'average.1', 'average.2'])
  optimizer.dispose()
})

t.test('an optimiser that cannot be made leaves no tensor behind, whichever of its tensors fails', async (t) => {
  const weights = [zeros([2]), zeros([2])].map((weight) => weight.requiresGrad_())
  const groups = weights.map((weight) => ({ params: [weight] }))
  // What the state and the scalars of a capturable optimiser are made with.
  const addon = internal('addon').native()
  const { full, fullLike } = addon
  let left = Number.POSITIVE_INFINITY
  const failing = (make) =>
    function (...args) {
      if (left-- === 0) throw new Error('no more')
      return make.apply(this, args)
    }
  Object.assign(addon, { full: failing(full), fullLike: failing(fullLike) })
  t.teardown(() => Object.assign(addon, { full, fullLike }))
  const options = { lr: 0.1, capturable: true }
  // Per class: slots times weights; two rates and the count of steps come before them.
  for (const [name, own] of Object.entries({ rmsprop: 4, adamw: 4, sgd: 2, lion: 2 })) {
    const before = memory().tensors
    for (let made = 0; made < own + 3; made++) {
      left = made
      const make = () => new CLASSES[name](groups, name === 'sgd' ? { ...options, momentum: 0.9 } : options)
      t.throws(make, { message: 'no more' }, `${name}, after ${made}`)
      t.equal(memory().tensors, before, `${name}, after ${made}`)
    }
    left = own + 3
    const optimizer = new CLASSES[name](groups, name === 'sgd' ? { ...options, momentum: 0.9 } : options)
    t.equal(memory().tensors, before + own + 3, `${name}: these are all`)
    optimizer.dispose()
  }
})

t.test('nor does an average, whichever copy fails', async (t) => {
  const gone = zeros([2])
  gone.dispose()
  const weights = { first: zeros([2]), second: zeros([2]) }
  const before = memory().tensors
  t.throws(() => new Ema({ stateDict: () => ({ ...weights, gone }) }), { name: 'MbconvError' })
  t.equal(memory().tensors, before)
  const addon = internal('addon').native()
  const { full } = addon
  t.teardown(() => Object.assign(addon, { full }))
  addon.full = () => {
    throw new Error('no more')
  }
  t.throws(() => new Ema({ stateDict: () => weights }, { capturable: true }), { message: 'no more' })
  t.equal(memory().tensors, before, 'its count of updates comes last')
})

for (const [name, cases, clip] of [
  ['by value', golden.byValue, (params, { limit }) => optim.clipGradValue(params, limit)],
  ['adaptively', golden.adaptive, (params, { factor }) => optim.adaptiveClipGrad(params, factor)],
]) {
  t.test(`gradients clipped ${name} equal the reference`, async (t) => {
    for (const each of cases) {
      const params = tensorsOf(each.initial, 'float64', true)
      const without = tensor([1], { ...FLOAT64, requiresGrad: true })
      scope(() => backward(params, tensorsOf(golden.gradients[0], 'float64')))
      const live = memory().tensors
      clip([...params, without], each)
      t.equal(memory().tensors, live, 'nothing stays')
      const worst = scope(() =>
        difference(
          params.map(({ grad }) => grad),
          each.gradients,
        ),
      )
      t.ok(worst <= 1e-14, `${JSON.stringify(each.limit ?? each.factor)}: ${worst}`)
      t.equal(without.grad, null)
    }
    const changed = cases.filter(({ gradients }) => JSON.stringify(gradients) !== JSON.stringify(golden.gradients[0]))
    t.ok(changed.length > 0 && changed.length < cases.length, 'some are clipped, and some are not')
  })
}

t.test("averages by timm's rule equal timm's", async (t) => {
  for (const { options, after } of golden.averages) {
    for (const capturable of [false, true]) {
      const weight = fromTypedArray(Float64Array.of(0, 1, 2, 3, 4, 5), [2, 3])
      const bias = fromTypedArray(Float64Array.of(1, 1), [2])
      const ema = new Ema({ stateDict: () => ({ weight, bias }) }, { ...options, rule: 'timm', capturable })
      for (const [i, expected] of after.entries()) {
        scope(() => {
          weight.mul_(0.5).add_(i + 1)
          bias.sub_((i + 1) / 4)
        })
        ema.update()
        const worst = difference(Object.values(ema.stateDict()), expected)
        t.ok(worst <= 1e-14, `${JSON.stringify(options)}, update ${i}: ${worst}`)
      }
      t.equal(ema.updates, after.length)
      for (const each of [ema, weight, bias]) each.dispose()
    }
  }
})

t.test('LAMB leaves the gradients as they are', async (t) => {
  const params = tensorsOf(golden.initial, 'float64', true)
  scope(() => backward(params, tensorsOf(golden.gradients[0], 'float64')))
  const before = scope(() => params.map(({ grad }) => grad.toArray()))
  const optimizer = new Lamb(params, { lr: 0.1, maxGradNorm: 0.01 })
  optimizer.step()
  t.same(
    scope(() => params.map(({ grad }) => grad.toArray())),
    before,
  )
  for (const each of [...params, optimizer]) each.dispose()
})
