// Usage: fuzz-child.mjs RUNS SEED LOG   Makes RUNS random calls; see test/fuzz.test.mjs.
import { closeSync, openSync, writeSync } from 'node:fs'
import fc from 'fast-check'
import mb from 'mbconv'
import { internal } from './internals.mjs'

const { native } = internal('addon')
const [runs, seed, log] = [Number(process.argv[2]), Number(process.argv[3]), openSync(process.argv[4], 'w')]

// Calls that are about this process rather than about their arguments.
const apart = new Set([
  'registerTensorClass',
  'registerErrorClass',
  'registerWarningListener',
  'enterScope',
  'exitScope',
  'setNumThreads',
  'setDeterministic',
])
const addon = native()
const functions = Object.keys(addon)
  .filter((name) => !apart.has(name))
  .map((name) => [name, addon[name]])
const names =
  'tensor zeros ones full randn arange fromTypedArray eye cat stack where grad callOp hstack vstack dstack blockDiag ' +
  'cartesianProd meshgrid broadcastTensors searchsorted bernoulli multinomial poisson normal standardGamma oneHot'
for (const name of names.split(' ')) functions.push([`mb.${name}`, mb[name]])
for (const [space, module] of Object.entries({
  'nn.functional': mb.nn.functional,
  'nn.init': mb.nn.init,
  linalg: mb.linalg,
  foreach: mb.foreach,
})) {
  for (const [name, fn] of Object.entries(module)) functions.push([`${space}.${name}`, fn])
}
// Tensor and its base classes.
for (let prototype = mb.Tensor.prototype; prototype !== Object.prototype; ) {
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const { value } = Object.getOwnPropertyDescriptor(prototype, name)
    if (typeof value === 'function' && name !== 'constructor') {
      functions.push([`Tensor.${name}`, (self, ...rest) => value.apply(self, rest)])
    }
  }
  prototype = Object.getPrototypeOf(prototype)
}

const signatures = new Map(addon.signatures().map(([name, ...names]) => [name, names]))

const DTYPES = ['float32', 'float64', 'float16', 'bfloat16', 'int64', 'int32', 'int16', 'int8', 'uint8', 'bool']
DTYPES.push('complex64', 'complex128')
// Small sizes work; huge ones must be refused. Nothing in between, which would only fill the machine's memory.
const size = fc.constantFrom(-1, 0, 1, 2, 3, 5, 2 ** 40, -(2 ** 40), 2 ** 53 - 1)
const smallShape = fc.array(fc.constantFrom(0, 1, 2, 3, 4), { maxLength: 5 })
const description = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('tensor'), shape: smallShape, dtype: fc.constantFrom(...DTYPES) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('disposed') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('graph'), shape: smallShape }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('list'), length: fc.constantFrom(0, 1, 2, 3) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('value'), value: size }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('value'), value: fc.double() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('value'), value: fc.array(size, { maxLength: 5 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('value'), value: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('value'),
      value: fc.constantFrom(
        ...DTYPES,
        'cpu',
        'cuda',
        'cuda:99',
        'mean',
        'none',
        'constant',
        'reflect',
        'channelsLast',
        'aten::add',
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('nothing', 'odd', 'getter', 'bytes', 'proxy', 'options') }),
  },
)

/** Arguments cannot be generated as tensors: shrinking and memory want them made anew for each call. */
function build(d, made) {
  switch (d.kind) {
    case 'tensor': {
      const t = mb.zeros(d.shape, { dtype: d.dtype })
      made.push(t)
      return t
    }
    case 'disposed': {
      const t = mb.zeros([2])
      t.dispose()
      return t
    }
    case 'graph': {
      const leaf = mb.rand(d.shape, { requiresGrad: true })
      const t = leaf.mul(2)
      made.push(leaf, t)
      return t
    }
    case 'list':
      return Array.from({ length: d.length }, () => build({ kind: 'tensor', shape: [2, 3], dtype: 'float32' }, made))
    case 'nothing':
      return undefined
    case 'odd':
      return [null, Symbol('x'), () => 1, 10n ** 30n, new Map(), Object.create(mb.Tensor.prototype)][made.length % 6]
    case 'getter': {
      // Disposes an argument that has been converted already, while the list is being read.
      const list = [1, 1]
      Object.defineProperty(list, 0, {
        get() {
          for (const t of made) t.dispose()
          return 1
        },
      })
      return list
    }
    case 'bytes':
      return new Uint8Array(6)
    case 'proxy':
      return new Proxy([], {
        get() {
          throw new RangeError('from a proxy')
        },
      })
    case 'options':
      return { dim: 1, keepdim: 'yes', stride: 0, padding: -1, dtype: 'float99', device: 'moon' }
    default:
      return d.value
  }
}

/**
 * Random arguments rarely get past the first conversion. So half of the calls are repaired: where the error says what
 * an argument must be, it becomes that, until the call reaches libtorch or is refused for another reason.
 */
const repairs = [
  [
    /must be a Tensor/,
    () => ({ kind: 'tensor', shape: pick([[], [3], [2, 3], [2, 3, 4, 4], [0, 3], [1, 4, 5, 5]]), dtype: pick(DTYPES) }),
  ],
  [/must be an integer/, () => ({ kind: 'value', value: pick([0, 1, 2, -1, 3, 2 ** 40]) })],
  [/must be a number/, () => ({ kind: 'value', value: pick([0, 0.5, -1, 1e308, Number.NaN, 3]) })],
  [/must be true or false/, () => ({ kind: 'value', value: pick([true, false]) })],
  [
    /must be a string/,
    () => ({
      kind: 'value',
      value: pick([...DTYPES, 'cpu', 'mean', 'sum', 'none', 'constant', 'reflect', 'circular', 'channelsLast']),
    }),
  ],
  [
    /must be an array/,
    () =>
      pick([
        { kind: 'value', value: pick([[], [0], [1], [1, 1], [2, 2], [0, 1], [-1, 2], [3, 1, 1], [2 ** 40, 2]]) },
        { kind: 'list', length: pick([0, 1, 2, 3]) },
      ]),
  ],
  [/must be a typed array/, () => ({ kind: 'bytes' })],
  [/unknown device/, () => ({ kind: 'value', value: 'cpu' })],
  [/unknown dtype/, () => ({ kind: 'value', value: pick(DTYPES) })],
  [/unknown reduction/, () => ({ kind: 'value', value: pick(['mean', 'sum', 'none']) })],
  [/unknown mode/, () => ({ kind: 'value', value: pick(['nearest', 'bilinear', 'bicubic', 'trilinear', 'area']) })],
  [/unknown padding mode/, () => ({ kind: 'value', value: pick(['zeros', 'border', 'reflection']) })],
  [/unknown memory format/, () => ({ kind: 'value', value: 'contiguous' })],
]
let state = seed
const pick = (list) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return list[Math.floor((state / 2 ** 32) * list.length)]
}

function callRepaired(index, descriptions) {
  const [name] = functions[index % functions.length]
  const names = signatures.get(name)
  if (!names) return callOnce(index, descriptions)
  const current = descriptions.slice(0, names.length)
  for (let attempt = 0; attempt < 10; attempt++) {
    const message = callOnce(index, current)
    if (message === undefined) return
    const position = names.findIndex((argument) => message.startsWith(`${name}: ${argument} `))
    const repair = repairs.find(([pattern]) => pattern.test(message))?.[1]
    if (!repair || (position < 0 && !message.includes(': unknown '))) return
    const at = position >= 0 ? position : current.findIndex((d) => d?.kind === 'value' && typeof d.value === 'string')
    if (at < 0) return
    while (current.length < at) current.push({ kind: 'nothing' })
    current[at] = repair()
  }
}

let calls = 0
let threw = 0
const reached = new Set()
const pending = []

function callOnce(index, descriptions) {
  const [name, fn] = functions[index % functions.length]
  const made = []
  reached.add(name)
  calls++
  writeSync(log, `${name}(${JSON.stringify(descriptions)})`.slice(0, 2000).padEnd(2001, ' '), 0)
  try {
    mb.scope(() => {
      const result = fn(...descriptions.map((d) => build(d, made)))
      if (typeof result?.then === 'function') pending.push(result.then(undefined, check(name)))
      return undefined
    })
    return undefined
  } catch (error) {
    check(name)(error)
    return error.message
  }
}

const check = (name) => (error) => {
  threw++
  if (error instanceof RangeError && error.message === 'from a proxy') return
  if (error instanceof mb.MbconvError && error.code && error.op && error.message) return
  throw new Error(`${name} threw ${error?.constructor?.name}: ${error?.message}`, { cause: error })
}

const property = fc.property(
  fc.nat(),
  fc.array(description, { maxLength: 8 }),
  fc.boolean(),
  (index, list, repaired) => {
    if (repaired) callRepaired(index, list)
    else callOnce(index, list)
  },
)
fc.assert(property, { numRuns: runs, seed, endOnFailure: true })
await Promise.all(pending)
closeSync(log)
process.stdout.write(JSON.stringify({ calls, threw, functions: functions.length, reached: reached.size }))
