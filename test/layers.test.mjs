// Each layer and loss of torch.nn: parameters and initial values, text, outputs and gradients, against PyTorch's.
import { readFileSync } from 'node:fs'
import * as mb from 'mbconv'
import t from 'tap'

const { cases } = JSON.parse(readFileSync(new URL('./golden/layers.json', import.meta.url), 'utf8'))
const { nn } = mb

const count = (shape) => shape.reduce((all, size) => all * size, 1)
/** The same whole numbers, divided, as in scripts/goldens/layers.py. */
const values = (shape, number = 0) => {
  const list = Float32Array.from({ length: count(shape) }, (_, i) => (((i * 7 + number * 3) % 11) - 5) / 4)
  return mb.fromTypedArray(list, shape)
}
function made(spec, number) {
  if (Array.isArray(spec)) return values(spec, number).requiresGrad_()
  if (spec.classes) {
    const list = BigInt64Array.from({ length: count(spec.classes) }, (_, i) => BigInt((i * 3 + 1) % spec.of))
    return mb.fromTypedArray(list, spec.classes)
  }
  if (spec.lengths) return spec.lengths
  if (spec.signs) return mb.tensor([1, -1, 1])
  const tensor = spec.unit ? values(spec.unit, number).div(3).add(0.5) : values(spec.positive, number).abs().add(0.25)
  return tensor.requiresGrad_(number === 0)
}

/** Largest difference from the golden's numbers, relative to the larger of 1 and the number. */
function gap(tensor, expected) {
  const found = [...tensor.detach().reshape([-1]).toTypedArray()].map(Number)
  if (found.length !== expected.length) return Number.POSITIVE_INFINITY
  return Math.max(0, ...found.map((value, i) => Math.abs(value - expected[i]) / Math.max(1, Math.abs(expected[i]))))
}
const CLOSE = 3e-5

for (const golden of cases) {
  const { class: name, args, options, inputs, state, output, gradients, after, evaluated } = golden
  const title = `${name}(${[...args, ...(Object.keys(options).length > 0 ? [options] : [])].map((each) => JSON.stringify(each)).join(', ')})`
  t.test(title, async (t) => {
    mb.scope(() => {
      mb.manualSeed(5)
      const given = Object.entries(options).map(([key, value]) => [
        key,
        key === 'weight' || key === 'posWeight' ? mb.tensor(value) : value,
      ])
      const layer = new nn[name](...args, ...(given.length > 0 ? [Object.fromEntries(given)] : []))
      t.equal(String(layer), golden.text)
      const own = layer.stateDict()
      t.same(Object.keys(own), Object.keys(state))
      for (const [key, { shape, first }] of Object.entries(state)) {
        t.same(own[key].shape, shape, key)
        t.ok(gap(own[key].reshape([-1]).narrow(0, 0, first.length), first) < CLOSE, `${key}: the same initial values`)
      }
      const tensors = inputs.map(made)
      mb.manualSeed(6)
      const y = layer.forward(...tensors.map((x) => (options.inplace ? x.mul(1) : x)))
      t.same(y.shape, output.shape)
      t.ok(gap(y, output.values) < CLOSE, 'the output')
      t.equal(y.requiresGrad, gradients !== undefined)
      if (gradients !== undefined) {
        const wanted = [...tensors, ...layer.parameters()].filter((each) => each.requiresGrad)
        const found = mb.grad(y, wanted, { gradOutputs: [values(output.shape, 4)] })
        t.equal(found.length, gradients.length)
        for (const [i, gradient] of found.entries()) t.ok(gap(gradient, gradients[i]) < CLOSE, `gradient ${i}`)
      }
      for (const [key, expected] of Object.entries(after)) t.ok(gap(layer.getBuffer(key), expected) < CLOSE, key)
      layer.eval()
      const again = layer.forward(...tensors.map((x) => (x instanceof mb.Tensor ? x.detach().mul(1) : x)))
      t.ok(gap(again, evaluated ?? output.values) < CLOSE, 'in evaluation mode')
      layer.dispose()
    })
  })
}

t.test('every layer and loss has a case', async (t) => {
  const covered = new Set(cases.map((each) => each.class))
  // Not of torch.nn, or without a forward pass of its own.
  const others = ['DropPath', 'Module', 'ModuleDict', 'ModuleList', 'Sequential', 'SqueezeExcite']
  const classes = Object.keys(nn).filter((key) => /^[A-Z]/.test(key))
  t.ok(classes.length > 80, `${classes.length} classes`)
  t.same(classes.filter((name) => !covered.has(name)).sort(), others)
})
