// onnxruntime's logits beside ours, from the files that exportOnnx writes: every model, every family in every profile.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { loadOnnxruntime } from '../scripts/bench/onnxruntime/load.mjs'
import { enliven, logitsOf, pictures, small } from './helpers/lively.mjs'
import { onnxModel } from './helpers/protobuf.mjs'

const { models } = mb
const LIMIT = 1e-4
mb.setNumThreads(1)
mb.manualSeed(0)
t.setTimeout(120_000)

const { ort, reason } = await loadOnnxruntime({ note: (text) => t.comment(text) })
const skip = reason && `onnxruntime-node cannot be had here: ${reason}`

/** onnxruntime's logits [n][classes]. */
async function logitsByOnnxruntime(path, values, shape) {
  const session = await ort.InferenceSession.create(path, { intraOpNumThreads: 1, logSeverityLevel: 3 })
  t.same([session.inputNames, session.outputNames], [['input'], ['logits']])
  const type = values instanceof Uint8Array ? 'uint8' : 'float32'
  const { logits } = await session.run({ input: new ort.Tensor(type, values, shape) })
  const [n, classes] = logits.dims
  await session.release()
  return Array.from({ length: n }, (_, i) => [...logits.data.subarray(i * classes, (i + 1) * classes)])
}

/** Largest difference. */
function apart(a, b) {
  if (a.length !== b.length || a[0].length !== b[0].length) return Number.POSITIVE_INFINITY
  return Math.max(...a.flatMap((row, i) => row.map((value, j) => Math.abs(value - b[i][j]))))
}

/** Exports the network and compares at batch 1 and 3. */
async function compare(t, network, resolution, { label, ...options }) {
  const path = join(t.testdir(), 'model.onnx')
  models.exportOnnx(network, path, options)
  for (const batch of [1, 3]) {
    const shape = [batch, network.inChannels, ...[resolution, resolution].flat().slice(0, 2)]
    const values = pictures(...shape)
    const [ours, theirs] = [logitsOf(network, values, shape), await logitsByOnnxruntime(path, values, shape)]
    const error = apart(ours, theirs)
    t.ok(error <= LIMIT, `${label}, batch ${batch}: ${error}`)
    if (batch === 1) continue
    // A network that says the same of every image, or next to nothing, would prove nothing.
    const difference = apart([ours[0]], [ours[1]])
    t.ok(difference > 0.05, `${label}: images differ by ${difference}`)
  }
}

t.test('every model of the list, scaled down', { skip }, async (t) => {
  const profiles = models.PROFILE_NAMES
  for (const [i, name] of models.list().entries()) {
    const profile = profiles[i % profiles.length]
    const resolution = 32 + (i % 5)
    const network = small(name, { profile, resolution, width: /_l2|_b[678]/.test(name) ? 0.1 : 0.2 })
    await compare(t, network, resolution, { label: `${name}, ${profile}`, fold: i % 2 === 0 })
    network.dispose()
  }
})

const FAMILIES =
  'efficientnet_b0 efficientnetv2_s efficientnet_lite0 mobilenet_v1 mobilenet_v2 mobilenet_v3_large mnasnet_a1 resnet18 resnet50'

for (const name of FAMILIES.split(' ')) {
  t.test(`${name} in every profile`, { skip }, async (t) => {
    for (const profile of models.PROFILE_NAMES) {
      const network = small(name, { profile, resolution: 34 })
      const fold = profile !== 'tf'
      await compare(t, network, 34, { label: profile, fold })
      network.dispose()
    }
  })
}

t.test('inputs that are no squares', { skip }, async (t) => {
  // SAME padding puts the odd row or column of each side where that side needs it.
  for (const [name, profile, resolution] of [
    ['efficientnet_b0', 'tf', [33, 50]],
    ['efficientnetv2_s', 'torchvision', [64, 31]],
    ['resnet18', 'timm', [45, 70]],
  ]) {
    const network = small(name, { profile, resolution })
    await compare(t, network, resolution, { label: `${name}, ${resolution.join('x')}` })
    network.dispose()
  }
})

t.test('B0 as published', { skip }, async (t) => {
  for (const profile of ['torchvision', 'tf']) {
    const network = enliven(models.create('efficientnet_b0', { profile, seed: 2 }), 224, 4)
    await compare(t, network, 224, { label: profile })
    network.dispose()
  }
})

t.test('the padding is the profile’s', { skip }, async (t) => {
  const network = small('efficientnet_b0', { profile: 'tf', resolution: 32 })
  const twin = models.create(network.arch, { profile: { ...network.profile, padding: 'symmetric' }, numClasses: 10 })
  twin.loadStateDict(network.stateDict())
  const path = join(t.testdir(), 'model.onnx')
  models.exportOnnx(twin, path)
  const shape = [2, 3, 32, 32]
  const values = pictures(...shape)
  const error = apart(logitsOf(network, values, shape), await logitsByOnnxruntime(path, values, shape))
  t.ok(error > 100 * LIMIT, `under the other one logits differ by ${error}`)
  network.dispose()
  twin.dispose()
})

t.test('a fused network gives the file that folding gives', { skip }, async (t) => {
  const network = small('efficientnetv2_b0', { profile: 'tf', resolution: 32 })
  const fused = network.fuse()
  await compare(t, fused, 32, { label: 'fused' })
  const [one, other] = [network, fused].map((each, i) => {
    const path = join(t.testdir(), `${i}.onnx`)
    models.exportOnnx(each, path)
    return onnxModel(readFileSync(path))
  })
  t.same(other.nodes, one.nodes)
  const described = ({ tensors }) => tensors.map(({ name, shape }) => [name, shape])
  t.same(described(other), described(one))
  network.dispose()
  fused.dispose()
})

t.test('gray images, other dtypes and modes, every opset', { skip }, async (t) => {
  const gray = small('mobilenet_v3_small', { inChannels: 1, profile: 'tf', resolution: 32 })
  for (let opset = 17; opset <= 22; opset++) await compare(t, gray, 32, { label: `opset ${opset}`, opset })
  gray.train()
  const path = join(t.testdir(), 'training.onnx')
  models.exportOnnx(gray, path)
  t.equal(gray.training, true, 'the mode is left alone')
  const shape = [2, 1, 32, 32]
  const values = pictures(...shape)
  const theirs = await logitsByOnnxruntime(path, values, shape)
  t.ok(apart(logitsOf(gray.eval(), values, shape), theirs) <= LIMIT)
  gray.to({ dtype: 'float64', memoryFormat: 'channelsLast' })
  models.exportOnnx(gray, path)
  t.ok(apart(theirs, await logitsByOnnxruntime(path, values, shape)) <= LIMIT, 'from float64, channels last')
  gray.dispose()
})

t.test('pixels in, normalised inside', { skip }, async (t) => {
  const network = small('efficientnet_lite0', { profile: 'timm', resolution: 32 })
  const card = models.makeCard(network, { preprocessing: { mean: [0.1, 0.5, 0.9], std: [0.2, 0.3, 0.4] } })
  const path = join(t.testdir(), 'model.onnx')
  const report = models.exportOnnx(network, path, { card, pixels: true })
  t.same(report.input, { name: 'input', type: 'uint8', shape: ['batch', 3, 32, 32] })
  const shape = [3, 3, 32, 32]
  const pixels = Uint8Array.from(pictures(...shape), (value) => 127 + 80 * value)
  const { mean, std } = card.preprocessing
  const normalized = Float32Array.from(pixels, (value, i) => {
    const channel = Math.floor(i / 1024) % 3
    return (value / 255 - mean[channel]) / std[channel]
  })
  const error = apart(logitsOf(network, normalized, shape), await logitsByOnnxruntime(path, pixels, shape))
  t.ok(error <= LIMIT, String(error))
  network.dispose()
})
