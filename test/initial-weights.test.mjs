// Training that begins with weights: of another run, of a PyTorch file, of one of timm's checkpoints.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { writePth } from './helpers/pth-writer.mjs'
import { tinyConfig } from './helpers/tiny.mjs'

mb.setNumThreads(1)

/** Steps so small that the weights stay what they were. */
const STILL = {
  optimizer: { name: 'sgd', lr: 1e-30, nesterov: false, momentum: 0 },
  schedule: { name: 'constant' },
  maxSteps: 1,
  ema: false,
}

async function trained(config) {
  const warnings = []
  const run = mb.train(config, { worker: false })
  for await (const event of run) if (event.type === 'warning') warnings.push(event.message)
  const { checkpoint } = await run.result
  return {
    warnings,
    path: join(checkpoint, 'model.safetensors'),
    ...mb.io.safetensors.read(join(checkpoint, 'model.safetensors')),
  }
}

/** But for the step, which moves a bias of 0 by 1e-30. */
const equal = (a, b, match) =>
  Object.keys(b).every((key) => !match.test(key) || mb.scope(() => a[key].sub(b[key]).abs().max().item() < 1e-20))
const LEARNT = /(weight|bias)$/

t.test("from another run's weights, and from a .pth file", async (t) => {
  const dir = t.testdir()
  const first = await trained(tinyConfig(dir, { top: { maxSteps: 3 }, run: { name: 'first' } }))
  const pth = join(dir, 'weights.pth')
  writePth(pth, first.tensors)
  for (const weights of [first.path, pth]) {
    const config = tinyConfig(dir, { top: STILL, run: { name: `from-${weights.slice(-3)}` } })
    const second = await trained({ ...config, seed: 77, model: { ...config.model, weights } })
    t.same(second.warnings, [])
    t.ok(equal(second.tensors, first.tensors, LEARNT), `begins with the weights of ${weights.slice(-3)}`)
    const other = await trained({ ...config, seed: 77, run: { ...config.run, name: `${config.run.name}-none` } })
    t.notOk(equal(other.tensors, first.tensors, LEARNT), 'and without them, with others')
  }
})

t.test('from a checkpoint by its name: its profile, its normalisation, a classifier anew', async (t) => {
  const dir = t.testdir({ weights: {} })
  process.env.MBCONV_CACHE = dir
  t.teardown(() => delete process.env.MBCONV_CACHE)
  const name = 'tf_efficientnet_b0.ap_in1k'
  const config = {
    model: { name: 'efficientnet_b0', weights: name, resolution: 32 },
    data: { dataset: 'scenes', batchSize: 8, scenes: { train: 16, test: 8 } },
    ...{ ...STILL, epochs: 1, threads: 1, device: 'cpu', run: { dir, name: 'tuned' } },
  }
  await t.rejects(mb.train(config).result, { code: 'ERR_IO', hint: /mbconv pull/ })
  const from = mb.models.create('efficientnet_b0', { seed: 4 })
  mb.io.safetensors.write(join(dir, 'weights', `${name}.safetensors`), from.stateDict())
  const run = await trained(config)
  t.match(run.warnings, [/another number of classes: classifier\.1\.weight and classifier\.1\.bias begin anew/])
  t.ok(equal(run.tensors, from.stateDict(), /^features.*(weight|bias)$/))
  const { state } = JSON.parse(readFileSync(join(run.path, '..', 'state.json'), 'utf8'))
  t.match(state.config.model, { profile: 'tf', weights: name })
  t.same(
    [state.normalization.mean, state.normalization.std],
    [
      [0.5, 0.5, 0.5],
      [0.5, 0.5, 0.5],
    ],
  )
  for (const [model, message] of [
    [{ profile: 'timm' }, /model\.profile: must be tf/],
    [{ name: 'efficientnet_b1' }, /model\.weights: is for efficientnet_b0/],
  ]) {
    t.throws(() => mb.parseConfig({ ...config, model: { ...config.model, ...model } }), { code: 'ERR_CONFIG', message })
  }
  from.dispose()
})
