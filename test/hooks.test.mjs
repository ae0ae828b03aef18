// Hooks of modules and tensors: order, values and replacements as PyTorch's; errors, memory, and a forward that was
// assigned.
import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import * as mb from 'mbconv'
import t from 'tap'
import { tinyArch } from '../scripts/fuzz/targets.mjs'

const { scenarios } = JSON.parse(readFileSync(new URL('./golden/hooks.json', import.meta.url), 'utf8'))
const { Module, Sequential } = mb.nn

const shown = (value) => {
  if (value instanceof mb.Tensor) return value.toArray()
  return Array.isArray(value) ? value.map(shown) : (value ?? null)
}
const leaf = (...values) => mb.tensor(values, { requiresGrad: true })

class Scale extends Module {
  constructor(factor) {
    super()
    this.registerParameter('factor', mb.tensor([factor]))
  }
  forward(x) {
    return x.mul(this.factor)
  }
}
class Several extends Module {
  forward(a, b, c) {
    return [a.mul(b).add(c), a.mul(2)]
  }
}
const note = (log, entry, result) => {
  log.push(entry)
  return result
}

function fullBackward(requires) {
  const [log, layer] = [[], new Several()]
  layer.registerFullBackwardPreHook((_, out) => note(log, ['pre', shown(out)]))
  layer.registerFullBackwardHook((_, inputs, out) => note(log, ['hook', shown(inputs), shown(out)]))
  const tensors = requires.map((requiresGrad, i) => mb.full([2], i + 1, { requiresGrad }))
  layer
    .forward(...tensors)[0]
    .sum()
    .backward()
  return [log, tensors.map((each) => shown(each.grad))]
}

/** The scenarios of scripts/goldens/hooks.py. */
const SCENARIOS = {
  forward_order() {
    const [log, layer] = [[], new Scale(2)]
    layer.registerForwardPreHook((_, args) => note(log, ['pre 1', shown(args)]))
    layer.registerForwardPreHook((_, args) => note(log, ['pre 2', shown(args)], args[0].add(1)))
    layer.registerForwardPreHook((_, args) => note(log, ['pre first', shown(args)], [args[0].mul(10)]), {
      prepend: true,
    })
    layer.registerForwardHook((_, args, out) => note(log, ['after 1', shown(args), shown(out)]))
    layer.registerForwardHook((_, _args, out) => note(log, ['after 2', shown(out)], out.mul(100)))
    layer.registerForwardHook((_, _args, out) => note(log, ['after first', shown(out)], out.sub(1)), { prepend: true })
    return [shown(layer.forward(mb.tensor([1, 2]))), log]
  },
  removal() {
    const [log, layer, one] = [[], new Scale(2), mb.ones([1])]
    const handles = [0, 1, 2].map((i) => layer.registerForwardHook(() => note(log, i)))
    layer.forward(one)
    handles[1].remove()
    handles[1].remove()
    layer.forward(one)
    for (const handle of handles) handle.remove()
    layer.forward(one)
    return log
  },
  always_called() {
    const [log, layer] = [[], new Scale(2)]
    layer.registerForwardHook((_, _args, out) => note(log, ['before', shown(out)]), { alwaysCall: true })
    layer.registerForwardHook(() => {
      log.push('fails')
      throw new RangeError('in a hook')
    })
    layer.registerForwardHook(() => note(log, 'not called'))
    layer.registerForwardHook((_, _args, out) => note(log, ['always', shown(out)]), { alwaysCall: true })
    try {
      layer.forward(mb.ones([1]))
    } catch (error) {
      log.push(error.message)
    }
    return log
  },
  full_backward_one: () => fullBackward([true, false, true]),
  full_backward_all: () => fullBackward([true, true, true]),
  no_input_gradient() {
    const [log, layer] = [[], new Scale(3)]
    layer.registerFullBackwardHook((_, inputs, out) => note(log, [shown(inputs), shown(out)]))
    layer
      .forward(mb.ones([2]))
      .sum()
      .backward()
    return [log, shown(layer.factor.grad)]
  },
  replaced_gradients() {
    const [log, layer, x] = [[], new Scale(3), leaf(1, 2)]
    layer.registerFullBackwardPreHook((_, out) => [out[0].mul(10)])
    layer.registerFullBackwardHook((_, inputs, out) => note(log, ['1', shown(inputs), shown(out)], [inputs[0].add(1)]))
    layer.registerFullBackwardHook((_, inputs, out) => note(log, ['2', shown(inputs), shown(out)]))
    layer.registerFullBackwardHook((_, inputs) => note(log, ['first', shown(inputs)], [inputs[0].mul(2)]), {
      prepend: true,
    })
    layer.forward(x).sum().backward()
    return [log, shown(x.grad), shown(layer.factor.grad)]
  },
  nested_modules() {
    const [log, net, x] = [[], new Sequential(new Scale(2), new Scale(3)), leaf(1)]
    for (const [name, module] of net.namedModules()) {
      module.registerForwardPreHook(() => note(log, ['pre', name]))
      module.registerForwardHook((_, _args, out) => note(log, ['after', name, shown(out)]))
      module.registerFullBackwardHook((_, inputs, out) => note(log, ['back', name, shown(inputs), shown(out)]))
    }
    net.forward(x).sum().backward()
    return [log, shown(x.grad)]
  },
  used_twice() {
    const [log, layer, x] = [[], new Scale(2), leaf(1)]
    layer.registerFullBackwardHook((_, inputs, out) => note(log, [shown(inputs), shown(out)]))
    layer.forward(layer.forward(x)).sum().backward()
    return [log, shown(x.grad), shown(layer.factor.grad)]
  },
  without_gradients() {
    const [log, layer] = [[], new Scale(2)]
    layer.registerFullBackwardHook(() => note(log, 'called'))
    const out = mb.noGrad(() => layer.forward(leaf(1)))
    return [log, out.requiresGrad]
  },
  second_derivative() {
    const [log, layer, x] = [[], new Scale(2), leaf(3)]
    layer.registerFullBackwardHook((_, inputs, out) => note(log, [shown(inputs), shown(out)]))
    const [gradient] = mb.grad(layer.forward(x).pow(3).sum(), x, { createGraph: true })
    const [second] = mb.grad(gradient.sum(), x)
    return [log, shown(gradient), shown(second)]
  },
  patched_forward() {
    const [log, net] = [[], new Sequential(new Scale(2), new Scale(3))]
    net.at(0).registerForwardHook((_, _args, out) => note(log, shown(out)))
    net.at(0).forward = (x) => x.add(1)
    return [shown(net.forward(mb.ones([1]))), log]
  },
  copied() {
    const [log, layer] = [[], new Scale(2)]
    const handle = layer.registerForwardHook((module, _args, out) => note(log, [module === layer, shown(out)]))
    const other = layer.clone()
    handle.remove()
    layer.forward(mb.ones([1]))
    other.forward(mb.ones([1]))
    return log
  },
  tensor_order() {
    const [log, x] = [[], leaf(1, 2)]
    x.registerHook((g) => note(log, ['1', shown(g)]))
    x.registerHook((g) => note(log, ['2', shown(g)], g.mul(10)))
    const removed = x.registerHook(() => note(log, 'removed'))
    x.registerHook((g) => note(log, ['3', shown(g)]))
    removed.remove()
    x.mul(3).sum().backward()
    x.mul(3).sum().backward()
    return [log, shown(x.grad)]
  },
  tensor_within() {
    const [log, x] = [[], leaf(1, 2)]
    const y = x.mul(2)
    y.registerHook((g) => note(log, shown(g), g.add(1)))
    const z = y.mul(y)
    z.registerHook((g) => note(log, shown(g), g.mul(2)))
    z.sum().backward()
    return [log, shown(x.grad)]
  },
  tensor_in_place() {
    const [log, x] = [[], leaf(1, 2)]
    const y = x.mul(2)
    y.registerHook((g) => note(log, ['before', shown(g)]))
    y.mul_(3)
    y.registerHook((g) => note(log, ['after', shown(g)]))
    y.sum().backward()
    return [log, shown(x.grad)]
  },
  retained() {
    const x = leaf(1, 2)
    const y = x.mul(2)
    y.registerHook((g) => g.mul(10))
    y.retainGrad()
    y.retainGrad()
    const before = y.retainsGrad
    y.mul(3).sum().backward()
    x.retainGrad()
    return [before, shown(y.grad), shown(x.grad), x.retainsGrad]
  },
  tensor_grad() {
    const [log, x] = [[], leaf(2)]
    x.registerHook((g) => note(log, shown(g), g.mul(5)))
    const [gradient] = mb.grad(x.mul(x).sum(), x)
    return [log, shown(gradient), x.grad === null]
  },
}

t.test('order, values and replacements are those of PyTorch', async (t) => {
  t.same(Object.keys(SCENARIOS), Object.keys(scenarios))
  for (const [name, scenario] of Object.entries(SCENARIOS)) t.same(mb.scope(scenario), scenarios[name], name)
})

t.test('what a hook throws comes out as it is, and everything goes on', async (t) => {
  const thrown = [new RangeError('mine'), Object.freeze(new Error('frozen')), 5, null, undefined, Symbol('s')]
  for (const value of thrown) {
    const raise = () => {
      throw value
    }
    const places = {
      registerHook: () => leaf(1).mul(1).sum(),
      'registerHook of a leaf': (x = leaf(1)) => {
        x.registerHook(raise)
        return x.mul(2).sum()
      },
    }
    const of = {
      'a hook of a tensor': () => {
        const y = places.registerHook()
        y.registerHook(raise)
        y.backward()
      },
      'a hook of a leaf': () => places['registerHook of a leaf']().backward(),
      'a hook before forward': () => hooked('registerForwardPreHook'),
      'a hook after forward': () => hooked('registerForwardHook'),
      'a hook before backward': () => hooked('registerFullBackwardPreHook').sum().backward(),
      'a hook after backward': () => hooked('registerFullBackwardHook').sum().backward(),
    }
    const hooked = (method) => {
      const layer = new Scale(2)
      layer[method](raise)
      return layer.forward(leaf(1))
    }
    for (const [name, call] of Object.entries(of)) {
      let caught = 'nothing'
      try {
        call()
      } catch (error) {
        caught = error
      }
      t.ok(Object.is(caught, value), `${name}: ${String(value)}`)
    }
  }
  const x = leaf(2)
  x.mul(3).sum().backward()
  t.same(x.grad.toArray(), [3])
})

t.test('a hook of a tensor that the loss does not use is not called', async (t) => {
  const x = leaf(1, 2, 3, 4)
  const [used, unused] = x.mul(2).split([2, 2])
  let calls = 0
  unused.registerHook((g) => {
    calls++
    return g.mul(2)
  })
  used.sum().backward()
  t.equal(calls, 0)
  t.same(x.grad.toArray(), [2, 2, 0, 0])
})

t.test('removed hooks of a tensor leave nothing behind, and the others keep their order', async (t) => {
  const x = leaf(1)
  const names = []
  const ran = () => {
    x.mul(1).sum().backward()
    return names.splice(0)
  }
  const add = (name) => x.registerHook(() => note(names, name))
  const [a, b, c] = [add('a'), add('b'), add('c')]
  b.remove()
  const d = add('d')
  t.same(ran(), ['a', 'c', 'd'], 'an empty place in the middle stays empty')
  d.remove()
  c.remove()
  const e = add('e')
  for (const handle of [b, c, d]) handle.remove()
  t.same(ran(), ['a', 'e'], 'a handle removes its own hook only')
  const own = x.registerHook(() => {
    own.remove()
    e.remove()
    add('f')
    return note(names, 'own')
  })
  t.same(ran().slice(0, 3), ['a', 'e', 'own'], 'hooks may be removed and added while hooks run')
  t.same(ran(), ['a', 'f'])
  a.remove()

  // The hook of the old value stays with the operation that the tensor has left.
  const y = x.mul(1)
  const before = y.registerHook(() => note(names, 'before'))
  y.mul_(1)
  y.registerHook(() => note(names, 'after'))
  before.remove()
  y.sum().backward()
  t.same(names.splice(0), ['after', 'f'])

  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc')
  const register = async (times) => {
    for (let i = 0; i < times; i++) {
      x.registerHook(() => null).remove()
      if (i % 1000 > 0) continue
      collect()
      await new Promise(setImmediate)
    }
  }
  await register(10_000)
  const bytes = process.memoryUsage().rss
  await register(50_000)
  t.ok(process.memoryUsage().rss - bytes < 5e6, 'a hook that was removed takes no memory')
})

t.test('what hooks may not be, and may not return', async (t) => {
  const backward = (hook) => {
    const x = leaf(1, 2)
    x.registerHook(hook)
    x.mul(2).sum().backward()
  }
  t.throws(() => mb.ones([1]).registerHook(() => null), { code: 'ERR_AUTOGRAD', message: /does not require/ })
  t.throws(() => mb.ones([1]).retainGrad(), { code: 'ERR_AUTOGRAD' })
  t.throws(() => leaf(1).registerHook(), { code: 'ERR_TYPE', message: /hook must be a function/ })
  t.throws(() => backward(() => 5), { code: 'ERR_TYPE', message: /what a hook returns must be a Tensor/ })
  t.throws(() => backward(() => mb.ones([3])), { code: 'ERR_SHAPE', message: /same shape/ })
  t.throws(() => backward(() => mb.ones([2], { dtype: 'float64' })), { code: 'ERR_TYPE', message: /same dtype/ })
  t.throws(() => backward(async () => null), { code: 'ERR_SCOPE', message: /synchronous/ })

  const layer = new Scale(2)
  for (const method of ['registerForwardPreHook', 'registerForwardHook', 'registerFullBackwardHook']) {
    t.throws(() => layer[method](), { code: 'ERR_TYPE', op: method, message: /hook must be a function/ })
    t.throws(() => layer[method](() => {}, { first: true }), { code: 'ERR_TYPE', message: /unknown option "first"/ })
  }
  const run = (method, hook) => {
    const module = new Scale(2)
    module[method](hook)
    module.forward(leaf(1)).sum().backward()
  }
  for (const method of [
    'registerForwardPreHook',
    'registerForwardHook',
    'registerFullBackwardPreHook',
    'registerFullBackwardHook',
  ])
    t.throws(() => run(method, async () => {}), { code: 'ERR_SCOPE' }, method)
  for (const method of ['registerFullBackwardPreHook', 'registerFullBackwardHook']) {
    t.throws(() => run(method, (_, [gradient]) => gradient), { code: 'ERR_TYPE', hint: /one tensor or null/ })
    t.throws(() => run(method, () => [null, null]), { code: 'ERR_SHAPE', message: /1 gradients, got 2/ })
  }
  const constant = new Scale(2)
  constant.registerFullBackwardHook((_, _inputs, [gradient]) => [gradient])
  t.throws(
    () =>
      constant
        .forward(mb.ones([1]))
        .sum()
        .backward(),
    { code: 'ERR_VALUE', message: /no input/ },
  )
  class Named extends Module {
    forward(x) {
      return { x }
    }
  }
  const named = new Named()
  named.registerFullBackwardHook(() => {})
  t.throws(() => named.forward(leaf(1)), { code: 'ERR_TYPE', message: /a tensor or a list of tensors/ })
})

t.test('a pass through the graph that is being walked is refused in a hook, too', async (t) => {
  for (const at of ['leaf', 'result']) {
    const x = leaf(1)
    const y = x.mul(2)
    const z = y.mul(3).sum()
    let refused = 0
    const hooked = at === 'leaf' ? x : y
    hooked.registerHook(() => {
      t.throws(() => z.backward(null, { retainGraph: true }), { code: 'ERR_AUTOGRAD', message: /being walked/ })
      refused++
    })
    z.backward(null, { retainGraph: true })
    t.equal(refused, 1, at)
    t.same(x.grad.toArray(), [6])
  }
  // Another graph may be walked meanwhile.
  const [x, w] = [leaf(1), leaf(1)]
  x.registerHook(() => mb.enableGrad(() => w.mul(5).sum()).backward())
  x.mul(2).sum().backward()
  t.same([x.grad.toArray(), w.grad.toArray()], [[2], [5]])
})

t.test('an alwaysCall hook that fails after forward has failed becomes a warning', async (t) => {
  const layer = new Scale(2)
  layer.forward = () => {
    throw new RangeError('forward')
  }
  layer.registerForwardHook(
    () => {
      throw new Error('hook')
    },
    { alwaysCall: true },
  )
  const warned = new Promise((resolve) => process.once('warning', resolve))
  t.throws(() => layer.forward(mb.ones([1])), { constructor: RangeError, message: 'forward' })
  t.match(await warned, { name: 'MbconvWarning', message: /hook/ })
})

t.test('a loop of hooked passes keeps nothing; removed hooks leave the module as it was', async (t) => {
  const layer = new Scale(2)
  const handles = [
    layer.registerFullBackwardHook((_, [gradient]) => [gradient.mul(2)]),
    layer.registerForwardHook((_, _inputs, output) => output.add(1)),
  ]
  const x = leaf(1, 2)
  let settled
  for (let i = 0; i < 30; i++) {
    mb.scope(() => {
      const y = layer.forward(x)
      y.registerHook((gradient) => gradient.mul(2))
      y.sum().backward()
      return []
    })
    settled ??= mb.memory()
  }
  t.same(mb.memory(), settled)
  t.ok(Object.hasOwn(layer, 'forward'))
  t.notOk(Object.keys(layer).includes('forward'))
  for (const handle of handles) handle[Symbol.dispose]()
  t.notOk(Object.hasOwn(layer, 'forward'))
  t.equal(layer.forward, Scale.prototype.forward)
  layer.dispose()
})

t.test('hooks around a function that was assigned, before or after them; super.forward runs none', async (t) => {
  const seen = []
  const layer = new Scale(2)
  const own = (x) => x.add(5)
  layer.forward = own
  const handle = layer.registerForwardHook((_, _inputs, output) => note(seen, output.item()))
  t.equal(layer.forward(mb.ones([1])).item(), 6)
  layer.forward = (x) => x.add(7)
  t.equal(layer.forward(mb.ones([1])).item(), 8)
  handle.remove()
  t.equal(layer.forward(mb.ones([1])).item(), 8, 'the function stays')
  t.same(seen, [6, 8])
  class Twice extends Scale {
    forward(x) {
      return super.forward(super.forward(x))
    }
  }
  const twice = new Twice(3)
  twice.registerForwardHook(() => note(seen, 'once'))
  t.equal(twice.forward(mb.ones([1])).item(), 9)
  t.same(seen, [6, 8, 'once'])
})

/** Every module of a network in evaluation mode, with the paths under which its `forward` can be observed. */
const tiny = (kind) => {
  const arch = kind === 'resnet' ? mb.models.arch('resnet18') : tinyArch(mb)
  return mb.models.create(arch, { numClasses: 2, seed: 1 }).eval()
}

for (const kind of ['tiny', 'resnet']) {
  t.test(`${kind}: every module's hooks run, see what it returned, and change nothing`, async (t) => {
    const network = tiny(kind)
    const images = mb.randn([2, 3, 32, 32])
    const plain = network.forward(images)
    const kept = []
    const calls = new Map()
    for (const [path, module] of network.namedModules()) {
      module.registerForwardHook((_, _inputs, output) => {
        calls.set(path, (calls.get(path) ?? 0) + 1)
        // As it is now, and as it will be: no later layer may write into what a hook has seen.
        kept.push([path, mb.keep(output), mb.keep(output.detach().clone())])
      })
    }
    const hooked = mb.noGrad(() => network.forward(images))
    t.ok(hooked.allclose(plain.detach()), 'the same logits')
    for (const [path, output, copy] of kept) {
      t.notOk(output.isDisposed, path)
      t.ok(output.equal(copy), `${path} is what it was`)
    }
    t.same(
      [...calls.keys()].sort(),
      network
        .namedModules()
        .map(([path]) => path)
        .sort(),
      'each was called',
    )
    t.ok(
      [...calls.values()].every((count) => count === 1),
      'once',
    )
    for (const [, output, copy] of kept) {
      output.dispose()
      copy.dispose()
    }
    t.throws(() => network.fuse(), { code: 'ERR_VALUE', message: /has hooks/, hint: /Remove the hooks/ })
    t.throws(() => mb.models.exportOnnx(network, 'never.onnx'), { code: 'ERR_NOT_IMPLEMENTED', message: /has hooks/ })
    network.dispose()
  })

  t.test(`${kind}: a forward that is assigned to any module is used`, async (t) => {
    const network = tiny(kind)
    const images = mb.randn([2, 3, 32, 32])
    const plain = network.forward(images).detach()
    for (const [path, module] of network.namedModules()) {
      if (path === '') continue
      const { forward } = module
      let called = 0
      module.forward = (x) => {
        called++
        return forward.call(module, x).mul(2)
      }
      const y = mb.noGrad(() => network.forward(images))
      t.equal(called, 1, `${path} is called`)
      // Dropout and drop path hand on what they get; a doubled branch changes the sum.
      t.notOk(y.allclose(plain, { rtol: 1e-6, atol: 1e-9 }), `${path} counts`)
      Reflect.deleteProperty(module, 'forward')
    }
    t.ok(network.forward(images).detach().allclose(plain))
    network.features.at(1).forward = (x) => x
    network.features.at(0).registerForwardHook((_, _inputs, output) => output)
    t.throws(() => mb.scope(() => network.fuse()), { code: 'ERR_VALUE' })
    network.dispose()
  })
}
