// No error without a code leaves the package, whatever an export is given; and what a caller's own function throws comes
// out as it is. Every export is found by walking them, so that a new one is tried too (scripts/fuzz/targets.mjs).
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mock } from 'node:test'
import vm from 'node:vm'
import mb from 'mbconv'
import t from 'tap'
import { FITTING, findTargets, INSTANCES, OFTEN, RARE, tinyArch, writeFiles } from '../scripts/fuzz/targets.mjs'
import { internal } from './helpers/internals.mjs'
import { tinyConfig } from './helpers/tiny.mjs'

const require = createRequire(import.meta.url)
const { coded, guarded } = internal('codedErrors')
const { faceOf } = internal('publicFace')

const folder = mkdtempSync(join(tmpdir(), 'mbconv-face-'))
process.chdir(folder)
t.teardown(() => {
  process.chdir('/')
  rmSync(folder, { recursive: true, force: true })
})
writeFiles(mb)

const { proxy: revoked, revoke } = Proxy.revocable({}, {})
revoke()
const cyclic = []
cyclic.push(cyclic)
const textless = Object.create(null)
/** Arguments that fit nothing. */
const HOSTILE = {
  nothing: [],
  nulls: [null, null, null],
  symbols: [Symbol('x'), Symbol('y'), Symbol('z')],
  numbers: [Number.NaN, -1, 2 ** 53],
  BigInts: [10n ** 30n, -1n],
  texts: ['a\0b', '\ud800', '__proto__'],
  'null behind': [{}, null],
  'lists with null': [[null], [null], [null]],
  'objects without a text': [textless, textless, textless],
  'revoked proxies': [revoked, revoked, revoked],
  cycles: [cyclic, cyclic],
  callables: [() => {}, class {}, async () => {}],
  'tensor, then null': () => [mb.ones([2, 2]), null, null],
  'tensor, then an object without a text': () => [mb.ones([2, 2]), textless, { dim: textless }],
  'disposed tensor': () => {
    const gone = mb.ones([2])
    gone.dispose()
    return [gone, gone, gone]
  },
}

/** What is right after all, and takes seconds. */
const SKIPPED = { 'data.loadScenes': ['nothing', 'null behind'] }

/** What arguments that fit are made of. */
const context = {
  own: (value) => value,
  tensor: () => mb.ones([2, 3]),
  callback: () => (x) => x,
  network: () => mb.models.create(tinyArch(mb), { init: 'none', numClasses: 2 }),
}

t.test('every export is found, classes behind their proxies too, and what is to fit does', async (t) => {
  const network = context.network()
  const targets = findTargets(mb, network)
  network.dispose()
  for (const [name, how] of [
    ['new nn.Conv2d', 'construct'],
    ['optim.SGD#step', 'method'],
    ['get nn.Sequential#length', 'get'],
    ['Network#forward', 'method'],
    ['models.arch', 'call'],
  ])
    t.ok(
      targets.some((target) => target.name === name && target.how === how),
      name,
    )
  const missing = (keys, key) => keys.filter((each) => !targets.some((target) => target[key] === each))
  t.same([...missing(Object.keys(OFTEN), 'name'), ...missing(Object.keys({ ...RARE, ...FITTING }), 'path')], [])
  for (const [path, make] of Object.entries(FITTING)) {
    if (path === 'train') continue // the same configuration as parseConfig's
    const target = targets.find((each) => each.path === path && each.class === undefined)
    const call = async () => target.fn(...make({ pick: ([first]) => first }, mb, context))
    await t.resolves(call(), path)
  }
  for (const [name, make] of Object.entries(INSTANCES)) t.doesNotThrow(() => make(mb, context), name)
})

t.test('whatever an export is given, only errors with a code come out', async (t) => {
  const network = context.network()
  const targets = findTargets(mb, network)
  t.ok(targets.length > 900, `${targets.length} functions, constructors, methods and accessors`)
  const wrong = []
  const judge = (label, error) => {
    const good = error instanceof mb.MbconvError && /^ERR_[A-Z_]+$/.test(error.code) && error.code !== 'ERR_INTERNAL'
    if (!good) wrong.push(`${label}: ${error?.stack ?? String(error)}`)
  }
  let calls = 0
  for (const { name, how, class: owner, key, fn } of targets) {
    let sound
    if (owner !== undefined) sound = INSTANCES[owner](mb, context)
    for (const [what, list] of Object.entries(HOSTILE)) {
      if (SKIPPED[name]?.includes(what)) continue
      const label = `${name} given ${what}`
      const pending = []
      const attempt = (act, args) => {
        calls++
        try {
          const result = act()
          if (args.includes(result)) return
          if (result instanceof Promise) pending.push(result.catch((error) => judge(label, error)))
          else if (typeof result?.next === 'function')
            pending.push((async () => result.next())().catch((error) => judge(label, error)))
          else if (result?.result instanceof Promise) pending.push(result.result.catch((error) => judge(label, error)))
        } catch (error) {
          judge(label, error)
        }
      }
      mb.scope(() => {
        const args = typeof list === 'function' ? list() : list
        if (owner === undefined) return attempt(() => fn(...args), args) ?? []
        let at = sound
        while (!Object.hasOwn(at, key)) at = Object.getPrototypeOf(at)
        const { value, get, set } = Object.getOwnPropertyDescriptor(at, key)
        const method = how === 'method' ? value : how === 'get' ? get : set
        attempt(() => method.apply(sound, args), args)
        attempt(() => method.apply(args[0], args.slice(1)), args)
        return []
      })
      await Promise.all(pending)
    }
    mb.debug.setStrict(false)
    mb.debug.trackTensors(false)
  }
  mb.setDeterministic(false)
  t.same(wrong.slice(0, 20), [], `${wrong.length} of ${calls} calls`)
  network.dispose()
})

t.test('an error of our own comes out with a code, and as the cause', async (t) => {
  for (const [call, code] of [
    [() => mb.zeros([1], null), 'ERR_TYPE'],
    [() => mb.rand(...[[1], revoked]), 'ERR_TYPE'],
    [() => mb.ones([1]).to(), 'ERR_TYPE'],
    [() => mb.nn.Module.prototype.parameters.call({}), 'ERR_TYPE'],
    [() => new mb.optim.Ema(null), 'ERR_TYPE'],
    [() => mb.nn.Linear(1, 2), 'ERR_TYPE'],
    [() => mb.autogradFunction({ forward: (_, x) => x, backward: (_, g) => g })(null), 'ERR_TYPE'],
    [() => mb.nn.functional.softsign(), 'ERR_TYPE'],
  ]) {
    t.throws(call, { constructor: mb.MbconvError, code, op: String }, String(call))
  }
  const failure = (error) =>
    coded(
      'op',
      Object.defineProperty(error, 'stack', {
        value: `${error}\n    at f (${join(import.meta.dirname, '../dist/x.js')}:1:2)`,
      }),
    )
  const system = Object.assign(new Error('EISDIR: illegal operation on a directory, read'), {
    code: 'EISDIR',
    syscall: 'read',
  })
  t.match(failure(system), {
    code: 'ERR_IO',
    message: 'op: EISDIR: illegal operation on a directory, read',
    cause: system,
  })
  t.match(failure(new RangeError('Array buffer allocation failed')), { code: 'ERR_OOM' })
  t.match(failure(new RangeError('Invalid array length')), { code: 'ERR_VALUE' })
  t.match(failure(new SyntaxError('Cannot convert x to a BigInt')), { code: 'ERR_VALUE' })
  t.match(failure(new ReferenceError('x is not defined')), { code: 'ERR_INTERNAL' })
  t.match(failure(new Error('assertion')), { code: 'ERR_INTERNAL', op: 'op' })
})

t.test('what the words of V8 mean', async (t) => {
  t.throws(() => mb.nn.functional.relu(mb.ones([1]), null), {
    message: 'relu: found null in place of something with inplace',
  })
  t.throws(() => mb.nn.functional.softmin(5), { message: 'softmin: found something without neg() in its place' })
  t.throws(() => mb.nn.Module.prototype.registerBuffer.call({}, 'x', mb.ones([1])), {
    message: 'registerBuffer: called on an object of another class',
  })
})

t.test('functions are asked for before anything is done', async (t) => {
  const depth = () => mb.memory().tensors
  const before = depth()
  for (const fn of [undefined, null, 5, {}, 'text']) {
    for (const name of ['scope', 'noGrad', 'enableGrad', 'inferenceMode'])
      t.throws(() => mb[name](fn), { code: 'ERR_TYPE', op: name, message: `${name}: fn must be a function` })
    t.throws(() => mb.autocast({}, fn), { code: 'ERR_TYPE', message: /^autocast: fn must be a function/ })
    t.throws(() => mb.recompute(fn), { code: 'ERR_TYPE', message: /^recompute: fn must be a function/ })
    t.throws(() => mb.autogradFunction({ forward: fn }), { code: 'ERR_TYPE', message: /: forward must be a function/ })
    t.throws(() => mb.autogradFunction({ forward() {}, backward: fn }), { message: /: backward must be a function/ })
  }
  t.throws(() => mb.autogradFunction(), { code: 'ERR_TYPE', message: /object with forward and backward/ })
  t.throws(() => mb.recompute((x) => x, 5), { code: 'ERR_TYPE', message: 'recompute: inputs must be tensors' })
  t.equal(mb.isGradEnabled(), true)
  t.equal(mb.isAutocastEnabled(), false)
  t.equal(depth(), before)
  for (const call of [
    () => mb.data.readIdx(),
    () => mb.data.writeIdx(5, {}),
    () => mb.io.pth.read(null),
    () => mb.io.safetensors.read({}),
    () => mb.parseConfigFile(Symbol('x')),
  ])
    t.throws(call, { code: 'ERR_TYPE', message: /path/ }, String(call))
})

t.test('too deep', async (t) => {
  let deep = 1
  for (let i = 0; i < 50_000; i++) deep = { deep }
  t.throws(() => mb.threads.send(deep), { code: 'ERR_VALUE', message: /nested too deeply/ })
  const forever = () => mb.scope(forever)
  try {
    forever()
    t.fail('an end')
  } catch (error) {
    // Whose frame the last one was is chance.
    t.ok(error instanceof RangeError || error.cause instanceof RangeError, String(error))
  }
})

t.test("a caller's own errors come out as they are", async (t) => {
  class Own extends TypeError {}
  const frames = new TypeError(`at\n    at f (${join(import.meta.dirname, '../dist/index.js')}:1:2)`)
  const noStack = Object.defineProperty(new Own('x'), 'stack', {
    get() {
      throw new Own('no stack')
    },
  })
  const elsewhere = vm.runInNewContext('new TypeError("elsewhere")')
  const thrown = [new Own('own'), frames, noStack, elsewhere, 5, undefined, null, Symbol('x'), 'text', {}]
  thrown.push(AbortSignal.abort().reason, Object.freeze(new RangeError('frozen')))
  for (const error of thrown) {
    const fail = () => {
      throw error
    }
    const failing = Object.defineProperty({}, 'dtype', { get: fail, enumerable: true })
    const square = mb.autogradFunction({ forward: (_, x) => x.mul(2), backward: fail })
    const x = mb.ones([2], { requiresGrad: true })
    for (const call of [
      () => mb.scope(fail),
      () => mb.noGrad(fail),
      () => mb.zeros([1], failing),
      () => mb.autogradFunction({ forward: fail, backward: fail })(x),
      () => mb.recompute(fail, x),
      () => square(x).sum().backward(),
      () =>
        new (class extends mb.nn.ReLU {
          constructor() {
            super()
            fail()
          }
        })(),
    ]) {
      let got = 'nothing'
      try {
        call()
      } catch (caught) {
        got = caught
      }
      t.ok(Object.is(got, error), `${String(call)} throws ${typeof error}`)
    }
  }
})

t.test('also where the code was compiled under a name that is no path', async (t) => {
  for (const filename of ['file://host/x.js', 'file:///a%2Fb.js', 'file:///a%zz.js', 'webpack-internal:///./x.js', ''])
    t.throws(() => mb.scope(vm.runInThisContext('() => { null.x }', { filename })), {
      constructor: TypeError,
      message: "Cannot read properties of null (reading 'x')",
    })
})

t.test('exports can be replaced by mocks, and put back', async (t) => {
  for (const [owner, key] of [
    [mb, 'train'],
    [mb.data, 'readImageFile'],
  ]) {
    const before = owner[key]
    const mocked = mock.method(owner, key, () => 'mocked')
    t.equal(owner[key](), 'mocked')
    mocked.mock.restore()
    t.equal(owner[key], before)
  }
})

t.test('where nothing says whose an error is, it comes out as the cause', async (t) => {
  const limit = Error.stackTraceLimit
  t.teardown(() => {
    Error.stackTraceLimit = limit
  })
  Error.stackTraceLimit = 0
  t.throws(() => mb.zeros([1], null), { code: 'ERR_TYPE', cause: TypeError })
  const error = new TypeError('mine')
  const call = () =>
    mb.scope(() => {
      throw error
    })
  t.throws(call, { code: 'ERR_TYPE', cause: error })
})

t.test('asynchronous functions and generators', async (t) => {
  const own = new Error('own')
  const fn = async (x) => x.y
  const guardedFn = guarded('op', fn)
  t.equal(await guardedFn({ y: 1 }), 1)
  t.equal(
    await guarded('op', async () => Promise.reject(own))
      .call()
      .catch((error) => error),
    own,
  )
  const generate = guarded('op', function* (x) {
    try {
      const sent = yield x
      yield sent
    } finally {
      generate.finished = true
    }
    return 3
  })
  const running = generate(1)
  t.same(running.next(), { value: 1, done: false })
  t.same(running.next(2), { value: 2, done: false })
  t.same(running.next(), { value: 3, done: true })
  t.equal(generate.finished, true)
  t.throws(() => generate(1).throw(own), own)
  const each = guarded('op', async function* () {
    yield 1
    throw own
  })
  await t.rejects(async () => {
    for await (const one of each()) t.equal(one, 1)
  }, own)
  await t.rejects(mb.experiment.compare(revoked), { code: 'ERR_TYPE' })
})

t.test('what a training run ends with has a code, too', async (t) => {
  // Thrown in the middle of a step, from nobody knows where.
  const lost = Object.defineProperty(new TypeError('lost'), 'stack', { value: undefined })
  const { backward } = mb.Tensor.prototype
  t.teardown(() => {
    mb.Tensor.prototype.backward = backward
  })
  mb.Tensor.prototype.backward = () => {
    throw lost
  }
  const expected = { code: 'ERR_TYPE', op: 'train', message: 'train: lost', cause: lost }
  await t.rejects(mb.train(tinyConfig(folder), { worker: false }).result, expected)
  await t.rejects(async () => {
    for await (const _ of mb.train(tinyConfig(folder, { run: { name: 'again' } }), { worker: false }));
  }, expected)
  t.match(coded('train', Object.assign(new Error('memory limit'), { code: 'ERR_WORKER_OUT_OF_MEMORY', stack: '' })), {
    code: 'ERR_OOM',
  })
})

t.test('functions and classes are what they were', async (t) => {
  t.equal(mb.zeros.name, 'zeros')
  t.equal(mb.zeros.length, 1)
  t.equal(mb.Tensor.prototype.add.name, 'add')
  t.equal(Object.getOwnPropertyDescriptor(mb.Tensor.prototype, 'shape').get.name, 'get shape')
  const layer = new mb.nn.Linear(2, 3)
  t.ok(layer instanceof mb.nn.Linear && layer instanceof mb.nn.Module)
  t.equal(layer.constructor, mb.nn.Linear)
  t.equal(Object.getPrototypeOf(layer), mb.nn.Linear.prototype)
  class Own extends mb.nn.Linear {
    forward(x) {
      return super.forward(x).mul(0)
    }
  }
  const own = new Own(2, 3)
  t.ok(own instanceof mb.nn.Module && own.constructor === Own)
  t.same(own.forward(mb.ones([1, 2])).toArray(), [[0, 0, 0]])
  t.equal(mb.ones([1]).constructor, mb.Tensor)
  t.throws(() => mb.zeros([-1]), mb.MbconvError)
  t.equal(mb.linalg.einsum, mb.einsum, 'under both names')
  const required = require('mbconv')
  t.equal(required.default, required, 'a default import that is compiled to require()')
  t.notOk(Object.keys(required).includes('default'))
  const face = faceOf({ a: 1, list: [2] })
  t.same(Object.keys(face), ['a', 'list'])
})
