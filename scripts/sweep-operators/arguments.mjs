// Makes arguments for an operator from its schema: most of them fit, but most calls contain something wrong.
import { createRequire } from 'node:module'
import { FITTING } from './fitting.mjs'

const require = createRequire(import.meta.url)
const mb = require('../../dist/index.js')
const addon = require('../../dist/native/addon.js').native()

/** A random number generator that is determined by a text. */
export function chooser(text) {
  let state = 2166136261
  for (const character of text) state = Math.imul(state ^ character.charCodeAt(0), 16777619) >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return { chance: (p) => next() < p, pick: (list) => list[Math.floor(next() * list.length)], next }
}

/**
 * Splits 'aten::add.out(Tensor self, …, *, Tensor(a!) out) -> …' into parts. Arguments after the asterisk are given by
 * name.
 */
export function parseSchema(schema) {
  const [, name, list] = /^([^(]+)\((.*)\) -> /s.exec(schema)
  let named = false
  const parameters = []
  // A comma in brackets belongs to a default or an annotation and does not separate.
  for (const part of list.split(/, (?![^([]*[)\]])/)) {
    if (part === '*') named = true
    const match = /^(.+?) (\w+)(=.*)?$/.exec(part)
    if (match) {
      const type = match[1].replace(/\([^)]*\)/g, '')
      parameters.push({ type, name: match[2], optional: match[3] !== undefined || type.endsWith('?'), named })
    }
  }
  return { name, parameters }
}

const SHAPES = [
  [[], [], []],
  [[3], [1], [5], [0], [12]],
  [
    [2, 3],
    [3, 3],
    [1, 4],
    [0, 3],
    [3, 0],
    [8, 8],
  ],
  [
    [2, 3, 4],
    [1, 2, 7],
    [2, 0, 3],
    [0, 2, 3],
    [3, 3, 3],
  ],
  [
    [1, 2, 5, 5],
    [2, 4, 3, 6],
    [2, 3, 0, 4],
    [0, 2, 3, 3],
    [2, 0, 4, 4],
  ],
  [
    [1, 2, 4, 4, 4],
    [2, 1, 3, 5, 2],
    [1, 2, 0, 3, 3],
    [0, 1, 2, 2, 2],
  ],
  [
    [1, 2, 1, 2, 3, 2],
    [0, 1, 2, 1, 2, 1],
    [2, 2, 2, 2, 2, 2],
  ],
]
const FLOATS = ['float32', 'float32', 'float32', 'float64', 'bfloat16', 'float16']
const INTEGERS = ['int64', 'int64', 'int64', 'int32', 'uint8', 'int16', 'int8', 'bool']
const DTYPES = [...FLOATS, ...INTEGERS, 'complex64']
const SMALL = [0, 1, 1, 1, 2, 2, 3, -1]
const ODD = [-2, 5, 7, 64, -100, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 40, 2n ** 62n, -(2n ** 62n), 2n ** 63n - 1n]
const NUMBERS = [0, 1, 0.5, -1, 2.5]
const ODD_NUMBERS = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  1e308,
  1e-300,
  -3,
  2 ** 31,
  2 ** 62,
]
const FORMS = [
  'transposed',
  'expanded',
  'offset',
  'disposed',
  'sparse',
  'csr',
  'quantized',
  'mkldnn',
  'view',
  'channelsLast',
]
const STRINGS = {
  reduce: ['sum', 'mean', 'prod', 'amax', 'amin', 'max', 'min', 'add', 'multiply'],
  rounding_mode: ['trunc', 'floor'],
  padding: ['same', 'valid'],
  mode: ['constant', 'reflect', 'replicate', 'circular', 'reduced', 'complete', 'r', 'sum', 'mean'],
  side: ['left', 'right'],
  UPLO: ['L', 'U'],
  indexing: ['ij', 'xy'],
  equation: ['ij,jk->ik', 'ii', '...i->...', 'i,,', '->', 'abcdefghij'],
  ord: ['fro', 'nuc'],
  norm: ['forward', 'backward', 'ortho'],
  driver: ['gels', 'gelsy', 'gelsd', 'gelss'],
  approximate: ['none', 'tanh'],
}
// Integer arguments that count or index.
const POINTS =
  /ind(ex|ices)|target|offsets|lengths|boundar|batch_sizes|crow|ccol|^row|^col|bins|sorter|tril|pivots|mask|repeats/i

/** Describes a tensor in a form for logs; it is made anew for each call. */
function describeTensor(random, name, shape, odd) {
  const { chance, pick, next } = random
  const points = POINTS.test(name)
  const d = { shape, dtype: pick(points ? INTEGERS : FLOATS), seed: Math.floor(next() * 2 ** 31) }
  if (!chance(0.15)) d.dtype = points ? 'int64' : 'float32'
  if (odd) {
    if (chance(0.5)) d.shape = pick(SHAPES[Math.floor(next() * SHAPES.length)])
    if (chance(0.3)) d.dtype = pick(DTYPES)
    if (chance(0.4)) d.values = pick(['huge', 'negative', 'nan', 'zero'])
    if (chance(0.25)) d.form = pick(FORMS)
  }
  if (chance(0.2)) d.grad = true
  return d
}

/** The arguments of a call, as data; `odd` of them do not fit. */
export function describeCall(random, name, parameters) {
  const { chance, pick, next } = random
  const bare = name.replace(/^\w+::/, '')
  const fitting = chance(0.75) ? FITTING.find(([pattern]) => pattern.test(bare))?.[1](bare) : undefined
  const rank = Math.floor(next() * 7)
  const shape = pick(SHAPES[rank])
  const wrong = parameters.length === 0 ? -1 : Math.floor(next() * parameters.length)
  const wild = chance(0.15)
  const plain = chance(0.25)
  const same = chance(0.6)
  const call = { args: [], kwargs: {} }
  let gap = false
  parameters.forEach((parameter, position) => {
    const fits = fitting?.[parameter.name]
    const odd = !plain && (wild ? chance(0.6) : position === wrong || chance(0.1))
    if (parameter.optional && chance(fits ? 0.25 : 0.4) && !odd) {
      gap = true
      return
    }
    const value =
      fits === undefined || (odd && chance(0.3))
        ? describeValue(random, parameter.type, parameter.name, same ? shape : pick(SHAPES[rank]), odd)
        : odd
          ? spoiled(random, fits)
          : fits
    if (parameter.named || gap) call.kwargs[parameter.name] = value
    else call.args.push(value)
  })
  return call
}

function describeValue(random, type, name, shape, odd) {
  const { chance, pick, next } = random
  if (type.endsWith('?')) {
    if (chance(0.25)) return { none: true }
    return describeValue(random, type.slice(0, -1), name, shape, odd)
  }
  const list = /^(.*)\[(\d*)\]$/.exec(type)
  if (list) {
    const [, element, declared] = list
    const fits = declared === '' ? pick([1, 2, shape.length, shape.length]) : Number(declared)
    const length = odd && chance(0.6) ? pick([0, 1, 2, 3, 4, 5, 6, 7, 8]) : fits
    const alike = describeValue(random, element, name, shape, odd && chance(0.4))
    const elements = Array.from({ length }, () =>
      chance(0.6) ? alike : describeValue(random, element, name, shape, odd && chance(0.3)),
    )
    return { list: elements }
  }
  switch (type) {
    case 'Tensor':
      return { tensor: describeTensor(random, name, shape, odd) }
    case 'int':
    case 'SymInt':
      if (!odd && /^(dim|axis)/.test(name)) return { value: Math.floor(next() * Math.max(1, shape.length)) }
      if (!odd && /reduction/.test(name)) return { value: pick([0, 1, 2]) }
      if (!odd && /dtype/.test(name)) return { value: pick(DTYPES.slice(0, -1)) }
      return number(odd ? pick([...ODD, ...SMALL]) : pick(SMALL))
    case 'float':
      return number(odd ? pick(ODD_NUMBERS) : pick(NUMBERS))
    case 'Scalar':
      return number(odd ? pick([...ODD_NUMBERS, ...ODD]) : pick([...NUMBERS, ...SMALL]))
    case 'bool':
      return { value: chance(0.5) }
    case 'str':
      return {
        value: odd
          ? pick(['', 'none', '\u0000', 'x'.repeat(300)])
          : pick(STRINGS[name] ?? ['sum', 'mean', 'none', 'L', 'linear']),
      }
    case 'ScalarType':
      if (odd) return number(pick([9, 13, 16, 18, 23, 45, 99, -1, 2 ** 40]))
      return { value: pick(DTYPES.slice(0, -1)) }
    case 'Device':
      return { value: pick(odd ? ['meta', 'cuda', 'moon'] : ['cpu']) }
    case 'MemoryFormat':
      return { value: pick(['contiguous', 'channelsLast', 'preserve']) }
    default:
      return { none: true }
  }
}

/** Turns a fitting value into one that does not fit. */
function spoiled(random, value) {
  const { chance, pick, next } = random
  const at = (length) => Math.floor(next() * length)
  if (value.list) {
    const list = [...value.list]
    const place = at(list.length)
    if (list.length > 0 && chance(0.5)) list[place] = spoiled(random, list[place])
    else if (chance(0.5)) list.splice(place, 1 + at(2))
    else list.push(...list.slice(0, 1 + at(3)))
    return { list }
  }
  if (value.tensor) {
    const d = { ...value.tensor, shape: [...value.tensor.shape] }
    const place = at(d.shape.length)
    const how = at(6)
    if (how === 0) d.shape.splice(place, 0, pick([0, 1, 2]))
    else if (how === 1) d.shape.splice(place, 1)
    else if (how === 2 && d.shape.length > 0)
      d.shape[place] = pick([0, 1, d.shape[place] + 1, d.shape[place] * 2, d.shape[place] - 1])
    else if (how === 3) d.values = pick(['huge', 'negative', 'nan', 'zero'])
    else if (how === 4) d.dtype = pick(DTYPES)
    else d.form = pick(FORMS)
    if (d.values && how === 3) delete d.content
    if (chance(0.15)) d.grad = true
    return { tensor: d }
  }
  if (typeof value.value === 'number') return number(pick([...SMALL, ...ODD]))
  return typeof value.value === 'boolean' ? { value: !value.value } : value
}

/** JSON has neither BigInt nor NaN. */
const number = (value) => (typeof value === 'bigint' || !Number.isFinite(value) ? { number: String(value) } : { value })

function buildTensor(d, call) {
  const { chance, next } = chooser(`values ${d.seed}`)
  const count = d.shape.reduce((a, b) => a * b, 1)
  const whole = INTEGERS.includes(d.dtype)
  const one = () => {
    if (d.values === 'huge') return whole ? (chance(0.5) ? 2 ** 40 : 2 ** 31) : 1e30
    if (d.values === 'negative') return whole ? -1 - Math.floor(next() * 5) : -next()
    if (d.values === 'nan') return whole ? 100 : Number.NaN
    if (d.values === 'zero') return 0
    if (d.values === 'ones') return 1
    return whole ? Math.floor(next() * 3) : next()
  }
  const values = d.content?.length === count ? d.content : Array.from({ length: count }, one)
  const flat = whole
    ? mb.fromTypedArray(BigInt64Array.from(values.map((v) => BigInt(v))), [count])
    : mb.fromTypedArray(Float64Array.from(values), [count])
  const complex = d.dtype === 'complex64'
  const cast = (t, dtype) => addon.callOp('aten::to.dtype', [t, dtype])
  let t = cast(flat, complex ? 'float32' : d.dtype).reshape(d.shape)
  if (complex) t = addon.callOp('aten::complex', [t, t])
  const real = !whole && !complex
  const form = {
    transposed: () => (d.shape.length > 1 ? addon.callOp('aten::transpose.int', [t, 0, -1]) : t),
    expanded: () => addon.callOp('aten::expand', [t.reshape([...d.shape, 1]), [...d.shape, 3]]),
    offset: () => (d.shape[0] > 1 ? addon.callOp('aten::slice.Tensor', [t, 0, 1]) : t),
    view: () => t.reshape([-1]),
    sparse: () => addon.callOp('aten::to_sparse', [t]),
    csr: () => addon.callOp('aten::to_sparse_csr', [t]),
    quantized: () => (real ? call('aten::quantize_per_tensor', [cast(t, 'float32'), 0.1, 3, 13]) : t),
    mkldnn: () => (real ? call('aten::to_mkldnn', [cast(t, 'float32')]) : t),
    channelsLast: () =>
      d.shape.length === 4 ? addon.callOp('aten::contiguous', [t], { memory_format: 'channelsLast' }) : t,
    disposed: () => {
      t.dispose()
      return t
    },
  }[d.form]
  try {
    if (form) t = form()
  } catch {
    // Not every tensor has every form.
  }
  if (d.grad && !whole && d.form !== 'disposed') {
    try {
      // In-place operations refuse a leaf, so this is not one.
      t = addon.callOp('aten::mul.Scalar', [addon.callOp('aten::requires_grad_', [t]) ?? t, 1])
    } catch {}
  }
  return t
}

/** Builds the values of a description. `call` makes tensors of kinds that not every caller has. */
export function build(value, call) {
  if (value.none) return null
  if (value.list) return value.list.map((one) => build(one, call))
  if (value.tensor) return buildTensor(value.tensor, call)
  if (value.number !== undefined) return /^-?\d+$/.test(value.number) ? BigInt(value.number) : Number(value.number)
  return value.value
}
