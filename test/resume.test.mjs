import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { train } from 'mbconv'
import t from 'tap'
import { metricsOf, runScript, tinyConfig } from './helpers/tiny.mjs'

/** Trains in a process of its own. With `dieAfter` that process kills itself, as kill -9 does, after that step. */
async function trainProcess(config, { resume, dieAfter, worker = true }) {
  return runScript(`
    import { train } from '$mbconv'
    const run = train(${JSON.stringify(config)}, ${JSON.stringify({ resume, worker })})
    for await (const event of run) {
      if (event.type === 'step' && event.step === ${dieAfter}) process.kill(process.pid, 'SIGKILL')
      if (event.type === 'warning') console.log(event.message)
      if (event.type === 'start') console.log('from', event.startStep)
    }`)
}

const checkpoint = (runDir, step) => join(runDir, 'checkpoints', `step-${String(step).padStart(6, '0')}`)

/** A checkpoint's files, without what differs from run to run though nothing depends on it. */
function contents(runDir, step) {
  const folder = checkpoint(runDir, step)
  const { state } = JSON.parse(readFileSync(join(folder, 'state.json'), 'utf8'))
  const { seconds, config, ...rest } = state
  const files = readdirSync(folder).filter((name) => name !== 'state.json')
  return {
    state: rest,
    files: Object.fromEntries(files.map((name) => [name, readFileSync(join(folder, name)).toString('base64')])),
  }
}

/** Metrics without clock times. */
const history = (runDir) => metricsOf(runDir).map(({ seconds, imagesPerSecond, dataWait, memory, ...line }) => line)

const RECIPES = {
  "the paper's": {},
  'AdamW with clipping': {
    optimizer: { name: 'adamw', lr: 0.01 },
    schedule: { name: 'cosine', warmupEpochs: 0.5 },
    clipGradNorm: 1,
    memoryFormat: 'contiguous',
  },
  'SGD without average': { optimizer: { name: 'sgd', lr: 0.05 }, ema: false },
}

for (const [title, recipe] of Object.entries(RECIPES)) {
  t.test(`20 steps equal 10, kill -9, a new process and 10 more: ${title}`, async (t) => {
    const dir = t.testdir()
    const top = { epochs: 5, checkpoint: { everySteps: 5, everyEpochs: 9 }, ...recipe }
    const whole = tinyConfig(dir, { top, run: { name: 'whole' } })
    const parts = tinyConfig(dir, { top, run: { name: 'parts' } })
    const straight = await trainProcess(whole, {})
    t.equal(straight.code, 0, straight.stderr)

    // An epoch has 4 steps: step 10 is in the middle of one. Without a worker, no step is done unseen.
    const killed = await trainProcess(parts, { dieAfter: 13, worker: false })
    t.equal(killed.signal, 'SIGKILL')
    const runDir = join(dir, 'runs', 'parts')
    t.strictSame(readdirSync(join(runDir, 'checkpoints')).at(-1), 'step-000010')
    t.ok(
      metricsOf(runDir).some(({ step }) => step > 10),
      'the killed process went on after its checkpoint',
    )

    const resumed = await trainProcess(parts, { resume: runDir })
    t.equal(resumed.code, 0, resumed.stderr)
    t.equal(resumed.stdout, 'from 10\n')
    const wholeDir = join(dir, 'runs', 'whole')
    t.strictSame(contents(runDir, 20), contents(wholeDir, 20), 'every file of the last checkpoint')
    t.strictSame(history(runDir), history(wholeDir), 'metrics.jsonl tells one history')
    const names = ['model.safetensors', 'optimizer.safetensors', ...(recipe.ema === false ? [] : ['ema.safetensors'])]
    t.strictSame(Object.keys(contents(runDir, 20).files).sort(), names.sort())
    t.notOk(
      readdirSync(runDir).some((name) => name.startsWith('.')),
      'neither lock nor temporary file stays',
    )
  })
}

t.test('with and without a worker: the same numbers', async (t) => {
  const dir = t.testdir()
  for (const worker of [true, false]) {
    await train(tinyConfig(dir, { run: { name: String(worker) } }), { worker }).result
  }
  t.strictSame(contents(join(dir, 'runs', 'true'), 8), contents(join(dir, 'runs', 'false'), 8))
})

t.test('a stop at the end of an epoch does not lose the evaluation that was due', async (t) => {
  const dir = t.testdir()
  const top = { optimizer: { name: 'lion', lr: 0.001, weightDecay: 0.01 } }
  const whole = tinyConfig(dir, { top, run: { name: 'whole' } })
  const parts = tinyConfig(dir, { top, run: { name: 'parts' } })
  await train(whole).result
  const controller = new AbortController()
  const run = train(parts, { signal: controller.signal, worker: false })
  for await (const event of run) if (event.type === 'step' && event.step === 4) controller.abort()
  const { interrupted, steps } = await run.result
  t.equal(interrupted, 'abort')
  t.equal(steps, 4)
  await train(undefined, { resume: join(dir, 'runs', 'parts') }).result
  t.strictSame(contents(join(dir, 'runs', 'parts'), 8), contents(join(dir, 'runs', 'whole'), 8))
  t.strictSame(history(join(dir, 'runs', 'parts')), history(join(dir, 'runs', 'whole')))
})

t.test('resuming', async (t) => {
  const dir = t.testdir()
  const config = tinyConfig(dir)
  const runDir = join(dir, 'runs', 'run')
  const first = await train(config).result
  t.equal(first.steps, 8)

  t.test('a finished run ends at once with the same result', async (t) => {
    const { seconds, ...again } = await train(undefined, { resume: runDir }).result
    const { seconds: _, ...before } = first
    t.strictSame(again, before)
  })

  t.test('a finished run goes on when it is made longer', async (t) => {
    const events = []
    const longer = { ...config, epochs: 3 }
    const run = train(longer, { resume: runDir })
    for await (const event of run) events.push(event)
    t.equal(events[0].startStep, 8)
    t.equal((await run.result).steps, 12)
    t.equal(JSON.parse(readFileSync(join(runDir, 'config.json'), 'utf8')).epochs, 3)
    t.strictSame(
      metricsOf(runDir)
        .filter(({ type }) => type === 'step')
        .map(({ step }) => step),
      Array.from({ length: 12 }, (_, i) => i + 1),
    )
  })

  t.test('what the steps done depend on cannot change', async (t) => {
    const before = readdirSync(runDir)
    const other = {
      ...config,
      seed: 6,
      optimizer: { ...config.optimizer, lr: 1 },
      model: { ...config.model, dropPath: 0 },
    }
    await t.rejects(train(other, { resume: runDir }).result, {
      code: 'ERR_CONFIG',
      message: /cannot change seed, model\.dropPath, optimizer\.lr/,
    })
    t.strictSame(readdirSync(runDir), before)
  })

  t.test('half a line and later lines are cut from the metrics', async (t) => {
    const path = join(runDir, 'metrics.jsonl')
    const before = readFileSync(path, 'utf8')
    appendFileSync(path, '{"type":"step","step":13,"loss":1}\n{"type":"eval","step":13}\nnonsense\n{"type":"st')
    await train(undefined, { resume: runDir }).result
    t.equal(readFileSync(path, 'utf8'), before)
  })

  t.test('other training images are refused', async (t) => {
    const { trainLabels } = config.data
    const bytes = readFileSync(trainLabels)
    const changed = Buffer.from(bytes)
    changed[changed.length - 1] ^= 1
    writeFileSync(trainLabels, changed)
    await t.rejects(train(undefined, { resume: runDir }).result, {
      code: 'ERR_CHECKPOINT',
      message: /other training images/,
    })
    writeFileSync(trainLabels, bytes)
  })

  t.test('what is not a run', async (t) => {
    await t.rejects(train(undefined, { resume: dir }).result, { code: 'ERR_CHECKPOINT', message: /config\.json/ })
    await t.rejects(train(undefined, { resume: join(dir, 'absent') }).result, { code: 'ERR_CHECKPOINT' })
    writeFileSync(join(runDir, 'config.json'), '{"epochs":')
    await t.rejects(train(undefined, { resume: runDir }).result, { code: 'ERR_CHECKPOINT', message: /config\.json/ })
  })
})

t.test('a run that died before its first checkpoint begins again', async (t) => {
  const dir = t.testdir()
  const config = tinyConfig(dir)
  const runDir = join(dir, 'runs', 'run')
  const died = await trainProcess(config, { dieAfter: 2, worker: false })
  t.equal(died.signal, 'SIGKILL')
  rmSync(join(runDir, 'checkpoints'), { recursive: true })
  const events = []
  for await (const event of train(undefined, { resume: runDir })) events.push(event)
  t.match(
    events.find(({ type }) => type === 'warning'),
    { message: /no checkpoint yet/ },
  )
  t.strictSame(
    metricsOf(runDir)
      .filter(({ type }) => type === 'step')
      .map(({ step }) => step),
    [1, 2, 3, 4, 5, 6, 7, 8],
  )
})
