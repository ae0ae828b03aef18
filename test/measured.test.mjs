// The results of studies that docs/measured keeps: counted again from their files, and their reports written again.
import fs from 'node:fs'
import path from 'node:path'
import { experiment, models } from 'mbconv'
import t from 'tap'

const ROOT = path.join(import.meta.dirname, '..', 'docs', 'measured')
const STUDIES = { 'table7-cpu': { least: 15 }, 'grid-cpu': { least: 27 } }

const jsonLines = (file) =>
  fs
    .readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

/** What the model of a configuration counts for ten classes. */
function counted({ name, width, depth, resolution, divisor }) {
  return models.count(models.scale(models.arch(name), { width, depth, resolution, divisor }), { numClasses: 10 })
}

for (const [name, { least }] of Object.entries(STUDIES)) {
  const folder = path.join(ROOT, name)
  const read = (file) => fs.readFileSync(path.join(folder, file), 'utf8')
  const plan = JSON.parse(read('experiment.json'))
  const rows = jsonLines(path.join(folder, 'results.jsonl'))

  t.test(`${name}: costs, counted again`, async (t) => {
    for (const { id, config, params, macs, budgetError } of plan.arms) {
      const counts = counted(config.model)
      t.equal(macs, counts.macs, `${id}: multiply-adds`)
      t.equal(params, counts.params, `${id}: parameters`)
      if (plan.budget === null || budgetError === null) continue
      t.ok(Math.abs(counts.macs / plan.budget.macs - 1) <= plan.budget.tolerance, `${id} is within the tolerance`)
    }
  })

  t.test(`${name}: a result for every arm and seed, of what was planned`, async (t) => {
    t.ok(rows.length >= least, `${rows.length} results`)
    const wanted = plan.arms.flatMap(({ id }) => plan.seeds.map((seed) => `${id} ${seed}`))
    t.same(rows.map(({ arm, seed }) => `${arm} ${seed}`).sort(), wanted.sort())
    for (const { arm, status, macs, top1 } of rows) {
      t.equal(status, 'done')
      t.equal(macs, plan.arms.find(({ id }) => id === arm).macs)
      t.ok(top1 > plan.chance, `${arm} learned something`)
    }
  })

  t.test(`${name}: the report says what the results do`, async (t) => {
    const copy = t.testdir({ [name]: {} })
    for (const file of ['experiment.json', 'results.jsonl', 'timings.jsonl']) {
      fs.copyFileSync(path.join(folder, file), path.join(copy, name, file))
    }
    const { markdown } = await experiment.report(path.join(copy, name))
    t.equal(read('report/report.md'), fs.readFileSync(markdown, 'utf8'))
    const page = read('report/report.html')
    for (const { label } of plan.arms) t.ok(page.includes(label), label)
  })
}

t.test('grid-cpu: the constraint, recomputed', async (t) => {
  const { arms, refused, base } = JSON.parse(fs.readFileSync(path.join(ROOT, 'grid-cpu', 'experiment.json'), 'utf8'))
  const candidates = arms.filter(({ compound, phase }) => compound !== undefined && phase === 0)
  t.ok(candidates.length >= 6 && refused.length > 0, `${candidates.length} candidates, ${refused.length} refused`)
  for (const { id, compound, coefficients, macs } of candidates) {
    const { alpha, beta, gamma, phi } = compound
    t.equal(phi, 1, id)
    t.ok(Math.abs((alpha * beta ** 2 * gamma ** 2) / 2 - 1) <= 0.05 + 1e-9, `${id}: α·β²·γ²`)
    t.same(coefficients, { depth: alpha, width: beta, resolution: Math.round(40 * gamma) }, id)
    t.ok(Math.abs(macs / (2 * base.macs) - 1) <= 0.03, `${id}: counted cost`)
  }
  const raised = arms.filter(({ phase }) => phase === 1)
  t.ok(raised.length >= 2, 'rays were raised')
  for (const { id, macs } of raised) t.ok(Math.abs(macs / (4 * base.macs) - 1) <= 0.03, `${id}: four times the base`)
})
