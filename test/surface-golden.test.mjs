// The typed operations beyond ops-golden.test.mjs and their gradients against PyTorch (test/golden/surface.json and
// everyday.json, made by scripts/goldens/surface.py and everyday.py), and random numbers: the same as PyTorch's after the same seed.
import { readFileSync } from 'node:fs'
import * as mb from 'mbconv'
import t from 'tap'

const read = (name) => JSON.parse(readFileSync(new URL(`golden/${name}.json`, import.meta.url), 'utf8'))
const cases = [...read('surface').cases, ...read('everyday').cases]
const namespaces = { mb, F: mb.nn.functional, linalg: mb.linalg, fft: mb.fft, foreach: mb.foreach, init: mb.nn.init }

const isFloat = ({ dtype }) => /^(float|complex)/.test(dtype)
const isComplex = ({ dtype }) => dtype.startsWith('complex')
/** The dtype of a float64 or complex128 in a test of float32 numbers. */
const inPrecision = (given, dtype) => (dtype === 'float32' && isComplex({ dtype: given }) ? 'complex64' : given)

/** A tensor with the data of a golden file, in which complex numbers are pairs. */
function tensorOf({ data, shape, dtype }, precision) {
  if (!isComplex({ dtype })) return mb.tensor(data.map(Number), { dtype: precision ?? dtype }).reshape(shape)
  const parts = mb.tensor(data.map(Number), { dtype: precision ?? 'float64' })
  return mb.viewAsComplex(parts.reshape([...shape, 2]))
}

/** The numbers of a tensor; complex ones as pairs. */
const numbersOf = (x) => (x.isComplex() ? mb.viewAsReal(x.detach().resolveConj()) : x).toTypedArray()

/** Replaces {$: i} by the i-th tensor. */
function fill(value, tensors) {
  if (Array.isArray(value)) return value.map((element) => fill(element, tensors))
  if (value === null || typeof value !== 'object') return value
  if ('$' in value) return tensors[value.$]
  return Object.fromEntries(Object.entries(value).map(([key, element]) => [key, fill(element, tensors)]))
}

/** What is written into must be no leaf: a copy of it, and of every element of a list. */
const copied = (value) => (Array.isArray(value) ? value.map((t) => t.clone()) : value.clone())

function call(path, args) {
  const [space, name] = path.split('.')
  const inPlace = name.endsWith('_') && space !== 'init'
  const [first, ...rest] = inPlace ? [copied(args[0]), ...args.slice(1)] : args
  if (space === 'p') return { result: first[name], returnedItself: true }
  const result = space === 't' ? first[name](...rest) : namespaces[space][name](first, ...rest)
  return { result, returnedItself: !inPlace || result === first }
}

/** Tensors in the order of PyTorch's tuples; what was not asked for is null. */
function flat(result) {
  if (result === null) return []
  if (result instanceof mb.Tensor) return [result]
  return Object.values(result).flatMap(flat)
}

/** ‖a − b‖ / ‖b‖; NaN and infinities must stand in the same places. */
function relativeError(actual, expected) {
  let difference = 0
  let size = 0
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [Number(actual[i]), Number(expected[i])]
    if (!Number.isFinite(b) && Object.is(a, b)) continue
    difference += (a - b) ** 2
    size += b ** 2
  }
  return difference === 0 ? 0 : Math.sqrt(difference) / Math.max(Math.sqrt(size), 1e-30)
}

const ramp = (like) =>
  mb
    .tensor(
      Float64Array.from({ length: like.numel }, (_, i) => i / Math.max(1, like.numel) - 0.3),
      { dtype: like.dtype },
    )
    .reshape(like.shape)

/** The gradients of all results' products with ramps. */
function checkGradients(t, name, results, tensors, grads, tolerance) {
  if (grads.every((expected) => expected === null)) return
  const parts = results
    .filter((part) => part.requiresGrad)
    .map((part) => (part.isComplex() ? mb.viewAsReal(part.resolveConj()) : part))
    .map((part) => part.mul(ramp(part)).sum())
  mb.stack(parts).sum().backward()
  for (const [j, expected] of grads.entries()) {
    if (expected === null) continue
    const actual = tensors[j].grad === null ? [] : numbersOf(tensors[j].grad)
    // A gradient that is 0 everywhere has no relative error: 1 before both gives it a size.
    const error = relativeError([1, ...actual], [1, ...expected])
    const scaled = expected.some((x) => x !== 0) ? relativeError(actual, expected) : error
    t.ok(actual.length === expected.length && scaled <= tolerance, `${name}: gradient ${j}: error ${scaled}`)
  }
}

for (const [dtype, tolerance] of [
  ['float64', 1e-10],
  ['float32', 1e-5],
]) {
  t.test(`calls equal PyTorch's in ${dtype}, relative error ≤ ${tolerance}`, async (t) => {
    for (const [i, { call: path, args, inputs, outputs, grads, seed }] of cases.entries()) {
      if (seed !== undefined) continue
      const name = `${i} ${path} ${JSON.stringify(args)}`
      mb.scope(() => {
        const tensors = inputs.map((input, j) =>
          tensorOf(input, isFloat(input) ? dtype : undefined).requiresGrad_(grads[j] !== null),
        )
        // What is made of no floating-point tensor has the dtype that the call asks for.
        const follows = inputs.some(isFloat)
        const { result, returnedItself } = call(path, fill(args, tensors))
        t.ok(returnedItself, `${name}: returns what it wrote into`)
        const results = flat(result)
        t.equal(results.length, outputs.length, `${name}: number of results`)
        for (const [j, expected] of outputs.entries()) {
          t.same(results[j].shape, expected.shape, `${name}: shape of result ${j}`)
          const kind = isFloat(expected) && !isComplex(expected) && follows ? dtype : inPrecision(expected.dtype, dtype)
          t.equal(results[j].dtype, kind, `${name}: dtype of result ${j}`)
          const error = relativeError(numbersOf(results[j]), expected.data)
          t.ok(error <= tolerance, `${name}: result ${j}: error ${error}`)
        }
        checkGradients(t, name, results, tensors, grads, tolerance)
      })
    }
    t.equal(mb.memory().tensors, 0, 'nothing is left over')
  })
}

t.test("random numbers are PyTorch's after the same seed", async (t) => {
  for (const [i, { call: path, args, inputs, outputs, grads, seed }] of cases.entries()) {
    if (seed === undefined) continue
    const name = `${i} ${path} ${JSON.stringify(args)}`
    mb.scope(() => {
      const tensors = inputs.map(({ data, dtype, shape }, j) =>
        mb
          .tensor(data.map(Number), { dtype })
          .reshape(shape)
          .requiresGrad_(grads[j] !== null),
      )
      mb.manualSeed(seed)
      const results = flat(call(path, fill(args, tensors)).result)
      for (const [j, expected] of outputs.entries()) {
        t.same([results[j].shape, results[j].dtype], [expected.shape, expected.dtype], `${name}: shape and dtype`)
        const error = relativeError(results[j].toTypedArray(), expected.data)
        t.ok(error <= (expected.dtype === 'float32' ? 1e-6 : 1e-12), `${name}: error ${error}`)
      }
      checkGradients(t, name, results, tensors, grads, 1e-10)
    })
  }
  t.equal(mb.memory().tensors, 0, 'nothing is left over')
})

t.test('a call leaves its results and nothing else, also outside every scope', async (t) => {
  for (const { call: path, args, inputs } of cases) {
    const tensors = inputs.map((input) => mb.scope(() => tensorOf(input)))
    // In place the receiver is a copy, which is the result; a list of them is as well.
    const before = mb.memory().tensors
    const results = [...new Set(flat(call(path, fill(args, tensors)).result))]
    const made = results.filter((result) => !tensors.includes(result)).length
    t.equal(mb.memory().tensors - before, made, `${path} ${JSON.stringify(args)}`)
    for (const x of [...tensors, ...results]) x.dispose()
  }
  t.equal(mb.memory().tensors, 0)
})

t.test('every function of the namespaces has a case, here or in ops.json', async (t) => {
  const ops = read('ops')
  const called = new Set(cases.map(({ call }) => call))
  const named = new Set(ops.cases.map(({ op }) => op.split('.')[0]))
  const missing = ['F', 'linalg', 'fft', 'foreach', 'init'].flatMap((space) =>
    Object.keys(namespaces[space])
      .filter((name) => ![space, 't'].some((place) => called.has(`${place}.${name}`)) && !named.has(name))
      .map((name) => `${space}.${name}`),
  )
  // Dropout's tests are nn-layers', drop path is not PyTorch's, and the gain is in the initialisers' numbers.
  t.same(missing, ['F.dropout', 'F.dropPath', 'init.calculateGain'])
})
