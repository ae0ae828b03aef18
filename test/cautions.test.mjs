// What is done although it is seldom meant is said before the first step; what cannot work is refused before anything
// is written.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { data, nn, optim, train, zeros } from 'mbconv'
import t from 'tap'
import { metricsOf, tinyConfig } from './helpers/tiny.mjs'

const { writeIdx } = data

const runTo = async (config, options = {}) => {
  const warnings = []
  const run = train(config, { worker: false, ...options })
  for await (const event of run) if (event.type === 'warning') warnings.push(event.message)
  return { warnings, result: await run.result }
}

const plain = { name: 'sgd', lr: 0.01 }

/** One step, so that its rate is the whole run's. */
t.test('a batch larger than the data set: said, and its step has a rate', async (t) => {
  const dir = t.testdir()
  const top = { epochs: 3, optimizer: plain, schedule: { name: 'constant', warmupEpochs: 2 } }
  const { warnings, result } = await runTo(tinyConfig(dir, { data: { batchSize: 100 }, top }))
  t.strictSame(warnings, ['data.batchSize is 100, but there are 64 training images: each step takes all'])
  const rates = metricsOf(result.runDir).flatMap(({ type, lr }) => (type === 'step' ? [lr] : []))
  t.strictSame(rates, [0.01 / 3, (0.01 * 2) / 3, 0.01], 'the line of the warm-up begins above 0')
})

t.test('schedules skip the rate of 0 where they are asked to', async (t) => {
  const rates = (schedule) => [0, 1, 2, 3].map(schedule)
  t.strictSame(rates(optim.schedules.constant({ lr: 1, warmupSteps: 2 })), [0, 0.5, 1, 1])
  t.strictSame(rates(optim.schedules.constant({ lr: 1, warmupSteps: 3, skipZero: true })), [0.25, 0.5, 0.75, 1])
  const drops = { lr: 1, decaySteps: 100, decayRate: 0.5 }
  t.strictSame(rates(optim.schedules.staircase({ ...drops, warmupSteps: 1, skipZero: true })), [0.5, 1, 1, 1])
  t.strictSame(rates(optim.schedules.cosine({ lr: 1, warmupSteps: 1, totalSteps: 1, skipZero: true }))[0], 0.5)
})

t.test('a warm-up as long as the run is said', async (t) => {
  const top = { epochs: 1, schedule: { name: 'cosine', warmupEpochs: 1 } }
  const { warnings } = await runTo(tinyConfig(t.testdir(), { top }))
  t.match(warnings, ['schedule.warmupEpochs is 1 and epochs is 1: optimizer.lr is not reached; lower the first'])
})

t.test('a class without training images is named', async (t) => {
  const dir = t.testdir()
  const config = tinyConfig(dir, { top: { epochs: 2, maxSteps: 5 } })
  const labels = (kinds) => ({
    dtype: 'uint8',
    shape: [64],
    data: Uint8Array.from({ length: 64 }, (_, i) => kinds[i % 3]),
  })
  writeIdx(config.data.trainLabels, labels([0, 3, 5]))
  t.strictSame((await runTo(config)).warnings, ['no training image is of class 1, 2, 4'])
  const many = { ...config, run: { ...config.run, name: 'many' } }
  writeIdx(config.data.trainLabels, labels([0, 1, 20]))
  t.strictSame((await runTo(many)).warnings, [
    'no training image is of class 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 8 more',
  ])
})

t.test('one number a channel is refused before anything is written, by its cause', async (t) => {
  const dir = t.testdir()
  const config = tinyConfig(dir, { data: { batchSize: 1 } })
  const hint = 'Raise data.batchSize to 2 or more, or model.resolution.'
  const refused = (config, message) => t.rejects(runTo(config), { code: 'ERR_CONFIG', message, hint })
  await refused(config, /data\.batchSize is 1.*resolution 8 has one pixel: batch norm needs more than one number/)
  t.notOk(readdirSync(dir).includes('runs'))
  writeIdx(config.data.trainImages, { dtype: 'uint8', shape: [1, 8, 8], data: new Uint8Array(64).map((_, i) => i) })
  writeIdx(config.data.trainLabels, { dtype: 'uint8', shape: [1], data: Uint8Array.of(3) })
  await refused({ ...config, data: { ...config.data, batchSize: 16 } }, /there is one training image/)

  // One image is enough where the map is larger.
  const larger = tinyConfig(dir, { data: { batchSize: 1 }, top: { epochs: 1, maxSteps: 1 }, run: { name: 'larger' } })
  larger.model.resolution = 33
  t.equal((await runTo(larger)).result.steps, 1)
  // The same rule as batch norm's own.
  const norm = new nn.BatchNorm2d(3)
  t.throws(() => norm.forward(zeros([1, 3, 1, 1])), { code: 'ERR_SHAPE', message: /more than 1 value per channel/ })
})

t.test('a resumed run says that its learning rate jumps', async (t) => {
  const dir = t.testdir()
  const cosine = { epochs: 2, optimizer: plain, schedule: { name: 'cosine', warmupEpochs: 0 } }
  const config = tinyConfig(dir, { top: cosine })
  const { result } = await runTo(config)
  const resume = result.runDir
  const longer = await runTo({ ...config, epochs: 20 }, { resume })
  t.strictSame(longer.warnings, [
    'the learning rate goes from 0.000381 to 0.00976: the schedule is stretched over the new number of steps (epochs, maxSteps)',
  ])
  const rates = metricsOf(resume).flatMap(({ type, lr }) => (type === 'step' ? [Number(lr.toPrecision(3))] : []))
  t.strictSame(rates.slice(7, 9), [0.000381, 0.00976], 'the file has the same two')

  const stairs = { ...cosine, schedule: { name: 'staircase' } }
  const steady = tinyConfig(dir, { top: stairs, run: { name: 'steady' } })
  const { runDir } = (await runTo(steady)).result
  t.strictSame((await runTo({ ...steady, epochs: 3 }, { resume: runDir })).warnings, [], 'stairs do not care')

  const shorter = await runTo({ ...config, epochs: 1 }, { resume })
  t.strictSame(shorter.warnings, ['80 steps are done, and epochs and maxSteps ask for 4: none is left to do'])
  t.equal(shorter.result.steps, 80)
  t.strictSame((await runTo({ ...config, epochs: 20 }, { resume })).warnings, [], 'all are done, as asked')
})

t.test("what the checkpoint's steps were done with cannot be edited in config.json", async (t) => {
  const dir = t.testdir()
  const config = tinyConfig(dir, { top: { epochs: 1 } })
  const { result } = await runTo(config)
  const path = join(result.runDir, 'config.json')
  const edit = (change) => {
    const stored = JSON.parse(readFileSync(path, 'utf8'))
    change(stored)
    writeFileSync(path, JSON.stringify(stored))
  }
  const original = readFileSync(path)
  const files = () => readdirSync(result.runDir, { recursive: true }).sort()
  const before = files()
  edit((stored) => {
    stored.optimizer.lr = 0.5
    stored.data.augment.rotate = 45
    stored.epochs = 2
  })
  const edited = readFileSync(path, 'utf8')
  const message =
    /cannot change data\.augment\.rotate, optimizer\.lr: in .*config\.json data\.augment\.rotate is 45, and was 10; optimizer\.lr is 0\.5, and was 0\.001 when .*step-000004 was saved/
  for (const given of [undefined, JSON.parse(edited)]) {
    await t.rejects(runTo(given, { resume: result.runDir }), {
      code: 'ERR_CONFIG',
      message,
      hint: /Put these keys back/,
    })
  }
  t.equal(readFileSync(path, 'utf8'), edited)
  t.strictSame(files(), before, 'nothing is written, and the lock is given back')
  writeFileSync(path, original)
  edit((stored) => {
    stored.epochs = 2
    // As an earlier version wrote it.
    delete stored.model.weightsEntry
  })
  t.equal((await runTo(undefined, { resume: result.runDir })).result.steps, 8, 'a free key may be edited')
})
