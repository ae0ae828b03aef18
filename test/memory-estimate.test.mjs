// The memory model against what libtorch's allocator hands out: the peak of a step, within 10 %.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { MbconvError, models, versions } from 'mbconv'
import t from 'tap'

const { arch, estimateMemory, scale } = models
const B0 = arch('efficientnet_b0')
const SCRIPT = fileURLToPath(new URL('./helpers/step-memory.mjs', import.meta.url))
const BASE = { name: 'efficientnet_b0', width: 1, depth: 1, resolution: 64, divisor: 8 }
const STEP = {
  training: true,
  batch: 8,
  dtype: 'float32',
  optimizer: 'rmsprop',
  ema: true,
  memoryFormat: 'channelsLast',
  backend: 'composite',
  dropPath: 0.2,
  numClasses: 1000,
}
const wide = versions().cpuCapability.includes('AVX512')

function compare(t, model, step, { env = {}, scratch = wide } = {}) {
  const network = { ...BASE, ...model }
  const circumstances = { ...STEP, ...step }
  const { name, ...coefficients } = network
  const { threads } = step // of native kernels only
  const predicted = estimateMemory(scale(arch(name), coefficients), { ...circumstances, scratch })
  const run = spawnSync(process.execPath, [SCRIPT, JSON.stringify({ model: network, ...circumstances })], {
    encoding: 'utf8',
    env: { ...process.env, OMP_NUM_THREADS: '1', ...env },
  })
  t.equal(run.status, 0, run.stderr)
  const ratio = predicted.peak / Number(run.stdout)
  t.ok(
    Math.abs(ratio - 1) <= (threads === undefined ? 0.1 : 0.04),
    `${JSON.stringify({ ...model, ...step, ...env })}: ${ratio.toFixed(3)} of ${(Number(run.stdout) / 2 ** 20).toFixed(1)} MiB`,
  )
  return predicted
}

t.test('training steps', async (t) => {
  compare(t, {}, {})
  compare(t, { resolution: 96 }, { batch: 16 })
  compare(t, { resolution: [48, 160] }, { batch: 8 })
  compare(t, { resolution: 64 }, { batch: 1, ema: false })
  compare(t, { name: 'efficientnet_b1' }, { optimizer: 'adamw' })
  compare(t, { width: 0.5 }, { batch: 16, optimizer: 'sgd', dropPath: 0 })
  compare(t, { width: 0.25, depth: 0.5, resolution: 48, divisor: 4 }, { batch: 64, optimizer: 'sgd' })
  compare(t, {}, { memoryFormat: 'contiguous' })
  compare(t, { width: 4, depth: 0.1, resolution: 64 }, { batch: 1, optimizer: 'lion', ema: false })
  // The classes of ImageNet-21k: classifier and logits take most of the memory.
  compare(t, { width: 0.5, depth: 0.5, resolution: 32 }, { batch: 64, numClasses: 21_843 })
})

t.test('native training steps, within 4 %', async (t) => {
  const native = (model, step) => compare(t, model, { backend: 'native', threads: 1, ...step })
  native({}, {})
  native({ resolution: 96 }, { batch: 16, threads: 2 })
  native({ resolution: [48, 160] }, { batch: 8, dropPath: 0 })
  native({ resolution: 64 }, { batch: 1, ema: false, optimizer: 'sgd' })
  native({ resolution: 224 }, { batch: 4, threads: 2 })
  native({ width: 0.5 }, { batch: 16, optimizer: 'sgd', memoryFormat: 'contiguous' })
  native({ width: 0.25, depth: 0.5, resolution: 48, divisor: 4 }, { batch: 64, optimizer: 'sgd' })
  compare(t, { name: 'mobilenet_v2', resolution: 96 }, { backend: 'native', threads: 1, batch: 16, dropPath: 0 })
  // Fused blocks are composite.
  compare(t, { name: 'efficientnetv2_b0', resolution: 96 }, { backend: 'auto', threads: 1, batch: 8 })
  const [narrow, wide] = ['composite', 'auto'].map((backend) =>
    estimateMemory(B0, { training: true, batch: 16, backend }),
  )
  t.ok(wide.peak < narrow.peak, 'native training takes less')
  t.throws(() => estimateMemory(B0, { backend: 'native' }), { code: 'ERR_NOT_IMPLEMENTED', message: /forward pass/ })
  t.throws(() => estimateMemory(B0, { backend: 'native', training: true, dtype: 'bfloat16' }), {
    code: 'ERR_NOT_IMPLEMENTED',
    message: /bfloat16/,
  })
  t.throws(() => estimateMemory(B0, { threads: 2 }), { code: 'ERR_VALUE', message: /threads are those of native/ })
  t.throws(() => estimateMemory(B0, { backend: 'fast' }), { code: 'ERR_VALUE', message: /backend/ })
})

t.test('other families', async (t) => {
  for (const name of ['efficientnetv2_b0', 'efficientnet_lite0', 'mobilenet_v1', 'mobilenet_v2']) {
    const dropPath = name.startsWith('efficientnet') ? 0.2 : 0
    compare(t, { name }, { batch: 16, dropPath })
    compare(t, { name, resolution: 128 }, { training: false, batch: 4, dropPath })
  }
  for (const name of ['resnet18', 'mnasnet_b1', 'mobilenet_v3_small']) {
    t.throws(() => estimateMemory(arch(name)), { code: 'ERR_NOT_IMPLEMENTED', message: name })
  }
})

t.test('in 16 and in 64 bits', async (t) => {
  compare(t, {}, { dtype: 'bfloat16' })
  compare(t, {}, { dtype: 'bfloat16', optimizer: 'adamw', batch: 2 })
  compare(t, { width: 0.5 }, { dtype: 'float64', batch: 4 })
})

t.test('forward passes', async (t) => {
  compare(t, {}, { training: false })
  compare(t, { resolution: 224 }, { training: false, batch: 4 })
  compare(t, { name: 'efficientnet_b1', resolution: 96 }, { training: false, batch: 1 })
  compare(t, { width: 0.5, resolution: 96 }, { training: false, batch: 16, dtype: 'bfloat16' })
})

t.test('without AVX-512, whose convolutions need more', async (t) => {
  compare(t, {}, {}, { env: { ONEDNN_MAX_CPU_ISA: 'AVX2' }, scratch: false })
  compare(t, { resolution: 64 }, { batch: 1 }, { env: { ONEDNN_MAX_CPU_ISA: 'AVX2' }, scratch: false })
})

t.test('what is held beside activations', async (t) => {
  const { params, floatBuffers } = models.count(B0)
  const near = (bytes, numbers, what) => t.ok(Math.abs(bytes / (4 * numbers) - 1) < 0.02, `${what}: ${bytes} bytes`)
  const of = (options) => estimateMemory(B0, { training: true, ...options })
  const rmsprop = of({})
  near(rmsprop.weights, params + floatBuffers, 'weights')
  near(rmsprop.gradients, params, 'gradients')
  near(rmsprop.optimizer, 2 * params, 'rmsprop')
  near(of({ optimizer: 'sgd' }).optimizer, params, 'sgd')
  near(of({ optimizer: 'adamw' }).optimizer, 2 * params, 'adamw')
  near(of({ optimizer: 'lion' }).optimizer, params, 'lion')
  near(rmsprop.ema, params + floatBuffers, 'average')
  t.equal(of({ ema: false }).ema, 0)
  const inference = estimateMemory(B0)
  t.match(inference, { gradients: 0, optimizer: 0, ema: 0, activations: 0, peakAt: 'forward' })
  t.equal(rmsprop.peakAt, 'backward')
  t.equal(of({ batch: 1, resolution: 32, dtype: 'bfloat16', scratch: false }).peakAt, 'update')
})

t.test('more images, pixels or channels never need less', async (t) => {
  const positive = fc.integer({ min: 1, max: 40 })
  fc.assert(
    fc.property(
      positive,
      fc.integer({ min: 96, max: 300 }),
      fc.boolean(),
      fc.constantFrom('float32', 'bfloat16', 'float64'),
      (batch, resolution, training, dtype) => {
        const peak = (options) => estimateMemory(B0, { batch, resolution, training, dtype, ...options }).peak
        const [own, twice, larger] = [peak({}), peak({ batch: 2 * batch }), peak({ resolution: resolution + 32 })]
        const wider = estimateMemory(scale(B0, { width: 1.5 }), { batch, resolution, training, dtype }).peak
        return own < twice && own < larger && own < wider && peak({ training: true }) >= own
      },
    ),
    { numRuns: 40 },
  )
  t.pass('forty times')
})

t.test('unusable input is refused by name', async (t) => {
  const refused = (options, code, message) => t.throws(() => estimateMemory(B0, options), { code, message })
  refused({ batch: 0 }, 'ERR_VALUE', /estimateMemory: batch/)
  refused({ dtype: 'int8' }, 'ERR_VALUE', /dtype must be one of "float64", "float32", "bfloat16", "float16"/)
  refused({ optimizer: 'adagrad' }, 'ERR_VALUE', /optimizer must be one of/)
  refused({ memoryFormat: 'preserve' }, 'ERR_VALUE', /memoryFormat/)
  refused({ training: 1 }, 'ERR_VALUE', /training must be one of true, false/)
  refused({ dropPath: 1 }, 'ERR_VALUE', /dropPath/)
  refused({ batchSize: 1 }, 'ERR_TYPE', /unknown option "batchSize"/)
  refused(7, 'ERR_TYPE', /options/)
  t.throws(() => estimateMemory({}), { code: 'ERR_TYPE' })
  fc.assert(
    fc.property(fc.anything(), fc.anything(), (table, options) => {
      try {
        estimateMemory(table, options)
        return true
      } catch (error) {
        return error instanceof MbconvError
      }
    }),
  )
})
