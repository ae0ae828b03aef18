import fc from 'fast-check'
import t from 'tap'
import { complaints, SMALLEST, yaml } from './helpers/config.mjs'
import { internal } from './helpers/internals.mjs'

const { parseConfigFile } = internal('configFile')
const { parseConfig } = internal('trainConfig')
const { editDistance, nearest } = internal('nearest')

t.test('the defaults are the recipe of the paper', async (t) => {
  const { config, source } = parseConfigFile(yaml(t, SMALLEST))
  t.match(source, { stem: 'run', overrides: [] })
  t.same(config, {
    recipe: null,
    task: 'classification',
    seed: 0,
    device: 'auto',
    memoryFormat: 'channelsLast',
    threads: null,
    precision: 'float32',
    backend: 'auto',
    cudaGraph: false,
    model: {
      name: 'efficientnet_b0',
      stem: null,
      stages: null,
      head: null,
      width: 1,
      depth: 1,
      resolution: null,
      divisor: 8,
      profile: 'paper',
      dropout: null,
      dropPath: 0.2,
      weights: null,
      weightsEntry: null,
      freeze: null,
      weightsProfile: null,
      globalPool: null,
      recompute: 'none',
    },
    data: {
      scenes: { classes: 10, size: null, train: 5000, test: 2000, seed: 0, noise: 0.06 },
      dataset: 'digits',
      batchSize: 64,
      evalBatchSize: 256,
      sampler: 'shuffle',
      repeats: 1,
      augment: {
        rotate: 0,
        translate: 0,
        scale: 0,
        shear: 0,
        flip: false,
        mix: { mixup: 0, cutmix: 0, switchProb: 0.5, prob: 1 },
        crop: null,
        operations: [],
      },
      progressive: null,
      ...{ fit: null, cropShare: null, interpolation: null, colorManagement: false },
      ...{ maxUnreadable: null, loaderThreads: null },
      mean: null,
      std: null,
    },
    optimizer: { name: 'rmsprop', lr: 0.004, decay: 0.9, momentum: 0.9, eps: 1e-3, weightDecay: 1e-5, layerDecay: 1 },
    schedule: {
      ...{ name: 'staircase', warmupEpochs: 5, warmupSteps: null, every: 'update' },
      ...{ decayEpochs: 2.4, decayRate: 0.97 },
    },
    ema: { decay: 0.9999, warmup: true, rule: 'tensorflow' },
    loss: 'crossEntropy',
    labelSmoothing: 0.1,
    classWeights: null,
    posWeight: null,
    targetThreshold: null,
    sumClasses: null,
    focalAlpha: null,
    focalGamma: null,
    accumulate: 1,
    clipGradNorm: null,
    clipGradValue: null,
    clipGradAgc: null,
    epochs: 3,
    maxSteps: null,
    evalEveryEpochs: 1,
    earlyStopping: null,
    checkpoint: { everyEpochs: 1, everySteps: null, keep: 3, best: 1 },
    onDivergence: 'stop',
    run: { dir: 'runs', name: null, curves: true },
    log: { csv: false, tensorboard: false },
  })
  t.same(parseConfig({ model: { name: 'efficientnet_b0' }, epochs: 3 }), config, 'an object gets the same')
})

t.test('the rate of rmsprop follows the batch unless it is given', async (t) => {
  const rate = (data, optimizer) =>
    parseConfig({ model: { name: 'efficientnet_b0' }, epochs: 1, data, optimizer }).optimizer.lr
  t.equal(rate({ batchSize: 256 }), 0.016)
  t.equal(rate({ batchSize: 512 }, { name: 'rmsprop' }), 0.032)
  t.equal(rate({ batchSize: 512 }, { name: 'rmsprop', lr: 0.5 }), 0.5)
})

t.test('each optimiser and schedule has its own keys and defaults', async (t) => {
  const parsed = (optimizer, schedule) =>
    parseConfig({ model: { name: 'efficientnet_b0' }, epochs: 1, optimizer, schedule })
  t.same(parsed({ name: 'adamw', lr: 1e-3 }).optimizer, {
    name: 'adamw',
    lr: 1e-3,
    betas: [0.9, 0.999],
    eps: 1e-8,
    weightDecay: 0.01,
    layerDecay: 1,
  })
  t.same(parsed({ name: 'sgd', lr: 1 }).optimizer, {
    name: 'sgd',
    lr: 1,
    momentum: 0.9,
    nesterov: true,
    weightDecay: 0,
    layerDecay: 1,
  })
  t.same(parsed({ name: 'lion', lr: 1e-4 }).optimizer, {
    name: 'lion',
    lr: 1e-4,
    betas: [0.9, 0.99],
    weightDecay: 0,
    layerDecay: 1,
  })
  t.same(parsed(undefined, { name: 'cosine' }).schedule, {
    ...{ name: 'cosine', warmupEpochs: 0, warmupSteps: null, every: 'update' },
    ...{ minLr: 0, cycles: 1, cycleMul: 1, cycleDecay: 1 },
  })
  t.same(parsed(undefined, { name: 'constant' }).schedule, { name: 'constant', warmupEpochs: 0, warmupSteps: null })
  t.throws(() => parsed({ name: 'sgd' }), { code: 'ERR_CONFIG', message: 'optimizer.lr: is required: a number' })
  t.throws(() => parsed({ name: 'sgd', lr: 1, betas: [0.9, 0.99] }), { message: 'optimizer.betas: unknown key' })
})

t.test('every mistake is reported at once, each with its line and column', async (t) => {
  const { lines } = complaints(
    t,
    [
      'epoch: 3',
      'model:',
      '  name: efficientnet_b0',
      '  widht: .5',
      'weight_decay: 3',
      'optimizer:',
      '  name: adam',
      'ema: {decay: 2}',
      'data:',
      '  augment: {flip: yes}',
      'threads: 1.5',
    ].join('\n'),
  )
  t.same(lines, [
    'run.yaml:1:1 epoch: unknown key (did you mean epochs?)',
    'run.yaml:4:3 model.widht: unknown key (did you mean model.width?)',
    'run.yaml:5:1 weight_decay: unknown key (did you mean optimizer.weightDecay?)',
    'run.yaml:7:9 optimizer.name: must be rmsprop, sgd, adamw, lion or lamb, not "adam" (did you mean adamw?)',
    'run.yaml:8:14 ema.decay: must be below 1, not 2 (how much of the average a step keeps)',
    'run.yaml:10:19 data.augment.flip: must be true or false, not "yes" (in YAML 1.2 yes is text; write true or false)',
    "run.yaml:11:10 threads: must be a whole number, not 1.5 (CPU threads; null: libtorch's choice)",
  ])
})

t.test('one mistake: the suggestion is the hint', async (t) => {
  const { lines, hint } = complaints(t, `${SMALLEST}optimizer:\n  name: sgd\n  lr: 0.1\n  momentun: 0.8\n`)
  t.same(lines, ['run.yaml:6:3 optimizer.momentun: unknown key'])
  t.equal(hint, 'did you mean optimizer.momentum?')
})

t.test('a key unlike any other lists what is known at its level', async (t) => {
  const { hint } = complaints(t, `${SMALLEST}schedule: {name: cosine, zigzag: 3}`)
  t.match(hint, /^known here: name, warmupEpochs, warmupSteps, every, minLr/)
})

t.test('positions: aliases, lists, missing keys, values left out', async (t) => {
  t.same(complaints(t, `${SMALLEST}data: {mean: [0.5, x]}`).lines, [
    'run.yaml:3:20 data.mean.1: must be a number, not "x"',
  ])
  t.same(complaints(t, `${SMALLEST}optimizer:\n  name: adamw\n`).lines, [
    'run.yaml:3:1 optimizer.lr: is required: a number',
  ])
  t.same(complaints(t, `${SMALLEST}data:\n`).lines, [
    'run.yaml:3:1 data: must be a mapping of keys to values, not empty',
  ])
  t.same(
    complaints(t, `seed: &n 1.5\n${SMALLEST}threads: *n`).lines.map((line) => line.split(' ').slice(0, 2).join(' ')),
    ['run.yaml:1:10 seed:', 'run.yaml:4:10 threads:'],
  )
  t.same(complaints(t, '# nothing but this\n\nseed: 1\n').lines, [
    'run.yaml:3:1 model: is required: a mapping of keys to values (the network, and the weights it begins with)',
    'run.yaml:3:1 epochs: is required: a number (passes over the training set)',
  ])
})

t.test('checks across keys', async (t) => {
  const idx = 'data:\n  dataset: idx\n  trainImages: a.idx\n'
  t.same(complaints(t, SMALLEST + idx).lines, [
    'run.yaml:3:1 data.trainLabels: is required with dataset: idx',
    'run.yaml:3:1 data.testImages: is required with dataset: idx',
    'run.yaml:3:1 data.testLabels: is required with dataset: idx',
  ])
  t.same(complaints(t, `${SMALLEST}data: {testLabels: x}`).lines, [
    'run.yaml:3:20 data.testLabels: has no effect with dataset: digits',
  ])
  t.same(complaints(t, `${SMALLEST}data: {mean: [0, 1], std: [1]}`).lines, [
    'run.yaml:3:27 data.std: must have as many channels as mean, 2, not 1',
  ])
  t.same(complaints(t, `${SMALLEST}optimizer: {name: sgd, lr: 1, momentum: 0}`).lines, [
    'run.yaml:3:41 optimizer.momentum: must be above 0 for nesterov',
  ])
  t.same(complaints(t, `${SMALLEST}optimizer: {name: sgd, lr: 1}\nschedule: {name: cosine, minLr: 2}`).lines, [
    'run.yaml:4:33 schedule.minLr: must be at most optimizer.lr, 1',
  ])
  const photos = `${SMALLEST}data: {dataset: folder, folder: {path: x}`
  t.same(complaints(t, `${photos}, fit: pad, cropShare: 0.9, augment: {crop: {scale: [0.5, 1]}}}`).lines, [
    'run.yaml:3:65 data.cropShare: has no effect with fit: pad (nothing is cut off)',
    'run.yaml:3:86 data.augment.crop: has no effect with fit: pad',
  ])
  t.same(complaints(t, `${photos}, fit: stretch, cropShare: 0.9}`).lines, [
    'run.yaml:3:69 data.cropShare: has no effect with fit: stretch',
  ])
  const rectangle = SMALLEST.replace('efficientnet_b0', 'efficientnet_b0, resolution: [32, 64]')
  t.same(complaints(t, `${rectangle}data: {progressive: {from: 48, stages: 2}}`).lines, [
    'run.yaml:3:28 data.progressive.from: must be at most the shorter side of model.resolution, 32: it grows to that',
  ])
  t.same(complaints(t, `${SMALLEST}clipGradNorm: 1\nclipGradAgc: 0.01\nclipGradValue: null`).lines, [
    'run.yaml:4:14 clipGradAgc: is given besides clipGradNorm',
  ])
  const files = 'dataset: folder, folder: {path: x}'
  t.same(complaints(t, `${SMALLEST}data: {${files}, sampler: balanced, repeats: 3}`).lines, [
    'run.yaml:3:72 data.repeats: cannot be combined with sampler: balanced',
  ])
  t.same(complaints(t, `${SMALLEST}data: {repeats: 3}`).lines, ['run.yaml:3:17 data.repeats: would show equal images'])
  for (const fit of ['stretch', 'pad'])
    t.match(complaints(t, `${SMALLEST}data: {${files}, repeats: 3, fit: ${fit}}`).lines, [
      /data\.repeats: would show equal images/,
    ])
  const read = (data) => parseConfig({ model: { name: 'efficientnet_b0' }, epochs: 1, data }).data.repeats
  t.equal(read({ repeats: 3, augment: { flip: true } }), 3)
  const square = (resolution) =>
    parseConfig({ model: { name: 'efficientnet_b0', resolution }, epochs: 1 }).model.resolution
  t.same([square(64), square([64, 64]), square([64, 96])], [64, 64, [64, 96]])
  const photographs = { dataset: 'folder', folder: { path: 'x' }, repeats: 3 }
  t.equal(read(photographs), 3)
  t.equal(read({ ...photographs, fit: 'squash' }), 3, 'shown cropped in training')
  t.equal(read({ ...photographs, fit: 'pad', augment: { flip: true } }), 3)
  t.equal(read({ ...photographs, fit: 'stretch', augment: { crop: {} } }), 3)
  t.equal(read({ ...photographs, fit: 'pad', augment: { operations: [{ name: 'trivialAugmentWide' }] } }), 3)
})

t.test('bounds', async (t) => {
  for (const [text, what] of [
    ['labelSmoothing: 1', 'must be below 1, not 1'],
    ['labelSmoothing: -.1', 'must be at least 0, not -.1'],
    ['epochs: 0', 'must be at least 1, not 0'],
    ['clipGradNorm: 0', 'must be above 0, not 0'],
    ['clipGradNorm: .inf', 'must be a number, not .inf'],
    ['device: gpu', 'must be auto, cpu, cuda or cuda:N, not "gpu"'],
    ['model: {name: efficientnet_b9x}', 'must be an architecture, not "efficientnet_b9x"'],
    ['model: {name: efficientnet_b0, resolution: 4}', 'must be at least 8, not 4'],
    ['model: {name: efficientnet_b0, resolution: [64, 4]}', 'must be at least 8, not 4'],
    ['model: {name: efficientnet_b0, resolution: wide}', 'must be a side in px, or [height, width], not "wide"'],
    ['model: {name: efficientnet_b0, resolution: 96x384}', 'must be a side in px, or [height, width], not "96x384"'],
    ['model: {name: efficientnet_b0, resolution: [96]}', 'must be a side in px, or [height, width], not [96]'],
    [
      'model: {name: efficientnet_b0, resolution: [96, 9, 6]}',
      'must be a side in px, or [height, width], not [96, 9, 6]',
    ],
    ['ema: true', 'must be false or a mapping of keys to values, not true'],
    ['data: {std: {}}', 'must be a number or a list, not a mapping'],
    ['run: {name: ../up}', 'must be a plain folder name, not "../up"'],
    ['run: {name: 12}', 'must be text, not 12'],
    ['seed: 1e300', 'must be a whole number from -2^63 to 2^64 - 1, not 1e300'],
    ['optimizer: {name: adamw, lr: 1, betas: [0.9]}', 'must be a list of at least 2, not a list'],
  ]) {
    const base = SMALLEST.split('\n')
      .filter((line) => line.split(':')[0] !== text.split(':')[0])
      .join('\n')
    const { lines } = complaints(t, `${base}${text}`)
    t.equal(lines.length, 1, text)
    t.ok(lines[0].endsWith(what), `${text} → ${lines[0]}`)
  }
  t.same(parseConfigFile(yaml(t, `${SMALLEST}device: cuda:3\nema: false\n`)).config.device, 'cuda:3')
})

t.test('objects of all kinds', async (t) => {
  for (const wrong of [undefined, null, 1, 'x', [], new Map(), () => {}])
    t.throws(() => parseConfig(wrong), { code: 'ERR_CONFIG', message: /^(the configuration|model)/ })
  t.throws(() => parseConfig({ model: { name: 'efficientnet_b0', dept: 1 }, epochs: 1 }), {
    message: 'model.dept: unknown key',
    hint: 'did you mean model.depth?',
  })
})

t.test('edit distance', async (t) => {
  for (const [a, b, distance] of [
    ['', '', 0],
    ['', 'abc', 3],
    ['abc', 'abc', 0],
    ['abc', 'acb', 1],
    ['kitten', 'sitting', 3],
    ['ca', 'abc', 3],
  ]) {
    t.equal(editDistance(a, b), distance, `${a} ${b}`)
    t.equal(editDistance(b, a), distance, `${b} ${a}`)
  }
  const word = fc.string({ maxLength: 8, unit: fc.constantFrom('a', 'b', 'c') })
  fc.assert(fc.property(word, word, (a, b) => (editDistance(a, b) === 0) === (a === b)))
  fc.assert(fc.property(word, word, (a, b) => editDistance(a, b) <= Math.max(a.length, b.length)))
  t.equal(nearest('Weight-Decay', ['lr', 'weightDecay', 'eps']), 'weightDecay')
  t.equal(nearest('xyz', ['lr', 'eps']), undefined)
  t.equal(nearest('epochs'.repeat(20), ['epochs']), undefined)
})
