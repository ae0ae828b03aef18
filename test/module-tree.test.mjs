// What a module is made of: names and paths, registered parts, shared parts, copies, its text.
import { inspect } from 'node:util'
import * as mb from 'mbconv'
import t from 'tap'
import { tinyArch } from '../scripts/fuzz/targets.mjs'

const { BatchNorm2d, Identity, Linear, Module, ModuleDict, ModuleList, ReLU, Sequential } = mb.nn

class Net extends Module {
  constructor() {
    super()
    this.registerParameter('gain', mb.full([2], 3))
    this.registerBuffer('offset', mb.ones([2]))
    this.registerBuffer('cache', mb.zeros([2]), { persistent: false })
    this.body = new Sequential(new Linear(2, 2), new ReLU())
    this.body2 = new ModuleDict({ left: new Linear(2, 2), right: new Identity() })
  }
  forward(x) {
    return this.body.forward(x).mul(this.gain).add(this.offset)
  }
}
const values = (tensor) => [...tensor.toTypedArray()]

t.test('names and paths, outermost first', async (t) => {
  const net = new Net()
  t.same(
    net.namedModules().map(([path, module]) => [path, module.constructor.name]),
    [
      ['', 'Net'],
      ['body', 'Sequential'],
      ['body.0', 'Linear'],
      ['body.1', 'ReLU'],
      ['body2', 'ModuleDict'],
      ['body2.left', 'Linear'],
      ['body2.right', 'Identity'],
    ],
  )
  t.same(
    net.namedChildren().map(([name]) => name),
    ['body', 'body2'],
  )
  t.equal(net.getSubmodule(''), net)
  t.equal(net.getSubmodule('body.0'), net.body.at(0))
  t.equal(net.getSubmodule('body2.left'), net.body2.get('left'))
  t.equal(net.getParameter('body.0.weight'), net.body.at(0).weight)
  t.equal(net.getParameter('gain'), net.gain)
  t.equal(net.getBuffer('cache'), net.cache)
  t.throws(() => net.getSubmodule('body.2'), { code: 'ERR_VALUE', message: /no module "2" on the path "body.2"/ })
  t.throws(() => net.getSubmodule('bodi.0'), { code: 'ERR_VALUE', hint: /"body"/ })
  t.throws(() => net.getParameter('body.0.wieght'), { code: 'ERR_VALUE', hint: /"weight"/ })
  t.throws(() => net.getBuffer('gain'), { code: 'ERR_VALUE', message: /no buffer "gain"/ })
  t.throws(() => net.getSubmodule(5), { code: 'ERR_TYPE' })

  const order = []
  t.equal(
    net.apply((module) => order.push(module.constructor.name)),
    net,
  )
  t.same(order, ['Linear', 'ReLU', 'Sequential', 'Linear', 'Identity', 'ModuleDict', 'Net'])
  t.throws(() => net.apply(5), { code: 'ERR_TYPE', message: /fn must be a function/ })
  net.dispose()
})

t.test('registered tensors are properties; a buffer that is not persistent moves, and is not saved', async (t) => {
  const net = new Net()
  t.same(Object.keys(net.stateDict()).slice(0, 2), ['gain', 'offset'])
  t.notOk('cache' in net.stateDict())
  t.same(
    net.namedBuffers().map(([name]) => name),
    ['offset', 'cache'],
  )
  t.ok(net.gain.requiresGrad)
  t.notOk(net.cache.requiresGrad)
  net.double()
  t.equal(net.cache.dtype, 'float64')
  t.equal(net.gain.dtype, 'float64')
  const other = mb.ones([2])
  net.gain = other
  t.equal(net.getParameter('gain'), other)
  t.ok(other.requiresGrad, 'an assigned tensor is a parameter')
  net.cache = mb.ones([1])
  t.notOk('cache' in net.stateDict(), 'an assigned buffer is what the one before was')
  net.gain = null
  t.equal(net.gain, undefined)
  t.notOk(net.namedParameters().some(([name]) => name === 'gain'))
  t.throws(() => (net.gain = 5), { code: 'ERR_TYPE', message: /gain is not a tensor/ })
  t.throws(() => net.registerParameter('product', other.mul(2)), { code: 'ERR_AUTOGRAD', message: /product/ })
  for (const name of ['', 'a.b', 'training', 'body', 'forward', 'offset', 'train'])
    t.throws(() => net.registerParameter(name, mb.ones([1])), { code: 'ERR_VALUE' }, name)
  t.throws(() => net.registerParameter(5, mb.ones([1])), { code: 'ERR_TYPE' })
  t.throws(() => net.registerBuffer('gain', mb.ones([1])), { code: 'ERR_VALUE', message: /something else/ })
  t.throws(() => net.registerBuffer('b', mb.ones([1]), { persist: true }), { code: 'ERR_TYPE' })

  net.registerModule('extra', new ReLU())
  t.equal(net.getSubmodule('extra'), net.extra)
  net.registerModule('extra', null)
  t.throws(() => net.getSubmodule('extra'), { code: 'ERR_VALUE' })
  t.throws(() => net.registerModule('train', new ReLU()), { code: 'ERR_VALUE' })
  t.throws(() => net.registerModule('x', (x) => x), { code: 'ERR_TYPE', message: /x is not a Module/ })
  net.dispose()

  class Fields extends Module {
    weight
    constructor() {
      super()
      this.registerParameter('weight', mb.ones([1]))
    }
    forward(x) {
      return x.mul(this.weight)
    }
  }
  t.equal(new Fields().parameters().length, 1, 'a class field without a value')
})

t.test('a tensor that is refused leaves its name free, and what was there as it was', async (t) => {
  const net = new Net()
  const leaf = mb.ones([1], { requiresGrad: true })
  const gone = mb.ones([1])
  gone.dispose()
  const integers = mb.ones([1], { dtype: 'int64' })
  t.throws(() => net.registerParameter('w', leaf.mul(2)), { code: 'ERR_AUTOGRAD' })
  for (const [tensor, expected] of [
    [integers, { code: 'ERR_TYPE' }],
    [gone, { code: 'ERR_DISPOSED' }],
  ])
    t.throws(() => net.registerParameter('w', tensor), expected)
  net.registerParameter('w', leaf.detach())
  t.same(values(net.w), [1])
  t.throws(() => net.registerBuffer('b', gone), { code: 'ERR_DISPOSED' })
  net.b = 'free'
  t.equal(net.b, 'free')
  t.throws(() => net.registerBuffer('cache', gone), { code: 'ERR_DISPOSED' })
  t.notOk('cache' in net.stateDict(), 'still not persistent')
  net.dispose()
})

t.test('no part has the name __proto__', async (t) => {
  const net = new Net()
  const name = '__proto__'
  for (const call of [
    () => net.registerModule(name, new ReLU()),
    () => net.registerParameter(name, mb.ones([1])),
    () => net.registerBuffer(name, mb.ones([1])),
    () => new ModuleDict([[name, new ReLU()]]),
  ])
    t.throws(call, { code: 'ERR_VALUE', message: /must not be __proto__/ }, String(call))
  t.equal(net.constructor, Net)
  net.dispose()
})

t.test('shared modules and tied weights count once, and have a key for each place', async (t) => {
  const layer = new Linear(2, 2)
  const net = new Sequential(layer, new ReLU(), layer, new Linear(2, 2, { bias: false }))
  net.at(3).weight = layer.weight
  t.equal(net.parameters().length, 2)
  t.same(
    net.namedParameters().map(([name]) => name),
    ['0.weight', '0.bias'],
  )
  t.same(
    net.namedModules().map(([path]) => path),
    ['', '0', '1', '3'],
  )
  t.equal(net.children().length, 3)
  // The keys of torch: nn.Sequential(a, nn.ReLU(), a, c).state_dict() with c.weight = a.weight.
  t.same(Object.keys(net.stateDict()), ['0.weight', '0.bias', '2.weight', '2.bias', '3.weight'])
  net.double()
  t.equal(net.at(3).weight, layer.weight, 'what is shared moves once, and stays shared')
  t.equal(net.at(3).weight.dtype, 'float64')
  const copy = net.clone()
  t.equal(copy.at(0), copy.at(2))
  t.equal(copy.at(3).weight, copy.at(0).weight)
  t.not(copy.at(0), layer)
  const optimizer = new mb.optim.SGD(net.parameters(), { lr: 0.1 })
  mb.scope(() =>
    net
      .forward(mb.ones([1, 2], { dtype: 'float64' }))
      .sum()
      .backward(),
  )
  optimizer.step()
  for (const each of [optimizer, net, copy]) each.dispose()

  const frozen = mb.ones([1])
  const [first, second] = [new Fixed(frozen), new Fixed()]
  first.weight.requiresGrad = false
  second.weight = first.weight
  t.notOk(second.weight.requiresGrad, 'a frozen parameter stays frozen where another module shares it')
})

class Fixed extends Module {
  constructor(weight = mb.zeros([1])) {
    super()
    this.registerParameter('weight', weight)
  }
  forward(x) {
    return x.mul(this.weight)
  }
}

t.test('requiresGrad_, zeroGrad, and moves by name', async (t) => {
  const net = new Net()
  t.equal(net.requiresGrad_(false), net)
  t.notOk(net.parameters().some((each) => each.requiresGrad))
  net.requiresGrad_()
  mb.scope(() =>
    net
      .forward(mb.ones([1, 2]))
      .sum()
      .backward(),
  )
  net.zeroGrad({ setToNone: false })
  t.same(values(net.gain.grad), [0, 0])
  net.zeroGrad()
  t.equal(net.gain.grad, null)
  t.throws(() => net.zeroGrad({ none: true }), { code: 'ERR_TYPE' })
  const dtypes = { double: 'float64', half: 'float16', bfloat16: 'bfloat16', float: 'float32' }
  for (const [method, dtype] of Object.entries(dtypes)) t.equal(net[method]().gain.dtype, dtype, method)
  t.equal(net.cpu(), net)
  if (!mb.cuda.isAvailable()) t.throws(() => net.cuda(), { name: 'MbconvError' })
  net.dispose()
})

t.test("a child's own train() is honoured", async (t) => {
  class Still extends BatchNorm2d {
    train() {
      return super.train(false)
    }
  }
  const net = new Sequential(new Still(2), new Sequential(new Still(2), new ReLU()))
  net.train()
  t.same(
    net.modules().map(({ training }) => training),
    [true, false, true, false, true],
  )
  net.dispose()
})

t.test('private fields are found wherever they are used, and text about them is none', async (t) => {
  class Branded extends Module {
    #brand
    static is(value) {
      return #brand in value
    }
  }
  class Compared extends Module {
    #size = 1
    isLarger(other) {
      return other.#size < 2
    }
  }
  for (const Kind of [Branded, Compared])
    t.throws(() => new Kind().clone(), { code: 'ERR_NOT_IMPLEMENTED', message: /has private fields/ }, Kind.name)
  class Plain extends Module {
    // Not this.#field.
    colour = `#abc${'#def'}`
    pattern = /'#x/
  }
  t.equal(new Plain().clone().colour, '#abc#def')
})

t.test('a copy has tensors of its own, the same modes, and no gradients', async (t) => {
  const net = new Net()
  net.settings = { sizes: [1, 2], on: true }
  net.table = new Map([['a', new Set([1])]])
  net.mask = mb.ones([2])
  net.bytes = Buffer.from([1, 2])
  net.body.at(0).bias.requiresGrad = false
  net.body.eval()
  mb.scope(() =>
    net
      .forward(mb.ones([1, 2]))
      .sum()
      .backward(),
  )
  const before = mb.memory().tensors
  const copy = mb.scope(() => net.clone())
  t.ok(copy instanceof Net && copy.constructor === Net)
  t.same(Object.keys(copy.stateDict()), Object.keys(net.stateDict()))
  t.equal(copy.parameters().length, net.parameters().length)
  for (const [key, tensor] of net.namedParameters().concat(net.namedBuffers())) {
    const other = copy
      .namedParameters()
      .concat(copy.namedBuffers())
      .find(([name]) => name === key)[1]
    t.ok(other !== tensor && other.equal(tensor), key)
    t.equal(other.requiresGrad, tensor.requiresGrad, key)
    t.equal(other.grad, null)
  }
  t.notOk('cache' in copy.stateDict())
  t.same(
    copy.modules().map(({ training }) => training),
    net.modules().map(({ training }) => training),
  )
  t.ok(copy.mask.equal(net.mask) && copy.mask !== net.mask)
  t.same([copy.settings, copy.table], [net.settings, net.table])
  for (const key of ['settings', 'table', 'bytes']) t.not(copy[key], net[key], key)
  copy.bytes[0] = 9
  t.equal(net.bytes[0], 1)
  mb.noGrad(() => copy.gain.fill_(0))
  t.same(values(net.gain), [3, 3])
  t.same(values(copy.gain), [0, 0], 'the property is that of the copy')
  copy.mask.dispose()
  copy.dispose()
  t.equal(mb.memory().tensors, before)

  net.product = net.gain.mul(2)
  t.throws(() => net.clone(), { code: 'ERR_AUTOGRAD', hint: /detach/ })
  net.product.dispose()
  t.equal(mb.memory().tensors, before, 'a copy that fails leaves nothing')
  net.product = null
  class Private extends Net {
    #x = 1
    forward(x) {
      return x.mul(this.#x)
    }
  }
  net.child = new Private()
  t.throws(() => net.clone(), { code: 'ERR_NOT_IMPLEMENTED', message: /Private has private fields/, hint: /clone\(\)/ })
  net.child.clone = undefined
  class Own extends Private {
    clone() {
      return new Own()
    }
  }
  net.child = new Own()
  t.ok(net.clone().child instanceof Own)
})

t.test('networks can be copied, also with frozen or replaced parts', async (t) => {
  const network = mb.models.create(tinyArch(mb), { numClasses: 2, seed: 1, dropout: 0.3 })
  network.freeze({ upTo: 1 })
  const copy = network.clone()
  t.equal(copy.frozen, network.frozen)
  t.equal(copy.dropout, 0.3)
  t.same(
    copy.parameters().map(({ requiresGrad }) => requiresGrad),
    network.parameters().map(({ requiresGrad }) => requiresGrad),
  )
  t.equal(String(copy), String(network))
  copy.unfreeze().train()
  t.equal(network.frozen, 2)
  const images = mb.rand([2, 3, 16, 16])
  t.ok(copy.eval().forward(images).equal(network.eval().forward(images)))
  t.ok(copy.fuse().forward(images).allclose(network.forward(images), { atol: 1e-5 }))
  copy.features.at(0).append(new Identity())
  t.equal(network.features.at(0).length, 2)
  t.throws(() => copy.freeze({ upTo: 99 }), { code: 'ERR_INDEX' })
  // A part that returns its input, and a classifier without dropout.
  copy.features.set(1, new Identity())
  copy.classifier = new Linear(8, 3)
  t.equal(copy.dropout, 0)
  t.throws(() => (copy.dropout = 0.5), { code: 'ERR_VALUE', message: /no dropout/ })
})

t.test('the text of a module', async (t) => {
  const net = new Net()
  // Python's for the same classes.
  const text = `Net(
  (body): Sequential(
    (0): Linear(in_features=2, out_features=2, bias=True)
    (1): ReLU()
  )
  (body2): ModuleDict(
    (left): Linear(in_features=2, out_features=2, bias=True)
    (right): Identity()
  )
)`
  t.equal(String(net), text)
  t.equal(inspect(net), text)
  t.equal(inspect({ net }).includes('Net('), true)
  class Extra extends Net {
    extraRepr() {
      return 'first\nsecond'
    }
  }
  t.equal(String(new Extra()).split('\n').slice(0, 4).join('\n'), 'Extra(\n  first\n  second\n  (body): Sequential(')
  const list = new ModuleList([1, 2, 3, 4].map((out) => new Linear(2, out < 3 ? 2 : out)))
  t.equal(
    String(list),
    `ModuleList(
  (0-1): 2 x Linear(in_features=2, out_features=2, bias=True)
  (2): Linear(in_features=2, out_features=3, bias=True)
  (3): Linear(in_features=2, out_features=4, bias=True)
)`,
  )
  t.equal(
    String(new ModuleList([new Sequential(new ReLU()), new Sequential(new ReLU())])),
    'ModuleList(\n  (0-1): 2 x Sequential(\n    (0): ReLU()\n  )\n)',
  )
  t.equal(String(new Sequential()), 'Sequential()')
  net.dispose()
})
