// Module and Sequential: what they are made of, their state, moving them.
import * as mb from 'mbconv'
import t from 'tap'

const { BatchNorm2d, Conv2d, Linear, Module, Sequential, SiLU } = mb.nn

/** Two levels, a parameter and a buffer of its own, and a property that is neither. */
class Net extends Module {
  constructor() {
    super()
    this.registerParameter('gain', mb.full([], 2))
    this.registerBuffer('offset', mb.full([3], 0.5))
    this.body = new Sequential(new Conv2d(3, 4, 3, { bias: false }), new BatchNorm2d(4), new SiLU())
    this.label = 'not a module'
    this.head = new Linear(4, 2)
  }
  forward(x) {
    return this.head.forward(this.body.forward(x).mean({ dim: [2, 3] })).mul(this.gain)
  }
}

const KEYS = [
  'gain',
  'offset',
  'body.0.weight',
  'body.1.weight',
  'body.1.bias',
  'body.1.running_mean',
  'body.1.running_var',
  'body.1.num_batches_tracked',
  'head.weight',
  'head.bias',
]

const snapshot = (module) =>
  Object.fromEntries(Object.entries(module.stateDict()).map(([key, tensor]) => [key, tensor.toTypedArray()]))

/** A state dict of fresh tensors, all elements `value`. */
const filled = (module, value) =>
  Object.fromEntries(
    Object.entries(module.stateDict()).map(([key, { shape, dtype }]) => [key, mb.full(shape, value, { dtype })]),
  )

t.test('the state dict: own parameters, own buffers, children, in the order they were made', (t) => {
  const net = new Net()
  t.same(Object.keys(net.stateDict()), KEYS)
  t.same(
    net.namedParameters('net.').map(([key]) => key),
    KEYS.filter((key) => !/offset|running|tracked/.test(key)).map((key) => `net.${key}`),
  )
  t.same(
    net.namedBuffers().map(([key]) => key),
    KEYS.filter((key) => /offset|running|tracked/.test(key)),
  )
  t.ok(net.parameters().every((parameter) => parameter.requiresGrad && parameter.isLeaf))
  t.notOk(net.namedBuffers().some(([, buffer]) => buffer.requiresGrad))
  t.equal(net.modules().length, 6)
  t.same(net.children(), [net.body, net.head])
  t.equal(net.body.length, 3)
  t.equal(net.body.at(-1), [...net.body][2])
  t.equal(net.stateDict()['head.weight'], net.head.weight, 'the tensors themselves')
  net.dispose()
  t.end()
})

t.test('train and eval reach everything inside', (t) => {
  const net = new Net()
  t.ok(net.modules().every((module) => module.training))
  t.equal(net.eval(), net)
  t.notOk(net.modules().some((module) => module.training))
  net.body.train()
  t.same(
    net.modules().map((module) => module.training),
    [false, true, true, true, true, false],
  )
  net.dispose()
  t.end()
})

t.test('loadStateDict copies values, converting their dtype', (t) => {
  mb.scope(() => {
    const net = new Net()
    const weight = net.head.weight
    const dict = filled(net, 3)
    dict['head.weight'] = mb.full([2, 4], 0.1, { dtype: 'float64' })
    t.same(net.loadStateDict(dict), { missing: [], unexpected: [] })
    t.equal(net.head.weight, weight, 'the module keeps its own tensors')
    t.same([...weight.toTypedArray()], Array(8).fill(Math.fround(0.1)))
    t.same(net.stateDict()['body.1.num_batches_tracked'].item(), 3)
    t.ok(weight.requiresGrad)
    dict['head.bias'].fill_(9)
    t.same([...net.head.bias.toTypedArray()], [3, 3], 'a copy: later writes to the dict do not reach it')
    net.dispose()
  })
  t.end()
})

t.test('a state dict that does not fit is refused as a whole', (t) => {
  mb.scope(() => {
    const net = new Net()
    const before = snapshot(net)
    const refused = (change, code, ...messages) => {
      const dict = filled(net, 7)
      change(dict)
      for (const message of messages) t.throws(() => net.loadStateDict(dict), { code, message, op: 'loadStateDict' })
      t.same(snapshot(net), before, 'nothing has changed')
    }
    const rename = (dict) => {
      dict['body.0.kernel'] = dict['body.0.weight']
      delete dict['body.0.weight']
      delete dict['head.bias']
      dict.gain = mb.zeros([2])
    }
    refused(
      rename,
      'ERR_VALUE',
      /missing keys: body\.0\.weight, head\.bias/,
      /unknown keys: body\.0\.kernel/,
      /gain: \[2\] given, \[\] here/,
    )
    refused(
      (dict) => (dict['head.weight'] = mb.zeros([4, 2])),
      'ERR_SHAPE',
      /head\.weight: \[4, 2\] given, \[2, 4\] here/,
    )
    refused((dict) => (dict['head.bias'] = [1, 2]), 'ERR_TYPE', /head\.bias is not a tensor/)
    refused((dict) => dict['head.bias'].dispose(), 'ERR_DISPOSED', /head\.bias/)
    t.throws(() => net.loadStateDict(null), { code: 'ERR_TYPE' })
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`extra.${i}`, mb.zeros([1])]))
    t.throws(() => net.loadStateDict({ ...filled(net, 7), ...many }), { message: /extra\.7 and 12 more/ })
    net.dispose()
  })
  t.end()
})

t.test('strict: false takes what both sides have, of the right shape', (t) => {
  mb.scope(() => {
    const net = new Net()
    const dict = { 'head.bias': mb.full([2], 7), extra: mb.zeros([1]) }
    const result = net.loadStateDict(dict, { strict: false })
    t.same(result, { missing: KEYS.filter((key) => key !== 'head.bias'), unexpected: ['extra'] })
    t.same([...net.head.bias.toTypedArray()], [7, 7])
    t.throws(() => net.loadStateDict({ 'head.bias': mb.zeros([3]) }, { strict: false }), { code: 'ERR_SHAPE' })
    net.dispose()
  })
  t.end()
})

t.test('to() converts floating-point tensors and lays out 4-d ones, keeping what need not change', (t) => {
  const net = new Net()
  const before = { ...net.stateDict() }
  const values = snapshot(net)
  t.equal(net.to({ dtype: 'float32', device: 'cpu', memoryFormat: 'contiguous' }), net)
  t.ok(
    Object.entries(net.stateDict()).every(([key, tensor]) => tensor === before[key]),
    'nothing to do, nothing done',
  )

  net.to({ dtype: 'float64', memoryFormat: 'channelsLast' })
  for (const [key, tensor] of Object.entries(net.stateDict())) {
    const counter = key.endsWith('tracked')
    t.equal(tensor.dtype, counter ? 'int64' : 'float64', key)
    t.equal(before[key].isDisposed, !counter, `${key}: the old handle is ${counter ? 'kept' : 'gone'}`)
    t.same([...tensor.toTypedArray()].map(Number), [...values[key]].map(Number))
  }
  t.ok(net.parameters().every((parameter) => parameter.requiresGrad && parameter.isLeaf))
  t.notOk(net.namedBuffers().some(([, buffer]) => buffer.requiresGrad))
  const weight = net.stateDict()['body.0.weight']
  t.ok(weight.isContiguous({ memoryFormat: 'channelsLast' }))
  t.notOk(weight.isContiguous())
  net.dispose()
  t.end()
})

t.test('a frozen parameter stays frozen when it moves', (t) => {
  const net = new Net()
  net.head.bias.requiresGrad = false
  net.to({ dtype: 'float64' })
  t.same(
    net.namedParameters().map(([key, parameter]) => [key, parameter.requiresGrad]),
    net.namedParameters().map(([key]) => [key, key !== 'head.bias']),
  )
  net.dispose()
  t.end()
})

t.test('a move that fails changes nothing', (t) => {
  const net = new Net()
  const before = { ...net.stateDict() }
  const { tensors } = mb.memory()
  t.throws(() => net.to({ dtype: 'int64' }), { code: 'ERR_TYPE', message: /float32/ })
  t.throws(() => net.to({ device: 'nowhere' }), { name: 'MbconvError' })
  t.throws(() => net.to({ dtype: 'float64', memoryFormat: 'diagonal' }), { name: 'MbconvError' })
  t.ok(Object.entries(net.stateDict()).every(([key, tensor]) => tensor === before[key] && !tensor.isDisposed))
  t.equal(mb.memory().tensors, tensors)
  net.dispose()
  t.end()
})

t.test('parameters made or moved in a scope outlive it', (t) => {
  let net
  mb.scope(() => {
    net = new Net()
  })
  mb.scope(() => net.to({ dtype: 'float64' }))
  t.notOk(Object.values(net.stateDict()).some((tensor) => tensor.isDisposed))
  net[Symbol.dispose]()
  net.dispose()
  t.ok(Object.values(net.stateDict()).every((tensor) => tensor.isDisposed))
  t.end()
})

t.test('zeroGrad drops gradients', (t) => {
  const net = new Net()
  mb.scope(() =>
    net
      .forward(mb.randn([2, 3, 5, 5]))
      .sum()
      .backward(),
  )
  t.ok(mb.scope(() => net.parameters().every((parameter) => parameter.grad !== null)))
  net.zeroGrad()
  t.ok(net.parameters().every((parameter) => parameter.grad === null))
  net.dispose()
  t.end()
})

t.test('Sequential refuses what is no module', (t) => {
  t.throws(() => new Sequential(new SiLU(), (x) => x), {
    code: 'ERR_TYPE',
    message: /must be a Module, got a function/,
  })
  t.end()
})
