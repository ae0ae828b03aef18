// Operations and their gradients against PyTorch (test/golden/ops.json, made by scripts/goldens/ops.py).
import { readFileSync } from 'node:fs'
import * as mb from 'mbconv'
import t from 'tap'

const golden = JSON.parse(readFileSync(new URL('golden/ops.json', import.meta.url), 'utf8'))
const F = mb.nn.functional

/** How each golden's operation is called here; most are methods taking the options as they stand. */
const calls = {
  layerNorm: ([x, weight, bias], { shape, ...options }) => F.layerNorm(x, shape, { weight, bias, ...options }),
  groupNorm: ([x, weight, bias], { groups }) => F.groupNorm(x, groups, { weight, bias }),
  instanceNorm: ([x, weight, bias]) => F.instanceNorm(x, { weight, bias }),
  gelu: ([x], options) => F.gelu(x, options),
  leakyRelu: ([x], { slope }) => F.leakyRelu(x, slope),
  elu: ([x], { alpha }) => F.elu(x, alpha),
  softplus: ([x], options) => F.softplus(x, options),
  mish: ([x]) => F.mish(x),
  einsum: (operands, { equation }) => mb.einsum(equation, operands),
  addmm: ([c, a, b], options) => mb.linalg.addmm(c, a, b, options),
  'qr.r': ([a]) => mb.linalg.qr(a).r.abs(),
  'svd.s': ([a]) => mb.linalg.svd(a).s,
  'eigh.values': ([a]) => mb.linalg.eigh(a).values,
  pixelShuffle: ([x], { factor }) => F.pixelShuffle(x, factor),
  embedding: ([weight, indices]) => F.embedding(indices, weight),
  binaryCrossEntropy: ([x, y]) => F.binaryCrossEntropy(x, y.detach()),
  linear: ([x, weight, bias]) => F.linear(x, weight, bias),
  batchNorm: ([x, weight, bias], { runningMean, runningVar, ...options }) =>
    F.batchNorm(x, {
      weight,
      bias,
      runningMean: mb.tensor(runningMean, { dtype: x.dtype }),
      runningVar: mb.tensor(runningVar, { dtype: x.dtype }),
      ...options,
    }),
  relu6: ([x]) => F.relu6(x),
  hardswish: ([x]) => F.hardswish(x),
  hardsigmoid: ([x]) => F.hardsigmoid(x),
  maxPool2d: ([x], { kernel, ...options }) => F.maxPool2d(x, kernel, options),
  avgPool2d: ([x], { kernel, ...options }) => F.avgPool2d(x, kernel, options),
  adaptiveAvgPool2d: ([x], { size }) => F.adaptiveAvgPool2d(x, size),
  interpolate: ([x], { size, ...options }) => F.interpolate(x, size, options),
  pad: ([x], { amounts, ...options }) => F.pad(x, amounts, options),
  crossEntropy: ([x, y], options) => F.crossEntropy(x, y, options),
  cumsum: ([x], { dim }) => x.cumsum(dim),
  softmax: ([x], { dim }) => x.softmax(dim),
  logSoftmax: ([x], { dim }) => x.logSoftmax(dim),
  flip: ([x], { dims }) => x.flip(dims),
  roll: ([x], { shifts, dims }) => x.roll(shifts, dims),
  gather: ([x, index], { dim }) => x.gather(dim, index),
  indexSelect: ([x, index], { dim }) => x.indexSelect(dim, index),
}
const binary = new Set('add sub mul div maximum minimum remainder pow matmul'.split(' '))

for (const name of 'conv1d conv2d conv3d convTranspose1d convTranspose2d convTranspose3d'.split(' ')) {
  calls[name] = ([x, weight, bias], options) => F[name](x, weight, { bias, ...options })
}
for (const name of 'nllLoss binaryCrossEntropyWithLogits mseLoss l1Loss smoothL1Loss huberLoss klDiv'.split(' ')) {
  calls[name] = ([x, y], options) => F[name](x, y, options)
}
for (const name of 'bmm outer dot inv det solve cholesky'.split(' '))
  calls[name] = (inputs) => mb.linalg[name](...inputs)

function call(op, inputs, options) {
  if (calls[op]) return calls[op](inputs, options)
  if (binary.has(op)) return inputs[0][op](inputs[1])
  // Those without options take no argument at all.
  return Object.keys(options).length === 0 ? inputs[0][op]() : inputs[0][op](options)
}

/** ‖a − b‖ / ‖b‖, the error the project quotes everywhere. */
function relativeError(actual, expected) {
  let difference = 0
  let size = 0
  for (let i = 0; i < expected.length; i++) {
    difference += (Number(actual[i]) - expected[i]) ** 2
    size += expected[i] ** 2
  }
  return Math.sqrt(difference) / Math.max(Math.sqrt(size), 1e-30)
}

const ramp = (shape, dtype) => {
  const n = shape.reduce((a, b) => a * b, 1)
  return mb
    .tensor(
      Float64Array.from({ length: n }, (_, i) => i / n - 0.3),
      { dtype },
    )
    .reshape(shape)
}

for (const [dtype, tolerance] of [
  ['float64', 1e-10],
  ['float32', 1e-5],
]) {
  t.test(`operations equal PyTorch's in ${dtype}, relative error ≤ ${tolerance}`, async (t) => {
    for (const [i, { op, options, inputs, output, grads }] of golden.cases.entries()) {
      mb.scope(() => {
        const tensors = inputs.map(({ data, shape, dtype: kind }) =>
          mb
            .tensor(data, { dtype: kind === 'int64' ? 'int64' : dtype })
            .reshape(shape)
            .requiresGrad_(kind !== 'int64'),
        )
        const result = call(op, tensors, options)
        t.same(result.shape, output.shape, `${i} ${op}: shape`)
        const error = relativeError(result.toTypedArray(), output.data)
        t.ok(error <= tolerance, `${i} ${op} ${JSON.stringify(options)}: error ${error}`)
        if (!result.requiresGrad) return
        result.mul(ramp(result.shape, dtype)).sum().backward()
        for (const [j, expected] of grads.entries()) {
          if (expected === null) continue
          // A gradient that is 0 everywhere (floor, sign) has no relative error: compare it as it is.
          const scale = Math.hypot(...expected) === 0 ? [1, ...expected] : expected
          const actual = [...tensors[j].grad.toTypedArray()]
          const gradError = relativeError(scale === expected ? actual : [1, ...actual], scale)
          t.ok(gradError <= tolerance, `${i} ${op}: gradient of input ${j}: error ${gradError}`)
        }
      })
    }
    t.equal(mb.memory().tensors, 0, 'nothing is left over')
  })
}
