// Sequential, ModuleList and ModuleDict: what they hold, and under which names.
import * as mb from 'mbconv'
import t from 'tap'

const { Conv2d, Identity, Linear, ModuleDict, ModuleList, ReLU, Sequential } = mb.nn

const values = (tensor) => [...tensor.toTypedArray()]

t.test('containers', async (t) => {
  const [a, b, c, d] = [new ReLU(), new Identity(), new ReLU(), new Identity()]
  for (const list of [new Sequential(a, b), new ModuleList([a, b])]) {
    t.equal(list.append(c), list)
    t.same([...list], [a, b, c])
    list.insert(-1, d).set(0, b).extend([a])
    t.same([...list], [b, b, d, c, a])
    t.equal(list.pop(), a)
    t.equal(list.pop(0), b)
    t.equal(list.length, 3)
    t.equal(list.at(-1), c)
    t.equal(list.at(7), undefined)
    for (const call of [() => list.set(3, a), () => list.insert(9, a), () => list.pop(-4), () => list.pop('0')])
      t.throws(call, { code: 'ERR_INDEX' }, String(call))
    for (const call of [() => list.append(5), () => list.set(0, null), () => list.extend([a, 5])])
      t.throws(call, { code: 'ERR_TYPE' }, String(call))
    t.equal(list.length, 3, 'what is refused changes nothing')
  }
  t.equal(new Sequential().forward(a).constructor, ReLU)
  const named = new Sequential({ conv: new Conv2d(1, 1, 1), act: a })
  t.same(Object.keys(named.stateDict()), ['conv.weight', 'conv.bias'])
  t.same(named.append(b).namedChildren(), [
    ['conv', named.at(0)],
    ['act', a],
    ['2', b],
  ])
  t.throws(() => new Sequential({ 'a.b': a }), { code: 'ERR_VALUE' })
  t.throws(() => new ModuleList([a, 5]), { code: 'ERR_TYPE', message: /argument 1/ })
  t.throws(() => new ModuleList([a]).forward(), { code: 'ERR_NOT_IMPLEMENTED' })

  const dict = new ModuleDict({ 10: a, x: b })
  dict.set('2', c)
  t.same([...dict.keys()], ['10', 'x', '2'], 'in the order in which they were set')
  t.same(
    dict.namedChildren().map(([name]) => name),
    ['10', 'x', '2'],
  )
  t.equal(dict.get('x'), b)
  t.ok(dict.has('2') && dict.delete('2') && !dict.delete('2'))
  t.same([...dict.update([['y', d]])], [...dict.entries()])
  t.same([...dict.values()], [a, b, d])
  t.equal(dict.size, 3)
  dict.clear()
  t.equal(dict.size, 0)
  t.throws(() => dict.set('a.b', a), { code: 'ERR_VALUE' })
  t.throws(() => dict.set('a', 5), { code: 'ERR_TYPE' })
  t.throws(() => new ModuleDict(5), { code: 'ERR_TYPE' })
  t.throws(() => dict.forward(), { code: 'ERR_NOT_IMPLEMENTED' })
})

t.test('properties of containers are children, behind the entries', async (t) => {
  const linear = () => new Linear(1, 1, { bias: false })
  class Tail extends Sequential {
    constructor() {
      const first = linear()
      super(first)
      this.first = first
      this.extra = linear()
    }
  }
  const net = new Tail()
  mb.noGrad(() => net.parameters().forEach((weight, i) => void weight.fill_(i + 2)))
  t.same(Object.keys(net.stateDict()), ['0.weight', 'extra.weight'], 'an entry in a property counts once')
  t.same(
    mb.scope(() => values(net.forward(mb.ones([1, 1])))),
    [6],
    'and PyTorch runs both',
  )
  t.equal(net.eval().extra.training, false)
  t.equal(net.double().extra.weight.dtype, 'float64')
  const copy = net.clone()
  t.same(Object.keys(copy.stateDict()), ['0.weight', 'extra.weight'])
  copy.dispose()
  t.ok(copy.extra.weight.isDisposed && !net.extra.weight.isDisposed)
  t.same([...net], [net.first, net.extra])
  t.same([net.length, net.at(-1)], [2, net.extra])
  const other = new ReLU()
  net.set(-1, other)
  t.equal(net.extra, other)
  t.equal(net.pop(), other)
  t.notOk('extra' in net)

  const list = new ModuleList()
  list.registerModule('0', other)
  list.registerModule('extra', net)
  t.same(list.namedChildren(), [
    ['0', other],
    ['extra', net],
  ])
  list.registerModule('0', net.first)
  t.equal(list.at(0), net.first, 'in place of the module of that name')
  t.throws(() => list.registerModule('append', other), { code: 'ERR_VALUE' })
  list.registerModule('0', null)
  t.same([...list], [net])

  const dict = new ModuleDict()
  dict.registerModule('a', other)
  t.equal(dict.get('a'), other)
  dict.extra = net
  t.same([...dict.keys()], ['a'])
  t.same(dict.namedChildren().length, 2)
  dict.registerModule('a', null)
  t.equal(dict.size, 0)
  dict.dispose()
  t.ok(net.first.weight.isDisposed)
})

t.test('names in a Sequential have one order, and occur once', async (t) => {
  const [a, b] = [new ReLU(), new Identity()]
  for (const modules of [
    { a, 0: b },
    { 1: a, 0: b },
    { 0: a, 2: b },
  ])
    t.throws(() => new Sequential(modules), { code: 'ERR_VALUE', message: /no sure place/, hint: /as arguments/ })
  const net = new Sequential({ a })
  net.a = b
  t.throws(() => net.forward(mb.ones([1])), { code: 'ERR_VALUE', message: /two modules have the name "a"/ })
  net.a = a
  t.same(net.namedChildren(), [['a', a]])
})
