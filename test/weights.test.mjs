// Weights from files with the keys of any library, into networks of any family.
import { join } from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { layerNames, schemesOf, splitKey } = internal('keyMap')

const { create, arch, loadWeights, scale } = mb.models
const small = (name) => scale(arch(name), { width: 0.25, depth: 0.5, resolution: 32 })

/** A model's state dict under the keys of a scheme. */
function renamed(model, scheme) {
  const [own, theirs] = ['mbconv', scheme].map((each) => layerNames(model.arch, each))
  const names = new Map(own.map((layer, i) => [layer, theirs[i]]))
  return Object.fromEntries(
    Object.entries(model.stateDict()).map(([key, tensor]) => {
      const [layer, name] = splitKey(key)
      return [`${names.get(layer)}.${name}`, tensor]
    }),
  )
}

const equal = (a, b) => {
  const theirs = b.stateDict()
  return Object.entries(a.stateDict()).every(([key, tensor]) => tensor.equal(theirs[key]))
}

t.test('every family, under the keys of every library that has it', async (t) => {
  const path = join(t.testdir(), 'weights.safetensors')
  for (const name of [
    'efficientnet_b0',
    'efficientnetv2_b0',
    'mobilenet_v1',
    'mobilenet_v2',
    'mobilenet_v3_small',
    'mnasnet_b1',
    'resnet18',
    'resnet50',
  ]) {
    const table = small(name)
    const from = create(table, { numClasses: 7, seed: 1 })
    for (const scheme of schemesOf(table)) {
      mb.io.safetensors.write(path, renamed(from, scheme))
      const to = create(table, { numClasses: 7, seed: 2 })
      t.notOk(equal(to, from))
      const before = mb.memory().tensors
      const report = loadWeights(to, path, { mmap: scheme === 'timm' })
      t.equal(mb.memory().tensors, before, 'nothing stays behind')
      t.match(report, { loaded: Object.keys(to.stateDict()).length, missing: [], unexpected: [], reinitialized: [] })
      // Where two schemes have the same names, either is right.
      t.same(layerNames(table, report.scheme), layerNames(table, scheme), `${name}: ${report.scheme} for ${scheme}`)
      t.ok(equal(to, from), `${name} as ${scheme}`)
      to.dispose()
    }
    from.dispose()
  }
})

t.test('other classes: the classifier stays as it was initialised', async (t) => {
  const table = small('efficientnet_b0')
  const from = create(table, { numClasses: 1000, seed: 1 })
  const to = create(table, { numClasses: 3, seed: 2 })
  const fresh = to.stateDict()['classifier.1.weight'].clone()
  const report = loadWeights(to, renamed(from, 'timm'))
  t.same(report.reinitialized, ['classifier.1.weight', 'classifier.1.bias'])
  t.ok(to.stateDict()['classifier.1.weight'].equal(fresh))
  t.ok(to.stateDict()['features.0.0.weight'].equal(from.stateDict()['features.0.0.weight']))
  for (const each of [from, to]) each.dispose()
})

t.test('keys that only one side has', async (t) => {
  const table = small('efficientnet_b0')
  const from = create(table, { numClasses: 3, seed: 1 })
  const to = create(table, { numClasses: 3, seed: 2 })
  const dict = renamed(from, 'timm')
  const { 'conv_stem.weight': stem, ...lacking } = dict
  const given = { ...lacking, 'extra.weight': stem }
  const before = to.stateDict()['features.0.1.weight'].clone()
  t.throws(() => loadWeights(to, given), {
    code: 'ERR_VALUE',
    message: /keys \(timm\).*missing: features\.0\.0\.weight; unknown: extra\.weight/,
    hint: /strict: false/,
  })
  t.ok(to.stateDict()['features.0.1.weight'].equal(before), 'nothing has been changed')
  t.match(loadWeights(to, given, { strict: false }), {
    scheme: 'timm',
    missing: ['features.0.0.weight'],
    unexpected: ['extra.weight'],
  })
  const counters = Object.fromEntries(Object.entries(dict).filter(([key]) => !key.endsWith('num_batches_tracked')))
  t.same(loadWeights(to, counters).missing, [], 'old files have no counters of batches')

  const other = create(small('resnet18'), { numClasses: 3, seed: 1 })
  t.throws(() => loadWeights(to, other.stateDict()), {
    code: 'ERR_VALUE',
    message: /not the weights of efficientnet_b0/,
  })
  const wide = create(scale(arch('efficientnet_b0'), { width: 0.5, depth: 0.5 }), { numClasses: 3, seed: 1 })
  t.throws(() => loadWeights(to, wide.stateDict()), { code: 'ERR_SHAPE' })
  t.throws(() => loadWeights(to, '/nowhere.safetensors'), { code: 'ERR_IO' })
  t.throws(() => loadWeights(to, dict, { strikt: true }), { code: 'ERR_TYPE' })
  for (const each of [from, to, other, wide]) each.dispose()
})
