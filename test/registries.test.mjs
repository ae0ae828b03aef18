// What a registry lists is what configurations, the command line's help and everything between them know: a data set that
// is added to it, here, can be trained on, and nothing else has to be told of it.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { z } from 'zod'
import { internal, internalPath } from './helpers/internals.mjs'

const { addDataset, datasetKind, datasetKinds } = internal('datasetKinds')
const { inMemory } = internal('imageDataset')

const root = path.join(import.meta.dirname, '..')

/** Images of one brightness a class, [1, 8, 8]. */
function plain(length, { levels }) {
  const labels = Uint8Array.from({ length }, (_, i) => i % levels)
  const images = new Uint8Array(64 * length).map((_, p) => 40 * labels[Math.floor(p / 64)] + (p % 7))
  const classes = Array.from({ length: levels }, (_, level) => `level ${level}`)
  return inMemory({ name: 'plain', classes, shape: [1, 8, 8], images, labels })
}

const opened = []
const plainKind = {
  name: 'plain',
  summary: 'of one brightness each',
  reported: 'images of one brightness',
  caveat: 'Any network can tell them apart.',
  keys: {
    plain: z.strictObject({ levels: z.int().min(2).max(6).default(3), train: z.int().default(24) }).prefault({}),
    tint: z.string().optional(),
  },
  files: ['tint'],
  open(data, resolution) {
    opened.push({ data, resolution })
    return { train: plain(data.plain.train, data.plain), test: plain(12, data.plain) }
  },
  announced: ({ plain: { levels, train } }) => ({ classes: levels, channels: 1, train, test: 12 }),
  reseeded: (data, seed) => ({ ...data, plain: { ...data.plain, train: 24 + Number(seed) } }),
  checkMemory({ plain: { train } }) {
    if (train > 1000) throw Object.assign(new Error('too many'), { code: 'ERR_CONFIG' })
  },
}

// Before anything that puts the schema of configurations together.
addDataset(plainKind)
const mb = await import('mbconv')
const { OPTIMIZERS } = internal('optimizerKinds')
const { CRITERIA, criterionFields, criterionOf } = internal('criteria')
const { crossEntropyKind } = internal('crossEntropyKind')
const { SCHEDULES } = internal('schedules')
const { nameOf } = internal('schemaKinds')
const { jobConfig, planExperiment } = internal('experimentPlan')
const { parseExperiment } = internal('experimentSpec')

const MODEL = { name: 'efficientnet_b0', width: 0.25, depth: 0.1, resolution: 8 }
const DATA = { dataset: 'plain', batchSize: 8, evalBatchSize: 12, tint: 'blue.txt' }

t.test('a data set added to the registry: a configuration may name it and its keys, and no others', async (t) => {
  const parsed = mb.parseConfig({ model: MODEL, data: DATA, epochs: 1 })
  t.match(parsed.data, { dataset: 'plain', plain: { levels: 3, train: 24 }, tint: path.resolve('blue.txt') })
  const refused = (data, message) =>
    t.throws(() => mb.parseConfig({ model: MODEL, data, epochs: 1 }), { code: 'ERR_CONFIG', message })
  refused({ dataset: 'plain' }, /^data\.tint: is required with dataset: plain/)
  refused({ dataset: 'digits', tint: 'x' }, /^data\.tint: has no effect with dataset: digits/)
  refused({ ...DATA, trainImages: 'x' }, /^data\.trainImages: has no effect with dataset: plain/)
  refused({ ...DATA, plain: { levels: 9 } }, /^data\.plain\.levels: must be at most 6, not 9/)
  refused({ ...DATA, dataset: 'plane' }, /^data\.dataset: must be digits, scenes, .*, fake or plain, not "plane"/)
})

t.test('it is trained on, two steps of it, by train() itself', async (t) => {
  const run = { dir: t.testdir(), name: 'run', curves: false }
  const config = { model: MODEL, data: DATA, epochs: 1, maxSteps: 2, threads: 1, device: 'cpu', run }
  const { steps } = await mb.train(config, { worker: false }).result
  t.equal(steps, 2)
  t.equal(opened.length, 1)
  t.match(opened[0], { resolution: 8, data: { plain: { levels: 3 } } })
  t.match(JSON.parse(readFileSync(path.join(run.dir, 'run', 'config.json'), 'utf8')).data, { dataset: 'plain' })
  const tooMany = { ...config, data: { ...DATA, plain: { train: 1001 } } }
  await t.rejects(mb.train(tooMany, { worker: false }).result, { code: 'ERR_CONFIG', message: 'too many' })
  t.equal(opened.length, 1, 'what its memory check refuses is not opened')
})

t.test('an experiment plans on it without opening it, and gives each seed its own images', async (t) => {
  const before = opened.length
  const spec = parseExperiment({
    ...{ name: 'plain', base: MODEL, data: { ...DATA, plain: { levels: 5 } }, train: { epochs: 1 } },
    ...{ arms: ['base'], seeds: [0, 2], device: 'cpu', estimate: false },
  })
  const { plan } = planExperiment(spec)
  t.equal(plan.chance, 1 / 5)
  t.equal(opened.length, before)
  t.equal(jobConfig({ arm: plan.arms[0], seed: 2 }).data.plain.train, 26)
})

t.test('the registry of data sets: closed once the schema is made, and no name or key twice', async (t) => {
  t.throws(() => addDataset({ ...plainKind, name: 'late' }), { code: 'ERR_VALUE', message: /has been made without it/ })
  t.throws(() => datasetKind('plane'), { code: 'ERR_CONFIG', hint: /^there are digits, scenes, .*, fake, plain$/ })
  t.throws(() => mb.data.datasetOf({ dataset: 'plane' }), { code: 'ERR_CONFIG', message: /not "plane"/ })
  const keys = datasetKinds().flatMap(({ keys }) => Object.keys(keys))
  t.equal(new Set(keys).size, keys.length)
  const script = `
    const { addDataset } = require(${JSON.stringify(internalPath('datasetKinds'))})
    for (const [name, keys] of [['digits', {}], ['new', { scenes: null }]])
      try { addDataset({ name, keys, files: [] }) } catch (error) { console.log(error.message) }`
  t.equal(
    execFileSync(process.execPath, ['-e', script], { cwd: root, encoding: 'utf8' }),
    'addDataset: there is a data set digits already\naddDataset: there is a key scenes already\n',
  )
})

t.test('a schedule that is none is refused by name', async (t) => {
  t.throws(() => mb.optim.schedules.scheduleOf({ name: 'stair', warmupEpochs: 0 }, 1, 1, 1), {
    code: 'ERR_VALUE',
    message:
      'scheduleOf: name must be one of "staircase", "cosine", "constant", "step", "polynomial", "oneCycle", "plateau", got "stair"',
  })
})

t.test('losses: a key to pick one, as soon as there are two', async (t) => {
  t.same(Object.keys(criterionFields([crossEntropyKind])), ['labelSmoothing', 'classWeights'])
  t.same(Object.keys(criterionFields()).slice(0, 3), ['loss', 'labelSmoothing', 'classWeights'])
  const facts = { numClasses: 3, classCounts: [1, 1, 1], device: 'cpu' }
  const squares = {
    name: 'squares',
    keys: { power: z.number().default(2) },
    make:
      ({ power }) =>
      () =>
        `to the ${power}`,
  }
  const kinds = [crossEntropyKind, squares]
  const schema = z.strictObject(criterionFields(kinds))
  t.same(schema.parse({}), { loss: 'crossEntropy', labelSmoothing: 0.1, classWeights: null, power: 2 })
  t.equal(criterionOf(schema.parse({ loss: 'squares', power: 3 }), facts, kinds)(), 'to the 3')
  t.throws(() => schema.parse({ loss: 'cubes' }))
  t.throws(() => criterionOf({ loss: 'cubes' }, facts, kinds), {
    code: 'ERR_VALUE',
    hint: 'there are crossEntropy, squares',
  })
  const [logits, labels] = [mb.tensor([[1, 2, 3]]), mb.tensor([2n])]
  for (const labelSmoothing of [0, 0.3])
    t.equal(
      criterionOf({ labelSmoothing }, facts)(logits, labels).item(),
      mb.nn.functional.crossEntropy(logits, labels, { labelSmoothing }).item(),
    )
})

t.test('the help lists every optimiser', async (t) => {
  const command = [path.join(root, 'dist', 'cli', 'main.js'), 'scale', '--help']
  const help = execFileSync(process.execPath, command, { encoding: 'utf8' })
  t.match(help.replace(/\s+/g, ' '), '--optimizer <name> rmsprop, sgd, adamw, lion or lamb, for memory')
})

t.test('what all optimisers can do is said of each, and each is public', async (t) => {
  for (const kind of OPTIMIZERS) {
    const { shape } = kind.schema
    const keys = Object.keys(shape)
    for (const key of ['name', 'lr', 'weightDecay', 'layerDecay']) t.ok(keys.includes(key), `${nameOf(kind)}: ${key}`)
    const p = mb.ones([2], { requiresGrad: true })
    const options = { ...kind.schema.parse({ name: nameOf(kind), lr: 0.1 }) }
    const optimizer = kind.make([{ params: [p] }], options)
    t.ok(Object.values(mb.optim).includes(optimizer.constructor), `${optimizer.constructor.name} is public`)
    t.equal(Object.keys(optimizer.stateDict().tensors).length, kind.slots, `${nameOf(kind)}: slots`)
    optimizer.dispose()
  }
})

t.test('docs/training.md lists what a configuration can name', async (t) => {
  const page = readFileSync(path.join(root, 'docs', 'training.md'), 'utf8')
  const listed = [...page.matchAll(/^\| (?:`(?:optimizer|schedule|loss|data\.dataset)` )?\| `(\w+)`/gm)].map(
    ([, name]) => name,
  )
  const datasets = datasetKinds().filter((kind) => kind !== plainKind)
  const named = [...CRITERIA, ...datasets].map(({ name }) => name)
  t.same(listed, [...[...OPTIMIZERS, ...SCHEDULES].map(nameOf), ...named])
})

t.test('nothing outside the registries names what is in them', async (t) => {
  const datasets = datasetKinds().filter((kind) => kind !== plainKind)
  const names = [...[...OPTIMIZERS, ...SCHEDULES].map(nameOf), ...datasets.map(({ name }) => name)]
  // A mode of padding is called constant, an event step, a command cache, and what lies in folders may be a folder.
  const own = names.filter((name) => !['constant', 'step', 'cache', 'folder'].includes(name))
  const quoted = new RegExp(`(['"])(${own.join('|')})\\1`)
  const files = readdirSync(path.join(root, 'lib'), { recursive: true }).filter((file) => file.endsWith('.ts'))
  t.ok(files.length > 200)
  const named = files.filter((file) => quoted.test(readFileSync(path.join(root, 'lib', file), 'utf8')))
  t.same(
    named.filter((file) => !/^(optim|data\/sources)\//.test(file)),
    [],
  )
})
