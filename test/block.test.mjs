// mbconv::block computes an MBConv block in training mode. Its kernels are compared with its definition by libtorch's
// operators, in double precision.
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { native: addon } = internal('addon')
/** The set of kernels that this process was started for, if it was. */
const CHOSEN = process.env.MBCONV_CPU_KERNELS

const NORMS = ['expand', 'depthwise', 'project']
/** The tensors of a block in the order of the operator's arguments. */
const ORDER = [
  'input',
  ...['expand', 'expandWeight', 'expandBias', 'expandMean', 'expandVar'],
  ...['depthwise', 'depthwiseWeight', 'depthwiseBias', 'depthwiseMean', 'depthwiseVar'],
  ...['squeeze', 'squeezeBias', 'excite', 'exciteBias'],
  ...['project', 'projectWeight', 'projectBias', 'projectMean', 'projectVar'],
  'branchScale',
]
const RUNNING = NORMS.flatMap((name) => [`${name}Mean`, `${name}Var`])
const isTrained = (name) => name !== 'branchScale' && !RUNNING.includes(name)

const PLAIN = {
  images: 3,
  inputs: 5,
  expanded: 20,
  outputs: 5,
  kernel: 3,
  stride: 1,
  height: 6,
  width: 7,
  squeezed: 4,
  padding: 'symmetric',
  activation: 'silu',
  squeezeActivation: 'silu',
  gate: 'sigmoid',
  residual: true,
  dropped: false,
  layout: 'contiguous',
  gradientLayout: 'contiguous',
}

/** Whole vectors of every instruction set in half of the cases: tensors of so many channels are used where they are. */
const channels = (min) => fc.oneof(fc.constantFrom(16, 32, 48), fc.integer({ min, max: 40 }))

const shapes = fc
  .record({
    images: fc.oneof(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 2, max: 60 })),
    inputs: channels(4),
    expanded: fc.option(fc.integer({ min: 4, max: 60 })),
    outputs: channels(1),
    kernel: fc.constantFrom(3, 5, 7),
    stride: fc.constantFrom(1, 2),
    height: fc.integer({ min: 1, max: 17 }),
    width: fc.integer({ min: 1, max: 17 }),
    squeezed: fc.option(fc.integer({ min: 1, max: 9 })),
    padding: fc.constantFrom('symmetric', 'same'),
    activation: fc.constantFrom('silu', 'silu', 'silu', 'relu', 'relu6', 'hardswish'),
    squeezeActivation: fc.constantFrom('silu', 'silu', 'silu', 'relu'),
    gate: fc.constantFrom('sigmoid', 'sigmoid', 'sigmoid', 'hardsigmoid'),
    residual: fc.boolean(),
    dropped: fc.boolean(),
    layout: fc.constantFrom('contiguous', 'channelsLast'),
    gradientLayout: fc.constantFrom('contiguous', 'channelsLast'),
  })
  .map((shape) => ({ ...shape, residual: shape.residual && shape.stride === 1 }))
  .map((shape) => (shape.residual ? { ...shape, outputs: shape.inputs } : shape))
  // The gradients of a few values are mostly rounding: batch norm takes out what they have in common.
  .filter(({ images, height, width, stride }) => images * Math.ceil(height / stride) * Math.ceil(width / stride) >= 16)
  .filter(({ images, height, width }) => images * height * width <= 3000)

/** Random tensors of a block. */
function tensorsOf(shape) {
  const { images, inputs, outputs, kernel, squeezed, height, width } = shape
  const expanded = shape.expanded ?? inputs
  const normal = (sizes, deviation = 1, mean = 0) => mb.randn(sizes).mul(deviation).add(mean)
  const tensors = { input: normal([images, inputs, height, width]) }
  const addNorm = (name, channels) => {
    tensors[`${name}Weight`] = normal([channels], 0.2, 1)
    tensors[`${name}Bias`] = normal([channels], 0.2)
    tensors[`${name}Mean`] = normal([channels])
    tensors[`${name}Var`] = mb.rand([channels]).add(0.5)
  }
  if (shape.expanded !== null) {
    tensors.expand = normal([expanded, inputs, 1, 1], inputs ** -0.5)
    addNorm('expand', expanded)
  }
  tensors.depthwise = normal([expanded, 1, kernel, kernel], 1 / kernel)
  addNorm('depthwise', expanded)
  if (squeezed !== null) {
    tensors.squeeze = normal([squeezed, expanded, 1, 1], expanded ** -0.5)
    tensors.squeezeBias = normal([squeezed], 0.2)
    tensors.excite = normal([expanded, squeezed, 1, 1], squeezed ** -0.5)
    tensors.exciteBias = normal([expanded], 0.2)
  }
  tensors.project = normal([outputs, expanded, 1, 1], expanded ** -0.5)
  addNorm('project', outputs)
  if (shape.dropped) tensors.branchScale = mb.rand([images]).gt(0.3).to('float32').div(0.7)
  if (shape.layout === 'channelsLast') tensors.input = tensors.input.contiguous({ memoryFormat: 'channelsLast' })
  return tensors
}

function call(tensors, shape, backend) {
  const { stride, padding, activation, squeezeActivation, gate, residual } = shape
  const settings = { stride, padding, activation, squeeze_activation: squeezeActivation, gate, residual, backend }
  return mb.callOp(
    'mbconv::block',
    ORDER.map((name) => tensors[name] ?? null),
    settings,
  )
}

/** Output, gradients and running statistics, by name. The gradient of the output is the same for every dtype. */
function computed(tensors, shape, backend, dtype = 'float32') {
  const own = {}
  for (const [name, tensor] of Object.entries(tensors)) {
    own[name] = tensor.detach().to(dtype).clone()
    if (isTrained(name)) own[name].requiresGrad = true
  }
  const output = call(own, shape, backend)
  const trained = Object.keys(own).filter(isTrained)
  mb.manualSeed(7)
  const upstream = mb.randn(output.shape).to({ dtype, memoryFormat: shape.gradientLayout })
  const gradients = mb.grad(
    output,
    trained.map((name) => own[name]),
    { gradOutputs: [upstream] },
  )
  const results = { output: output.detach() }
  for (const [i, name] of trained.entries()) results[`gradient of ${name}`] = gradients[i]
  for (const name of RUNNING) if (own[name] !== undefined) results[name] = own[name]
  return results
}

/** ‖a − exact‖ / ‖exact‖ */
const errorOf = (a, exact) => a.to('float64').sub(exact).norm().item() / (exact.norm().item() + 1e-30)
const isSmooth = ({ activation, squeezeActivation, gate, squeezed }) =>
  activation === 'silu' && (squeezed === null || (squeezeActivation === 'silu' && gate === 'sigmoid'))

t.test('output, gradients and statistics are as exact as those of libtorch, on any number of threads', async (t) => {
  const threads = mb.getNumThreads()
  t.teardown(() => mb.setNumThreads(threads))
  const ratios = {}
  let seed = 0
  fc.assert(
    fc.property(shapes, (shape) =>
      mb.scope(() => {
        mb.setNumThreads(1)
        mb.manualSeed(++seed)
        const tensors = tensorsOf(shape)
        const exact = computed(tensors, shape, 'composite', 'float64')
        const libtorch = computed(tensors, shape, 'composite')
        const native = computed(tensors, shape, 'native')
        for (const count of [2, 3]) {
          mb.setNumThreads(count)
          const again = computed(tensors, shape, 'native')
          for (const name of Object.keys(native)) {
            if (!again[name].equal(native[name])) throw new Error(`${name} differs on ${count} threads`)
          }
        }
        for (const [name, value] of Object.entries(native)) {
          const [own, other] = [errorOf(value, exact[name]), errorOf(libtorch[name], exact[name])]
          if (!value.shape.every((size, i) => size === exact[name].shape[i])) throw new Error(`the shape of ${name}`)
          // An activation with corners has another derivative on the other side of one, where rounding may lead.
          if (!(own < 8 * other + (isSmooth(shape) ? 2e-5 : 5e-2)))
            throw new Error(`${name}: ${own}, libtorch ${other}`)
          if (!isSmooth(shape)) continue
          ratios[name] ??= []
          ratios[name].push(Math.log((own + 6e-8) / (other + 6e-8)))
        }
      }),
    ),
    { numRuns: 100, seed: 3 },
  )
  t.equal(Object.keys(ratios).length, 21, 'every result was compared')
  for (const [name, values] of Object.entries(ratios)) {
    const mean = Math.exp(values.reduce((sum, value) => sum + value) / values.length)
    // Without fused multiply-add, which libtorch's own kernels have, every product is rounded too.
    t.ok(
      mean < (addon().cpuKernels() === 'baseline' ? 1.6 : 1.25),
      `${name}: ${mean.toFixed(2)} times the error of libtorch`,
    )
  }
})

t.test('values far from zero keep their digits', async (t) => {
  mb.scope(() => {
    mb.manualSeed(1)
    const tensors = tensorsOf(PLAIN)
    tensors.input = tensors.input.add(300)
    const [exact, libtorch, native] = [
      ['composite', 'float64'],
      ['composite', 'float32'],
      ['native', 'float32'],
    ].map(([backend, dtype]) => computed(tensors, PLAIN, backend, dtype))
    for (const [name, value] of Object.entries(native)) {
      const [own, other] = [errorOf(value, exact[name]), errorOf(libtorch[name], exact[name])]
      t.ok(own < 3 * other + 1e-6, `${name}: ${own.toExponential(1)}, libtorch ${other.toExponential(1)}`)
    }
  })
})

t.test('strides of sides of one pixel, which fit several memory formats', async (t) => {
  mb.scope(() => {
    for (const [images, height, turned] of [
      [1, 20, (x) => x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])],
      [3, 20, (x) => x.squeeze(3).transpose(1, 2).contiguous().transpose(1, 2).unsqueeze(3)],
      [1, 20, (x) => x.squeeze(0).permute([1, 2, 0]).contiguous().permute([2, 0, 1]).unsqueeze(0)],
    ]) {
      const shape = { ...PLAIN, images, inputs: 16, outputs: 16, height, width: images === 3 ? 1 : 5 }
      for (const gradientLayout of ['contiguous', 'channelsLast']) {
        mb.manualSeed(1)
        const tensors = tensorsOf(shape)
        const exact = computed(tensors, shape, 'composite', 'float64')
        const input = turned(tensors.input)
        t.ok(input.equal(tensors.input))
        // clone() would give the input other strides.
        const own = { ...tensors, input: input.requiresGrad_() }
        const output = call(own, shape, 'native')
        mb.manualSeed(7)
        const upstream = mb.randn(output.shape).to({ memoryFormat: gradientLayout })
        const [gradient] = mb.grad(output, [own.input], { gradOutputs: [upstream] })
        t.ok(errorOf(output.detach(), exact.output) < 1e-5)
        t.ok(errorOf(gradient, exact['gradient of input']) < 1e-5, `${images} images, ${gradientLayout}`)
      }
    }
  })
})

t.test('NaN and infinity reach all that they reach in libtorch', async (t) => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
    for (const activation of ['silu', 'relu', 'relu6', 'hardswish']) {
      mb.scope(() => {
        const shape = { ...PLAIN, activation }
        const tensors = tensorsOf(shape)
        tensors.input.select(0, 1).select(0, 2).select(0, 3).select(0, 4).fill_(value)
        const [libtorch, native] = ['composite', 'native'].map((backend) => computed(tensors, shape, backend))
        for (const [name, found] of Object.entries(native))
          t.ok(libtorch[name].isnan().sum().item() <= found.isnan().sum().item(), `${value}, ${activation}: ${name}`)
      })
    }
  }
})

t.test('gradients of gradients', async (t) => {
  mb.scope(() => {
    const tensors = tensorsOf(PLAIN)
    const [libtorch, native] = ['composite', 'native'].map((backend) => {
      const input = tensors.input.detach().clone()
      const project = tensors.project.detach().clone()
      input.requiresGrad = project.requiresGrad = true
      const own = { ...tensors, input, project, projectMean: undefined, projectVar: undefined }
      const output = call(own, PLAIN, backend)
      const [first] = mb.grad(output.square().sum(), [input], { createGraph: true })
      return mb.grad(first.square().sum(), [project])[0]
    })
    t.ok(errorOf(native, libtorch.to('float64')) < 1e-4)
  })
})

t.test('what the gradient needs is freed with the graph, and not kept where nothing wants a gradient', async (t) => {
  mb.scope(() => {
    const tensors = tensorsOf(PLAIN)
    t.equal(call(tensors, PLAIN, 'native').requiresGrad, false)
    tensors.input.requiresGrad = true
    const output = call(tensors, PLAIN, 'native')
    mb.grad(output.sum(), [tensors.input])
    t.throws(() => mb.grad(output.sum(), [tensors.input]), { code: 'ERR_AUTOGRAD' })
  })
})

t.test('what the kernels do not compute they refuse, and libtorch computes it where it may', async (t) => {
  const refused = (shape, tensors, reason) => {
    t.throws(() => call(tensors, shape, 'native'), { code: 'ERR_NOT_IMPLEMENTED', message: reason })
    t.ok(call(tensors, shape, 'auto').shape, 'auto does not refuse it')
  }
  mb.scope(() => {
    const wide = { ...PLAIN, kernel: 9 }
    refused(wide, tensorsOf(wide), /the block has a kernel of 9: there are 3, 5 and 7/)
    const strided = { ...PLAIN, stride: 3, residual: false }
    refused(strided, tensorsOf(strided), /the block has stride 3: there are 1 and 2/)
    const double = Object.fromEntries(Object.entries(tensorsOf(PLAIN)).map(([name, x]) => [name, x.to('float64')]))
    refused(PLAIN, double, /the block has a tensor of Double: the kernels are for float32/)
    const dropped = tensorsOf({ ...PLAIN, dropped: true })
    dropped.branchScale.requiresGrad = true
    refused(PLAIN, dropped, /the block wants a gradient of branch_scale/)
  })
})

t.test('wrong arguments', async (t) => {
  mb.scope(() => {
    const tensors = tensorsOf(PLAIN)
    const wrong = (change, settings, error) =>
      t.throws(() => call({ ...tensors, ...change }, { ...PLAIN, ...settings }, 'auto'), error)
    wrong(
      { depthwise: mb.ones([19, 1, 3, 3]) },
      {},
      { code: 'ERR_SHAPE', message: /expand must have the shape \[19, 5, 1, 1\]/ },
    )
    wrong({ depthwise: mb.ones([20, 1, 4, 4]) }, {}, { code: 'ERR_VALUE', message: /kernel must be odd, got 4/ })
    wrong({ excite: undefined }, {}, { code: 'ERR_VALUE', message: /must be given together/ })
    wrong({ projectVar: undefined }, {}, { code: 'ERR_VALUE', message: /project_mean and project_var/ })
    wrong({ branchScale: mb.ones([2]) }, {}, { code: 'ERR_SHAPE', message: /branch_scale must have the shape \[3\]/ })
    wrong({}, { stride: 0 }, { code: 'ERR_VALUE', message: /stride must lie between 1 and 2\^30, got 0/ })
    wrong({}, { stride: 2 }, { code: 'ERR_SHAPE', message: /the residual needs an output of the input's shape/ })
    wrong(
      {},
      { activation: 'tanh' },
      { code: 'ERR_VALUE', message: /activation must be one of silu, relu, relu6, hardswish/ },
    )
    wrong({ input: mb.ones([1, 5, 1, 1]) }, {}, { code: 'ERR_SHAPE', message: /more than 1 value per channel/ })
    t.throws(() => call(tensors, PLAIN, 'fast'), { code: 'ERR_VALUE', message: /backend must be one of auto/ })
  })
})

// The same with every other set of kernels, each in a process of its own.
if (CHOSEN === undefined) {
  for (const name of addon().availableCpuKernels()) {
    if (name === addon().cpuKernels()) continue
    t.spawn(process.execPath, [fileURLToPath(import.meta.url)], {
      name: `with the ${name} kernels`,
      env: { ...process.env, MBCONV_CPU_KERNELS: name },
    })
  }
}
