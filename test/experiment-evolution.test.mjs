// The search for stages by evolution: valid, new, affordable children, the same ones every time, and better ones.
import { models, parseConfig } from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { evolutionSchema, evolutionSource, mutate, parentsOf } = internal('evolution')
const { meanTop1, objective } = internal('objective')
const { checkArch } = internal('archCheck')
const { KeyedRandom } = internal('philox')
const { archFor } = internal('sessionModel')

const base = models.scale(models.arch('efficientnet_b0'), { width: 0.2, depth: 0.5, resolution: 40, divisor: 4 })
const own = models.count(base, { numClasses: 10 }).macs
const seeds = [0, 1]
const context = {
  base,
  facts: { classes: 10, channels: 3 },
  budget: null,
  seeds,
  configOf: (model) => ({ model: { name: 'efficientnet_b0', ...model }, data: { dataset: 'scenes' }, epochs: 1 }),
}

/** All phases, with an accuracy for each arm made up. */
function evolve(options, top1) {
  const source = evolutionSource(evolutionSchema.parse(options), context)
  const plan = { arms: [], seeds }
  const results = []
  for (let phase = 0; ; phase++) {
    const given = source(phase, plan, results)
    if (given === undefined) return { ...plan, results, phases: phase }
    plan.arms.push(...given.arms)
    for (const arm of given.arms)
      for (const seed of seeds) results.push({ arm: arm.id, seed, status: 'done', top1: top1(arm, seed) })
  }
}

const OPTIONS = { population: 6, children: 6, generations: 3 }

t.test('the objective, by hand', async (t) => {
  t.equal(objective(0.7, 5, 5), 0.7)
  // Twice the cost takes 4.74 %: 2^-0.07 = 0.95264.
  t.ok(Math.abs(objective(0.7, 2e6, 1e6) - 0.7 * 0.952638) < 1e-6)
  t.ok(Math.abs(objective(0.5, 0.5e6, 1e6) - 0.5 * 1.049717) < 1e-6)
  const rows = [
    { arm: 'a', seed: 0, status: 'done', top1: 0.5 },
    { arm: 'a', seed: 1, status: 'done', top1: 0.7 },
    { arm: 'b', seed: 0, status: 'done', top1: 0.9 },
    { arm: 'b', seed: 1, status: 'failed', top1: null },
  ]
  t.ok(Math.abs(meanTop1('a', [0, 1], rows) - 0.6) < 1e-12)
  t.equal(meanTop1('b', [0, 1], rows), null)
  t.equal(meanTop1('b', [0], rows), 0.9)
})

t.test('the same results give the same children; another seed, others', async (t) => {
  const accuracy = (arm, seed) => (arm.params % 1000) / 1000 + seed / 100
  const [one, two] = [evolve(OPTIONS, accuracy), evolve(OPTIONS, accuracy)]
  t.same(one, two)
  const other = evolve({ ...OPTIONS, seed: 1 }, accuracy)
  t.notSame(other.arms[1].stages, one.arms[1].stages)
  t.equal(one.phases, 4)
  t.equal(one.arms.length, 6 + 3 * 6)
})

t.test('every child: a table that its configuration makes, new, within the limits of cost', async (t) => {
  const { arms } = evolve({ ...OPTIONS, generations: 6, cost: [0.5, 1.5] }, (arm) => 1 - arm.params / 1e7)
  t.same(arms[0].stages, base.stages.map(models.formatStage), 'the base is the first')
  t.equal(new Set(arms.map(({ stages }) => stages.join())).size, arms.length)
  t.equal(new Set(arms.map(({ id }) => id)).size, arms.length)
  for (const { id, config, stages, macs, params } of arms) {
    const table = archFor(parseConfig(config))
    t.same(table.stages.map(models.formatStage), stages, id)
    t.equal(table.stem, base.stem)
    t.equal(table.head, base.head)
    const counts = models.count(table, { numClasses: 10 })
    t.same([macs, params], [counts.macs, counts.params], id)
    t.ok(macs >= 0.5 * own && macs <= 1.5 * own, `${id} counts ${macs}`)
    for (const [i, stage] of table.stages.entries()) {
      t.equal(stage.stride, base.stages[i].stride)
      t.ok([3, 5].includes(stage.kernel) && [1, 3, 4, 6].includes(stage.expand) && stage.layers <= 4)
      t.ok([0, 0.25].includes(stage.seRatio) && stage.channels % 4 === 0)
    }
  }
})

t.test('a mutation changes one thing of one stage, and all of them come up', async (t) => {
  const options = evolutionSchema.parse({})
  const fields = new Set()
  for (let i = 0; i < 300; i++) {
    const child = mutate(base, new KeyedRandom(7, 32, 0, i), options)
    checkArch('test', child)
    const changed = child.stages.flatMap((stage, at) =>
      ['kernel', 'stride', 'expand', 'channels', 'layers', 'seRatio', 'block']
        .filter((key) => (stage[key] ?? 'mbconv') !== (base.stages[at][key] ?? 'mbconv'))
        .map((key) => `${at} ${key}`),
    )
    t.ok(changed.length <= 1, changed.join())
    for (const each of changed) fields.add(each.split(' ')[1])
  }
  t.same([...fields].sort(), ['block', 'channels', 'expand', 'kernel', 'layers', 'seRatio'])
})

t.test('a made-up fitness is climbed', async (t) => {
  // Accuracy that grows with the share of kernels of 5 and of squeezed stages, whatever they cost.
  const top1 = ({ stages }) =>
    0.3 +
    0.05 * stages.filter((text) => text.includes('_k5_')).length +
    (stages.join().split('se0.25').length - 1) / 100
  const score = (arm) => objective(top1(arm), arm.macs, own)
  for (const survival of ['plus', 'aging']) {
    const { arms } = evolve({ population: 8, children: 8, generations: 12, survival, sample: 2 }, top1)
    const best = (phase) => Math.max(...arms.filter((arm) => arm.phase === phase).map(score))
    t.ok(best(12) > best(0) + 0.05, `${survival}: ${best(0)} became ${best(12)}`)
    if (survival === 'plus') t.ok(Math.max(...arms.map(score)) > score(arms[0]) + 0.1, 'better than the base')
  }
})

t.test('parents: the best of all, or of the youngest', async (t) => {
  const arms = ['a', 'b', 'c', 'd'].map((id) => ({ id, macs: 100, stages: ['x'] }))
  const plan = { arms: [...arms, { id: 'static', macs: 1 }], seeds: [0] }
  const results = [
    { arm: 'a', seed: 0, status: 'done', top1: 0.9 },
    { arm: 'b', seed: 0, status: 'done', top1: 0.2 },
    { arm: 'c', seed: 0, status: 'failed', top1: null },
    { arm: 'd', seed: 0, status: 'done', top1: 0.5 },
    { arm: 'static', seed: 0, status: 'done', top1: 1 },
  ]
  const ids = (survival, population) => parentsOf({ survival, population }, 100, plan, results).map(({ id }) => id)
  t.same(ids('plus', 2), ['a', 'd'])
  t.same(ids('aging', 2), ['d', 'b'])
  t.same(ids('plus', 9), ['a', 'd', 'b'])
})

t.test('nothing survived, or nothing new is left: the search ends', async (t) => {
  const source = evolutionSource(evolutionSchema.parse(OPTIONS), context)
  const { arms } = source(0, { arms: [], seeds }, [])
  t.equal(source(1, { arms, seeds }, []), undefined)
  const narrow = { ...OPTIONS, kernels: [3], expansions: [6], squeezes: [0.25], blocks: ['mbconv'], cost: [0.99, 1.01] }
  const few = evolve({ ...narrow, generations: 50 }, () => 0.5)
  t.ok(few.phases < 51)
})

t.test('options', async (t) => {
  for (const options of [{ population: 1 }, { blocks: ['basic'] }, { survival: 'all' }, { mutation: 1 }])
    t.notOk(evolutionSchema.safeParse(options).success, JSON.stringify(options))
})
