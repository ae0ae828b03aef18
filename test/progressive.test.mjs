/* Training that begins with small images. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { tinyConfig } from './helpers/tiny.mjs'

const { ProgressiveLoader, sizeIn } = internal('progressive')

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

t.test('a loader for each size, one at a time', async (t) => {
  const made = []
  const make = (size) => {
    const loader = { dataset: {}, batchesPerEpoch: 5, size, disposed: false }
    loader.epoch = (epoch, from) => ({ size, epoch, from })
    loader.dispose = () => {
      loader.disposed = true
    }
    made.push(loader)
    return loader
  }
  const loader = new ProgressiveLoader({ from: 8, stages: 2, epochs: 4 }, 16, make)
  t.equal(loader.batchesPerEpoch, 5)
  t.strictSame(
    [0, 1, 2, 3, 0].map((epoch) => loader.epoch(epoch, 3)),
    [
      { size: 8, epoch: 0, from: 3 },
      { size: 8, epoch: 1, from: 3 },
      { size: 16, epoch: 2, from: 3 },
      { size: 16, epoch: 3, from: 3 },
      { size: 8, epoch: 0, from: 3 },
    ],
  )
  t.strictSame(
    made.map(({ size, disposed }) => [size, disposed]),
    [
      [8, true],
      [16, true],
      [8, false],
    ],
  )
  loader.dispose()
  t.ok(made[2].disposed)
})

t.test('a run through two sizes equals one that stopped in between', async (t) => {
  const dir = t.testdir()
  const config = (name) => {
    const data = { progressive: { from: 8, stages: 2 } }
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
})
