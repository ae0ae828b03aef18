// The paper's studies: every profile of every file can be planned, and table7 runs from the command line to its report.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { models, parseConfig } from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { planExperiment } = internal('experimentPlan')
const { parseExperimentFile } = internal('experimentSpec')
const { archFor } = internal('sessionModel')

const FOLDER = path.join(import.meta.dirname, '..', 'scripts', 'experiments')
const FILES = ['evolution', 'figure3', 'figure4', 'grid', 'table3', 'table7']
const PROFILES = ['smoke', 'cpu', 'gpu', 'cluster']

// Jobs of a smoke run are processes, which start slowly on a busy machine.
t.setTimeout(300_000)

t.test('all files are here', async (t) => {
  t.same(fs.readdirSync(FOLDER).sort(), FILES.map((name) => `${name}.yaml`).sort())
})

for (const name of FILES)
  t.test(`${name}: the plan of each profile`, async (t) => {
    for (const profile of PROFILES) {
      const spec = parseExperimentFile(path.join(FOLDER, `${name}.yaml`), { profile })
      // This machine may have no GPU, and planning for one needs it.
      const { plan } = planExperiment({ ...spec, device: 'cpu' })
      t.equal(plan.name, name)
      t.ok(plan.arms.length >= 2, `${profile}: ${plan.arms.length} arms`)
      if (name !== 'grid') t.same(plan.refused, [], `${profile}: nothing is refused`)
      if (profile === 'cpu') t.ok(plan.seeds.length >= (name === 'evolution' ? 2 : 3))
      if (profile === 'cluster') t.ok(spec.slurm)
      for (const { id, macs, params, config } of plan.arms) {
        const table = archFor(parseConfig(config))
        const counts = models.count(table, { numClasses: spec.config.data.scenes.classes })
        t.same([macs, params], [counts.macs, counts.params], `${profile}: ${id}`)
      }
      const own = Object.fromEntries(plan.arms.map((arm) => [arm.id, arm.macs]))
      if (name === 'table7')
        for (const id of ['depth', 'width', 'resolution', 'compound'])
          t.ok(Math.abs(own[id] / own.base / 4 - 1) <= 0.03, `${profile}: ${id} costs ${own[id] / own.base} bases`)
      // A group's base has what the experiment's says but for what it says itself.
      if (name === 'table3' && profile === 'cpu') t.equal(own['mobilenet_v1-base'], plan.base.macs)
      if (name === 'table3')
        for (const id of Object.keys(own).filter((id) => !id.endsWith('-base'))) {
          const base = own[id.replace(/-[a-z]+$/, '-base')]
          if (base !== undefined) t.ok(Math.abs(own[id] / base / 4 - 1) <= 0.03, `${profile}: ${id}`)
        }
    }
  })

t.test('table7 --profile smoke ends with a report', { timeout: 300_000 }, async (t) => {
  const dir = t.testdir({})
  const mbconv = path.join(import.meta.dirname, '..', 'dist', 'cli', 'main.js')
  const args = ['experiment', 'run', path.join(FOLDER, 'table7.yaml'), '--profile', 'smoke', '--dir', dir]
  const run = spawn(process.execPath, [mbconv, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  run.stderr.setEncoding('utf8').on('data', (text) => {
    said += text
  })
  const [code] = await once(run, 'close')
  t.equal(code, 0, said)
  const folder = path.join(dir, 'table7-smoke')
  const rows = fs.readFileSync(path.join(folder, 'results.jsonl'), 'utf8').trim().split('\n').map(JSON.parse)
  t.same(rows.map(({ arm, seed, status }) => `${arm} ${seed} ${status}`).sort(), [
    'base 0 done',
    'compound 0 done',
    'depth 0 done',
    'resolution 0 done',
    'width 0 done',
  ])
  for (const { steps, macs, top1 } of rows) t.ok(steps === 5 && macs > 0 && top1 >= 0 && top1 <= 1)
  const page = fs.readFileSync(path.join(folder, 'report', 'report.html'), 'utf8')
  for (const { arm } of rows) t.ok(page.includes(arm), `the page shows ${arm}`)
  t.ok(fs.existsSync(path.join(folder, 'report', 'report.md')))
  t.ok(fs.existsSync(path.join(folder, 'report', 'results.csv')))
})
