import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as mb from 'mbconv'
import { evaluateRun, train } from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { metricsOf, runScript, tinyConfig } from './helpers/tiny.mjs'

const { EventQueue } = internal('eventQueue')
const { fromPlainError, toPlainError } = internal('plainError')

async function collect(run) {
  const events = []
  for await (const event of run) events.push(event)
  return events
}

for (const worker of [true, false]) {
  t.test(`events, files and result ${worker ? 'with a worker' : 'in this thread'}`, async (t) => {
    const dir = t.testdir()
    const run = train(tinyConfig(dir), { worker })
    const events = await collect(run)
    const result = await run.result
    const runDir = join(dir, 'runs', 'run')
    t.equal(await run.runDir, runDir)

    t.strictSame(
      events.map(({ type, step }) => (step === undefined ? type : `${type} ${step}`)),
      [
        'start',
        ...['step 1', 'step 2', 'step 3', 'step 4', 'eval 4', 'checkpoint 4'],
        ...['step 5', 'step 6', 'step 7', 'step 8', 'eval 8', 'checkpoint 8'],
        'end',
      ],
    )
    const [start] = events
    t.match(start, {
      runDir,
      steps: 8,
      stepsPerEpoch: 4,
      epochs: 2,
      device: 'cpu',
      startStep: 0,
      trainImages: 64,
      testImages: 24,
    })
    t.ok(start.params > 1000 && start.macs > 1000)
    const steps = events.filter(({ type }) => type === 'step')
    t.strictSame(
      steps.map(({ epoch }) => epoch),
      [0, 0, 0, 0, 1, 1, 1, 1],
    )
    t.strictSame(
      steps.map(({ lr }) => lr),
      [0, 0.00025, 0.0005, 0.00075, 0.001, 0.001, 0.001, 0.001],
      'one epoch of warm-up',
    )
    t.ok(steps.every(({ loss, imagesPerSecond }) => Number.isFinite(loss) && imagesPerSecond > 0))
    t.strictSame(events.at(-1).result, result)

    t.match(result, { runDir, steps: 8, epochs: 2, interrupted: false, classes: ['0', '1', '2', '3'] })
    t.equal(
      result.confusion.flat().reduce((a, b) => a + b),
      24,
    )
    t.strictSame(
      result.confusion.map((row) => row.reduce((a, b) => a + b)),
      [6, 6, 6, 6],
      'a row is a true class',
    )
    t.equal(result.top1, result.confusion.reduce((sum, row, i) => sum + row[i], 0) / 24)
    t.equal(result.top5, 1, 'four classes')
    t.ok(result.seconds > 0)
    t.equal(result.checkpoint, join(runDir, 'checkpoints', 'step-000008'))

    t.strictSame(readdirSync(runDir).sort(), [
      'checkpoints',
      'config.json',
      'curves.png',
      'curves.svg',
      'metrics.jsonl',
      'result.json',
    ])
    t.strictSame(JSON.parse(readFileSync(join(runDir, 'result.json'), 'utf8')), JSON.parse(JSON.stringify(result)))
    t.strictSame(
      metricsOf(runDir).map(({ type, step, loss }) => [type, step, loss]),
      events.filter(({ type }) => type === 'step' || type === 'eval').map(({ type, step, loss }) => [type, step, loss]),
    )

    const again = await evaluateRun(result.checkpoint)
    for (const key of ['loss', 'top1', 'top5', 'confusion', 'classes'])
      t.strictSame(again[key], result[key], `evaluateRun: ${key}`)
    t.equal((await evaluateRun(join(runDir, 'checkpoints', 'step-000004'))).step, 4)
    const best = await evaluateRun(runDir)
    t.same([best.checkpoint, best.top1], [result.best.checkpoint, result.best.top1])
  })
}

t.test('learns', async (t) => {
  const dir = t.testdir()
  const top = {
    epochs: 20,
    model: {
      name: 'efficientnet_b0',
      width: 0.25,
      depth: 0.1,
      resolution: 16,
      profile: 'torchvision',
      dropout: 0,
      dropPath: 0,
    },
    optimizer: { name: 'adamw', lr: 0.01 },
    schedule: { name: 'cosine' },
    ema: { decay: 0.5 },
    evalEveryEpochs: 20,
  }
  const augment = { rotate: 0, translate: 0, flip: false }
  const { top1, confusion } = await train(tinyConfig(dir, { top, data: { augment } })).result
  t.ok(top1 >= 0.9, `top-1 ${top1} of four classes that differ in one bright quarter: ${JSON.stringify(confusion)}`)
})

t.test('evaluation uses the average, unless there is none', async (t) => {
  const dir = t.testdir()
  const results = {}
  for (const [name, ema] of [
    ['with', { decay: 0.999, warmup: false }],
    ['without', false],
  ]) {
    results[name] = await train(tinyConfig(dir, { top: { ema, epochs: 1 }, run: { name } })).result
    t.equal(existsSync(join(results[name].checkpoint, 'ema.safetensors')), ema !== false)
  }
  t.not(results.with.loss, results.without.loss)
})

t.test('a stop is a checkpoint and a reason', async (t) => {
  const dir = t.testdir()
  const cases = [
    [undefined, 'abort', true],
    ['SIGINT', 'SIGINT', true],
    [new Error('SIGTERM'), 'SIGTERM', true],
    ['SIGHUP', 'SIGHUP', true],
    ['SIGKILL', 'abort', false],
    [new Error('enough'), 'abort', false],
  ]
  for (const [i, [reason, interrupted, worker]] of cases.entries()) {
    const controller = new AbortController()
    const config = tinyConfig(dir, { top: { epochs: 1000 }, run: { name: String(i) } })
    const run = train(config, { signal: controller.signal, worker })
    for await (const event of run) if (event.type === 'step' && event.step === 3) controller.abort(reason)
    const result = await run.result
    t.equal(result.interrupted, interrupted)
    t.ok(result.steps >= 3 && result.steps < 1000)
    t.ok(existsSync(join(result.checkpoint, 'state.json')))
    t.notOk(existsSync(join(result.runDir, 'curves.svg')), 'does not keep anyone waiting')
    if (worker) continue
    t.equal(result.steps, 3, 'in this thread, at once')
    t.ok(Number.isNaN(result.top1) && result.confusion.length === 0, 'no evaluation yet')
  }
  const controller = new AbortController()
  controller.abort()
  t.throws(() => train(tinyConfig(dir), { signal: controller.signal }), { code: 'ERR_ABORTED' })
})

t.test('wrong input is refused before anything is written', async (t) => {
  const dir = t.testdir()
  const config = tinyConfig(dir)
  t.throws(() => train({ ...config, epochs: 0 }), { code: 'ERR_CONFIG', message: /epochs/ })
  t.throws(() => train({ ...config, epoch: 1 }), { code: 'ERR_CONFIG', message: /epoch/ })
  t.throws(() => train(undefined), { code: 'ERR_CONFIG' })
  t.throws(() => train(config, { signal: {} }), { code: 'ERR_TYPE' })
  t.throws(() => train(config, { resume: 3 }), { code: 'ERR_TYPE' })
  t.throws(() => train(config, { worker: 1 }), { code: 'ERR_TYPE' })
  for (const worker of [true, false]) {
    const rejects = (change, code, message) =>
      t.rejects(train({ ...config, ...change }, { worker }).result, { code, message })
    await rejects({ data: { ...config.data, testLabels: join(dir, 'absent') } }, 'ERR_DATA', /absent/)
    await rejects({ data: { ...config.data, mean: [1, 2, 3], std: 1 } }, 'ERR_CONFIG', /mean/)
    await rejects({ device: 'cuda:99' }, 'ERR_CUDA_UNAVAILABLE', /cuda:99/)
    const truncated = join(dir, 'truncated.idx')
    writeFileSync(truncated, readFileSync(config.data.trainImages).subarray(0, 100))
    await rejects({ data: { ...config.data, trainImages: truncated } }, 'ERR_DATA', /truncated\.idx/)
  }
  t.notOk(existsSync(join(dir, 'runs')))

  await train(config).result
  const before = readdirSync(join(dir, 'runs'), { recursive: true })
  await t.rejects(train(config).result, { code: 'ERR_CONFIG', message: /exists already/ })
  t.strictSame(readdirSync(join(dir, 'runs'), { recursive: true }), before)
})

t.test('a configuration is checked once', async (t) => {
  const { trainConfigSchema } = mb
  const { safeParse } = trainConfigSchema
  let checks = 0
  trainConfigSchema.safeParse = (...words) => {
    checks++
    return safeParse(...words)
  }
  t.teardown(() => Object.assign(trainConfigSchema, { safeParse }))
  const config = tinyConfig(t.testdir(), { top: { epochs: 1 } })
  const { runDir } = await train(config, { worker: false }).result
  t.equal(checks, 1, 'that of a new run')
  checks = 0
  await train(undefined, { resume: runDir, worker: false }).result
  t.equal(checks, 1, "a resumed run's own")
  checks = 0
  await evaluateRun(runDir)
  t.equal(checks, 0, 'none is given')
})

t.test('runs without a name do not collide', async (t) => {
  const dir = t.testdir()
  const config = tinyConfig(dir, { top: { epochs: 1 }, run: { name: null } })
  const folders = await Promise.all([1, 2, 3].map(() => train(config).result.then(({ runDir }) => runDir)))
  t.equal(new Set(folders).size, 3)
  for (const folder of folders) t.match(folder, /efficientnet_b0-idx-\d{8}-\d{6}(-\d)?$/)
})

const quantile = (list, share) => list.toSorted((x, y) => x - y)[Math.floor(list.length * share)]

// How long the gaps are is measured by scripts/bench/event-loop.mjs. Here only counts matter, so that a busy machine, on
// which steps and gaps alike take longer, changes nothing.
t.test('The event loop stays alive', async (t) => {
  const dir = t.testdir()
  const model = { name: 'efficientnet_b0', width: 1, depth: 0.5, resolution: 64 }
  const top = { model, epochs: 6, evalEveryEpochs: 6, checkpoint: { everyEpochs: 6 } }
  let ticks = 0
  const timer = setInterval(() => ticks++, 5)
  t.teardown(() => clearInterval(timer))
  const each = []
  for await (const event of train(tinyConfig(dir, { top, data: { batchSize: 32 } }))) {
    if (event.type === 'step') each.push(ticks)
    ticks = 0
  }
  // A step takes more than 60 ms. Where it runs in this thread, there is one turn of the event loop between two steps.
  const middle = quantile(each, 0.5)
  t.ok(middle >= 3, `a 5 ms timer ticks ${middle} times during a training step`)

  // Reading waits off the thread: for the GPU, and on the CPU for elements that have to be put in order.
  const unordered = mb.zeros([128, 128, 128]).permute([2, 1, 0])
  const total = unordered.sum()
  for (const read of [() => unordered.toTypedArrayAsync(), () => total.itemAsync()]) {
    let turned = false
    setImmediate(() => {
      turned = true
    })
    await read()
    t.ok(turned, `the event loop turns during ${read}`)
  }
})

t.test('two workers at once compute what each would alone', async (t) => {
  const dir = t.testdir()
  const configs = [1, 2].map((seed) => tinyConfig(dir, { top: { seed, epochs: 4 }, run: { name: `seed ${seed}` } }))
  const together = await Promise.all(configs.map((config) => train(config).result))
  for (const [i, config] of configs.entries()) {
    const alone = await train({ ...config, run: { ...config.run, name: `alone ${i}` } }).result
    t.equal(alone.loss, together[i].loss)
    t.strictSame(
      metricsOf(alone.runDir).map(({ loss }) => loss),
      metricsOf(together[i].runDir).map(({ loss }) => loss),
    )
  }
})

t.test('errors reach whoever looks, and nobody else', async (t) => {
  const dir = t.testdir()
  const bad = tinyConfig(dir, { top: { device: 'cuda:99' } })
  const script = (body) =>
    runScript(`
    import * as mb from 'mbconv'
import { train } from '$mbconv'
    const bad = ${JSON.stringify(bad)}
    const nap = () => new Promise((resume) => setTimeout(resume, 100))
    ${body}
    await nap()
    console.log('alive')`)
  const iterated = await script(`
    for (const worker of [true, false]) {
      try { for await (const event of train(bad, { worker })); } catch (error) { console.log(error.code) }
    }`)
  t.strictSame(iterated, {
    code: 0,
    signal: null,
    stdout: 'ERR_CUDA_UNAVAILABLE\nERR_CUDA_UNAVAILABLE\nalive\n',
    stderr: '',
  })
  const awaited = await script(`
    const run = train(bad)
    try { await run.runDir } catch (error) { console.log(error.code) }`)
  t.strictSame(awaited, { code: 0, signal: null, stdout: 'ERR_CUDA_UNAVAILABLE\nalive\n', stderr: '' })
  const ignored = await script(`
    process.on('unhandledRejection', (error) => console.log('unhandled', error.code))
    const run = train(bad)
    await nap(); await nap(); await nap(); await nap(); await nap(); await nap(); await nap(); await nap()`)
  t.match(ignored.stdout, /unhandled ERR_CUDA_UNAVAILABLE/, 'a failure that nobody looks at is reported as one')
})

t.test('a run of which nobody iterates the events, and one whose reader leaves', async (t) => {
  const dir = t.testdir()
  const { steps } = await train(tinyConfig(dir, { run: { name: 'a' } })).result
  t.equal(steps, 8)
  const run = train(tinyConfig(dir, { run: { name: 'b' } }))
  for await (const event of run) if (event.type === 'step') break
  t.equal((await run.result).steps, 8)
})

t.test('the queue of events is bounded', async (t) => {
  const queue = new EventQueue(100)
  for (let step = 1; step <= 10_000; step++) {
    queue.push({ type: 'step', step })
    if (step % 1000 === 0) queue.push({ type: 'eval', step })
  }
  queue.end()
  const events = await collect(queue)
  t.ok(events.length <= 102, `${events.length} events`)
  t.match(events[0], { type: 'warning', message: /^\d+ events were not read/ })
  t.equal(events.filter(({ type }) => type === 'eval').length, 10, 'only steps are let go')
  t.equal(events.findLast(({ type }) => type === 'step').step, 10_000, 'the oldest ones')
  const lost = Number(events[0].message.split(' ')[0])
  t.equal(lost + events.length - 1, 10_010, 'and counted')

  const warnings = new EventQueue(100)
  for (let i = 0; i < 10_000; i++) warnings.push({ type: 'warning', message: String(i) })
  warnings.fail(new Error('the end'))
  const read = []
  await t.rejects(
    (async () => {
      for await (const event of warnings) read.push(event)
    })(),
    /the end/,
  )
  t.ok(read.length <= 101)
  t.strictSame(await warnings.next(), { value: undefined, done: true }, 'the error comes once')

  const waiting = new EventQueue()
  const both = [waiting.next(), waiting.next()]
  waiting.push({ type: 'warning', message: 'a' })
  waiting.end()
  t.strictSame(
    (await Promise.all(both)).map(({ done }) => done),
    [false, true],
  )
})

for (const worker of [true, false]) {
  t.test(`an error keeps what the operating system said ${worker ? 'with a worker' : 'in this thread'}`, async (t) => {
    const dir = t.testdir()
    const config = { ...tinyConfig(dir), run: { dir: join(dir, 'x'.repeat(300)), name: 'run', curves: false } }
    const error = await train(config, { worker }).result.then(
      () => t.fail('it ran'),
      (thrown) => thrown,
    )
    t.match(error, { code: 'ERR_IO' })
    let cause = error
    while (cause instanceof mb.MbconvError) cause = cause.cause
    t.match(cause, { name: 'Error', code: 'ENAMETOOLONG', syscall: 'mkdir' })
  })
}

t.test('an error goes between threads as a whole', async (t) => {
  const system = Object.assign(new Error('full'), { code: 'ENOSPC', errno: -28, syscall: 'write', path: '/a/b' })
  const memory = { device: 'cpu', asked: 8, holders: [{ tensor: 'float32 [2]', bytes: 8 }] }
  const error = new mb.MbconvError('ERR_OOM', 'none left', { op: 'zeros', hint: 'less', memory, cause: system })
  const back = fromPlainError(structuredClone(toPlainError(error)))
  t.ok(back instanceof mb.MbconvError)
  t.strictSame({ ...back.toJSON(), stack: back.stack }, { ...error.toJSON(), stack: error.stack })
  t.match(back.cause, {
    code: 'ENOSPC',
    errno: -28,
    syscall: 'write',
    path: '/a/b',
    message: 'full',
    stack: system.stack,
  })
})
