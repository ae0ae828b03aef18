// The grid search for α, β and γ: which candidates there are, what they count, what is refused, what comes after.
import { models } from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { gridSchema, gridSource, pointsOf } = internal('grid')

const base = models.scale(models.arch('efficientnet_b0'), { width: 0.2, depth: 0.5, resolution: 40, divisor: 2 })
const own = models.count(base, { numClasses: 10 }).macs
const seeds = [0, 1]
const context = {
  base,
  facts: { classes: 10, channels: 3 },
  budget: null,
  seeds,
  configOf: (model) => ({ model: { profile: 'timm', ...model }, epochs: 1 }),
}
const GRID = {
  alpha: [1, 1.1, 1.2, 1.3, 1.4, 1.6, 2],
  beta: [1, 1.1, 1.2, 1.3, 1.4],
  gamma: [1, 1.05, 1.1, 1.15, 1.25, 1.35],
  constraint: 0.1,
  tolerance: 0.05,
}
const first = (options) => gridSource(gridSchema.parse(options), context)(0, { arms: [], seeds }, [])

/** What the model of an arm's configuration counts. */
const counted = ({ name, width, depth, resolution, divisor }) =>
  models.count(models.scale(models.arch(name), { width, depth, resolution, divisor }), { numClasses: 10 })

t.test('candidates: the constraint and the cost, recomputed', async (t) => {
  const { arms, refused } = first(GRID)
  t.ok(arms.length >= 4, `${arms.length} candidates`)
  for (const { id, compound, config, macs, params, budgetError, coefficients } of arms) {
    const { alpha, beta, gamma, phi } = compound
    t.equal(phi, 1)
    t.equal(id, `a${alpha}-b${beta}-g${gamma}`)
    t.ok(Math.abs((alpha * beta ** 2 * gamma ** 2) / 2 - 1) <= 0.1, id)
    t.same(coefficients, { depth: alpha, width: beta, resolution: Math.round(40 * gamma) })
    const counts = counted(config.model)
    t.equal(macs, counts.macs, id)
    t.equal(params, counts.params, id)
    t.ok(Math.abs(macs / (2 * own) - 1) <= 0.05, `${id} counts ${macs}`)
    t.ok(Math.abs(budgetError - (macs / (2 * own) - 1)) < 1e-12)
  }
  const networks = arms.map(({ config }) => {
    const { name, width, depth, resolution, divisor } = config.model
    const { stem, stages, head } = models.scale(models.arch(name), { width, depth, resolution, divisor })
    return JSON.stringify({ stem, stages, head, resolution })
  })
  t.equal(new Set(networks).size, networks.length, 'each network once')

  // Whoever meets the formula's constraint is a candidate or refused, and nobody else.
  const all = GRID.alpha.flatMap((a) => GRID.beta.flatMap((b) => GRID.gamma.map((g) => ({ a, b, g }))))
  const meant = all.filter(({ a, b, g }) => Math.abs((a * b * b * g * g) / 2 - 1) <= 0.1)
  t.same([...arms, ...refused].map(({ id }) => id).sort(), meant.map(({ a, b, g }) => `a${a}-b${b}-g${g}`).sort())
})

t.test('refused: off by what they count, or the same network as another', async (t) => {
  const { arms, refused } = first(GRID)
  const off = refused.filter(({ reason }) => /multiply-adds, [+-][\d.]+ % off 2 times the base’s/.test(reason))
  const twins = refused.filter(({ reason }) => /^is the same network as α/.test(reason))
  t.equal(off.length + twins.length, refused.length)
  t.ok(off.length > 0)
  t.ok(twins.length > 0)
  for (const { id, nearest } of off) {
    const { depth, width, resolution } = nearest.coefficients
    const table = models.scale(models.arch('efficientnet_b0'), {
      depth: 0.5 * depth,
      width: 0.2 * width,
      resolution,
      divisor: 2,
    })
    t.equal(nearest.macs, models.count(table, { numClasses: 10 }).macs, id)
    t.ok(Math.abs(nearest.error) > 0.05, id)
  }
  for (const { reason, nearest } of twins) {
    const [, name] = /^is the same network as (.*) after rounding$/.exec(reason)
    t.equal(arms.find(({ label }) => label === name).macs, nearest.macs, reason)
  }
})

t.test('nearest to the constraint first, the same every time', async (t) => {
  const options = gridSchema.parse(GRID)
  const off = pointsOf(options).map(({ alpha, beta, gamma }) => Math.abs((alpha * beta ** 2 * gamma ** 2) / 2 - 1))
  t.same(
    off,
    [...off].sort((a, b) => a - b),
  )
  t.same(first(GRID), first(GRID))
})

/** Results in which the accuracy of an arm is a function of it. */
const resultsOf = (arms, top1) =>
  arms.flatMap((arm) => seeds.map((seed) => ({ arm: arm.id, seed, status: 'done', top1: top1(arm, seed) })))

t.test('the best, the worst and the paper’s ray at larger φ, at the same counted cost', async (t) => {
  const options = gridSchema.parse({ ...GRID, raise: { phi: [2, 3], best: 1, worst: 1 } })
  const source = gridSource(options, context)
  const { arms } = source(0, { arms: [], seeds }, [])
  // Whoever grows in resolution most shall be the best.
  const results = resultsOf(arms, (arm, seed) => arm.compound.gamma / 2 + seed / 100)
  const sorted = [...arms].sort((a, b) => b.compound.gamma - a.compound.gamma)
  const second = source(1, { arms, seeds }, results)
  t.same(second, source(1, { arms, seeds }, [...results].reverse()), 'whatever the order of the results')
  const best = sorted[0].compound
  const worst = sorted.at(-1).compound
  const rays = [best, worst, { alpha: 1.2, beta: 1.1, gamma: 1.15 }]
  const ids = [2, 3].flatMap((phi) => rays.map(({ alpha, beta, gamma }) => `phi${phi}-a${alpha}-b${beta}-g${gamma}`))
  t.same([...second.arms, ...second.refused].map(({ id }) => id).sort(), ids.sort())
  t.ok(second.arms.length >= 4)
  for (const { id, macs, config, compound, budgetError, phase } of second.arms) {
    t.equal(phase, 1)
    t.equal(macs, counted(config.model).macs, id)
    t.ok(Math.abs(macs / (2 ** compound.phi * own) - 1) <= 0.03, `${id} counts ${macs}`)
    t.ok(Math.abs(budgetError) <= 0.03)
  }
  t.equal(source(2, { arms: [...arms, ...second.arms], seeds }, results), undefined)
})

t.test('a candidate that lacks a seed is not ranked', async (t) => {
  const source = gridSource(gridSchema.parse({ ...GRID, raise: { rays: [] } }), context)
  const { arms } = source(0, { arms: [], seeds }, [])
  const [one, two] = arms
  const results = [
    { arm: one.id, seed: 0, status: 'done', top1: 0.9 },
    { arm: one.id, seed: 1, status: 'failed', top1: null },
    { arm: two.id, seed: 0, status: 'done', top1: 0.4 },
    { arm: two.id, seed: 1, status: 'done', top1: 0.4 },
  ]
  const { arms: raised, refused } = source(1, { arms, seeds }, results)
  t.same(
    [...raised, ...refused].map(({ id }) => id),
    [`phi2-${two.id}`],
  )
})

t.test('without raising there is one phase', async (t) => {
  const source = gridSource(gridSchema.parse({ ...GRID, raise: null }), context)
  const { arms } = source(0, { arms: [], seeds }, [])
  t.equal(
    source(
      1,
      { arms, seeds },
      resultsOf(arms, () => 0.5),
    ),
    undefined,
  )
})

t.test('options', async (t) => {
  for (const [options, path] of [
    [{ ...GRID, alpha: [0.9] }, 'alpha.0'],
    [{ ...GRID, alpha: [] }, 'alpha'],
    [{ ...GRID, tolerance: 1 }, 'tolerance'],
    [{ ...GRID, times: 1 }, 'times'],
    [{ ...GRID, raise: { phi: [1] } }, 'raise.phi.0'],
  ]) {
    const { success, error } = gridSchema.safeParse(options)
    t.notOk(success)
    t.same(
      error.issues.map((issue) => issue.path.join('.')),
      [path],
    )
  }
  t.notOk(gridSchema.safeParse({ ...GRID, delta: [1] }).success)
})
