/* The loggers that a configuration chooses, and those of the caller. */
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { data, parseConfig, train } from 'mbconv'
import t from 'tap'
import { mlflow } from '../scripts/examples/mlflow-logger.mjs'
import { internal } from './helpers/internals.mjs'
import { fields } from './helpers/protobuf.mjs'
import { metricsOf, tinyConfig as withCurves } from './helpers/tiny.mjs'

const { datasetOf } = data
const { LOGGERS } = internal('recorderKinds')
const { columnsOf } = internal('csvLogger')
const { maskedCrc32c } = internal('crc32c')
const { encodeState } = internal('checkpointState')

/** A small run that draws no curves, which would take longer than the training. */
const tinyConfig = (dir, changes) => withCurves(dir, { ...changes, run: { curves: false } })

/** Trains to the end; the events and what came of it. */
async function follow(config, options) {
  const run = train(config, options)
  const events = []
  try {
    for await (const event of run) events.push(event)
    return { events, result: await run.result }
  } catch (error) {
    return { events, error }
  }
}

const warnings = (events) => events.filter(({ type }) => type === 'warning').map(({ message }) => message)

/** Takes a run back to its first checkpoint, as if it had been killed while it wrote a line. */
function killedAfterStep4(runDir) {
  fs.rmSync(path.join(runDir, 'checkpoints', 'step-000008'), { recursive: true })
  fs.rmSync(path.join(runDir, 'result.json'))
  for (const name of ['metrics.jsonl', 'metrics.csv'])
    if (fs.existsSync(path.join(runDir, name))) fs.appendFileSync(path.join(runDir, name), 'eval,{"step":9,"ty')
}

t.test('a configuration chooses loggers; what is no logger or no option of it is refused', async (t) => {
  const config = (log) => ({ model: { name: 'efficientnet_b0' }, epochs: 1, ...(log === undefined ? {} : { log }) })
  t.strictSame(parseConfig(config()).log, { csv: false, tensorboard: false })
  t.strictSame(parseConfig(config({ tensorboard: { images: 3 } })).log, {
    csv: false,
    tensorboard: { images: 3, histograms: null },
  })
  for (const [log, message, hint] of [
    [{ tensorbord: true }, /^log\.tensorbord: unknown key/, 'did you mean log.tensorboard?'],
    [{ wandb: true }, /^log\.wandb: unknown key/, 'known here: csv, tensorboard'],
    [{ csv: 'yes' }, /^log\.csv: must be true or false, not "yes"/, /write true or false/],
    [{ tensorboard: { histogram: 1 } }, /histogram: unknown key/, 'did you mean log.tensorboard.histograms?'],
    [{ tensorboard: { histograms: 0 } }, /^log\.tensorboard\.histograms: must be at least 1, not 0/, /epochs between/],
    [{ tensorboard: 3 }, /^log\.tensorboard: must be .*, not 3/, /histograms/],
    ['csv', /^log: must be a mapping/, /csv/],
  ])
    t.throws(() => parseConfig(config(log)), { code: 'ERR_CONFIG', message, hint }, JSON.stringify(log))
})

t.test('a logger sees the configuration, the start, weights and images', async (t) => {
  const seen = []
  const curious = {
    name: 'curious',
    isEssential: false,
    open(run) {
      seen.push(run)
      seen.push([...run.weights()].map(([name, values]) => `${name} ${values.length}`))
      seen.push(run.images(3))
      return { record: () => {} }
    },
  }
  LOGGERS.push(curious)
  t.teardown(() => LOGGERS.pop())
  const given = tinyConfig(t.testdir(), { top: { epochs: 1 } })
  const { events } = await follow(given, { worker: false })
  const [{ config, start }, weights] = seen
  const images = await seen[2]
  t.equal(config.model.name, 'efficientnet_b0')
  t.equal(config.optimizer.weightDecay, 1e-5, 'with defaults')
  t.strictSame(
    start,
    events.find(({ type }) => type === 'start'),
    'what the start event says',
  )
  t.match(weights[0], /\.weight \d+$/)
  t.equal(weights.at(-1), 'classifier.1.bias 4')
  const { images: pixels } = datasetOf(parseConfig(given).data).test
  t.strictSame(
    images.map((image) => ({ ...image, pixels: [...image.pixels] })),
    ['0', '1', '2'].map((label, i) => ({ pixels: [...pixels.subarray(64 * i, 64 * i + 64)], shape: [1, 8, 8], label })),
  )
})

/** The rows of a CSV file without quotes, as objects. */
function rowsOf(file) {
  const [head, ...rows] = fs.readFileSync(file, 'utf8').trimEnd().split('\n')
  const names = head.split(',')
  return rows.map((row) => Object.fromEntries(row.split(',').map((cell, i) => [names[i], cell])))
}

/** The events of a file, checksums verified: `{ step, values, text, start }`. */
function eventsOf(bytes) {
  const events = []
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at))
    const data = bytes.subarray(at + 12, at + 12 + length)
    if (bytes.readUInt32LE(at + 8) !== maskedCrc32c(bytes.subarray(at, at + 8))) throw new Error('length is damaged')
    if (bytes.readUInt32LE(at + 12 + length) !== maskedCrc32c(data)) throw new Error('data is damaged')
    at += 16 + length
    const event = fields(data)
    const values = (event.get(5) ?? []).flatMap((summary) => fields(summary).get(1) ?? []).map(fields)
    const session = event.get(7)?.map(fields)[0].get(1)[0]
    events.push({ step: event.get(2)[0], start: session === 1, values, version: event.get(3)?.[0].toString() })
  }
  return events
}

/** What TensorBoard makes of a folder: the points of each tag, each start but the first having dropped what is later. */
function historyOf(runDir) {
  const names = fs.readdirSync(runDir).filter((name) => name.includes('tfevents'))
  let points = []
  let starts = 0
  for (const name of names.sort()) {
    const events = eventsOf(fs.readFileSync(path.join(runDir, name)))
    if (events[0].version !== 'brain.Event:2') throw new Error(`${name} has no version`)
    for (const { step, start, values } of events) {
      if (start && ++starts > 1) points = points.filter((point) => point.step < step)
      for (const value of values) {
        const kind = value.has(2) ? 'scalar' : value.has(4) ? 'image' : value.has(5) ? 'histogram' : 'text'
        points.push({ tag: value.get(1)[0].toString(), step, kind, number: value.get(2)?.[0].readFloatLE() })
      }
    }
  }
  return { files: names.length, points }
}

/** metrics.csv has the lines of metrics.jsonl, and a column for each field. */
function checkTable(t, runDir, count) {
  const lines = metricsOf(runDir)
  t.equal(lines.length, count)
  const texts = lines.map((line) =>
    Object.fromEntries(columnsOf('classification').map((name) => [name, String(line[name] ?? '')])),
  )
  t.strictSame(rowsOf(path.join(runDir, 'metrics.csv')), texts)
  const known = new Set(lines.flatMap((line) => Object.keys(line)))
  t.strictSame(
    [...known].filter((name) => !columnsOf('classification').includes(name)),
    [],
  )
}

/** The event files have the numbers of metrics.jsonl, each once, histograms of some steps, and two images. */
function checkEventFiles(t, runDir, { files, histograms }) {
  const history = historyOf(runDir)
  t.equal(history.files, files)
  const at = (tag) => history.points.filter((point) => point.tag === tag).map(({ step, number }) => [step, number])
  const lines = metricsOf(runDir)
  for (const [group, type, keys] of [
    ['train', 'step', ['loss', 'lr', 'imagesPerSecond', 'dataWait', 'memory']],
    ['test', 'eval', ['loss', 'top1', 'top5']],
  ])
    for (const key of keys) {
      const expected = lines.filter((line) => line.type === type).map((line) => [line.step, Math.fround(line[key])])
      t.strictSame(at(`${group}/${key}`), expected, `${group}/${key}`)
    }
  const stepsOf = (kind) => [...new Set(history.points.filter((point) => point.kind === kind).map(({ step }) => step))]
  t.strictSame(stepsOf('histogram'), histograms)
  t.equal(at('classifier.1.weight').length, histograms.length)
  t.strictSame(
    history.points.filter(({ kind }) => kind === 'image').map(({ tag, step }) => `${tag} at ${step}`),
    ['test images/0 0 at 0', 'test images/1 1 at 0'],
  )
  t.ok(at('configuration').length > 0)
}

t.test('metrics.csv and event files have the history of metrics.jsonl, after crashes too', async (t) => {
  const log = { csv: true, tensorboard: { histograms: 1, images: 2 } }
  const config = tinyConfig(t.testdir(), { top: { log } })
  const { result, events } = await follow(config)
  const { runDir } = result
  for (const { dataWait, memory } of events.filter(({ type }) => type === 'step')) {
    t.ok(dataWait > 0 && dataWait <= 1, `waits for data: ${dataWait}`)
    t.ok(memory > 2 ** 24 && memory < 2 ** 40, `memory: ${memory}`)
  }
  checkTable(t, runDir, 10)
  checkEventFiles(t, runDir, { files: 1, histograms: [0, 4, 8] })

  killedAfterStep4(runDir)
  await train(undefined, { resume: runDir }).result
  checkTable(t, runDir, 10)
  checkEventFiles(t, runDir, { files: 2, histograms: [0, 4, 8] })

  // The evaluation at the checkpoint's step is done again: the checkpoint was saved before it.
  killedAfterStep4(runDir)
  const state = path.join(runDir, 'checkpoints', 'step-000004', 'state.json')
  const { state: saved, files } = JSON.parse(fs.readFileSync(state, 'utf8'))
  fs.writeFileSync(state, encodeState({ ...saved, lastEval: null, best: null }, files))
  fs.rmSync(path.join(runDir, 'metrics.csv'))
  await train(undefined, { resume: runDir }).result
  checkTable(t, runDir, 10)
  checkEventFiles(t, runDir, { files: 3, histograms: [0, 4, 8] })

  const off = await follow({ ...config, epochs: 3, log: {} }, { resume: runDir })
  t.equal(off.result.steps, 12)
  t.equal(rowsOf(path.join(runDir, 'metrics.csv')).length, 10, 'a resumed run may switch loggers off')
  t.equal(historyOf(runDir).files, 3)
})

/** A logger of the caller that keeps what it gets. */
const keeper = (got) => ({
  name: 'keeper',
  open(run) {
    got.push(run)
    return { record: (event) => got.push(event), close: (error) => got.push({ closed: true, error }) }
  },
})

t.test("the caller's loggers get every event, in the calling thread", async (t) => {
  for (const worker of [true, false]) {
    const got = []
    const config = tinyConfig(t.testdir(), { top: { epochs: 1, schedule: { name: 'staircase', warmupEpochs: 1 } } })
    const { events, result } = await follow(config, { worker, loggers: [keeper(got)] })
    const [run, ...rest] = got
    t.equal(run.runDir, result.runDir)
    t.equal(run.config.optimizer.name, 'rmsprop')
    t.equal(run.start.steps, 4)
    t.strictSame(rest.at(-1), { closed: true, error: undefined })
    t.strictSame(rest.slice(0, -1), events, 'those from before the start, too')
    t.match(events[0], { type: 'warning', message: /warmupEpochs/ })
  }
})

t.test("the caller's loggers may fail: the run goes on, and its reader is told", async (t) => {
  const [got, closed] = [[], []]
  const close = (name) => () => void closed.push(name)
  const failing = [
    { name: 'shut', open: () => assertNever('no way in') },
    { name: 'nothing', open: () => undefined },
    { name: 'broken', open: () => ({ record: () => assertNever('out of paper'), close: close('broken') }) },
    { name: 'late', open: () => ({ record: async () => assertNever('out of ink'), close: close('late') }) },
    { name: 'textless', open: () => ({ record: ({ type }) => type === 'step' && assertNever(Object.create(null)) }) },
    { name: 'stuck', open: () => ({ record: () => {}, close: async () => assertNever('no way out') }) },
  ]
  function assertNever(what) {
    throw typeof what === 'string' ? new Error(what) : what
  }
  const config = tinyConfig(t.testdir(), { top: { epochs: 1, schedule: { name: 'constant' } } })
  const { events, result } = await follow(config, { loggers: [...failing, keeper(got)] })
  t.equal(result.steps, 4)
  t.strictSame(warnings(events).sort(), [
    'broken: out of paper; training goes on without it',
    'late: out of ink; training goes on without it',
    'nothing: train: the logger of nothing must be an object, got undefined; training goes on without it',
    'shut: no way in; training goes on without it',
    'stuck cannot be closed: no way out',
    'textless: an error without a text; training goes on without it',
  ])
  t.strictSame(closed.sort(), ['broken', 'late'], 'each closed once')
  t.equal(got.at(-1).closed, true)
})

t.test("the caller's loggers are told what ended a run", async (t) => {
  const got = []
  const config = tinyConfig(t.testdir(), { top: { optimizer: { name: 'sgd', lr: 1e30 } } })
  const { error } = await follow(config, { loggers: [keeper(got)] })
  t.equal(error.code, 'ERR_DIVERGED')
  t.equal(got.at(-1).error.code, 'ERR_DIVERGED')
  for (const [loggers, message] of [
    ['csv', 'train: loggers must be an array, got "csv"'],
    [[null], 'train: loggers[0] must be an object, got null'],
    [[{ open() {} }], 'train: loggers[0].name must be a text, got undefined'],
    [[{ name: 'x' }], 'train: loggers[0].open must be a function, got undefined'],
  ])
    t.throws(() => train(config, { loggers }), { code: 'ERR_TYPE', message })
})

/** A server that answers as MLflow does, and keeps what it is asked. */
async function mlflowServer(t, { fails = () => false } = {}) {
  const requests = []
  const server = http.createServer(async (request, response) => {
    const parts = []
    for await (const part of request) parts.push(part)
    const { pathname, searchParams } = new URL(request.url, 'http://x')
    const call = pathname.replace('/api/2.0/mlflow/', '')
    const body = parts.length > 0 ? JSON.parse(Buffer.concat(parts).toString()) : Object.fromEntries(searchParams)
    requests.push({ method: request.method, call, body })
    const answers = {
      'experiments/create': { experiment_id: '7' },
      'runs/create': { run: { info: { run_id: 'r1' } } },
    }
    const status = fails(call) ? 500 : call === 'experiments/get-by-name' ? 404 : 200
    response.writeHead(status, { 'Content-Type': 'application/json' })
    response.end(JSON.stringify(status === 200 ? (answers[call] ?? {}) : { error_code: 'RESOURCE_DOES_NOT_EXIST' }))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${server.address().port}`, requests }
}

t.test('the example for MLflow sends the configuration, every metric, and the end', async (t) => {
  const { url, requests } = await mlflowServer(t)
  const config = tinyConfig(t.testdir(), { top: { epochs: 1 } })
  const { result } = await follow(config, { loggers: [mlflow({ url, experiment: 'digits' })] })
  t.strictSame(
    requests.slice(0, 3).map(({ method, call }) => `${method} ${call}`),
    ['GET experiments/get-by-name', 'POST experiments/create', 'POST runs/create'],
  )
  t.match(requests[1].body, { name: 'digits' })
  t.match(requests[2].body, { experiment_id: '7', run_name: 'run', tags: [{ value: result.runDir }] })
  const batches = requests.filter(({ call }) => call === 'runs/log-batch').map(({ body }) => body)
  t.ok(batches.every((batch) => batch.run_id === 'r1' && (batch.params ?? []).length <= 100))
  const params = Object.fromEntries(
    batches.flatMap((batch) => batch.params ?? []).map(({ key, value }) => [key, value]),
  )
  t.match(params, { 'model.name': 'efficientnet_b0', 'optimizer.lr': '0.001', epochs: '1' })
  const metrics = batches.flatMap((batch) => batch.metrics ?? [])
  for (const [key, type, field] of [
    ['train/loss', 'step', 'loss'],
    ['test/top1', 'eval', 'top1'],
  ]) {
    const expected = metricsOf(result.runDir).filter((line) => line.type === type)
    t.strictSame(
      metrics.filter((metric) => metric.key === key).map(({ step, value }) => [step, value]),
      expected.map((line) => [line.step, line[field]]),
      key,
    )
  }
  t.match(requests.at(-1), { call: 'runs/update', body: { run_id: 'r1', status: 'FINISHED', end_time: Number } })
})

t.test('the example for MLflow: a server that fails is a warning', async (t) => {
  const { url } = await mlflowServer(t, { fails: (call) => call === 'runs/create' })
  const config = tinyConfig(t.testdir(), { top: { epochs: 1, schedule: { name: 'constant' } } })
  const { events, result } = await follow(config, { worker: false, loggers: [mlflow({ url })] })
  t.equal(result.steps, 4)
  t.equal(warnings(events).length, 1)
  t.match(warnings(events)[0], /^MLflow(:| cannot be closed:) runs\/create: the server answers 500: /)
})
