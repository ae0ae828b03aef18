/* Running experiments: failures and limits of jobs, going on, locks, signals, status. */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { experiment } from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { tinyData } from './helpers/tiny.mjs'

const { LineFile } = internal('results')

t.setTimeout(240_000)

const MAIN = path.resolve('dist/cli/main.js')

/** Two networks that take no time, one seed. */
const tiny = (cwd, changes = {}) => ({
  name: 'tiny',
  base: { name: 'efficientnet_b0', width: 0.25, depth: 0.1, resolution: 8, dropPath: 0 },
  data: tinyData(path.join(cwd, 'data')),
  train: { epochs: 3, checkpoint: { everySteps: 2 } },
  arms: ['base', { width: 1.5, id: 'wide' }],
  seeds: 1,
  estimate: false,
  ...changes,
})

async function outcome(run, onEvent = () => {}) {
  const events = []
  for await (const event of run) {
    events.push(event)
    onEvent(event)
  }
  return { events, result: await run.result }
}

const rowsOf = (folder) =>
  fs
    .readFileSync(path.join(folder, 'results.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
    .sort((a, b) => (a.arm < b.arm ? -1 : 1))

const GATED = new URL('helpers/gated-job.cjs', import.meta.url)

/**
 * From now on every job waits at its beginning until the test lets its process go.
 *
 * @returns lets a process go; `.always()` ends the waiting
 */
function gateJobs(t) {
  const gate = t.testdir({ gate: {} })
  const before = process.env.NODE_OPTIONS
  const always = () => {
    delete process.env.MBCONV_TEST_GATE
    if (before === undefined) delete process.env.NODE_OPTIONS
    else process.env.NODE_OPTIONS = before
  }
  t.teardown(always)
  process.env.MBCONV_TEST_GATE = path.join(gate, 'gate')
  process.env.NODE_OPTIONS = `${before ?? ''} --require ${JSON.stringify(fileURLToPath(GATED))}`.trim()
  return Object.assign((pid) => fs.writeFileSync(path.join(gate, 'gate', String(pid)), ''), { always })
}

/** The process at a job, by its lock. */
const pidOf = (folder, id) => JSON.parse(fs.readFileSync(path.join(folder, 'jobs', `.${id}.lock`), 'utf8')).pid

t.test('a job that dies is tried again; one that dies twice does not stop the others', async (t) => {
  const openGate = gateJobs(t)
  const dir = path.join(t.testdirName, 'runs')
  const spec = tiny(dir, { arms: ['base', { width: 1.5, id: 'wide' }, { width: 1.2, id: 'last' }] })
  let folder
  const { events, result } = await outcome(experiment.run(spec, { dir, jobs: 2 }), (event) => {
    if (event.type === 'plan') {
      folder = event.folder
      t.equal(JSON.parse(fs.readFileSync(path.join(folder, 'experiment.json'), 'utf8')).dir, dir)
    }
    if (event.type !== 'job-progress' || event.step !== 0) return
    const dies = { base: [1], wide: [1, 2] }[event.arm] ?? []
    const pid = pidOf(folder, `${event.arm}-s0`)
    if (dies.includes(event.attempt)) process.kill(pid, 'SIGKILL')
    else openGate(pid)
  })
  openGate.always()
  t.match(result, { done: 2, failed: 1, jobs: 3, interrupted: false, folder: path.join(dir, 'tiny-default') })
  const [base, last, wide] = rowsOf(folder)
  t.match(base, { arm: 'base', status: 'done', attempt: 2, steps: 12, epochs: 3, config: { seed: 0 } })
  t.match(last, { arm: 'last', status: 'done', attempt: 1 })
  t.match(wide, {
    status: 'failed',
    attempt: 2,
    top1: null,
    steps: null,
    error: { code: 'ERR_JOB_DIED', message: /SIGKILL/ },
  })
  t.equal(base.config.run, undefined, 'no paths, no times')
  t.ok(base.top1 >= 0 && base.top1 <= 1 && base.top5 >= base.top1)
  const retries = events.filter(({ type }) => type === 'job-retry')
  t.same(retries.map(({ arm, attempt, error }) => [arm, attempt, error.code]).sort(), [
    ['base', 1, 'ERR_JOB_DIED'],
    ['wide', 1, 'ERR_JOB_DIED'],
  ])
  t.equal(fs.existsSync(path.join(folder, 'jobs', 'base-s0', 'checkpoints')), false, 'what is over needs none')
  const timings = fs
    .readFileSync(path.join(folder, 'timings.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.equal(timings.length, 3)
  const timing = timings.find(({ arm }) => arm === 'base')
  t.ok(timing.seconds > 0 && timing.wallSeconds > timing.seconds && timing.peakBytes > 2 ** 26)
  t.match(timing, { device: 'cpu', threads: 1 })

  const status = experiment.status(folder)
  t.match(status, { done: 2, failed: 1 })
  t.match(
    status.jobs.find(({ arm }) => arm === 'wide'),
    { state: 'failed', failures: [{}, {}] },
  )

  const again = await outcome(experiment.run(spec, { dir }))
  t.equal(again.events.filter(({ type }) => type === 'job-start').length, 0, 'what is over is not repeated')
  const retried = await outcome(experiment.run(spec, { dir, retryFailed: true }))
  t.same(
    retried.events.filter(({ type }) => type === 'job-start').map(({ arm }) => arm),
    ['wide'],
  )
  t.match(retried.result, { done: 3, failed: 0 })
  t.match(rowsOf(folder)[2], { arm: 'wide', status: 'done', attempt: 1 })
})

t.test('limits of time and memory end a job', async (t) => {
  for (const [limits, code, message] of [
    [{ minutes: 0.004 }, 'ERR_TIME_LIMIT', /limits.minutes/],
    [{ memory: '40MiB' }, 'ERR_MEMORY_LIMIT', /more than limits.memory, 0.0391 GiB/],
  ]) {
    const dir = t.testdir()
    const { result } = await outcome(experiment.run(tiny(dir, { arms: ['base'], limits }), { dir }))
    t.match(result, { done: 0, failed: 1 })
    t.match(rowsOf(result.folder), [{ status: 'failed', attempt: 2, error: { code, message } }])
  }
})

t.test('an error of the training itself is passed on with its code', async (t) => {
  const dir = t.testdir()
  const train = { epochs: 3, optimizer: { name: 'sgd', lr: 1e30 }, schedule: { name: 'constant' } }
  const { result } = await outcome(experiment.run(tiny(dir, { arms: ['base'], train }), { dir }))
  t.match(rowsOf(result.folder), [{ status: 'failed', error: { code: 'ERR_DIVERGED', message: /learning rate/ } }])
})

t.test('a folder goes on with more seeds and arms, not with others; one runner at a time', async (t) => {
  const dir = t.testdir()
  const first = experiment.run(tiny(dir, { arms: ['base'] }), { dir })
  t.throws(() => experiment.run(tiny(dir, { arms: ['bse'] })), { code: 'ERR_CONFIG' })
  await t.rejects(experiment.run(tiny(dir, { arms: ['base'] }), { dir }).result, {
    code: 'ERR_IO',
    message: /is in use by/,
  })
  t.match(await first.result, { done: 1, jobs: 1 })
  const other = tiny(dir, { arms: ['base'], train: { epochs: 2 } })
  await t.rejects(experiment.run(other, { dir }).result, {
    code: 'ERR_CONFIG',
    message: /arm base is another one \(epochs, checkpoint\.everySteps\)/,
  })
  const more = experiment.run(tiny(dir, { seeds: 2 }), { dir, signal: AbortSignal.timeout(1) })
  t.match(await more.result, { jobs: 4, interrupted: 'abort', done: 1 })
  const fewer = tiny(dir, { arms: [{ width: 1.5, id: 'wide' }] })
  await t.rejects(experiment.run(fewer, { dir }).result, {
    code: 'ERR_CONFIG',
    message: /arm base is gone, seed 1 is gone/,
  })
})

t.test('a search adds arms phase by phase, and the same ones when it goes on', async (t) => {
  const dir = t.testdir()
  const evolution = { population: 2, children: 1, generations: 1 }
  const spec = tiny(dir, { arms: [{ evolution }], train: { epochs: 1 } })
  const whole = await outcome(experiment.run(spec, { dir: path.join(dir, 'whole') }))
  t.match(whole.result, { done: 3, failed: 0, jobs: 3 })
  const phases = whole.events.filter(({ type }) => type === 'plan')
  t.same(
    phases.map(({ phase, jobs }) => [phase, jobs]),
    [
      [0, 2],
      [1, 1],
    ],
  )
  const stop = new AbortController()
  const parts = experiment.run(spec, { dir: path.join(dir, 'parts'), signal: stop.signal })
  const half = await outcome(parts, (event) => {
    if (event.type === 'plan' && event.phase === 1) stop.abort()
  })
  t.match(half.result, { done: 2, jobs: 3, interrupted: 'abort' })
  const { result } = await outcome(experiment.run(spec, { dir: path.join(dir, 'parts') }))
  t.same(rowsOf(result.folder), rowsOf(whole.result.folder))
  const arms = (folder) => JSON.parse(fs.readFileSync(path.join(folder, 'experiment.json'), 'utf8')).arms
  t.same(arms(result.folder), arms(whole.result.folder))
  const other = { ...spec, arms: [{ evolution: { ...evolution, seed: 1 } }] }
  await t.rejects(experiment.run(other, { dir: path.join(dir, 'parts') }).result, { code: 'ERR_CONFIG' })
})

t.test('half a line is cut away, and a line is added once', async (t) => {
  const file = path.join(t.testdir({ x: '{"arm":"a","seed":0,"n":1}\n{"arm":"b","se' }), 'x')
  const lines = new LineFile(file)
  t.same(lines.lines, [{ arm: 'a', seed: 0, n: 1 }])
  lines.add({ arm: 'a', seed: 0, n: 2 })
  lines.add({ arm: 'b', seed: 0 })
  t.equal(fs.readFileSync(file, 'utf8'), '{"arm":"a","seed":0,"n":1}\n{"arm":"b","seed":0}\n')
  lines.remove(({ arm }) => arm === 'a')
  lines.add({ arm: 'a', seed: 0 })
  lines.close()
  t.equal(fs.readFileSync(file, 'utf8'), '{"arm":"b","seed":0}\n{"arm":"a","seed":0}\n')
})

/** The command in a folder with `tiny.yaml`; `see(text)` resolves when stdout or stderr shows it. */
function start(cwd, ...words) {
  // Under nohup, which shells tell in `_`, SIGHUP would be ignored.
  const { _, ...env } = process.env
  const stdio = ['ignore', 'pipe', 'pipe']
  const child = spawn(process.execPath, [MAIN, 'experiment', ...words], { cwd, env, stdio })
  const run = { child, stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'])
    child[stream].setEncoding('utf8').on('data', (text) => {
      run[stream] += text
    })
  run.done = new Promise((resolve) => child.on('close', (status, signal) => resolve(status ?? signal)))
  run.see = (pattern) =>
    new Promise((resolve) => {
      const look = () => pattern.test(run.stdout + run.stderr) && resolve()
      for (const stream of ['stdout', 'stderr']) child[stream].on('data', look)
      child.on('close', resolve)
      look()
    })
  return run
}

t.test('the command: plan, signals, status, results, report', async (t) => {
  const cwd = t.testdir()
  const arms = ['base', { width: 1.5, id: 'wide' }, { width: 40, id: 'far' }]
  const train = { epochs: 60, evalEveryEpochs: 20, checkpoint: { everyEpochs: 20 } }
  fs.writeFileSync(
    path.join(cwd, 'tiny.yaml'),
    JSON.stringify(tiny(cwd, { arms, train, budget: { macs: '1.5x', tolerance: '40%' } })),
  )
  const first = start(cwd, 'run', 'tiny.yaml', '--dir', 'out', '--json')
  await first.see(/"job-progress".*"step":[1-9]/)
  const [, begun] = /"job-progress".*"arm":"(\w+)".*"step":[1-9]/.exec(first.stdout)
  first.child.kill('SIGHUP') // as a terminal that is closed
  await first.see(/the jobs are saving; once more/)
  t.equal(await first.done, 129, first.stderr)
  const events = first.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.match(events[0], { type: 'plan', jobs: 2, finished: 0, plan: { refused: [{ id: 'far' }] } })
  t.match(events.at(-1), { type: 'end', result: { interrupted: 'SIGHUP', done: 0 } })

  const status = start(cwd, 'status', 'tiny.yaml', '--dir', 'out')
  t.equal(await status.done, 0, status.stderr)
  t.match(status.stdout, new RegExp(`^${begun} seed 0 +begun +\\d+$`, 'm'))
  t.match(status.stdout, /^0 of 2 jobs done; folder: out\/tiny-default$/m)

  // Twice in a row: at once, and what was trained is still good.
  const second = start(cwd, 'run', 'tiny.yaml', '--dir', 'out', '--json')
  await second.see(/"job-start"/)
  second.child.kill('SIGTERM')
  await second.see(/once more/)
  second.child.kill('SIGTERM')
  t.equal(await second.done, 143)

  const last = start(cwd, 'run', 'tiny.yaml', '--dir', 'out')
  t.equal(await last.done, 0, last.stderr)
  t.match(last.stderr, /^refused: far: has .* off the budget of/m)
  t.match(last.stderr, /^2 arms × 1 seed \| 2 jobs \| \d+ at once on cpu \| budget/m)
  t.match(last.stderr, /^2\/2 {2}\w+ seed 0 {2}top-1 [\d.]+ % {2}/m)
  t.match(last.stdout, /^wide +[\d,]+ +[\d,]+ +1( +\d+\.\d\d %){3}$/m)
  t.match(last.stdout, /^report: out\/tiny-default\/report\/report\.html$/m)
  t.ok(fs.existsSync(path.join(cwd, 'out/tiny-default/report/report.html')))
  t.match(rowsOf(path.join(cwd, 'out/tiny-default')), [
    { steps: 240, attempt: 1 },
    { steps: 240, attempt: 1 },
  ])

  const compared = start(cwd, 'compare', 'out/tiny-default', '--json')
  t.equal(await compared.done, 0, compared.stderr)
  t.same(
    JSON.parse(compared.stdout).arms.map(({ id }) => id),
    ['base', 'wide'],
  )
  for (const [words, exit, message] of [
    [['status', 'nowhere.yaml'], 2, /there is no such file/],
    [['status', '.'], 4, /is not the folder of an experiment/],
    [['run', 'tiny.yaml', '--set', 'seds=3'], 2, /--set seds: unknown key\n.*did you mean --set seeds\?/],
    [['status', 'tiny.yaml', '--dir', 'elsewhere'], 2, /has not been run/],
  ]) {
    const run = start(cwd, ...words)
    t.equal(await run.done, exit, words.join(' '))
    t.match(run.stderr, message)
  }
})
