/* The array script for a cluster: what it asks for, and its tasks run here, one after another. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { tinyData } from './helpers/tiny.mjs'

const { ranges } = internal('slurm')

t.setTimeout(240_000)

const MAIN = path.resolve('dist/cli/main.js')

function experiment(cwd) {
  const spec = {
    name: 'tiny',
    base: { name: 'efficientnet_b0', width: 0.25, depth: 0.1, resolution: 8, dropPath: 0 },
    data: tinyData(path.join(cwd, 'data')),
    train: { epochs: 1 },
    arms: ['base', { width: 1.5, id: 'wide' }],
    seeds: 2,
    device: 'cpu',
    limits: { minutes: 10, memory: '4GiB' },
    profiles: {
      cluster: { slurm: { partition: 'gpu', gpus: 1, atOnce: 8, setup: ['export GREETING="it is set up"'] } },
    },
  }
  fs.writeFileSync(path.join(cwd, 'tiny.yaml'), JSON.stringify(spec))
}

const mbconv = (cwd, ...words) => spawnSync(process.execPath, [MAIN, 'experiment', ...words], { cwd, encoding: 'utf8' })

t.test('ranges of tasks', async (t) => {
  t.equal(ranges([0, 1, 2, 5, 7, 8]), '0-2,5,7-8')
  t.equal(ranges([3]), '3')
  t.equal(ranges([]), '')
})

t.test('a script is written; its tasks give what a run gives', async (t) => {
  const cwd = path.join(t.testdir({ "it's": {} }), "it's")
  experiment(cwd)
  const written = mbconv(cwd, 'run', 'tiny.yaml', '--profile', 'cluster', '--dir', 'out', '--json')
  t.equal(written.status, 0, written.stderr)
  const { path: file, tasks, array, folder } = JSON.parse(written.stdout)
  t.match({ tasks, array }, { tasks: 4, array: '0-3' })
  const script = fs.readFileSync(file, 'utf8')
  t.match(script, /^#!\/bin\/bash\n#SBATCH --job-name=tiny\n#SBATCH --array=0-3%8\n#SBATCH --time=25\n/)
  for (const option of ['--cpus-per-task=1', '--mem=4096M', '--gpus=1', '--partition=gpu', '--signal=B:TERM@120'])
    t.ok(script.includes(`#SBATCH ${option}\n`), option)
  t.ok(script.includes('export GREETING="it is set up"\n'))
  t.equal(spawnSync('bash', ['-n', file]).status, 0)

  const task = (index) =>
    spawnSync('bash', [file], {
      cwd: '/',
      encoding: 'utf8',
      env: { ...process.env, SLURM_ARRAY_TASK_ID: String(index) },
    })
  for (const index of [0, 1, 2]) {
    const { status, stdout, stderr } = task(index)
    t.equal(status, 0, stderr)
    t.match(stdout, /^(base|wide) seed [01]: top-1 [\d.]+ %\n$/)
  }
  t.equal(
    fs.existsSync(path.join(folder, 'results.jsonl')) && fs.readFileSync(path.join(folder, 'results.jsonl'), 'utf8'),
    '',
  )
  const half = mbconv(cwd, 'status', 'tiny.yaml', '--profile', 'cluster', '--dir', 'out')
  t.match(half.stdout, /^3 of 4 jobs done;/m)

  // What is left, and no more.
  const again = mbconv(cwd, 'run', 'tiny.yaml', '--profile', 'cluster', '--dir', 'out', '--json')
  t.match(JSON.parse(again.stdout), { tasks: 1, array: '3' })
  t.equal(task(3).status, 0)
  const wrong = task(4)
  t.equal(wrong.status, 2)
  t.match(wrong.stderr, /there is no job 4/)

  t.equal(mbconv(cwd, 'report', folder).status, 0)
  t.ok(fs.existsSync(path.join(folder, 'report', 'report.html')))
  const gathered = fs.readFileSync(path.join(folder, 'results.jsonl'), 'utf8').trimEnd().split('\n')
  const direct = mbconv(cwd, 'run', 'tiny.yaml', '--dir', 'out', '--json', '--no-report', '--set', 'estimate=false')
  t.equal(direct.status, 0, direct.stderr)
  const results = path.join(cwd, 'out', 'tiny-default', 'results.jsonl')
  t.same(gathered.sort(), fs.readFileSync(results, 'utf8').trimEnd().split('\n').sort())
  const over = mbconv(cwd, 'run', 'tiny.yaml', '--profile', 'cluster', '--dir', 'out')
  t.match(over.stdout, /^nothing is left to run$/m)
})
