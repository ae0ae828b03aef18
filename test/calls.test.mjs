// No argument and no option is ignored silently: every export refuses one argument too many, and every option object a
// key that it does not have. The exports are found by walking them; scripts/setup/calls.mjs describes what they take.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import mb from 'mbconv'
import t from 'tap'
import { findTargets, INSTANCES, tinyArch, writeFiles } from '../scripts/fuzz/targets.mjs'
import { describeCalls } from '../scripts/setup/calls.mjs'
import { internal } from './helpers/internals.mjs'

const { callCheck } = internal('calls')
const { functions, classes } = JSON.parse(readFileSync(new URL('../dist/calls.json', import.meta.url), 'utf8'))

const folder = mkdtempSync(join(tmpdir(), 'mbconv-calls-'))
process.chdir(folder)
t.teardown(() => {
  process.chdir('/')
  rmSync(folder, { recursive: true, force: true })
})
writeFiles(mb)

const context = {
  own: (value) => value,
  tensor: () => mb.ones([2, 3]),
  callback: () => (x) => x,
  network: () => mb.models.create(tinyArch(mb), { init: 'none', numClasses: 2 }),
}
const network = context.network()
const targets = findTargets(mb, network)

/**
 * What JavaScript or Node calls by itself, with arguments of its own choice.
 */
const PROTOCOLS = new Set(['[nodejs.util.inspect.custom]'])

/** The description of a target in calls.json, and a way to call it. */
function described({ name, how, path, class: owner, key, fn }) {
  if (how === 'get' || how === 'set') return undefined
  const symbol = Object.getOwnPropertyNames(Symbol).find((each) => Symbol[each] === key)
  const label = typeof key !== 'symbol' ? key : symbol === undefined ? key.description : `Symbol.${symbol}`
  if (how === 'method') {
    if (PROTOCOLS.has(`[${label}]`)) return undefined
    const sound = INSTANCES[owner](mb, context)
    // The class that declares it: the one whose prototype has it.
    let at = sound
    while (!Object.hasOwn(at, key)) at = Object.getPrototypeOf(at)
    return { forms: classes[at.constructor.name]?.members[label], call: (args) => at[key].apply(sound, args) }
  }
  if (how === 'construct') return { forms: classes[path.split('.').at(-1)]?.construct, call: (args) => fn(...args) }
  const [, of, member] = /^(?:.*\.)?([A-Z]\w*)\.(\w+)$/.exec(name) ?? []
  const forms = of === undefined ? functions[path] : classes[of]?.statics[member]
  return { forms, call: (args) => fn(...args) }
}

/** What a call ends with: the error that it throws or rejects with, if any. */
async function outcome(call, args) {
  try {
    let result = call(args)
    // Generators check when the first value is asked for.
    if (typeof result?.next === 'function') result = result.next()
    return { value: await result }
  } catch (error) {
    return { error }
  }
}

t.test('every export is described', async (t) => {
  const missing = targets.filter((target) => {
    const entry = described(target)
    // Nobody can construct a tensor.
    return entry !== undefined && (entry.forms?.length ?? 0) === 0 && target.name !== 'new Tensor'
  })
  t.same(
    missing.map(({ name }) => name),
    [],
    'run npm run compile after changing lib/',
  )
})

t.test('every export refuses an argument too many', async (t) => {
  const wrong = []
  let tried = 0
  for (const target of targets) {
    const entry = described(target)
    if (entry?.forms === undefined || entry.forms.length === 0) continue
    const most = Math.max(...entry.forms.map((form) => form.most ?? Number.POSITIVE_INFINITY))
    if (most === Number.POSITIVE_INFINITY) continue
    tried++
    // Refused before anything else is looked at: the other arguments are not even given.
    const { error } = await outcome(entry.call, [...new Array(most).fill(undefined), 1])
    const good = error instanceof mb.MbconvError && error.code === 'ERR_TYPE' && /: takes /.test(error.message)
    if (!good || error.hint === undefined) wrong.push(`${target.name}: ${error?.message ?? 'nothing'}`)
  }
  t.ok(tried > 700, `${tried} functions, constructors and methods`)
  t.same(wrong, [])
})

t.test('every option object refuses a key that it does not have, and names the nearest', async (t) => {
  const wrong = []
  let tried = 0
  for (const target of targets) {
    const entry = described(target)
    for (const form of entry?.forms ?? []) {
      for (const [position, { keys, each }] of Object.entries(form.options ?? {})) {
        const known = Object.keys(keys ?? each?.keys ?? {})
        if (known.length === 0) continue
        // A name in the spelling of PyTorch, which is one edit away, or none after folding.
        const typo = `${known[0].replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_`
        const options = keys === undefined ? [{ [typo]: 1 }] : { [typo]: 1 }
        tried++
        const { error } = await outcome(entry.call, [...new Array(Number(position)).fill(undefined), options])
        const good = error instanceof mb.MbconvError && error.code === 'ERR_TYPE'
        if (!good || !error.message.includes(`unknown option "${typo}"`) || !error.hint.includes(known[0]))
          wrong.push(`${target.name}: ${error?.message ?? 'nothing'}`)
      }
    }
  }
  t.ok(tried > 200, `${tried} option objects`)
  t.same(wrong, [])
})

t.test('options must be an object', async (t) => {
  const x = mb.ones([2, 3])
  const F = mb.nn.functional
  for (const [call, message, hint] of [
    [() => F.relu(x, 5), 'relu: options must be an object, got 5', 'Call relu(x, { inplace }).'],
    [() => mb.zeros([2], x), 'zeros: options must be an object, got a Tensor', /Call zeros/],
    [() => mb.zeros([2], [3]), 'zeros: options must be an object, got an array', /Call zeros/],
    [() => mb.zeros([2], new Map()), 'zeros: options must be an object, got a Map', /Call zeros/],
    [() => [x].map(F.relu), /options must be an object, got 0/, /relu/],
  ])
    t.throws(call, { code: 'ERR_TYPE', message, hint }, String(call))
  t.same([x].map(mb.keep), [x], 'map() passes an index and the list, too')
  t.throws(() => mb.keep(x, 0, [mb.ones([1])]), { code: 'ERR_TYPE', message: 'keep: takes one argument, got 3' })
  t.doesNotThrow(() => F.relu(x, undefined), 'undefined is no argument')
  t.doesNotThrow(() => F.relu(x, {}, undefined))
  t.doesNotThrow(() => JSON.stringify(new mb.MbconvError('ERR_TYPE', 'x')), 'JSON.stringify passes a key')
})

t.test('what PyTorch takes by position', async (t) => {
  const x = mb.tensor([
    [1, 5, 3],
    [4, 2, 6],
  ])
  const F = mb.nn.functional
  // The values are those of the same calls in PyTorch 2.13.
  for (const [call, expected] of [
    [() => x.sum(0), [5, 7, 9]],
    [() => x.sum([0, 1]), 21],
    [() => x.sum(1, { keepdim: true }), [[9], [12]]],
    [() => x.mean(0), [2.5, 3.5, 4.5]],
    [() => x.amax(-1), [5, 6]],
    [() => x.argmax(1), [1, 2]],
    [() => x.max(0).values, [4, 5, 6]],
    [
      () => x.max(mb.full([2, 3], 3)),
      [
        [3, 5, 3],
        [4, 3, 6],
      ],
    ],
    [
      () => x.min(mb.full([2, 3], 3)),
      [
        [1, 3, 3],
        [3, 2, 3],
      ],
    ],
    [() => x.index([1]), [[4, 2, 6]]],
    [() => x.index([false, true]), [[4, 2, 6]]],
    [() => x.index([0, 1], [2, 0]), [3, 4]],
    [
      () => x.clone().indexPut_([[0]], 9),
      [
        [9, 9, 9],
        [4, 2, 6],
      ],
    ],
    [() => F.conv1d(x.view([1, 2, 3]), mb.ones([1, 2, 2]), mb.full([1], 10)), [[[22, 26]]]],
  ])
    t.same(call().toArray(), expected, String(call))
  t.equal(x.to('float64').dtype, 'float64')
  t.equal(x.to('cpu').dtype, 'float32')
  t.equal(x.to(mb.zeros([1], { dtype: 'int32' })).dtype, 'int32')
  t.throws(() => x.to('float46'), { code: 'ERR_VALUE', message: /unknown dtype 'float46'/ })
  for (const call of [
    () => x.sum('0'),
    () => x.sum(true),
    () => x.sum(0, true),
    () => x.sum({ dim: 0 }, { keepdim: true }),
    () => x.max(0, 1),
    () => x.to(5),
    () => x.to('cpu', 'float64'),
    () => x.index([[1]]),
    () => x.index([1.5]),
    () => x.add(x, 2),
    () => x.div(2, 'floor'),
    () => x.round(2),
    () => F.conv2d(x, x, 5),
    () => F.crossEntropy(x, x, 'sum'),
    () => F.dropout(x, 0.5, false),
  ])
    t.throws(call, { code: 'ERR_TYPE' }, String(call))
})

t.test('what PyTorch takes by name', async (t) => {
  const x = mb.tensor([7.46, -7.46])
  t.same(x.div(2, { roundingMode: 'floor' }).toArray(), [3, -4])
  t.equal(x.round({ decimals: 1 }).mul(10).round().sum().item(), 0)
  for (const name of ['div', 'div_']) {
    const hint = `Call ${name}(other, { roundingMode }).`
    t.throws(() => x[name](2, 'floor'), {
      code: 'ERR_TYPE',
      message: `${name}: options must be an object, got "floor"`,
      hint,
    })
    t.throws(() => x[name](2, { rounding_mode: 'floor' }), { code: 'ERR_TYPE', hint: /^Did you mean roundingMode\?/ })
    const message = new RegExp(`^${name}: roundingMode must be 'trunc' or 'floor', got 'nearest'`)
    t.throws(() => x[name](2, { roundingMode: 'nearest' }), { code: 'ERR_VALUE', message })
    t.throws(() => x[name](2, { roundingMode: 1 }), { code: 'ERR_TYPE', message: /roundingMode must be a string/ })
  }
  for (const name of ['round', 'round_']) {
    const hint = `Call ${name}({ decimals }).`
    t.throws(() => x[name](2), { code: 'ERR_TYPE', message: `${name}: options must be an object, got 2`, hint })
    t.throws(() => x[name]({ decimals: 0.5 }), { code: 'ERR_TYPE', message: /decimals must be an integer/ })
    t.throws(() => mb.tensor([7n])[name]({ decimals: 1 }), { code: 'ERR_NOT_IMPLEMENTED' }, 'as in PyTorch')
    t.same(mb.tensor([7n])[name]().toArray(), [7], 'an integer is round')
  }
})

t.test('options inside options and in lists', async (t) => {
  const p = mb.ones([2], { requiresGrad: true })
  for (const [call, key] of [
    [() => new mb.optim.SGD([{ params: [p], lr_scale: 2 }], { lr: 1 }), 'lrScale'],
    [() => new mb.optim.AdamW([p], { lr: 1, weight_decay: 0.5 }), 'weightDecay'],
    [() => new mb.optim.GradScaler({ init_scale: 4 }), 'initialScale'],
    [() => new mb.optim.Ema(network, { useWarmup: true }), 'warmup'],
    [() => mb.optim.schedules.cosine({ lr: 1, totalSteps: 9, warmup_steps: 3 }), 'warmupSteps'],
    [() => p.sum({ axis: 0 }), 'dim'],
    [() => p.sum({ keepdims: true }), 'keepdim'],
    [() => mb.models.create(tinyArch(mb), { profile: { bn_eps: 1 } }), 'bnEps'],
  ])
    t.throws(call, { code: 'ERR_TYPE', message: /unknown option/, hint: new RegExp(`^Did you mean ${key}\\?`) })
})

t.test('a function with several signatures refuses what fits none', async (t) => {
  const forms = [
    { most: 1, names: ['options'], options: { 0: { keys: { dim: 0 } } } },
    { most: 2, names: ['dim', 'options'], options: { 1: { keys: { keepdim: 0 } } } },
  ]
  const { unchecked, check } = callCheck('f', forms)
  t.equal(unchecked, 0)
  for (const args of [[{ dim: 1 }], [1], [1, { keepdim: true }], [1, undefined, undefined], []]) check(args)
  t.throws(() => check([1, { dim: 1 }]), { code: 'ERR_TYPE', message: 'f: unknown option "dim"' })
  t.throws(() => check([1, {}, 2]), { code: 'ERR_TYPE', message: 'f: takes 2 arguments, got 3' })
  network.dispose()
})

t.test('a package that was compiled below a folder node_modules has the same description', async (t) => {
  const packages = join(folder, 'node_modules')
  const dist = join(packages, 'mbconv', 'dist')
  mkdirSync(dist, { recursive: true })
  cpSync(fileURLToPath(new URL('../dist', import.meta.url)), dist, {
    recursive: true,
    filter: (name) => !/\.(js|map)$/.test(name),
  })
  const own = fileURLToPath(new URL('../node_modules', import.meta.url))
  for (const name of readdirSync(own)) if (name !== 'mbconv') symlinkSync(join(own, name), join(packages, name))
  t.strictSame(JSON.parse(JSON.stringify(describeCalls(dist))), { functions, classes })
})
