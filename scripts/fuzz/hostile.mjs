// Values that no function expects, and callbacks that misbehave.

/** A context holds the parts of one call; see child.mjs. What it `owns` is disposed afterwards. */
export function hostileMakers(mb, context) {
  const { random, own, plan, labelled } = context
  const { pick, chance } = random
  const symbols = [Symbol('x'), Symbol.iterator, Symbol.asyncIterator]
  const small = () => pick([0, 1, 2, 3, 5])

  /** Every trap throws an error that the fuzz recognises. */
  const throwingProxy = (target) => {
    const trap = () => {
      throw plan()
    }
    const traps = ['get', 'has', 'ownKeys', 'getOwnPropertyDescriptor', 'getPrototypeOf', 'set', 'apply', 'construct']
    return new Proxy(target, Object.fromEntries(traps.map((name) => [name, trap])))
  }
  const revoked = (target) => {
    const { proxy, revoke } = Proxy.revocable(target, {})
    revoke()
    return proxy
  }
  const withGetter = (target, key, act) => Object.defineProperty(target, key, { get: act, enumerable: true })
  const nested = (depth) => {
    let list = [1]
    for (let i = 0; i < depth; i++) list = [list]
    return list
  }
  const detached = (array) => {
    structuredClone(array.buffer, { transfer: [array.buffer] })
    return array
  }
  const shrunk = (Kind) => {
    const buffer = new ArrayBuffer(64, { maxByteLength: 128 })
    const array = chance(0.5) ? new Kind(buffer) : new Kind(buffer, 16, 2)
    buffer.resize(pick([0, 8, 20, 128]))
    return array
  }
  const Kinds = [Float32Array, Float64Array, Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array]
  Kinds.push(Int32Array, Uint32Array, BigInt64Array, BigUint64Array)
  const tensor = (shape, dtype) => own(mb.zeros(shape, { dtype }))

  const PLAIN = [undefined, null, true, false, 0, -0, 0.5, -1, 1e308, 5e-324, 2 ** 31, 2 ** 40, -(2 ** 40), 2 ** 53]
  PLAIN.push(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0n, -1n, 2n ** 63n, 10n ** 30n)
  const TEXTS = ['', ' ', 'x', '0', '-1', '1e999', 'NaN', '__proto__', 'constructor', 'toString', 'a\0b', '\ud800']
  TEXTS.push('\u001b[31mred', 'line\nline', '%s%n', '[object Object]', '$(x)', '٣', 'é', 'cuda', 'cuda:99', 'float99')

  const makers = {
    plain: () => pick(PLAIN),
    text: () => pick(TEXTS),
    'long text': () => 'x'.repeat(pick([300, 70_000])),
    symbol: () => pick(symbols),
    'empty list': () => [],
    'sparse list': () => pick([new Array(3), Object.assign([], { 4: 1 }), Object.assign([1], { 2: 2 })]),
    'mixed list': () => [1, 'x', null, 2n, undefined, {}],
    'list of tensors': () => [tensor([2, 3]), tensor([2, 3]), pick([null, 1, tensor([0]), tensor([2, 3], 'int64')])],
    'cyclic list': () => {
      const list = [1]
      list.push(list)
      return chance(0.5) ? list : [list]
    },
    'cyclic object': () => {
      const object = { params: [], of: 1 }
      object.self = object
      object.params.push(object)
      return object
    },
    'deep list': () => nested(pick([10, 70, 20_000])),
    'deep object': () => {
      let object = {}
      for (let i = 0; i < 20_000; i++) object = { a: object }
      return object
    },
    'list whose element disposes': () =>
      withGetter([1, 1, 1], pick([0, 1, 2]), () => {
        context.disposeAll()
        return pick([1, tensor([2])])
      }),
    'list whose element throws': () =>
      withGetter([1, 1, 1], pick([0, 1, 2]), () => {
        throw plan()
      }),
    'list whose element empties it': () => {
      const list = [2, 2, 2, 2]
      return withGetter(list, 0, () => {
        list.length = pick([0, 1])
        return 2
      })
    },
    'list whose iterator throws': () =>
      Object.assign([1, 2], {
        [Symbol.iterator]() {
          throw plan()
        },
      }),
    'list of another length': () => Object.assign(Object.create(Array.prototype), { length: pick([3, 2 ** 32, -1]) }),
    'array-like': () => ({ length: pick([1, 2, 2 ** 53]), 0: 1, 1: 2 }),
    set: () => new Set([1, tensor([1])]),
    map: () => new Map([['a', tensor([1])]]),
    object: () => pick([{}, Object.create(null), Object.freeze({ dim: 1 }), { length: 3 }, new (class X {})()]),
    options: () => ({ dim: 1, keepdim: 'yes', stride: 0, padding: -1, dtype: 'float99', device: 'moon' }),
    'object with a throwing getter': () =>
      withGetter({}, pick(['dtype', 'dim', 'params', 'name', 'shape', 'then', 'length', 'toJSON']), () => {
        throw plan()
      }),
    'object with a disposing getter': () =>
      withGetter({}, pick(['dtype', 'dim', 'keepdim', 'stride', 'weight', 'bias', 'device']), () => {
        context.disposeAll()
        return undefined
      }),
    'object that cannot be text': () => {
      const fail = () => {
        throw plan()
      }
      return pick([
        { toString: fail, valueOf: fail },
        { [Symbol.toPrimitive]: fail },
        { toString: null, valueOf: null },
        { [Symbol.toPrimitive]: 1 },
        withGetter({}, Symbol.toStringTag, fail),
      ])
    },
    thenable: () => ({
      // biome-ignore lint/suspicious/noThenProperty: that is what it is for
      then(resolve) {
        if (chance(0.5)) throw plan()
        resolve?.(1)
      },
    }),
    'throwing proxy': () => throwingProxy(pick([{}, [], () => {}, new Float32Array(2)])),
    'revoked proxy': () => revoked(pick([{}, [], () => {}])),
    'proxy of a tensor': () => new Proxy(tensor([2, 2]), {}),
    'tensor without memory': () => Object.create(mb.Tensor.prototype),
    'other prototype': () => Object.setPrototypeOf(pick([{}, [], () => {}]), pick([null, mb.Tensor.prototype])),
    'disposed tensor': () => {
      const t = tensor([2])
      t.dispose()
      return t
    },
    tensor: () => tensor([small(), small()], pick(['float32', 'int64', 'bool', 'float64', 'uint8', 'bfloat16'])),
    'empty tensor': () => tensor([0, 3]),
    'tensor of NaN': () => own(mb.full([2, 2], Number.NaN)),
    // Limits the elements: adding up 2^40 is correct, but takes hours.
    'expanded tensor': () => own(tensor([1]).expand([pick([3, 2 ** 14])])),
    'complex tensor': () => own(mb.callOp('aten::complex', [tensor([2]), tensor([2])])),
    'sparse tensor': () => own(mb.callOp('aten::to_sparse', [tensor([2, 2])])),
    'typed array': () => new (pick(Kinds))(pick([0, 1, 6])),
    'detached array': () => detached(new (pick(Kinds))(6)),
    'array over a resized buffer': () => shrunk(pick(Kinds)),
    'array over shared memory': () => new (pick(Kinds))(new SharedArrayBuffer(16)),
    buffer: () => pick([new ArrayBuffer(8), new DataView(new ArrayBuffer(8)), Buffer.from('abc'), Buffer.alloc(0)]),
    date: () => pick([new Date(), new Date(Number.NaN)]),
    'other objects': () => pick([/x/, new Error('an argument'), new WeakMap(), new URL('file:///x'), globalThis, Math]),
    signal: () => pick([AbortSignal.abort(), AbortSignal.abort(Symbol('why')), new AbortController().signal]),
    class: () => pick([class {}, mb.Tensor, mb.nn.Module, Promise]),
    module: () => own(new mb.nn.ReLU()),
    callback: () => context.callback(),
    'async function': () => async () => {
      if (chance(0.5)) throw plan()
    },
    generator: () =>
      (function* () {
        yield 1
        throw plan()
      })(),
    promise: () => {
      const promise = chance(0.5) ? Promise.resolve(1) : Promise.reject(plan())
      promise.catch(() => {})
      return promise
    },
  }
  const names = Object.keys(makers)
  return (name = pick(names)) => labelled(name, makers[name]())
}

/** The possible actions of a callback. `again()` calls the package from inside. */
export function callbackMaker(mb, context) {
  const { random, own, plan, again, remember } = context
  const { pick, chance } = random

  const guarded =
    (act) =>
    (...args) => {
      try {
        return act(...args)
      } catch (error) {
        // An error that the package threw in here is judged at its own call.
        remember(error)
        throw error
      }
    }
  const tensors = (args) => args.flat(1).filter((arg) => arg instanceof mb.Tensor && !arg.isDisposed)
  const sum = (args) => {
    const [first, ...others] = tensors(args).filter((t) => t.numel < 1e6)
    if (first === undefined) return own(mb.zeros([2], { requiresGrad: true }))
    let total = first.mul(2)
    for (const other of others) total = total.add(other)
    return total
  }
  const backward = (t) => {
    if (t.requiresGrad) t.sum().backward(null, { retainGraph: chance(0.5) })
  }
  const kinds = {
    'returns a sum': (...args) => sum(args),
    'returns its arguments': (...args) => (args.length === 1 ? args[0] : args),
    'returns nothing': () => undefined,
    'returns anything': () => context.hostile(),
    throws: () => {
      throw plan()
    },
    'throws no error': () => {
      throw remember(
        pick([5, undefined, null, Symbol.iterator, 'text', {}, Object.freeze(new Error('frozen')), () => {}]),
      )
    },
    'throws what looks like one of ours': () => {
      throw remember(Object.assign(new TypeError('looks like one'), { code: 'ERR_TYPE', name: 'MbconvError' }))
    },
    'returns a promise': () => {
      const promise = chance(0.5) ? Promise.resolve(own(mb.zeros([1]))) : Promise.reject(plan())
      promise.catch(() => {})
      return promise
    },
    'disposes its arguments': (...args) => {
      for (const t of tensors(args)) t.dispose()
      return own(mb.zeros([2]))
    },
    'disposes everything': () => {
      context.disposeAll()
      return own(mb.zeros([2]))
    },
    'goes back through a graph': (...args) => {
      for (const t of [...tensors(args), ...context.graphs()]) backward(t)
      return sum(args)
    },
    'calls again': (...args) => {
      again()
      return sum(args)
    },
    'opens scopes': (...args) => mb.scope(() => (chance(0.5) ? mb.keep(own(sum(args))) : sum(args))),
    'changes modes': (...args) => pick([mb.noGrad, mb.enableGrad, mb.inferenceMode])(() => sum(args)),
    'empties lists': (...args) => {
      for (const list of context.lists()) list.length = 0
      return sum(args)
    },
    'calls itself': function self() {
      return chance(0.999) ? mb.scope(self) : undefined
    },
    collects: (...args) => {
      globalThis.gc({ type: chance(0.05) ? 'major' : 'minor' })
      return sum(args)
    },
  }
  const names = Object.keys(kinds)
  return () => {
    const name = pick(names)
    return context.labelled(`callback that ${name}`, guarded(kinds[name]))
  }
}
