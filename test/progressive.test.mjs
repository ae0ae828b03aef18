/* Training that begins with small images. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { tinyConfig } from './helpers/tiny.mjs'

const { grown, ProgressiveLoader, sizeOf, stageIn } = internal('progressive')
const { operationsIn, regularizationIn } = internal('growth')
const sizeIn = (plan, resolution, epoch) => sizeOf(plan, resolution, stageIn(plan, epoch))

t.test("the sizes are those of EfficientNetV2's four stages, and of other plans", async (t) => {
  const sizes = (given, resolution) => Array.from({ length: given.epochs }, (_, i) => sizeIn(given, resolution, i))
  // arXiv:2104.00298, table 6: from 128 to 300 px in four stages.
  t.strictSame(sizes({ from: 128, stages: 4, epochs: 8 }, 300), [128, 128, 185, 185, 243, 243, 300, 300])
  t.strictSame(sizes({ from: 16, stages: 2, epochs: 3 }, 32), [16, 16, 32])
  t.strictSame(sizes({ from: 16, stages: 4, epochs: 2 }, 32), [16, 27], 'fewer epochs than stages leave stages out')
  t.equal(sizeIn({ from: 16, stages: 2, epochs: 4 }, 32, 99), 32, 'an epoch beyond the plan')
  t.strictSame(
    sizes({ from: 32, stages: 3, epochs: 3 }, [64, 90]),
    [
      [32, 45],
      [48, 68],
      [64, 90],
    ],
    'rectangles keep their ratio',
  )
})

t.test("regularisation grows with the images: EfficientNetV2-M's table", (t) => {
  // arXiv:2104.00298, table 6: RandAugment 5 to 20, mixup 0 to 0.2, dropout 0.1 to 0.4.
  const config = mb.parseConfig({
    epochs: 8,
    model: { name: 'efficientnetv2_m', resolution: 380, dropout: 0.4 },
    data: {
      ...{ dataset: 'folder', folder: { path: 'photos' } },
      progressive: { from: 128, magnitude: 5, mixup: 0, dropout: 0.1 },
      augment: {
        operations: [{ name: 'randAugment', magnitude: 20, magnitudeMax: 30 }, { name: 'randomErasing' }],
        mix: { mixup: 0.2 },
      },
    },
  })
  const own = { mix: config.data.augment.mix, dropout: 0.4 }
  const rounded = (value) => Number(value.toFixed(4))
  const seen = [0, 1, 3, 4, 7, 99].map((epoch) => {
    const { mix, dropout } = regularizationIn(config, own, epoch)
    return [mix.mixup, mix.cutmix, dropout].map(rounded)
  })
  t.strictSame(seen, [
    [0, 0, 0.1],
    [0, 0, 0.1],
    [0.0667, 0, 0.2],
    [0.1333, 0, 0.3],
    [0.2, 0, 0.4],
    [0.2, 0, 0.4],
  ])
  const magnitudes = [0, 1, 2, 3].map((stage) => operationsIn(config, stage).map(({ magnitude }) => magnitude))
  t.strictSame(
    magnitudes,
    [5, 10, 15, 20].map((magnitude) => [magnitude, undefined]),
  )
  t.end()
})

t.test('the last stage has exactly the last value', (t) => {
  for (const stages of [2, 3, 4, 7, 10])
    for (const first of [0.05, 0.1, 0.2, 0.4, 2.1, 2.6])
      for (const last of [0.5, 0.7, 9.3, 10]) t.equal(grown(first, last, { stages }, stages - 1), last)
  t.end()
})

t.test('what cannot grow is refused', (t) => {
  const refused = (progressive, augment, message) => {
    const data = { dataset: 'folder', folder: { path: 'photos' }, progressive: { from: 16, ...progressive }, augment }
    const config = { epochs: 8, model: { name: 'efficientnet_b0' }, data }
    t.throws(() => mb.parseConfig(config), { code: 'ERR_CONFIG', message })
  }
  refused({ magnitude: 5 }, {}, /^data\.progressive\.magnitude: has no effect without randAugment/)
  const torchvision = { operations: [{ name: 'randAugment', ranges: 'torchvision' }] }
  refused({ magnitude: 5 }, torchvision, /has no effect with ranges: torchvision/)
  refused(
    { magnitude: 9.5 },
    { operations: [{ name: 'randAugment' }] },
    /must be at most randAugment's magnitude, 9: it/,
  )
  refused({ dropout: 0.3 }, {}, /^data\.progressive\.dropout: must be at most model\.dropout, 0\.2: it grows to that$/)
  refused({ from: 225 }, {}, /^data\.progressive\.from: must be at most model\.resolution, 224/)
  refused({ mixup: 0.3 }, { mix: { mixup: 0.2 } }, /must be at most data\.augment\.mix\.mixup, 0\.2/)
  refused({ mixup: 0.1 }, { mix: { cutmix: 1 } }, /^data\.progressive\.mixup: has no effect without data\.augment\.mix/)
  t.end()
})

t.test('a loader for each stage, one at a time', async (t) => {
  const made = []
  const make = (stage) => {
    const loader = { dataset: {}, batchesPerEpoch: 5, stage, disposed: false }
    loader.epoch = (epoch, from) => ({ stage, epoch, from })
    loader.dispose = () => {
      loader.disposed = true
    }
    made.push(loader)
    return loader
  }
  const loader = new ProgressiveLoader({ from: 8, stages: 2, epochs: 4 }, make)
  t.equal(loader.batchesPerEpoch, 5)
  t.strictSame(
    [0, 1, 2, 3, 0].map((epoch) => loader.epoch(epoch, 3)),
    [
      { stage: 0, epoch: 0, from: 3 },
      { stage: 0, epoch: 1, from: 3 },
      { stage: 1, epoch: 2, from: 3 },
      { stage: 1, epoch: 3, from: 3 },
      { stage: 0, epoch: 0, from: 3 },
    ],
  )
  t.strictSame(
    made.map(({ stage, disposed }) => [stage, disposed]),
    [
      [0, true],
      [1, true],
      [0, false],
    ],
  )
  loader.dispose()
  t.ok(made[2].disposed)
})

t.test('a run through two sizes equals one that stopped in between', async (t) => {
  const dir = t.testdir()
  const config = (name) => {
    const augment = { mix: { mixup: 0.5 } }
    const data = { progressive: { from: 8, stages: 2, mixup: 0, dropout: 0 }, augment }
    const tiny = tinyConfig(dir, { data, top: { epochs: 2 }, run: { name } })
    return { ...tiny, model: { ...tiny.model, resolution: 16 } }
  }
  const whole = await mb.train(config('whole'), { worker: false }).result
  const stop = new AbortController()
  const run = mb.train(config('parts'), { worker: false, signal: stop.signal })
  for await (const event of run) if (event.type === 'step' && event.step === whole.steps - 1) stop.abort()
  const { runDir, interrupted } = await run.result
  t.equal(interrupted, 'abort')
  const again = await mb.train(undefined, { resume: runDir, worker: false }).result
  const bytes = ({ checkpoint }) => readFileSync(join(checkpoint, 'model.safetensors'))
  t.ok(existsSync(join(again.checkpoint, 'model.safetensors')))
  t.ok(bytes(again).equals(bytes(whole)))

  // With more epochs, the next one belongs to the first stage again.
  const longer = mb.train({ ...config('parts'), epochs: 8 }, { resume: whole.runDir, worker: false })
  const warnings = []
  for await (const { type, message } of longer) if (type === 'warning') warnings.push(message)
  await longer.result
  t.match(
    warnings.find((text) => text.startsWith('the next epoch')),
    /belongs to stage 1, 8 px, in place of stage 2, 16 px: data\.progressive/,
  )
})
