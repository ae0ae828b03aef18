/* What cannot be written while a run trains: metrics, checkpoints, the result. None of it is worth losing the run for. */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { evaluateRun, train } from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { metricsOf, tinyConfig } from './helpers/tiny.mjs'

const { listCheckpoints, newestCheckpoint } = internal('checkpoint')
const { cutMetrics, MetricsLog } = internal('metrics')

/** The functions that compiled files call. */
const calls = createRequire(import.meta.url)('node:fs')

/**
 * A disk on which files whose path matches have no room while `isFull()`: of each write, the first `room` bytes are
 * taken. Works for whoever runs it, and on any file system.
 */
function fullDisk(t, pattern, isFull, room = 0) {
  const { openSync, closeSync, writeSync } = calls
  const open = new Set()
  calls.openSync = (name, ...rest) => {
    const fd = openSync(name, ...rest)
    if (pattern.test(String(name))) open.add(fd)
    return fd
  }
  calls.closeSync = (fd) => {
    open.delete(fd)
    closeSync(fd)
  }
  let taken = 0
  calls.writeSync = (fd, bytes, ...rest) => {
    if (!isFull()) taken = 0
    if (!open.has(fd) || !isFull()) return writeSync(fd, bytes, ...rest)
    if (taken < room) {
      taken += writeSync(fd, bytes.subarray(0, room))
      return room
    }
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' })
  }
  t.teardown(() => Object.assign(calls, { openSync, closeSync, writeSync }))
}

/** Trains in this thread; events, and what came of it. */
async function follow(config, onEvent = () => {}, options = {}) {
  const run = train(config, { worker: false, ...options })
  const events = []
  try {
    for await (const event of run) {
      events.push(event)
      onEvent(event)
    }
    return { events, result: await run.result }
  } catch (error) {
    return { events, error }
  }
}

const warnings = (events) => events.filter(({ type }) => type === 'warning').map(({ message }) => message)
const stepOf = (event) => (event.type === 'step' ? event.step : undefined)
const told = (events) =>
  events.filter(({ type }) => type === 'step' || type === 'eval').map(({ type, step }) => `${type} ${step}`)
const written = (runDir) => metricsOf(runDir).map(({ type, step }) => `${type} ${step}`)

t.test('metrics that have no room for a while are late, and whole', async (t) => {
  let step = 0
  fullDisk(t, /metrics\.jsonl$/, () => step >= 2 && step < 7, 30)
  const { events, result } = await follow(tinyConfig(t.testdir()), (event) => {
    step = stepOf(event) ?? step
  })
  t.equal(result.steps, 8)
  t.match(warnings(events), [/^cannot write .*metrics\.jsonl: no space left on the device; training goes on/])
  t.equal(warnings(events).length, 1, 'said once')
  t.strictSame(written(result.runDir), told(events))
  t.equal(listCheckpoints(result.runDir).length, 2)
})

t.test('metrics that never have room again end in a line of their own, and the run in a result', async (t) => {
  let step = 0
  fullDisk(t, /metrics\.jsonl$/, () => step >= 2, 30)
  const { events, result } = await follow(tinyConfig(t.testdir()), (event) => {
    step = stepOf(event) ?? step
  })
  const [first, last, ...others] = warnings(events)
  t.match(first, 'no space left')
  t.match(last, /metrics\.jsonl lacks 8 lines at the end of the run$/)
  t.strictSame(others, [])
  t.equal(events.at(-1).type, 'end')
  t.ok(fs.existsSync(path.join(result.runDir, 'result.json')) && fs.existsSync(path.join(result.runDir, 'curves.svg')))
  const file = path.join(result.runDir, 'metrics.jsonl')
  t.match(fs.readFileSync(file, 'utf8'), /"step":2,.*\n\{[^\n]{29}$/, 'half a line')
  cutMetrics(file, 8, 8)
  t.strictSame(written(result.runDir), ['step 1', 'step 2'], 'which resuming cuts away')
})

t.test('a run that could not even begin leaves its name free', async (t) => {
  let isFull = true
  fullDisk(t, /config\.json/, () => isFull)
  const config = tinyConfig(t.testdir(), { top: { epochs: 1 } })
  t.match((await follow(config)).error, { code: 'ERR_IO', message: /config\.json: no space left/ })
  t.strictSame(fs.readdirSync(config.run.dir), [])
  isFull = false
  t.equal((await follow(config)).result.steps, 4)
})

t.test('what is kept of metrics is bounded; lines stay lines', async (t) => {
  const file = path.join(t.testdir(), 'metrics.jsonl')
  const said = []
  let isFull = false
  fullDisk(t, /metrics\.jsonl$/, () => isFull, 5)
  const line = (step) => ({ type: 'step', step, epoch: 0, loss: 1, lr: 1, imagesPerSecond: 1, seconds: 1 })
  const log = new MetricsLog(file, (message) => said.push(message), 1000)
  log.append(line(1))
  isFull = true
  for (let step = 2; step <= 1000; step++) log.append(line(step))
  isFull = false
  log.append(line(1001))
  log.settle()
  log.close()
  const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n')
  const steps = lines.map((text) => JSON.parse(text).step)
  t.strictSame(steps.slice(0, 2), [1, 2], 'the line that was begun is ended')
  t.strictSame(steps.slice(-2), [1000, 1001])
  t.ok(lines.length < 15)
  t.match(said, [/no space left/, `${file} lacks ${1001 - lines.length} lines at the end of the run`])
})

t.test('a checkpoint that has no room: the ones before stay, the next one tries again', async (t) => {
  let step = 0
  fullDisk(t, /step-\d+\..*safetensors$/, () => step === 8)
  const { events, result } = await follow(tinyConfig(t.testdir(), { top: { epochs: 3 } }), (event) => {
    step = stepOf(event) ?? step
  })
  const { runDir } = result
  const wanted = `^step 8 is not saved: cannot write .*step-000008: no space .*; the newest checkpoint is .*step-000004;`
  t.match(warnings(events), [new RegExp(wanted)])
  t.strictSame(
    events.filter(({ type }) => type === 'checkpoint').map(({ step }) => step),
    [4, 12],
  )
  t.strictSame(fs.readdirSync(path.join(runDir, 'checkpoints')), ['step-000004', 'step-000012'], 'and nothing else')
  t.equal(result.checkpoint, path.join(runDir, 'checkpoints', 'step-000012'))
})

t.test('a last state that cannot be saved is an error, at the end; the run can be resumed', async (t) => {
  const dir = t.testdir()
  let isFull = false
  fullDisk(t, /step-\d+\..*safetensors$/, () => isFull)
  const config = tinyConfig(dir, { top: { epochs: 3 } })
  const { events, error } = await follow(config, (event) => {
    isFull = event.type === 'step' && event.step > 4
  })
  t.equal(error.code, 'ERR_IO')
  const runDir = path.join(dir, 'runs', 'run')
  t.match(error.message, /^the last state, step 12, is not saved: .*no space left.*; the newest .*step-000004$/)
  t.match(error.hint, runDir)
  t.equal(told(events).at(-1), 'eval 12', 'trained and evaluated to its end')
  t.equal(warnings(events).length, 2, 'at steps 8 and 12')
  t.notOk(fs.existsSync(path.join(runDir, 'result.json')), 'its checkpoint would be another')
  t.equal(newestCheckpoint(runDir).state.step, 4)

  isFull = false
  const { result } = await follow(undefined, () => {}, { resume: runDir })
  const whole = await follow(tinyConfig(dir, { top: { epochs: 3 }, run: { name: 'whole' } }))
  const comparable = ({ seconds: _, runDir: folder, ...rest }) => JSON.stringify(rest).replaceAll(folder, 'RUN')
  t.equal(comparable(result), comparable(whole.result))
  t.strictSame(written(runDir), told(whole.events))

  const stop = new AbortController()
  const stopped = await follow(
    tinyConfig(dir, { run: { name: 'stopped' } }),
    (event) => {
      isFull = true
      if (event.type === 'step') stop.abort('SIGTERM')
    },
    { signal: stop.signal },
  )
  t.match(stopped.error, { code: 'ERR_IO', message: /^the last state, step 1, .*; there is no checkpoint yet$/ })
})

t.test('a result that cannot be written is a warning', async (t) => {
  const { events, result } = await follow(tinyConfig(t.testdir()), (event) => {
    if (event.type === 'checkpoint') fs.mkdirSync(path.join(event.path, '..', '..', 'result.json'), { recursive: true })
  })
  t.match(warnings(events), [/result\.json: it is a folder$/])
  t.equal(events.at(-1).type, 'end')
  t.equal((await evaluateRun(result.runDir)).top1, result.top1)
})

t.test('files that are removed while it trains', async (t) => {
  const dir = t.testdir()
  const lost = await follow(tinyConfig(dir, { run: { name: 'metrics' } }), (event) => {
    if (stepOf(event) === 2) fs.rmSync(path.join(dir, 'runs', 'metrics', 'metrics.jsonl'))
  })
  t.match(warnings(lost.events), [/metrics\.jsonl: it was removed, with all lines up to here/])
  t.strictSame(written(lost.result.runDir), ['step 5', 'step 6', 'step 7', 'step 8', 'eval 8'])

  const folder = path.join(dir, 'runs', 'folder')
  const { events, error } = await follow(tinyConfig(dir, { run: { name: 'folder' } }), (event) => {
    if (stepOf(event) === 6) fs.rmSync(folder, { recursive: true })
  })
  t.equal(told(events).at(-1), 'eval 8')
  t.match(error, { code: 'ERR_IO', message: /^the last state, step 8, is not saved: .*no such file or folder/ })
})

t.test(
  'the command under a limit on the size of files',
  { skip: process.platform === 'win32' && 'ulimit belongs to a shell' },
  async (t) => {
    const model = '{name: efficientnet_b0, width: 0.1, depth: 0.1, resolution: 16}'
    const text = `model: ${model}\nepochs: 1\nmaxSteps: 3\nthreads: 1\nrun: {dir: out, name: run}\n`
    const cwd = t.testdir({ 'run.yaml': text })
    // 16 KiB: the configuration fits, a checkpoint does not. What the test runner loads into its children through
    // NODE_OPTIONS would end them on SIGXFSZ, which Node ignores.
    const words = [
      '-c',
      'ulimit -f 32; unset NODE_OPTIONS; exec "$@"',
      'sh',
      process.execPath,
      path.resolve('dist/cli/main.js'),
    ]
    const child = spawn('sh', [...words, 'train', 'run.yaml'], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (more) => {
        output += more
      })
    t.equal(await new Promise((resolve) => child.on('close', (status, signal) => resolve(status ?? signal))), 1)
    t.match(output, /warning: step 3 is not saved: .*the file is too large/)
    t.match(output, /mbconv: the last state, step 3, is not saved[\s\S]*code: ERR_IO/)
  },
)
