// Predictions by native plans: as exact as libtorch's own float32 for every family, size and set of kernels; the same
// bits for any number of threads; and libtorch's operations, with a reason, wherever a plan would compute something else.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { settledMemory } from './helpers/live.mjs'
import { disturbNorms, small } from './helpers/small.mjs'

const { native: addon } = internal('addon')
const { create, list } = mb.models
const CHILD = fileURLToPath(new URL('./helpers/kernel-child.mjs', import.meta.url))

/** A folded network, and the one that it was made from is gone. */
function folded(model, options = {}) {
  const network = disturbNorms(create(model, { numClasses: 7, seed: 1, profile: 'torchvision', ...options })).eval()
  const fused = network.fuse()
  network.dispose()
  return fused
}
const values = (tensor) => Array.from(mb.scope(() => tensor.detach().toTypedArray()))
const predict = (network, x) => values(mb.noGrad(() => network.forward(x)))
/** Logits under a backend. */
function under(backend, network, x) {
  network.backend = backend
  const found = predict(network, x)
  network.backend = 'auto'
  return found
}
function relative(found, wanted) {
  return Math.hypot(...found.map((value, i) => value - wanted[i])) / Math.hypot(...wanted)
}

/** Cases as the child takes them: random tables of every kind of block, on images of any size. */
const caseOf = fc.record({
  table: fc
    .record({
      stem: fc.integer({ min: 1, max: 40 }),
      stemKernel: fc.constantFrom(3, 5, 7),
      stemPool: fc.boolean(),
      head: fc.constantFrom(0, 9, 33),
      hidden: fc.constantFrom(0, 10),
      activation: fc.constantFrom('silu', 'relu', 'relu6', 'hardswish'),
      squeeze: fc.record({
        of: fc.constantFrom('input', 'expanded'),
        activation: fc.constantFrom('silu', 'relu'),
        gate: fc.constantFrom('sigmoid', 'hardsigmoid'),
      }),
      globalPool: fc.constantFrom('avg', 'max'),
      stages: fc.array(
        fc.record({
          block: fc.constantFrom('mbconv', 'mbconv', 'fused', 'edge', 'separable', 'basic', 'bottleneck'),
          kernel: fc.constantFrom(3, 5, 7),
          stride: fc.constantFrom(1, 2),
          expand: fc.constantFrom(1, 2, 6),
          channels: fc.integer({ min: 1, max: 70 }),
          layers: fc.integer({ min: 1, max: 2 }),
          seRatio: fc.constantFrom(0, 0.25, 1),
        }),
        { minLength: 1, maxLength: 3 },
      ),
    })
    .map(({ stages, ...table }) => ({
      ...table,
      ...{ name: 'drawn', width: 1, depth: 1, resolution: 32, dropout: 0, divisor: 1 },
      stages: stages.map((stage) => {
        const { block } = stage
        const limits = {
          separable: { expand: 1, seRatio: 0 },
          basic: { expand: 1, seRatio: 0 },
          bottleneck: { seRatio: 0 },
        }
        // In a bottleneck `expand` says how much narrower the inside is; channels are a multiple of four.
        const narrow = block === 'bottleneck' ? { expand: 0.25, channels: 4 * Math.ceil(stage.channels / 4) } : {}
        return { ...stage, ...limits[block], ...narrow }
      }),
    })),
  profile: fc.constantFrom('tf', 'torchvision'),
  size: fc.tuple(fc.integer({ min: 1, max: 97 }), fc.integer({ min: 1, max: 97 })),
  batch: fc.integer({ min: 1, max: 5 }),
  seed: fc.integer({ min: 0, max: 1e6 }),
})

// Rounding of a few numbers scatters: the bound holds for the whole of the cases, and loosely for each.
const drawn = fc.sample(caseOf, { numRuns: 40, seed: 7 })
const families = ['efficientnet_b0', 'efficientnetv2_s', 'mobilenet_v3_large', 'mobilenet_v1', 'resnet50', 'mnasnet_a1']
const named = families.map((name, i) => ({
  ...{ table: { ...mb.models.arch(name) }, profile: 'torchvision', size: [64, 96], batch: 1, seed: i },
}))

const available = addon().availableCpuKernels()
for (const kernels of ['avx512', 'avx2', 'neon', 'baseline']) {
  const skip = available.includes(kernels) ? false : `this processor, or this build, has no ${kernels} kernels`
  t.test(`the ${kernels} kernels against float64`, { skip }, async (t) => {
    const { stdout, stderr, status } = spawnSync(process.execPath, [CHILD], {
      input: JSON.stringify([...drawn, ...named]),
      env: { ...process.env, MBCONV_CPU_KERNELS: kernels },
      maxBuffer: 1 << 26,
    })
    t.equal(status, 0, String(stderr))
    const { kernels: used, results } = JSON.parse(stdout)
    t.equal(used, kernels)
    const ratios = results.map(({ native, composite }) => native / Math.max(composite, 1e-7)).sort((x, y) => x - y)
    const median = ratios[ratios.length >> 1]
    // Without fused multiply-add, which libtorch's own have, every product is rounded too.
    t.ok(
      median <= (kernels === 'baseline' ? 1.5 : 1.25),
      `error over that of libtorch's float32: median ${median.toFixed(2)}`,
    )
    t.ok(ratios.at(-1) <= 4, `at most ${ratios.at(-1).toFixed(2)}`)
    t.ok(results.every(({ finite }) => finite))
    t.ok(
      results.every(({ sameAlone }) => sameAlone),
      'an image has the same logits, bit for bit, alone and in a batch',
    )
  })
}

t.test('the same bits for any number of threads, and from run to run', async (t) => {
  const threads = mb.getNumThreads()
  for (const name of ['efficientnet_b0', 'efficientnetv2_b0', 'resnet18']) {
    const network = folded(name)
    for (const batch of [1, 2, 3, 5]) {
      const x = mb.randn([batch, 3, 72, 56])
      const found = [1, 2, 3, 3, 2].map((count) => {
        mb.setNumThreads(count)
        return under('native', network, x)
      })
      for (const each of found.slice(1)) t.same(each, found[0], `${name}, ${batch} images`)
      x.dispose()
    }
    network.dispose()
  }
  mb.setNumThreads(threads)
})

t.test('NaN and infinity come out where libtorch has them', async (t) => {
  const network = folded('efficientnet_b0')
  for (const strange of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    const x = mb.randn([2, 3, 32, 32])
    mb.noGrad(() => x.select(0, 1).fill_(strange))
    const [native, composite] = ['native', 'composite'].map((backend) => under(backend, network, x))
    t.same(native.map(Number.isNaN), composite.map(Number.isNaN), String(strange))
    t.ok(native.slice(0, 7).every(Number.isFinite), 'the other image has its own')
  }
  network.dispose()
})

t.test('activations of extreme values', async (t) => {
  for (const activation of ['silu', 'relu', 'relu6', 'hardswish']) {
    const table = { ...mb.models.arch('mobilenet_v1'), activation }
    const network = folded({ ...table, stages: table.stages.slice(0, 1) })
    for (const scale of [1e-30, 1e3, 1e18]) {
      const x = mb.scope(() => mb.keep(mb.randn([1, 3, 9, 9]).mul(scale)))
      const [native, composite] = ['native', 'composite'].map((backend) => under(backend, network, x))
      t.ok(relative(native, composite) < 1e-5, `${activation}, ${scale}`)
    }
    network.dispose()
  }
})

t.test('images in any layout, and none', async (t) => {
  const network = folded('efficientnet_b0')
  const x = mb.randn([2, 3, 40, 48])
  const wanted = under('native', network, x)
  t.same(under('native', network, x.to({ memoryFormat: 'channelsLast' })), wanted, 'channels last')
  t.same(under('native', network, x.transpose(2, 3).contiguous().transpose(2, 3)), wanted, 'columns first')
  t.same(under('native', network, mb.cat([x, x], 3).narrow(3, 48, 48)), wanted, 'a part of larger images')
  t.same(mb.noGrad(() => network.forward(mb.zeros([0, 3, 40, 48]))).shape, [0, 7], 'no images')
  t.match(network.whyNotNative(mb.zeros([0, 3, 40, 48])), 'no images')
  t.throws(() => network.forward(mb.zeros([1, 4, 40, 48])), { code: 'ERR_SHAPE' })
  network.dispose()
})

t.test('weights that change are packed again', async (t) => {
  const network = folded('efficientnet_b0')
  const x = mb.randn([1, 3, 32, 32])
  const before = under('native', network, x)
  mb.noGrad(() => network.classifier.at(1).bias.add_(1))
  const after = under('native', network, x)
  t.ok(after.every((value, i) => Math.abs(value - before[i] - 1) < 1e-5))
  const other = folded('efficientnet_b0', { seed: 2 })
  network.loadStateDict(other.stateDict())
  t.same(under('native', network, x), under('native', other, x), 'a state dict')
  network.adoptProfile({ ...network.profile, padding: 'same' })
  t.ok(relative(under('native', network, x), under('composite', network, x)) < 1e-5, 'another padding')
  t.same(under('native', network.clone(), x), under('native', network, x), 'a copy')
  network.dispose()
  other.dispose()
})

t.test('what a plan would not compute is computed by libtorch, and said', async (t) => {
  const x = mb.randn([1, 3, 32, 32])
  const causes = [
    [
      'a hook',
      (network) =>
        network.features
          .at(2)
          .at(0)
          .registerForwardHook((_, __, y) => y.mul(2)),
      /features\.2\.0.* has hooks/,
    ],
    [
      'a forward that was assigned',
      (network) => {
        const conv = network.features.at(3).at(0).block.at(0)
        const { forward } = Object.getPrototypeOf(conv)
        conv.forward = (input) => forward.call(conv, input).add(1)
      },
      /features\.3\.0\.block\.0 has hooks, or a forward/,
    ],
    [
      'another class',
      (network) => {
        class Doubled extends mb.nn.Linear {
          forward(input) {
            return super.forward(input).mul(2)
          }
        }
        network.classifier.set(1, new Doubled(1280, 7))
      },
      /classifier's linear layer is a class of its own/,
    ],
    ['a classifier of other layers', (network) => network.classifier.append(new mb.nn.Tanh()), /no native step/],
    ['weights in float64', (network) => network.to({ dtype: 'float64' }), /its weights are float64/, 'float64'],
    [
      'dilation',
      (network) => Object.assign(network.features.at(4).at(1).block.at(1).conv, { dilation: [2, 2], padding: [2, 2] }),
      /has no native step/,
    ],
    [
      'branches that are dropped',
      (network) => Object.assign(network.features.at(3).at(1).dropPath, { p: 0.9, training: true }),
      /features\.3\.1\.dropPath drops branches/,
    ],
    [
      'a block without layers',
      (network) => {
        network.features.at(3).at(1).block = new mb.nn.Sequential()
      },
      /features\.3\.1\.block is empty/,
    ],
    [
      'a large kernel',
      (network) => {
        network.features.at(0).conv = new mb.nn.Conv2d(3, 32, 33, { stride: 2, padding: 16 })
      },
      /a kernel of 33 px/,
    ],
    [
      'parameters that are trained',
      (network) => network.classifier.at(1).weight.requiresGrad_(),
      undefined,
      'float32',
      (network, input) => mb.enableGrad(() => network.forward(input)),
    ],
  ]
  for (const [title, change, reason, dtype = 'float32', forward] of causes) {
    const network = folded('efficientnet_b0')
    const plain = predict(network, x)
    change(network)
    const input = x.to({ dtype })
    const run = (each, images) => {
      mb.manualSeed(4)
      return forward === undefined ? mb.noGrad(() => each.forward(images)) : forward(each, images)
    }
    const found = values(run(network, input))
    network.backend = 'composite'
    t.same(found, values(run(network, input)), `${title}: as composite`)
    t.match(network.whyNotNative(), 'the backend is composite')
    network.backend = 'native'
    if (reason !== undefined) {
      t.match(network.whyNotNative(), reason)
      if (title !== 'weights in float64') t.not(relative(found, plain) === 0, 'it changes something')
    }
    t.throws(
      () => run(network, input),
      { code: 'ERR_NOT_IMPLEMENTED', message: reason ?? /gradients are recorded/ },
      title,
    )
    network.dispose()
  }
  const network = folded('efficientnet_b0')
  network.backend = 'native'
  t.throws(() => network.forward(x.clone().requiresGrad_()), {
    code: 'ERR_NOT_IMPLEMENTED',
    message: /gradients are recorded/,
  })
  t.throws(() => mb.noGrad(() => mb.autocast({ dtype: 'bfloat16' }, () => network.forward(x))), {
    message: /autocast is on/,
  })
  t.throws(() => mb.noGrad(() => network.forward(x.to({ dtype: 'float64' }))), { message: /images are float64/ })
  const gradient = mb.scope(() => {
    network.backend = 'auto'
    const input = x.clone().requiresGrad_()
    network.forward(input).sum().backward()
    return input.grad !== null
  })
  t.ok(gradient, 'gradients of the images')
  network.dispose()
  const twice = folded('efficientnet_b0', { globalPool: 'catavgmax' })
  t.match(twice.whyNotNative(), /pooling catavgmax/)
  const plain = create('efficientnet_b0', { numClasses: 7, backend: 'native' }).eval()
  t.match(plain.whyNotNative(), /not folded: fuse\(\) does that/)
  t.throws(() => mb.noGrad(() => plain.forward(x)), { code: 'ERR_NOT_IMPLEMENTED' })
  t.equal(plain.fuse().backend, 'native', 'fuse() keeps the backend')
  t.throws(() => create('efficientnet_b0', { backend: 'fast' }), { code: 'ERR_VALUE' })
  t.throws(
    () => {
      twice.backend = 'fast'
    },
    { code: 'ERR_VALUE' },
  )
})

t.test('layers that have been replaced: as libtorch computes them, or its error', async (t) => {
  const x = mb.randn([1, 3, 40, 40])
  const same = [
    [
      'a head of another width',
      'efficientnet_b0',
      (network) => {
        network.features.at(8).conv = new mb.nn.Conv2d(320, 100, 1)
        network.classifier.set(1, new mb.nn.Linear(100, 7))
      },
    ],
    ['a stem in a container', 'resnet18', ({ features }) => features.set(0, new mb.nn.Sequential(features.at(0)))],
    [
      'a shortcut that is not added',
      'resnet18',
      ({ features }) => {
        features.at(2).at(0).dropPath = undefined
      },
    ],
  ]
  for (const [title, name, change] of same) {
    const network = folded(name)
    mb.noGrad(() => change(network))
    for (const parameter of network.parameters()) parameter.requiresGrad_(false)
    t.ok(relative(under('native', network, x), under('composite', network, x)) < 1e-5, title)
    network.dispose()
  }
  const wrong = [
    [
      'a stride beside a residual',
      ({ features }) => Object.assign(features.at(3).at(1).block.at(1).conv, { stride: [2, 2] }),
    ],
    ['a linear layer of another width', ({ classifier }) => classifier.set(1, new mb.nn.Linear(100, 7))],
  ]
  for (const [title, change] of wrong) {
    const network = folded('efficientnet_b0')
    change(network)
    t.throws(() => predict(network, x), { code: 'ERR_SHAPE' }, title)
    network.dispose()
  }
})

t.test('weights of inference mode', async (t) => {
  const x = mb.randn([1, 3, 32, 32])
  mb.inferenceMode(() => {
    const network = create('efficientnet_b0', { numClasses: 7, seed: 1 }).eval().fuse()
    const before = predict(network, x)
    network.classifier.at(1).bias.add_(1)
    const after = predict(network, x)
    t.ok(after.every((value, i) => Math.abs(value - before[i] - 1) < 1e-5))
    t.match(network.whyNotNative(), /made in inference mode/)
    network.dispose()
  })
})

t.test('MBCONV_BACKEND and MBCONV_CPU_KERNELS', async (t) => {
  const run = (script, env) =>
    spawnSync(process.execPath, ['-e', `const mb = require('mbconv'); ${script}`], {
      ...{ env: { ...process.env, ...env }, encoding: 'utf8', cwd: fileURLToPath(new URL('..', import.meta.url)) },
    })
  const backend = `console.log(mb.models.create('efficientnet_b0').backend)`
  t.equal(run(backend, { MBCONV_BACKEND: 'composite' }).stdout.trim(), 'composite')
  t.match(run(backend, { MBCONV_BACKEND: 'quick' }).stderr, /MBCONV_BACKEND is "quick"/)
  const kernels = 'console.log(JSON.stringify(mb.cpuKernels()))'
  t.same(JSON.parse(run(kernels, { MBCONV_CPU_KERNELS: 'baseline' }).stdout), { used: 'baseline', available })
  t.match(run(kernels, { MBCONV_CPU_KERNELS: 'mmx' }).stderr, /this processor has the kernels/)
})

t.test('memory: an arena for a few sizes, freed with the network', async (t) => {
  const network = folded('efficientnet_b0')
  const x = mb.randn([1, 3, 224, 224])
  predict(network, x)
  t.ok(network.nativeBytes > 0)
  t.ok(network.nativeBytes < 60e6, `B0 at 224 px takes ${(network.nativeBytes / 1e6).toFixed(1)} MB`)
  for (let side = 16; side < 40; side++) mb.scope(() => predict(network, mb.randn([1, 3, side, side])))
  t.ok(network.nativeBytes < 60e6, 'after many sizes')
  network.dropNative()
  t.equal(network.nativeBytes, 0)
  t.equal(predict(network, x).length, 7, 'and made again')
  const before = await settledMemory()
  for (let i = 0; i < 5; i++) {
    const other = folded('efficientnet_b0')
    predict(other, x)
    other.dispose()
    t.equal(other.nativeBytes, 0)
  }
  const after = await settledMemory()
  t.ok(after.tensors <= before.tensors)
  network.dispose()
  t.throws(() => predict(network, x), { code: 'ERR_DISPOSED' })
})

t.test('several workers at once, one of them terminated', async (t) => {
  const script = `
    const { parentPort } = require('node:worker_threads')
    const mb = require('mbconv')
    const network = mb.models.create('efficientnet_b0', { numClasses: 7, seed: 1 }).eval().fuse()
    const logits = () => mb.scope(() => mb.noGrad(() => Array.from(network.forward(mb.full([2, 3, 64, 64], 0.5)).toTypedArray())))
    const first = logits()
    parentPort.postMessage('ready')
    parentPort.on('message', (rounds) => {
      let same = true
      for (let i = 0; i < rounds; i++) same &&= logits().every((value, k) => value === first[k])
      parentPort.postMessage(same)
    })`
  const workers = [0, 1, 2].map(() => new Worker(script, { eval: true }))
  const next = (worker) => new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  await Promise.all(workers.map(next))
  const [ended, ...others] = workers
  ended.postMessage(1e6)
  const answers = others.map(next)
  for (const worker of others) worker.postMessage(30)
  await ended.terminate()
  t.same(await Promise.all(answers), [true, true])
  await Promise.all(others.map((worker) => worker.terminate()))
})

t.test('lists of layers that describe no network', async (t) => {
  const network = folded(small('efficientnet_b0'))
  const { numbers, tensors } = internal('planLayers').planLayers(network)
  t.doesNotThrow(() => addon().makePlan(numbers, tensors))
  fc.assert(
    fc.property(fc.nat(numbers.length - 1), fc.oneof(fc.integer(), fc.integer({ min: -2, max: 40 })), (at, value) => {
      const changed = [...numbers]
      changed[at] = value
      try {
        const plan = addon().makePlan(changed, tensors)
        mb.scope(() => addon().runPlan(plan, mb.ones([1, 3, 17, 17])))
      } catch (error) {
        return error instanceof mb.MbconvError && error.code !== 'ERR_NATIVE'
      }
      return true
    }),
    { numRuns: 1500, seed: 5 },
  )
  for (const strange of [[], numbers.slice(1), [...numbers, 1]])
    t.throws(() => addon().makePlan(strange, tensors), { code: 'ERR_VALUE' })
  t.throws(() => addon().makePlan(numbers, tensors.slice(1)), { code: 'ERR_VALUE' })
})

t.test('the time of each step', async (t) => {
  const network = folded('efficientnet_b0')
  const steps = network.profileNative(mb.randn([1, 3, 64, 64]), { runs: 2 })
  t.ok(steps.every(({ seconds, flops }) => seconds >= 0 && flops >= 0))
  const counted = mb.models.count(mb.models.arch('efficientnet_b0'), { resolution: 64 })
  const flops = steps.reduce((sum, step) => sum + step.flops, 0)
  t.ok(flops <= 2 * counted.macs && flops > 1.8 * counted.macs, 'the products of the convolutions')
  t.throws(() => network.profileNative(mb.ones([1, 3, 64, 64]), { runs: 0 }), { code: 'ERR_VALUE' })
  network.to({ dtype: 'float64' })
  t.throws(() => network.profileNative(mb.ones([1, 3, 64, 64])), { code: 'ERR_NOT_IMPLEMENTED' })
})

t.test('every architecture has a plan', async (t) => {
  for (const name of list()) {
    const network = create(small(name)).eval().fuse()
    t.equal(network.whyNotNative(), undefined, name)
    network.dispose()
  }
})
