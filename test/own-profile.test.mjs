// The numeric profile that a name implies, and the one that weights bring.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

mb.setNumThreads(1)
const { models } = mb
const { impliedProfile, LIBRARY_NAMES } = internal('libraryNames')
const names = JSON.parse(readFileSync(new URL('./golden/names.json', import.meta.url), 'utf8'))

t.test('the table of names is that of the libraries', async (t) => {
  const published = new Set([...models.list(), 'efficientnetv2_rw_t'])
  for (const library of ['timm', 'torchvision']) {
    const ours = LIBRARY_NAMES.filter((each) => each.library === library)
    const theirs = Object.keys(names[library]).filter((name) => name !== 'alexnet')
    const added = library === 'timm' ? ['efficientnetv2_rw_t'] : [] // a table that models.arch does not list
    t.same(ours.map(({ name }) => name).sort(), [...theirs, ...added].sort(), library)
    for (const { arch, name, profile } of ours) {
      t.ok(published.has(arch), name)
      if (!added.includes(name)) t.equal(models.canonicalName(name), arch)
      t.equal(profile, library === 'torchvision' ? library : name.startsWith('tf_') ? 'tf' : 'timm', name)
    }
  }
})

t.test('what a name implies', async (t) => {
  const implied = {
    b0: 'paper',
    efficientnet_b0: 'paper',
    tf_efficientnet_b0: 'tf',
    efficientnet_lite0: 'timm',
    lite0: 'timm',
    b8: 'timm',
    efficientnet_v2_s: 'torchvision',
    efficientnetv2_s: 'timm',
    efficientnetv2_b0: 'paper',
    mobilenet_v1: 'paper',
    mobilenetv1_100: 'timm',
    mobilenet_v2: 'torchvision',
    mobilenetv2_100: 'timm',
    mobilenet_v3_small: 'torchvision',
    tf_mobilenetv3_small_100: 'tf',
    mnasnet1_0: 'torchvision',
    mnasnet_b1: 'paper',
    semnasnet_100: 'timm',
    resnet18: 'paper',
    wide_resnet50_2: 'paper',
    mine: 'paper',
  }
  for (const [name, profile] of Object.entries(implied)) t.equal(impliedProfile(name), profile, name)
  for (const name of ['b0', 'lite0', 'tf_mobilenetv3_small_100', 'mobilenetv2_100', 'mobilenet_v2']) {
    const model = models.create(name, { init: 'none' })
    t.same([model.profile, model.profileIsImplied], [models.profileNamed(implied[name], model.arch.name), true], name)
    model.dispose()
    const asked = models.create(name, { profile: 'paper', init: 'none' })
    t.same([asked.profile.name, asked.profileIsImplied], ['paper', false])
    asked.dispose()
  }
  const table = models.create(models.arch('mobilenet_v2'), { init: 'none' })
  t.equal(table.profile.name, 'torchvision', 'a table implies what its name does')
  table.dispose()
  const half = models.scale(models.arch('mobilenet_v2'), { width: 0.5, resolution: 64 })
  for (const [each, profile] of [
    [half, 'torchvision'],
    [models.scale(half, { depth: 2, divisor: 4 }), 'torchvision'],
    [models.scale(half, { resolution: 32, name: 'mine' }), 'paper'],
  ]) {
    const scaled = models.create(each, { init: 'none' })
    t.equal(scaled.profile.name, profile, each.name)
    scaled.dispose()
  }
})

t.test('names of other libraries, and short ones, in configurations', async (t) => {
  const modelOf = (model) => mb.parseConfig({ model, data: { dataset: 'scenes' }, epochs: 1 }).model
  for (const [name, canonical, profile] of [
    ['b0', 'efficientnet_b0', 'paper'],
    ['tf_efficientnet_lite0', 'efficientnet_lite0', 'tf'],
    ['efficientnet_v2_s', 'efficientnetv2_s', 'torchvision'],
    ['mobilenetv3_large_100', 'mobilenet_v3_large', 'timm'],
    ['mobilenet_v3_large', 'mobilenet_v3_large', 'torchvision'],
  ]) {
    t.match(modelOf({ name }), { name: canonical, profile }, name)
    t.match(modelOf({ name, profile: 'timm' }), { name: canonical, profile: 'timm' })
    t.match(modelOf({ name, freeze: 1, width: 0.5 }), { freeze: 1, width: 0.5 }, 'checks of other keys know the name')
  }
  t.match(modelOf({ name: 'b0', weights: 'w.pth' }), { profile: null }, 'the file decides')
  t.match(modelOf({ name: 'tf_efficientnet_b0', weights: 'w.pth' }), { profile: 'tf' })
  const named = { name: 'b0', weights: 'tf_efficientnet_b0.ap_in1k' }
  t.match(modelOf(named), { profile: 'tf' })
  t.throws(() => modelOf({ ...named, profile: 'timm' }), { code: 'ERR_CONFIG', hint: /weightsProfile: as-is/ })
  t.match(modelOf({ ...named, profile: 'timm', weightsProfile: 'as-is' }), { profile: 'timm' })
  t.throws(() => modelOf({ name: 'b0', weightsProfile: 'tf' }), { code: 'ERR_CONFIG', message: /weightsProfile/ })
  t.throws(() => modelOf({ name: 'b0', freeze: 90 }), { code: 'ERR_CONFIG', message: /at most 8/ })
  t.throws(() => modelOf({ name: 'b9' }), { code: 'ERR_CONFIG', hint: /efficientnet_b/ })
  for (const name of ['b0', 'tf_efficientnet_b0']) t.equal(models.arch(name).name, 'efficientnet_b0')
})

/** A file of a network with the keys of a scheme, under a profile; a `.pth` file as Python would write it. */
function saved(dir, name, scheme, profile, file) {
  const model = models.create(name, { numClasses: 3, profile, seed: 1 })
  models.saveWeights(model, join(dir, file), { scheme, profile: scheme === 'mbconv' ? undefined : 'as-is' })
  model.dispose()
  if (file.endsWith('.pth')) {
    const tensors = mb.io.pth.read(join(dir, file)).stateDict()
    mb.io.pth.write(join(dir, file), tensors)
    for (const tensor of Object.values(tensors)) tensor.dispose()
  }
  return join(dir, file)
}

/** The profile after loading, or the error. */
function loading(name, options, file, loadOptions) {
  const model = models.create(name, { numClasses: 3, init: 'none', ...options })
  try {
    const report = models.loadWeights(model, file, loadOptions)
    const { padding } = model.features.at(1).at(0).block.at(0).conv
    return { profile: model.profile.name, report: report.profile, eps: model.features.at(0).norm.eps, padding }
  } finally {
    model.dispose()
  }
}

t.test('weights bring their profile, and another one is refused', async (t) => {
  const dir = t.testdir()
  const b0 = 'efficientnet_b0'
  const timm = saved(dir, b0, 'timm', 'timm', 'w.pth')
  t.throws(() => loading(b0, {}, timm), {
    code: 'ERR_VALUE',
    message: /timm's efficientnet_b0 \(profile timm\) or timm's tf_efficientnet_b0 \(profile tf\)/,
    hint: /profile: 'timm' or 'tf'/,
  })
  t.match(loading(b0, {}, timm, { profile: 'timm' }), { profile: 'timm', report: 'timm', eps: 1e-5 })
  t.match(loading(b0, {}, timm, { profile: 'tf' }), { profile: 'tf', eps: 1e-3 })
  t.match(loading(b0, {}, timm, { profile: 'as-is' }), { profile: 'paper', eps: 1e-3 })
  t.match(loading('tf_efficientnet_b0', {}, timm), { profile: 'tf' }, 'the name decides')
  t.match(loading(b0, { profile: 'paper' }, timm), { profile: 'paper' }, 'tf computes the same')
  t.throws(() => loading(b0, { profile: 'timm' }, timm, { profile: 'tf' }), {
    code: 'ERR_VALUE',
    hint: /profile: 'tf'/,
  })
  t.throws(() => loading(b0, {}, timm, { profile: 'caffe' }), { code: 'ERR_VALUE', message: /"as-is"/ })

  const named = saved(dir, b0, 'timm', 'timm', 'tf_efficientnet_b0.pth')
  t.match(loading(b0, {}, named), { profile: 'tf' }, 'the file’s name leaves one')
  t.match(loading(b0, { profile: 'timm' }, named), { profile: 'timm' }, 'and refuses none')
  const published = saved(dir, b0, 'timm', 'timm', 'tf_efficientnet_b0.ap_in1k.pth')
  t.match(loading(b0, {}, published), { profile: 'tf' })
  t.throws(() => loading(b0, { profile: 'timm' }, published), {
    code: 'ERR_VALUE',
    message: /tf_efficientnet_b0\.ap_in1k/,
  })
  t.match(loading(b0, { profile: 'timm' }, published, { profile: 'as-is' }), { profile: 'timm' })

  const torchvision = saved(dir, b0, 'torchvision', 'torchvision', 'tv.pth')
  t.match(loading(b0, {}, torchvision), { profile: 'torchvision', eps: 1e-5 })
  t.throws(() => loading(b0, { profile: 'paper' }, torchvision), {
    code: 'ERR_VALUE',
    message: /torchvision's efficientnet_b0 .*; the network computes under paper/,
    hint: /profile: 'torchvision'.*'as-is'/,
  })
  t.match(loading(b0, { profile: 'timm' }, torchvision), { profile: 'timm' }, 'timm computes the same')

  const own = saved(dir, b0, 'mbconv', 'torchvision', 'own.safetensors')
  t.match(loading(b0, {}, own), { profile: 'torchvision' }, 'the metadata tell')
  t.throws(() => loading(b0, { profile: 'tf' }, own), { code: 'ERR_VALUE', message: /as their file says/ })

  const v3 = saved(dir, 'mobilenet_v3_small', 'torchvision', 'torchvision', 'v3.safetensors')
  t.match(loading('mobilenetv3_small_100', {}, v3), { profile: 'torchvision', eps: 1e-3 })
  const custom = { ...models.profileNamed('tf', 'mine'), name: 'mine', bnEps: 0.01 }
  const mine = saved(dir, 'mobilenet_v3_small', 'mbconv', custom, 'mine.safetensors')
  t.match(loading('mobilenet_v3_small', {}, mine), { profile: 'mine', eps: 0.01 })
})

t.test('logits under an adopted profile are those of a network made under it', async (t) => {
  const dir = t.testdir()
  const file = saved(dir, 'mobilenet_v2', 'timm', 'timm', 'w.pth')
  const logits = (profile) => {
    const model = models.create('mobilenet_v2', { numClasses: 3, ...(profile && { profile }) })
    models.loadWeights(model.eval(), file)
    const y = mb.scope(() => mb.noGrad(() => model.forward(mb.ones([1, 3, 33, 33])).toArray()))
    model.dispose()
    return y
  }
  const tf = saved(dir, 'efficientnet_b0', 'timm', 'tf', 'tf_efficientnet_b0.pth')
  t.same(logits(), logits('timm'))
  const sameRule = (options) => {
    const model = models.create('efficientnet_b0', { numClasses: 3, ...options })
    models.loadWeights(model.eval(), tf)
    const y = mb.scope(() => mb.noGrad(() => model.forward(mb.ones([1, 3, 32, 32])).toArray()))
    model.dispose()
    return y
  }
  t.same(sameRule({}), sameRule({ profile: 'tf' }))
  const symmetric = models.create('efficientnet_b0', { numClasses: 3, profile: 'timm' })
  models.loadWeights(symmetric.eval(), tf, { profile: 'as-is' })
  const other = mb.scope(() => mb.noGrad(() => symmetric.forward(mb.ones([1, 3, 32, 32])).toArray()))
  symmetric.dispose()
  t.notSame(other, sameRule({}), 'the profile matters')
})

t.test('after an error the network is as it was', async (t) => {
  const dir = t.testdir()
  const file = saved(dir, 'efficientnet_b0', 'torchvision', 'torchvision', 'tv.pth')
  const model = models.create('efficientnet_b0', { numClasses: 3, profile: 'paper', seed: 9 })
  const sum = () => mb.scope(() => model.parameters().reduce((all, each) => all + each.abs().sum().item(), 0))
  const before = sum()
  t.throws(() => models.loadWeights(model, file), { code: 'ERR_VALUE' })
  t.same([sum(), model.profile.name], [before, 'paper'])
  model.dispose()
})
