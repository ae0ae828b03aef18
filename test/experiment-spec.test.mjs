/* Experiment files: profiles, overrides, mistakes with their places; and plans: arms at their counted cost. */
import fs from 'node:fs'
import path from 'node:path'
import { experiment, models } from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { parseExperiment, parseExperimentFile } = internal('experimentSpec')

const SCENES = { dataset: 'scenes', scenes: { train: 64, test: 32 } }
const BASE = { name: 'efficientnet_b0', width: 0.25, resolution: 32, divisor: 4 }
const small = (changes) => ({ name: 'x', base: BASE, data: SCENES, train: { epochs: 2 }, arms: ['base'], ...changes })

const FILE = `name: x
base: { name: efficientnet_b0, width: 0.25, resolution: 32 }
data: { dataset: scenes }
train:
  epochs: 2
  optimizer: { name: adamw, lr: 0.01, weightDecay: 0.1 }
budget: { macs: 4x, tolerance: 5% }
arms: [base, compound]
profiles:
  quick:
    seeds: [4]
    train: { epochs: 1, optimizer: { lr: 0.02 } }
  plain: { train: { optimizer: { name: sgd, lr: 1 } }, budget: null, arms: [base] }
`

function fileOf(t, text) {
  return path.join(t.testdir({ 'x.yaml': text }), 'x.yaml')
}

function lines(t, text, options) {
  const file = fileOf(t, text)
  try {
    parseExperimentFile(file, options)
  } catch (error) {
    t.equal(error.code, 'ERR_CONFIG')
    return error.message.replaceAll(file, 'x.yaml').split('\n')
  }
  return t.fail('nothing was found')
}

t.test('a profile is merged over the rest, overrides over both', async (t) => {
  const file = fileOf(t, FILE)
  const plain = parseExperimentFile(file)
  t.match(plain, { profile: 'default', seeds: [0, 1, 2], title: 'x', budget: { macs: { times: 4 }, tolerance: 0.05 } })
  t.match(plain.limits, { minutes: 60, memory: 8 * 2 ** 30 })
  const quick = parseExperimentFile(file, { profile: 'quick', set: ['train.epochs=7', 'limits.memory=1GiB'] })
  t.match(quick, { profile: 'quick', seeds: [4], limits: { memory: 2 ** 30 } })
  t.same(quick.set, ['train.epochs=7', 'limits.memory=1GiB'])
  t.match(quick.config, { epochs: 7, optimizer: { name: 'adamw', lr: 0.02, weightDecay: 0.1 } })
  const sgd = parseExperimentFile(file, { profile: 'plain' })
  t.match(sgd.config.optimizer, { name: 'sgd', lr: 1, weightDecay: 0 }, 'the keys of another optimiser are not merged')
  t.equal(sgd.budget, null)
  t.equal(parseExperiment(small({ seeds: 2 })).seeds.length, 2)
})

t.test('a plain value where a mapping is wanted leads to what was meant', async (t) => {
  const file = fileOf(t, FILE)
  for (const [setting, hint] of [
    ['train.optimizer=adam', 'did you mean --set train.optimizer.name=adamw?'],
    ['base=b0', 'did you mean --set base.name=efficientnet_b0?'],
    ['budget=4x', 'budget is a mapping: write --set budget.macs=4x'],
    ['limits=10', 'limits is a mapping: write --set limits.minutes=10'],
  ])
    t.throws(() => parseExperimentFile(file, { set: [setting] }), { code: 'ERR_CONFIG', hint }, setting)
  t.match(lines(t, FILE.replace(/base: .*/, 'base: b3').replace(/ {2}optimizer: .*/, '  optimizer: sgd')), [
    /base: must be a mapping .*\(did you mean base: \{name: efficientnet_b3\}\?\)/,
    /\(write optimizer: \{name: sgd, lr: …\}\)/,
  ])
})

t.test('mistakes have a place, and the key that was meant', async (t) => {
  const found = lines(
    t,
    `name: a/b
base: { name: efficientnet_b0, widht: 0.25 }
data: { dataset: scenes, scenes: { tset: 200 } }
train: { epocs: 2, seed: 1 }
budget: { macs: 4y, tolerance: 300% }
arms: [dept, { curve: widt, values: [1] }, { crv: 2 }, { curve: width, valus: [1] }, { curve: width }, 3,
  { base: mobilenet_v2, arms: [compund] }, { width: 0 }]
lmits: {}
`,
  )
  t.same(
    found.map((line) => line.replace(/, not .*| \((?!did).*/, '')),
    [
      'x.yaml:1:7 name: must be letters, digits and . _ + - only',
      'x.yaml:2:32 base.widht: unknown key (did you mean base.width?)',
      'x.yaml:3:36 data.scenes.tset: unknown key (did you mean data.scenes.test?)',
      'x.yaml:4:10 train.epocs: unknown key (did you mean train.epochs?)',
      'x.yaml:4:20 train.seed: unknown key',
      'x.yaml:5:17 budget.macs: must be a number, with a unit or not, or 4x for four times the base',
      'x.yaml:5:32 budget.tolerance: must be a share: 3% or 0.03',
      'x.yaml:6:8 arms.0: must be an arm',
      'x.yaml:6:23 arms.1.curve: must be depth, width, resolution or compound',
      'x.yaml:6:46 arms.2.crv: unknown key (did you mean curve?)',
      'x.yaml:6:72 arms.3.valus: unknown key (did you mean values?)',
      'x.yaml:6:86 arms.4: must have values or budgets',
      'x.yaml:6:104 arms.5: must be an arm',
      'x.yaml:7:32 arms.6.arms.0: must be an arm',
      'x.yaml:7:53 arms.7.width: must be above 0',
      'x.yaml:8:1 lmits: unknown key (did you mean limits?)',
    ],
  )
})

t.test('profiles are counted before each is checked against the whole file', async (t) => {
  const profiles = Array.from({ length: 101 }, (_, i) => `  p${i}: {}\n`).join('')
  const text = FILE.slice(0, FILE.indexOf('  quick:'))
  t.match(lines(t, text + profiles), [/profiles: must be a mapping of at most 100 profiles/])
})

t.test('mistakes of a profile are placed there, also of one that was not asked for', async (t) => {
  const bad = FILE.replace('epochs: 1', 'epochs: 0')
  t.match(lines(t, bad, { profile: 'quick' }), [
    /^x.yaml:12:22 profiles.quick.train.epochs: must be at least 1, not 0$/,
  ])
  t.match(lines(t, bad), [/^x.yaml:12:22 profiles.quick.train.epochs/])
  t.match(lines(t, FILE, { profile: 'quik' }), [/there is no profile quik/])
  t.match(lines(t, FILE, { set: ['train.epochs=0', 'x'] }), [/^--set train.epochs: must be/, /^--set x: has no value/])
  const sgd = FILE.replace('{ name: sgd, lr: 1 }', '{ name: sgd }')
  t.match(lines(t, sgd), [/^x.yaml:13:\d+ .*train.optimizer.lr: is required/])
  t.match(lines(t, FILE.replace('macs: 4x, tolerance: 5%', 'macs: 4x').replace(/^budget.*\n/m, '')), [/needs a budget/])
  t.throws(() => parseExperiment(small({ base: { name: 'efficientnet_b00' } })), {
    code: 'ERR_CONFIG',
    message: /^base.name/,
    hint: 'did you mean efficientnet_b0?',
  })
})

/** Multiply-adds of an arm, counted anew from its configuration. */
function recounted({ config }) {
  const { name, width, depth, resolution, divisor } = config.model
  const table = models.scale(models.arch(name), { width, depth, resolution, divisor })
  return models.count(table, { numClasses: 10, inChannels: 3 })
}

t.test('arms are within the tolerance by a recount, or refused with the nearest', async (t) => {
  const arms = ['base', 'depth', 'width', 'resolution', 'compound', { base: 'mobilenet_v2', arms: ['base', 'width'] }]
  const plan = experiment.plan(small({ budget: { macs: '4x' }, arms }))
  t.same(
    plan.arms.map(({ id }) => id),
    ['base', 'depth', 'compound', 'mobilenet_v2-base', 'mobilenet_v2-width'],
  )
  t.same(
    plan.refused.map(({ id }) => id),
    ['width', 'resolution'],
  )
  for (const arm of plan.arms) {
    const { macs, params } = recounted(arm)
    t.match(arm, { macs, params }, arm.id)
    t.equal(arm.config.data.scenes.size, null, 'drawn at its own resolution')
    if (arm.id.endsWith('base')) continue
    const own = arm.series === 'mobilenet_v2' ? plan.arms.find(({ id }) => id === 'mobilenet_v2-base') : plan.arms[0]
    t.ok(Math.abs(macs / (4 * own.macs) - 1) <= 0.03, `${arm.id}: ${macs}`)
    t.ok(Math.abs(arm.budgetError - (macs / (4 * own.macs) - 1)) < 1e-6)
  }
  for (const { id, nearest, reason } of plan.refused) {
    t.ok(Math.abs(nearest.error) > 0.03 && Math.abs(nearest.error) < 0.1, id)
    t.equal(nearest.error, nearest.macs / plan.budget.macs - 1)
    t.match(reason, /^no network within 3\.00 % of 3,101,920 multiply-adds by (width|resolution): the nearest has/)
  }
  t.same(plan.comparisons, [{ arm: 'compound', against: 'depth' }])
  t.match(plan, { chance: 0.1, budget: { times: 4 }, base: { name: 'efficientnet_b0' }, format: 1, device: 'cpu' })
})

t.test('points, curves, crosses', async (t) => {
  const plan = experiment.plan(
    small({
      arms: [
        { width: 2, resolution: '1.5x', id: 'wide', label: 'wide and large' },
        { curve: 'depth', values: [2, 3] },
        { curve: 'resolution', values: [48, '2x'] },
        { curve: 'compound', values: [1], budgets: ['2x'] },
        { cross: { width: [1, 1.5], depth: [1, 2], resolution: [32, 48] } },
      ],
    }),
  )
  t.match(plan.arms[0], { id: 'wide', label: 'wide and large', coefficients: { depth: 1, width: 2, resolution: 48 } })
  const ids = plan.arms.map(({ id }) => id)
  t.same(ids.slice(1, 7), ['depth-2', 'depth-3', 'resolution-48', 'resolution-64', 'compound-phi1', 'compound-2x'])
  t.same(ids.slice(7, 11), ['d1-w1-r32', 'd1-w1.5-r32', 'd2-w1-r32', 'd2-w1.5-r32'])
  t.equal(ids.length, 15)
  t.equal(new Set(plan.arms.slice(7).map(({ series }) => series)).size, 4)
  for (const arm of plan.arms) t.equal(arm.macs, recounted(arm).macs, arm.id)
  t.match(plan.arms[5], { compound: { phi: 1, alpha: 1.2 }, series: 'compound' })
})

t.test('points are held to a budget, too; names must differ; comparisons must exist', async (t) => {
  const plan = experiment.plan(small({ budget: { macs: '2x' }, arms: ['base', { width: 4, id: 'far' }] }))
  t.match(plan.refused, [
    { id: 'far', nearest: { coefficients: { width: 4 } }, reason: /off the budget of 1,550,960$/ },
  ])
  const refusals = [
    [{ arms: ['base', 'base'] }, 'ERR_CONFIG', /two are called base/],
    [{ arms: ['base'], compare: [{ arm: 'base', against: 'bse' }] }, 'ERR_CONFIG', /no arm is called bse/],
    [{ arms: [{ width: 9 }], budget: { macs: '2x' } }, 'ERR_UNREACHED', /no arm can be had/],
    [{ device: 'cuda:77' }, 'ERR_CUDA_UNAVAILABLE', /cuda:77/],
    [{ arms: [{ curve: 'resolution', values: ['900x'] }] }, 'ERR_CONFIG', /^arms\.0: .*cannot be scaled/],
    [{ arms: ['base', { width: 1e300 }] }, 'ERR_CONFIG', /^arms\.1: .*cannot be scaled/],
    [{ arms: [{ curve: 'compound', values: [1e300] }] }, 'ERR_CONFIG', /^arms\.0: compound: phi/],
    [{ arms: [{ cross: { width: [1e300], depth: [1] } }] }, 'ERR_CONFIG', /^arms\.0: .*cannot be scaled/],
    [{ arms: [{ curve: 'width', budgets: ['1e305x'] }] }, 'ERR_CONFIG', /^arms\.0: .*budget\.macs must be finite/],
    [{ arms: [{ base: 'efficientnet_b1', arms: [{ depth: 1e9 }] }] }, 'ERR_CONFIG', /^arms\.0\.arms\.0: .*scaled/],
    [{ base: { ...BASE, width: 1e300 } }, 'ERR_CONFIG', /^base\.width: leads to no network/],
    [{ limits: { memory: 1e300 } }, 'ERR_CONFIG', /^limits\.memory: /],
    [{ slurm: { minutes: 1e300 } }, 'ERR_CONFIG', /^slurm\.minutes: must be at most/],
    [{ slurm: { cpus: 1e15 } }, 'ERR_CONFIG', /^slurm\.cpus: must be at most/],
  ]
  for (const [changes, code, message] of refusals)
    t.throws(() => experiment.plan(small(changes)), { code, message }, JSON.stringify(changes))
  const set = experiment.plan(small({}), { set: ['train.epochs=2'] })
  t.same(set.set, ['train.epochs=2'], 'the plan says what was set')
  t.notOk('set' in experiment.plan(small({})))
  const digits = experiment.plan(small({ data: { dataset: 'digits' } }))
  t.equal(
    digits.arms[0].macs,
    models.count(models.scale(models.arch('efficientnet_b0'), { ...BASE, name: 'x' }), {
      numClasses: 10,
      inChannels: 1,
    }).macs,
  )
})

t.test('wrong calls are refused by name', async (t) => {
  const spec = small({})
  for (const [call, code, message] of [
    [() => experiment.plan(), 'ERR_CONFIG', /a mapping of keys to values/],
    [() => experiment.plan('no/such.yaml'), 'ERR_CONFIG', /there is no such file/],
    [() => experiment.plan(spec, { profil: 'x' }), 'ERR_TYPE', /unknown option "profil"/],
    [() => experiment.plan(spec, { set: 'x=1' }), 'ERR_TYPE', /set must be a list/],
    [() => experiment.plan(spec, { set: [1] }), 'ERR_TYPE', /set\[0\] must be text/],
    [() => experiment.plan(spec, { profile: 'x' }), 'ERR_CONFIG', /there is no profile x/],
    [() => experiment.run(spec, { dir: 5 }), 'ERR_TYPE', /dir must be text/],
    [() => experiment.run(spec, { jobs: 0 }), 'ERR_VALUE', /jobs must be/],
    [() => experiment.run(spec, { signal: {} }), 'ERR_TYPE', /signal/],
    [() => experiment.run(spec, { retryFailed: 1 }), 'ERR_TYPE', /retryFailed/],
    [() => experiment.status(5), 'ERR_TYPE', /folder must be text/],
    [() => experiment.status('.'), 'ERR_DATA', /not the folder of an experiment/],
  ])
    t.throws(call, { code, message })
})

t.test('the experiments that come along can be planned', async (t) => {
  const folder = 'scripts/experiments'
  const files = fs.readdirSync(folder).filter((name) => name.endsWith('.yaml'))
  t.ok(files.length > 0)
  for (const name of files) t.ok(parseExperimentFile(path.join(folder, name)).arms.length > 0, name)
})
