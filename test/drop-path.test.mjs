// The drop path that nobody gives is the architecture's own, and the same wherever it is asked for.
import fs from 'node:fs'
import path from 'node:path'
import { experiment, models, nn, parseConfig, parseConfigFile, train } from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { tinyData } from './helpers/tiny.mjs'

const { resumedConfig } = internal('runFolder')
const { modelOf } = internal('sessionModel')
const { planToGoOnWith, writePlan } = internal('experimentFolder')

const OWN = { efficientnet_b0: 0.2, efficientnet_lite0: 0.2, efficientnetv2_b0: 0.2, mobilenet_v2: 0, resnet18: 0 }
const MADE = { numClasses: 10, inChannels: 1, device: 'cpu', init: 'none' }

const hintOf = (act) => {
  try {
    act()
  } catch ({ hint }) {
    return hint
  }
}

const configOf = (model) => parseConfig({ model, epochs: 1 })
const ratesOf = (network) => {
  const rates = network.modules().flatMap((module) => (module instanceof nn.DropPath ? [module.p] : []))
  network.dispose()
  return rates
}

t.test('a configuration trains with the drop path that create has', async (t) => {
  for (const [name, own] of Object.entries(OWN)) {
    const config = configOf({ name })
    t.equal(config.model.dropPath, own, name)
    t.equal(configOf({ name, dropPath: null }).model.dropPath, own, 'null is the same')
    t.equal(configOf({ name, dropPath: 0.3 }).model.dropPath, 0.3, 'a number is that number')
    const rates = ratesOf(models.create(name, { init: 'none' }))
    t.same(ratesOf(modelOf(config, MADE)), rates, 'in every block')
    t.equal(Math.max(...rates) > 0, own > 0, 'some of it, or none')
  }
})

t.test('resnet50, as a file names it, trains without', async (t) => {
  const dir = t.testdir()
  const { trainImages, trainLabels, testImages, testLabels } = tinyData(path.join(dir, 'data'))
  const file = path.join(dir, 'resnet.yaml')
  const lines = [
    'model: {name: resnet50, width: 0.125, depth: 0.3, resolution: 32}',
    `data: {dataset: idx, trainImages: ${trainImages}, trainLabels: ${trainLabels}, testImages: ${testImages}, testLabels: ${testLabels}, batchSize: 4}`,
    'device: cpu',
    'threads: 1',
    'epochs: 1',
    'maxSteps: 1',
    `run: {dir: ${path.join(dir, 'runs')}, name: first, curves: false}`,
  ]
  fs.writeFileSync(file, lines.join('\n'))
  const { config } = parseConfigFile(file)
  const { steps, runDir } = await train(config, { worker: false }).result
  t.equal(steps, 1)
  const stored = JSON.parse(fs.readFileSync(path.join(runDir, 'config.json'), 'utf8'))
  t.match(stored.model, { name: 'resnet50', dropPath: 0 })
  t.same([...new Set(ratesOf(modelOf(config, MADE)))], [0], 'in no block')
})

t.test('it is the table’s, whatever the table is called', async (t) => {
  for (const name of models.list()) {
    const own = name.startsWith('efficientnet') ? 0.2 : 0
    t.equal(models.arch(name).dropPath ?? 0, own, name)
    t.equal(configOf({ name }).model.dropPath, own, `model: ${name}`)
  }
  const b0 = models.arch('efficientnet_b0')
  const rateOf = (table) => Math.max(...ratesOf(models.create(table, { init: 'none' })))
  const named = rateOf(b0)
  t.ok(named > 0.1)
  t.equal(rateOf(models.scale(b0, { name: 'mine' })), named, 'scaled')
  t.equal(models.scale(b0, { width: 0.5, depth: 0.5, resolution: 64, name: 'mine' }).dropPath, 0.2)
  t.equal(rateOf({ ...b0, name: 'mine' }), named, 'spread')
  t.equal(rateOf({ ...b0, dropPath: 0 }), 0)
  t.equal(rateOf({ ...b0, dropPath: undefined }), 0, 'none is 0')
  t.ok(rateOf({ ...models.arch('resnet18'), dropPath: 0.1 }) > 0)
  for (const dropPath of [-0.1, 1.5, Number.NaN, '0.2', null])
    t.throws(() => models.scale({ ...b0, dropPath }), { name: 'MbconvError', message: /arch\.dropPath/ })
})

t.test('a network that is fitted to a budget keeps it, and so does its configuration', async (t) => {
  const b0 = models.arch('efficientnet_b0')
  const fitted = (dropPath) => models.fit({ base: { ...b0, dropPath }, budget: { macs: { times: 2 } } })
  for (const dropPath of [0.2, 0.1, 0, undefined]) {
    const { arch, config } = fitted(dropPath)
    t.equal(arch.dropPath ?? 0, dropPath ?? 0)
    t.equal(configOf(config).model.dropPath, dropPath ?? 0)
    t.equal(Object.hasOwn(config, 'dropPath'), dropPath !== 0.2, 'written only where the named network has another')
  }
})

t.test('stages of one’s own keep the drop path of the architecture named', async (t) => {
  const stages = ['mb_r2_k3_s2_e4_c16']
  t.equal(configOf({ name: 'efficientnet_b0', stages }).model.dropPath, 0.2)
  t.equal(configOf({ name: 'mobilenet_v2', stages }).model.dropPath, 0)
})

t.test('predicted memory has the same default', async (t) => {
  // The tensor that drop path adds for a moment is part of the peak here.
  const stage = { kernel: 3, stride: 1, expand: 1, channels: 32, layers: 3, seRatio: 0 }
  for (const [name, own] of [
    ['efficientnet_b0', 0.2],
    ['mobilenet_v2', 0],
  ]) {
    const table = { ...models.arch(name), stages: [stage], head: 0 }
    const step = { training: true, batch: 16, resolution: 64, backend: 'composite' }
    const peak = (drop) => models.estimateMemory(table, { ...step, ...drop }).peak
    t.not(peak({ dropPath: 0.2 }), peak({ dropPath: 0 }))
    t.equal(peak({}), peak({ dropPath: own }), name)
    table.name = 'mine'
    t.equal(peak({}), peak({ dropPath: own }), `${name} by another name`)
  }
})

t.test('runs from when every default was 0.2 go on as they were', async (t) => {
  const old = (name) => configOf({ name, dropPath: 0.2 })
  for (const name of ['efficientnet_b0', 'resnet18']) t.same(resumedConfig(old(name), undefined), old(name), name)
  const file = (name) => configOf({ name })
  t.same(resumedConfig(old('efficientnet_b0'), file('efficientnet_b0')), old('efficientnet_b0'), 'from its file')
  const former =
    'The run began when the default was 0.2 for every architecture. To go on with it, set model.dropPath: 0.2.'
  const changed = { code: 'ERR_CONFIG', message: 'a resumed run cannot change model.dropPath' }
  t.throws(() => resumedConfig(old('resnet18'), file('resnet18')), changed, 'not silently with another')
  t.equal(
    hintOf(() => resumedConfig(old('resnet18'), file('resnet18'))),
    former,
  )
  t.same(resumedConfig(old('resnet18'), configOf({ name: 'resnet18', dropPath: 0.2 })), old('resnet18'), 'as hinted')
  const usual = 'Start a new run, or leave these keys as they were.'
  t.equal(
    hintOf(() => resumedConfig(old('resnet18'), { ...file('resnet18'), seed: 1 })),
    `${former} ${usual}`,
    'other keys, too',
  )
  t.equal(
    hintOf(() => resumedConfig(old('resnet18'), configOf({ name: 'resnet18', dropPath: 0.1 }))),
    usual,
    'another was asked for',
  )
  t.equal(
    hintOf(() => resumedConfig(configOf({ name: 'resnet18', dropPath: 0.3 }), file('resnet18'))),
    usual,
    'it was never a default',
  )
})

t.test('so do experiments, once their file says it', async (t) => {
  const dir = t.testdir()
  const planOf = (base, changes) =>
    experiment.plan({ name: 'old', base, train: { epochs: 1 }, seeds: 1, arms: ['base'], ...changes })
  const stored = planOf({ name: 'resnet18', dropPath: 0.2 })
  writePlan(dir, stored)
  const goOn = (...given) => planToGoOnWith(dir, planOf(...given), false)
  t.same(goOn({ name: 'resnet18', dropPath: 0.2 }).plan.arms, stored.arms)
  const former =
    'The experiment began when the default was 0.2 for every architecture. To go on with it, set base.dropPath: 0.2.'
  const usual = 'Give it another --dir or name, or remove the folder.'
  const another = (keys) => ({ code: 'ERR_CONFIG', message: `arm base is another one (${keys})` })
  t.throws(() => goOn({ name: 'resnet18' }), another('model.dropPath'))
  t.equal(
    hintOf(() => goOn({ name: 'resnet18' })),
    former,
  )
  const longer = { train: { epochs: 2 } }
  t.throws(() => goOn({ name: 'resnet18' }, longer), another('model.dropPath, epochs'))
  t.equal(
    hintOf(() => goOn({ name: 'resnet18' }, longer)),
    `${former} ${usual}`,
  )
  t.equal(
    hintOf(() => goOn({ name: 'resnet18', dropPath: 0.1 })),
    usual,
  )
})

t.test('each architecture of an experiment has its own, unless the base gives one', async (t) => {
  const rates = (base, other) => {
    const arms = ['base', { base: other, arms: ['base'] }]
    const { arms: planned } = experiment.plan({ name: 'drops', base, train: { epochs: 1 }, seeds: 1, arms })
    return planned.map(({ config }) => config.model.dropPath)
  }
  t.same(rates({ name: 'efficientnet_b0' }, { name: 'resnet18' }), [0.2, 0])
  t.same(rates({ name: 'resnet18' }, 'efficientnet_b0'), [0, 0.2])
  t.same(rates({ name: 'efficientnet_b0', dropPath: 0.1 }, { name: 'resnet18' }), [0.1, 0.1])
  t.same(rates({ name: 'efficientnet_b0', dropPath: 0.1 }, { name: 'resnet18', dropPath: null }), [0.1, 0])
  t.same(rates({ name: 'efficientnet_b0' }, { name: 'resnet18', dropPath: 0.3 }), [0.2, 0.3])
})
