// Fine-tuning: frozen parts, learning rates layer by layer (timm's, and by hand), and both in training configurations.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { complaints, yaml } from './helpers/config.mjs'
import { internal } from './helpers/internals.mjs'
import { small } from './helpers/small.mjs'

mb.setNumThreads(1)

const { parseConfigFile } = internal('configFile')
const { create } = mb.models
const { layerwiseGroups, decayGroups, SGD, RMSprop, AdamW, schedules } = mb.optim

const bytes = (tensor) => Buffer.from(tensor.detach().toTypedArray().buffer)
const snapshot = (network) => Object.fromEntries(Object.entries(network.stateDict()).map(([k, x]) => [k, bytes(x)]))

/** One step of plain gradient descent on random images. */
function step(network, optimizer) {
  mb.scope(() => {
    const labels = mb.fromTypedArray(BigInt64Array.from([0n, 1n, 2n, 0n]), [4])
    mb.nn.functional.crossEntropy(network.forward(mb.randn([4, 3, 32, 32])), labels).backward()
    optimizer.step()
    optimizer.zeroGrad()
  })
}

t.test('frozen parts stay as they are, statistics too; the others learn', async (t) => {
  for (const [name, upTo] of [
    ['efficientnet_b0', 0],
    ['efficientnet_b0', 3],
    ['efficientnet_b0', 8],
    ['resnet18', 4],
    ['mobilenet_v3_small', 5],
  ]) {
    const network = create(small(name), { numClasses: 3, seed: 1 })
    t.equal(network.freeze({ upTo }), network)
    t.equal(network.frozen, upTo + 1)
    const isFrozen = (key) => key.startsWith('features.') && Number(key.split('.')[1]) <= upTo
    for (const [key, { requiresGrad }] of network.namedParameters()) {
      if (requiresGrad === isFrozen(key)) t.fail(`${name} up to ${upTo}: ${key}`)
    }
    const before = snapshot(network)
    const optimizer = new SGD(decayGroups(network, 0), { lr: 0.1, momentum: 0 })
    network.train()
    step(network, optimizer)
    network.eval().train()
    step(network, optimizer)
    const after = snapshot(network)
    const changed = Object.keys(before).filter((key) => !before[key].equals(after[key]))
    t.same(changed.filter(isFrozen), [], `${name} up to ${upTo}`)
    const learning = Object.keys(before).filter((key) => !isFrozen(key))
    t.ok(changed.length >= 0.9 * learning.length, `${changed.length} of ${learning.length} others change`)
    t.ok(changed.includes('classifier.1.bias') || changed.includes('classifier.3.bias'))
    optimizer.dispose()
    network.dispose()
  }
})

t.test('freezing can be changed and taken back, and is refused by name', async (t) => {
  const network = create(small('efficientnet_b0'), { numClasses: 3, seed: 1 })
  const trained = () => network.parameters().filter(({ requiresGrad }) => requiresGrad).length
  const all = trained()
  network.freeze({ upTo: 8 })
  t.equal(trained(), 2, 'the classifier')
  network.freeze({ upTo: 0 })
  t.equal(trained(), all - 3, 'all but the stem')
  t.notOk(network.features.at(0).training)
  t.ok(network.training && network.features.at(1).training)
  network.unfreeze()
  t.equal(trained(), all)
  t.equal(network.frozen, 0)
  t.ok(network.modules().every(({ training }) => training))
  network.eval().freeze({ upTo: 2 })
  t.notOk(
    network.modules().some(({ training }) => training),
    'evaluation mode stays what it is',
  )
  network.to({ dtype: 'float64' })
  t.notOk(network.features.at(1).parameters()[0].requiresGrad, 'moved, still frozen')

  for (const upTo of [-1, 9, 1.5]) {
    t.throws(() => network.freeze({ upTo }), { code: 'ERR_INDEX', message: /freeze: upTo must be .*0 to 8, got/ })
  }
  t.throws(() => network.freeze({ upTo: '3' }), { code: 'ERR_TYPE' })
  t.throws(() => network.freeze(), { code: 'ERR_TYPE' })
  t.throws(() => network.freeze({ upto: 3 }), { code: 'ERR_TYPE', message: /"upto"/, hint: /upTo/ })
  const fused = network.fuse()
  t.throws(() => fused.freeze({ upTo: 1 }), { code: 'ERR_VALUE', message: /fused/ })
  t.throws(() => fused.unfreeze(), { code: 'ERR_VALUE', message: /fused/ })
  fused.dispose()
  network.dispose()
})

const golden = JSON.parse(readFileSync(new URL('./golden/layerwise.json', import.meta.url), 'utf8'))

/** By parameter, in the network's order: [decay ** distance, weight decay]. */
function scales(network, options) {
  const groups = layerwiseGroups(network, options)
  const found = new Map(groups.flatMap((g) => g.params.map((p, i) => [g.names[i], [p, g.lrScale, g.weightDecay]])))
  return network.namedParameters().map(([name, parameter]) => {
    const [member, scale, weightDecay] = found.get(name)
    if (member !== parameter) throw new Error(`${name} is another tensor`)
    return [scale, weightDecay]
  })
}

t.test('the rates are timm’s, for every network', async (t) => {
  t.same(Object.keys(golden.models).sort(), mb.models.list().sort(), 'the golden has them all')
  for (const [name, runs] of Object.entries(golden.models)) {
    // The layers of a narrow network are those of the wide one, for less memory.
    const network = create({ ...mb.models.arch(name), width: 0.1 }, { init: 'none' })
    const wanted = runs.flatMap(([count, distance]) => Array(count).fill(0.75 ** distance))
    const found = scales(network, { decay: 0.75, weightDecay: 0.1 }).map(([scale]) => scale)
    t.same(found, wanted, name)
    network.dispose()
  }
})

t.test('by stage, without frozen parts, with weight decay as always', async (t) => {
  const network = create('efficientnet_b0', { init: 'none' })
  const distances = { classifier: 0, features: [8, 7, 6, 5, 4, 3, 2, 1, 1] }
  const byStage = scales(network, { decay: 0.5, weightDecay: 0.1, by: 'stage' })
  const [decayed] = decayGroups(network, 0.1)
  for (const [i, [key]] of network.namedParameters().entries()) {
    const [part, stage] = key.split('.')
    const distance = part === 'classifier' ? 0 : distances.features[Number(stage)]
    const [scale, weightDecay] = byStage[i]
    if (scale !== 0.5 ** distance) t.fail(`${key}: ${scale}`)
    if (weightDecay !== (decayed.names.includes(key) ? 0.1 : 0)) t.fail(`${key}: weight decay ${weightDecay}`)
  }
  const all = layerwiseGroups(network, { decay: 0.5, weightDecay: 0.1 })
  t.equal(all[0].lrScale, 1, 'the classifier comes first')
  network.freeze({ upTo: 4 })
  const rest = layerwiseGroups(network, { decay: 0.5, weightDecay: 0.1 })
  t.equal(
    rest.reduce((sum, { params }) => sum + params.length, 0),
    network.parameters().filter(({ requiresGrad }) => requiresGrad).length,
  )
  t.same(
    rest.map(({ lrScale, names }) => [lrScale, names]),
    all.slice(0, rest.length).map(({ lrScale, names }) => [lrScale, names]),
    'the rates of the others do not depend on it',
  )
  const refused = (options, code, message) => t.throws(() => layerwiseGroups(network, options), { code, message })
  refused({ decay: 0, weightDecay: 0 }, 'ERR_VALUE', /decay must be greater than 0/)
  refused({ decay: 1.1, weightDecay: 0 }, 'ERR_VALUE', /decay must be at most 1/)
  refused({ decay: 1, weightDecay: -1 }, 'ERR_VALUE', /weightDecay/)
  refused({ decay: 1, weightDecay: 0, by: 'layer' }, 'ERR_VALUE', /by must be 'block' or 'stage'/)
  t.throws(() => layerwiseGroups(new mb.nn.Linear(2, 2), { decay: 0.5, weightDecay: 0 }), { code: 'ERR_VALUE' })
  t.throws(() => layerwiseGroups({}, { decay: 0.5, weightDecay: 0 }), { code: 'ERR_TYPE' })
  network.dispose()
})

t.test('a schedule scales every group; an update is its own rate’s', async (t) => {
  const make = { sgd: (g) => new SGD(g, { lr: 1, momentum: 0 }), rmsprop: (g) => new RMSprop(g, { lr: 1 }) }
  make.adamw = (g) => new AdamW(g, { lr: 1 })
  make.capturable = (g) => new AdamW(g, { lr: 1, capturable: true })
  const schedule = schedules.cosine({ lr: 0.4, totalSteps: 10, warmupSteps: 2 })
  for (const [name, optimizerOf] of Object.entries(make)) {
    const params = [0, 1, 2].map(() => mb.ones([2]).requiresGrad_())
    const scales = [1, 0.5, 0.25]
    const optimizer = optimizerOf(params.map((p, i) => ({ params: [p], lrScale: scales[i], weightDecay: 0 })))
    t.same(
      optimizer.groups.map(({ lr }) => lr),
      scales,
    )
    for (const at of [1, 5]) {
      optimizer.lr = schedule(at)
      t.equal(optimizer.lr, schedule(at))
      t.same(
        optimizer.groups.map(({ lr }) => lr),
        scales.map((scale) => schedule(at) * scale),
        name,
      )
    }
    const before = params.map((p) => p.detach().toArray()[0])
    mb.scope(() => params.reduce((sum, p) => sum.add(p.sum()), mb.zeros([])).backward())
    optimizer.step()
    const moves = params.map((p, i) => before[i] - p.detach().toArray()[0])
    t.ok(moves[0] > 0)
    for (const [i, scale] of scales.entries()) {
      t.ok(Math.abs(moves[i] / moves[0] / scale - 1) < 1e-4, `${name}: ${moves[i]} is ${scale} of ${moves[0]}`)
    }
    optimizer.dispose()
  }
  const params = [mb.ones([1]).requiresGrad_()]
  t.throws(() => new SGD([{ params, lrScale: 0 }], { lr: 1 }), { code: 'ERR_VALUE', message: /lrScale/ })
  t.throws(() => new SGD([{ params, lrScale: 'x' }], { lr: 1 }), { code: 'ERR_TYPE', message: /lrScale/ })
  const own = new SGD([{ params, lr: 3, lrScale: 0.5 }], { lr: 1 })
  t.equal(own.groups[0].lr, 3, 'a rate of its own is taken as it is')
})

const TINY = `model: {name: efficientnet_b0, width: 0.1, depth: 0.3, divisor: 4, resolution: 16}
data: {batchSize: 16}
device: cpu
epochs: 1
maxSteps: 3
threads: 1
`

t.test('fine-tuning by a configuration: weights of ten classes, frozen stages, falling rates, resumed', async (t) => {
  const folder = t.testdir({})
  const { config } = parseConfigFile(yaml(t, TINY))
  const { archFor } = internal('sessionModel')
  const other = create(archFor(config), { numClasses: 4, inChannels: 1, seed: 9 })
  const weights = path.join(folder, 'w.safetensors')
  mb.io.safetensors.write(weights, other.stateDict())
  const input = {
    ...config,
    model: { ...config.model, weights, freeze: 3 },
    optimizer: { name: 'sgd', lr: 0.1, layerDecay: 0.5 },
    ...{ maxSteps: 2, run: { dir: folder, name: 'tuned' } },
  }
  const events = []
  const run = mb.train(input)
  for await (const event of run) events.push(event)
  const { runDir, checkpoint } = await run.result
  t.match(
    events.filter(({ type }) => type === 'warning').map(({ message }) => message),
    [
      /schedule\.warmupEpochs is 5 and epochs is 1/,
      /w\.safetensors has another number of classes: classifier\.1\.weight and classifier\.1\.bias begin anew/,
    ],
  )
  const check = (checkpointDir) => {
    const { tensors } = mb.io.safetensors.read(path.join(checkpointDir, 'model.safetensors'))
    for (const [key, tensor] of Object.entries(other.stateDict())) {
      const frozen = /^features\.[0-3]\./.test(key)
      if (!key.startsWith('classifier') && bytes(tensors[key]).equals(bytes(tensor)) !== frozen) t.fail(key)
    }
    const state = mb.io.safetensors.read(path.join(checkpointDir, 'optimizer.safetensors')).tensors
    t.notOk(
      Object.keys(state).some((key) => /features\.[0-3]\./.test(key)),
      'no state for what is frozen',
    )
  }
  check(checkpoint)
  const again = await mb.train({ ...input, maxSteps: 4 }, { resume: runDir }).result
  t.equal(again.steps, 4)
  check(again.checkpoint)
  other.dispose()
})

t.test('mistakes in these keys', async (t) => {
  const lines = (...overrides) => complaints(t, TINY, overrides).lines.map((line) => line.replace(/ \(.*/, ''))
  t.same(lines('--model.freeze=9', '--optimizer.layerDecay=2', '--model.weights='), [
    '--optimizer.layerDecay: must be at most 1, not 2',
    '--model.freeze: must be at most 8, not 9',
  ])
  t.same(lines('--model.freeze=2', '--model.stages=[mb_r1_k3_s1_e1_c16]', '--model.head=0'), [
    '--model.freeze: must be at most 1, not 2',
  ])
  const missing = { model: { name: 'efficientnet_b0', weights: '/none.safetensors' }, epochs: 1 }
  await t.rejects(mb.train({ ...missing, run: { dir: t.testdir({}) } }).result, { message: /none\.safetensors/ })
  const file = yaml(t, TINY.replace('width', 'weights: w.pth, width'))
  t.equal(parseConfigFile(file).config.model.weights, path.join(path.dirname(file), 'w.pth'))
  t.equal(parseConfigFile(file, ['--model.weights=v.pth']).config.model.weights, path.resolve('v.pth'))
})
