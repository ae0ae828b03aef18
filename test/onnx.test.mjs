// ONNX files: what stands in them, and what is refused. What they compute: onnxruntime.test.mjs.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { small } from './helpers/lively.mjs'
import { onnxModel } from './helpers/protobuf.mjs'

const { writeOnnx } = internal('onnx')
const { models, nn } = mb
mb.setNumThreads(1)
mb.manualSeed(0)

const read = (path) => onnxModel(readFileSync(path))

t.test('the file has the names of the state dict, its numbers, and an order that can be computed', async (t) => {
  const network = small('efficientnet_b0', { profile: 'tf', resolution: 40 })
  const card = models.makeCard(network, { source: 'a test' })
  const path = join(t.testdir(), 'model.onnx')
  const report = models.exportOnnx(network, path, { fold: false, card })
  const bytes = readFileSync(path)
  const model = onnxModel(bytes)
  t.match(report, { path, bytes: bytes.length, nodes: model.nodes.length, opset: 17 })
  t.match(model, {
    irVersion: 8,
    producer: ['mbconv', JSON.parse(readFileSync('package.json', 'utf8')).version],
    opsets: [['', 17]],
    name: network.arch.name,
    inputs: [{ name: 'input', type: 1, shape: ['batch', 3, 40, 40] }],
    outputs: [{ name: 'logits', type: 1, shape: ['batch', 10] }],
  })
  t.same(JSON.parse(model.metadata['mbconv.card']), card)
  t.same(JSON.parse(model.metadata['mbconv.profile']), network.profile)

  const tensors = new Map(model.tensors.map((tensor) => [tensor.name, tensor]))
  const state = Object.entries(network.stateDict()).filter(([key]) => !key.endsWith('num_batches_tracked'))
  t.same([...tensors.keys()].sort(), state.map(([key]) => key).sort(), 'every entry that evaluation uses, and no other')
  for (const [key, tensor] of state) {
    t.same(tensors.get(key).shape, tensor.shape)
    t.same(tensors.get(key).values, tensor.toTypedArray(), key)
  }

  const known = new Set(['input', ...tensors.keys()])
  const names = new Set()
  for (const { name, inputs, outputs } of model.nodes) {
    t.ok(
      inputs.every((input) => known.has(input)),
      `${name} comes after what it uses`,
    )
    t.notOk(names.has(name) || outputs.some((output) => known.has(output)), `${name} is there once`)
    names.add(name)
    for (const output of outputs) known.add(output)
  }
  t.ok(known.has('logits'))
  const layers = new Set(state.map(([key]) => key.slice(0, key.lastIndexOf('.'))))
  for (const layer of layers) t.ok(names.has(layer), `there is a node ${layer}`)

  // 40 px, SAME: the odd row of zeros comes after the image where a 3x3 kernel has stride 2.
  t.same(model.nodes[0].attributes, { kernel_shape: [3, 3], strides: [2, 2], pads: [0, 0, 1, 1], group: 1 })
  network.dispose()
})

t.test('folded, batch norms are gone and the convolutions have biases', async (t) => {
  const network = small('mobilenet_v2', { profile: 'timm' })
  const path = join(t.testdir(), 'model.onnx')
  models.exportOnnx(network, path)
  const { nodes, tensors } = read(path)
  t.notOk(nodes.some(({ operator }) => operator === 'BatchNormalization'))
  const { weight, bias, runningMean, runningVar, eps } = network.features.at(0).norm
  const { values } = tensors.find(({ name }) => name === 'features.0.0.bias')
  const [w, b, mean, variance] = [weight, bias, runningMean, runningVar].map((tensor) => tensor.toArray())
  for (const [c, value] of values.entries()) {
    const expected = b[c] - (mean[c] * w[c]) / Math.sqrt(variance[c] + eps)
    t.ok(Math.abs(value - expected) <= 1e-6 * Math.max(1, Math.abs(expected)))
  }
  network.dispose()
})

t.test('what cannot be written is refused, and nothing is written', async (t) => {
  const folder = t.testdir()
  const path = join(folder, 'model.onnx')
  const network = small('resnet18')
  const other = small('resnet18', { numClasses: 3 })
  const card = models.makeCard(network)
  const refusals = [
    [[{}, path], 'ERR_TYPE', /exportOnnx: network/],
    [[network], 'ERR_TYPE', /path/],
    [[network, ''], 'ERR_TYPE', /path/],
    [[network, path, null], 'ERR_TYPE', /options/],
    [[network, path, { opsett: 17 }], 'ERR_TYPE', /unknown option "opsett"/],
    [[network, path, { opset: 16 }], 'ERR_VALUE', /opset must be a whole number from 17 to 22/],
    [[network, path, { opset: '17' }], 'ERR_TYPE', /opset/],
    [[network, path, { fold: 1 }], 'ERR_TYPE', /fold must be true or false/],
    [[network, path, { resolution: 0 }], 'ERR_VALUE', /resolution/],
    [[network, path, { pixels: true }], 'ERR_VALUE', /pixels needs a card/],
    [[network, path, { card: 7 }], 'ERR_TYPE', /card must be a model card/],
    [[network, path, { card: { classes: [] } }], 'ERR_VALUE', /no model card/],
    [[network, path, { card: { ...card, source: 10n } }], 'ERR_TYPE', /plain data/],
    [[network, path, { card: { ...card, more: 1 } }], 'ERR_VALUE', /more/],
    [[network, path, { card: models.makeCard(other) }], 'ERR_VALUE', /another network: classes 3, here 10/],
    [[network, path, { card, resolution: 64 }], 'ERR_VALUE', /resolution is 64, the card's 33/],
    [[network, join(folder, 'no', 'model.onnx')], 'ERR_IO', /no such file or folder/],
  ]
  for (const [args, code, message] of refusals) {
    t.throws(() => models.exportOnnx(...args), { name: 'MbconvError', code, message }, String(message))
  }
  t.throws(
    () => models.exportOnnx(network, path, { card: { ...card, profile: { ...card.profile, bnEps: 1 } } }),
    { code: 'ERR_VALUE', message: /another network: profile/ },
    'a card of another profile',
  )
  network.dispose()
  t.throws(() => models.exportOnnx(network, path), { code: 'ERR_DISPOSED' })
  t.same(readdirSync(folder), [])
  other.dispose()
})

t.test('a layer without a counterpart is an error that names it', async (t) => {
  const path = join(t.testdir(), 'model.onnx')
  class Squared extends nn.Module {
    forward(x) {
      return x.mul(x)
    }
  }
  const network = small('efficientnet_b0')
  network.features.at(1).at(0).block = new nn.Sequential(new Squared())
  const noWriter = /features\.1\.0\.block\.0 is a Squared, which has no writer/
  t.throws(() => models.exportOnnx(network, path), { code: 'ERR_NOT_IMPLEMENTED', message: noWriter })

  const forgotten = small('efficientnet_b0')
  forgotten.features.at(2).at(0).extra = new nn.ReLU()
  const notWritten = /features\.2\.0\.extra \(ReLU\) was not written/
  t.throws(() => models.exportOnnx(forgotten, path), { code: 'ERR_NOT_IMPLEMENTED', message: notWritten })

  class Network extends network.constructor {}
  const derived = new Network(network.arch, {
    ...network,
    profile: network.profile,
    dropPath: 0,
    dropout: 0,
    init: 'none',
  })
  t.throws(() => models.exportOnnx(derived, path), { code: 'ERR_NOT_IMPLEMENTED', message: /the network is a Network/ })
  t.notOk(existsSync(path))
  for (const one of [network, forgotten, derived]) one.dispose()
})

t.test('more than a file can hold is found before anything is written', async (t) => {
  const folder = t.testdir()
  const value = { name: 'x', type: 'float32', shape: ['batch'] }
  const tensor = {
    name: 'large',
    shape: [2 ** 15, 2 ** 14],
    values: () => t.fail('its numbers are not asked for'),
  }
  const model = { opset: 17, producer: { name: '', version: '' }, description: '', metadata: {}, name: 'g', nodes: [] }
  t.throws(() => writeOnnx(join(folder, 'x.onnx'), { ...model, tensors: [tensor], input: value, output: value }), {
    code: 'ERR_VALUE',
    message: /would have 2\.00 GiB/,
    hint: /safetensors/,
  })
  t.same(readdirSync(folder), [])
})
