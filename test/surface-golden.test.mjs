// The typed operations beyond ops-golden.test.mjs and their gradients against PyTorch (test/golden/surface.json, made by
// scripts/goldens/surface.py), and random numbers: the same as PyTorch's after the same seed.
import { readFileSync } from 'node:fs'
import * as mb from 'mbconv'
import t from 'tap'

const golden = JSON.parse(readFileSync(new URL('golden/surface.json', import.meta.url), 'utf8'))
const namespaces = { mb, F: mb.nn.functional, linalg: mb.linalg, foreach: mb.foreach, init: mb.nn.init }

const isFloat = ({ dtype }) => dtype.startsWith('float')

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
  const parts = results.filter((part) => part.requiresGrad).map((part) => part.mul(ramp(part)).sum())
  mb.stack(parts).sum().backward()
  for (const [j, expected] of grads.entries()) {
    if (expected === null) continue
    const actual = tensors[j].grad?.toTypedArray() ?? []
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
    for (const [i, { call: path, args, inputs, outputs, grads, seed }] of golden.cases.entries()) {
      if (seed !== undefined) continue
      const name = `${i} ${path} ${JSON.stringify(args)}`
      mb.scope(() => {
        const tensors = inputs.map((input, j) =>
          mb
            .tensor(input.data.map(Number), { dtype: isFloat(input) ? dtype : input.dtype })
            .reshape(input.shape)
            .requiresGrad_(grads[j] !== null),
        )
        const { result, returnedItself } = call(path, fill(args, tensors))
        t.ok(returnedItself, `${name}: returns what it wrote into`)
        const results = flat(result)
        t.equal(results.length, outputs.length, `${name}: number of results`)
        for (const [j, expected] of outputs.entries()) {
          t.same(results[j].shape, expected.shape, `${name}: shape of result ${j}`)
          t.equal(results[j].dtype, isFloat(expected) ? dtype : expected.dtype, `${name}: dtype of result ${j}`)
          const error = relativeError(results[j].toTypedArray(), expected.data)
          t.ok(error <= tolerance, `${name}: result ${j}: error ${error}`)
        }
        checkGradients(t, name, results, tensors, grads, tolerance)
      })
    }
    t.equal(mb.memory().tensors, 0, 'nothing is left over')
  })
}

t.test("random numbers are PyTorch's after the same seed", async (t) => {
  for (const [i, { call: path, args, inputs, outputs, grads, seed }] of golden.cases.entries()) {
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
  for (const { call: path, args, inputs } of golden.cases) {
    const tensors = inputs.map(({ data, dtype, shape }) => {
      return mb.scope(() => mb.tensor(data.map(Number), { dtype }).reshape(shape))
    })
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
  const ops = JSON.parse(readFileSync(new URL('golden/ops.json', import.meta.url), 'utf8'))
  const called = new Set(golden.cases.map(({ call }) => call))
  const named = new Set(ops.cases.map(({ op }) => op.split('.')[0]))
  const missing = ['F', 'linalg', 'foreach', 'init'].flatMap((space) =>
    Object.keys(namespaces[space])
      .filter((name) => ![space, 't'].some((place) => called.has(`${place}.${name}`)) && !named.has(name))
      .map((name) => `${space}.${name}`),
  )
  // Dropout's tests are nn-layers', drop path is not PyTorch's, and the gain is in the initialisers' numbers.
  t.same(missing, ['F.dropout', 'F.dropPath', 'init.calculateGain'])
})
