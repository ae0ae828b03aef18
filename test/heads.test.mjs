// Networks with another global pooling, without classes, and for other channels than three.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as mb from 'mbconv'
import sharp from 'sharp'
import t from 'tap'
import { loadOnnxruntime } from '../scripts/bench/onnxruntime/load.mjs'
import { tinyArch } from '../scripts/fuzz/targets.mjs'
import { internal } from './helpers/internals.mjs'

mb.setNumThreads(1)
const { models } = mb
const { pooled } = internal('globalPool')
const { adaptInput } = internal('adaptWeights')
const golden = JSON.parse(readFileSync(new URL('./golden/heads.json', import.meta.url), 'utf8'))
const POOLS = ['avg', 'max', 'avgmax', 'catavgmax']
const sines = (...shape) => {
  const count = shape.reduce((a, b) => a * b)
  return mb.fromTypedArray(
    Float32Array.from({ length: count }, (_, i) => Math.sin(i * 12.9898)),
    shape,
  )
}
const close = (ours, theirs) =>
  ours.length === theirs.length && [...ours].every((value, i) => Math.abs(value - theirs[i]) < 1e-6)

t.test('each pooling is timm’s', async (t) => {
  mb.scope(() => {
    for (const [globalPool, theirs] of Object.entries(golden.pools)) {
      t.ok(close(pooled(sines(2, 3, 4, 5), { globalPool }).toTypedArray(), theirs), globalPool)
    }
    t.same(pooled(sines(2, 3, 4, 5), {}).toArray(), pooled(sines(2, 3, 4, 5), { globalPool: 'avg' }).toArray())
  })
})

t.test('the first convolution is adapted to other channels as by timm', async (t) => {
  const key = 'features.0.0.weight'
  mb.scope(() => {
    for (const [inChannels, theirs] of Object.entries(golden.channels)) {
      const network = { arch: models.arch('efficientnet_b0'), inChannels: Number(inChannels) }
      const weights = { [key]: sines(2, 3, 2, 2) }
      t.same(adaptInput(network, weights), inChannels === '3' ? [] : [key])
      t.same(weights[key].shape, [2, Number(inChannels), 2, 2])
      t.ok(close(weights[key].toTypedArray(), theirs), `${inChannels} channels`)
    }
    const half = { [key]: sines(2, 3, 2, 2).to({ dtype: 'float16' }) }
    adaptInput({ arch: models.arch('efficientnet_b0'), inChannels: 1 }, half)
    t.equal(half[key].dtype, 'float16')
  })
})

t.test('counts, shapes and state dict of every pooling and of no classes', async (t) => {
  const tables = [tinyArch(mb), models.arch('mobilenet_v3_small'), models.arch('resnet18')]
  for (const table of tables) {
    for (const globalPool of POOLS) {
      for (const numClasses of [0, 4]) {
        const network = models.create(table, { globalPool, numClasses, seed: 1 }).eval()
        const label = `${table.name}, ${globalPool}, ${numClasses} classes`
        const counts = models.count(network.arch, { numClasses })
        const parameters = network.parameters()
        t.equal(
          counts.params,
          parameters.reduce((sum, { numel }) => sum + numel, 0),
          label,
        )
        t.equal(counts.paramTensors, parameters.length)
        t.equal(counts.stateDictEntries, Object.keys(network.stateDict()).length)
        mb.scope(() => {
          const x = sines(2, 3, 32, 32)
          const y = mb.noGrad(() => network.forward(x))
          t.same(y.shape, [2, numClasses || network.numFeatures], label)
          t.ok(y.isfinite().all().item())
          const last = network.features.length - 1
          const again = mb.noGrad(() => network.forwardFrom(network.forwardFeatures(x)[0], last))
          t.ok(close(again.toTypedArray(), y.toTypedArray()), 'from the last feature map')
          if (!table.hidden && numClasses === 0) {
            t.ok(
              close(mb.noGrad(() => network.forwardPooled(x)).toTypedArray(), y.toTypedArray()),
              'the pooled features',
            )
          }
        })
        const rows = models.stageTable(network.arch, { numClasses })
        t.equal(
          rows.reduce((sum, { params }) => sum + params, 0),
          counts.params,
        )
        t.equal(
          rows.some(({ stage }) => stage === 'classifier'),
          numClasses > 0 || Boolean(table.hidden),
        )
        const fused = network.fuse()
        t.equal(fused.arch.globalPool, globalPool)
        fused.dispose()
        network.dispose()
      }
    }
  }
})

const { ort, reason } = await loadOnnxruntime({ note: (text) => t.comment(text) })
t.test('ONNX files of them', { skip: reason && `onnxruntime-node cannot be had here: ${reason}` }, async (t) => {
  const dir = t.testdir()
  for (const globalPool of POOLS) {
    for (const numClasses of [0, 3]) {
      const network = models.create(tinyArch(mb), { globalPool, numClasses, inChannels: 2, seed: 2 }).eval()
      const path = join(dir, `${globalPool}-${numClasses}.onnx`)
      const { output } = models.exportOnnx(network, path, { resolution: 24 })
      t.equal(output.name, numClasses === 0 ? 'features' : 'logits')
      t.same(output.shape, ['batch', numClasses || network.numFeatures])
      const images = mb.scope(() => sines(2, 2, 24, 24).toTypedArray())
      const session = await ort.InferenceSession.create(path)
      const found = await session.run({ input: new ort.Tensor('float32', images, [2, 2, 24, 24]) })
      const ours = mb.scope(() =>
        mb.noGrad(() => network.forward(mb.fromTypedArray(images, [2, 2, 24, 24])).toTypedArray()),
      )
      const error = Math.max(...ours.map((value, i) => Math.abs(value - found[output.name].data[i])))
      t.ok(error < 1e-5 * Math.max(1, ...ours.map(Math.abs)), `${globalPool}, ${numClasses} classes: ${error}`)
      await session.release()
      network.dispose()
    }
  }
})

t.test('weights with a classifier, into a network without, with other features, with other channels', async (t) => {
  const dir = t.testdir()
  const from = models.create('mobilenet_v3_small', { numClasses: 5, seed: 3, profile: 'timm' })
  const file = join(dir, 'w.pth')
  models.saveWeights(from, file, { scheme: 'timm' })
  const loaded = (options) => {
    const network = models.create('mobilenetv3_small_100', { seed: 4, numClasses: 5, ...options })
    const report = models.loadWeights(network, file)
    const state = network.stateDict()
    const same = Object.entries(from.stateDict()).filter(
      ([key, value]) =>
        state[key]?.numel === value.numel && mb.scope(() => state[key].sub(value).abs().max().item() === 0),
    )
    network.dispose()
    return { report, same: same.length }
  }
  const all = Object.keys(from.stateDict()).length
  const classifier = ['classifier.3.weight', 'classifier.3.bias']
  const { report: none, same } = loaded({ numClasses: 0 })
  t.same([none.left, none.reinitialized, none.missing, none.unexpected, same], [classifier, [], [], [], all - 2])
  const { report: other } = loaded({ numClasses: 7 })
  t.same([other.reinitialized, other.left, other.adapted], [classifier, [], []])
  t.throws(() => loaded({ globalPool: 'catavgmax' }), { code: 'ERR_SHAPE' }, 'the hidden layer has other features')
  const { report: gray, same: most } = loaded({ inChannels: 1 })
  t.same([gray.adapted, most], [['features.0.0.weight'], all - 1])
  from.dispose()
  const plain = models.create('efficientnet_b0', { numClasses: 5, seed: 3 })
  models.saveWeights(plain, join(dir, 'p.safetensors'))
  const concatenated = models.create('efficientnet_b0', { numClasses: 5, globalPool: 'catavgmax' })
  t.same(models.loadWeights(concatenated, join(dir, 'p.safetensors')).reinitialized, [
    'classifier.1.weight',
    'classifier.1.bias',
  ])
  plain.dispose()
  concatenated.dispose()
})

t.test('cards, predictions and explanations of a network without classes', async (t) => {
  const dir = t.testdir()
  const network = models.create(tinyArch(mb), { numClasses: 0, globalPool: 'avgmax', seed: 5 })
  const card = models.makeCard(network)
  t.same([card.classes, card.arch.globalPool, card.format], [[], 'avgmax', 6])
  const file = join(dir, 'w.safetensors')
  models.saveWeights(network, file, { card })
  const png = await sharp({ create: { width: 40, height: 40, channels: 3, background: 'red' } })
    .png()
    .toBuffer()
  const one = async (each) => {
    for await (const result of each) return result
  }
  const { vector } = await one(mb.embedEach(file, [{ name: 'a.png', bytes: png }]))
  t.equal(vector.length, network.numFeatures, 'an embedding is there')
  await t.rejects(one(mb.predictEach(file, [{ name: 'a.png', bytes: png }])), { code: 'ERR_VALUE', hint: /embed/ })
  network.eval()
  t.throws(() => models.gradCam(network, mb.zeros([1, 3, 32, 32])), { code: 'ERR_VALUE', message: /no classes/ })
  network.dispose()
  for (const options of [{ numClasses: -1 }, { globalPool: 'sum' }, { globalPool: 'avg ' }]) {
    t.throws(() => models.create(tinyArch(mb), options), { code: 'ERR_VALUE' }, JSON.stringify(options))
  }
})
