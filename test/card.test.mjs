// Model cards: made, written, read, and what is refused.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'

const { models } = mb
const network = models.create(models.scale(models.arch('mobilenet_v3_small'), { width: 0.25, depth: 0.1 }), {
  numClasses: 3,
  profile: 'timm',
})

t.test('a card holds what using the weights takes', async (t) => {
  const card = models.makeCard(network, {
    classes: ['cat', 'dog', 'fox'],
    preprocessing: { resolution: 96, cropShare: 0.9 },
    metrics: { top1: 0.5, top5: 1, loss: null, images: 10, step: null },
    source: 'pets.safetensors',
    notes: ['The classifier was re-initialised.'],
  })
  const counted = models.count(network.arch, { numClasses: 3, resolution: 96 })
  t.match(card, {
    format: 6,
    name: network.arch.name,
    profile: { name: 'timm', padding: 'symmetric' },
    classes: ['cat', 'dog', 'fox'],
    preprocessing: {
      channels: 3,
      size: null,
      resolution: 96,
      fit: 'crop',
      cropShare: 0.9,
      interpolation: 'bicubic',
      colorManagement: false,
    },
    counts: { params: counted.params, macs: counted.macs, rule: models.COUNTING_RULE },
    training: null,
  })
  t.same(card.preprocessing.mean, network.profile.mean)
  const path = join(t.testdir(), 'model.card.json')
  models.writeCard(path, card)
  t.same(models.readCard(path), card)
  const { colorManagement: _, ...before } = card.preprocessing
  writeFileSync(path, JSON.stringify({ ...card, format: 1, preprocessing: before }))
  t.same(models.readCard(path), card, 'a card of the first format had no colour management')
  const other = { fit: 'squash', cropShare: 1, colorManagement: true }
  models.writeCard(path, models.makeCard(network, { preprocessing: other }))
  t.match(models.readCard(path).preprocessing, other)
  const whole = models.makeCard(network, { preprocessing: { fit: 'pad', resolution: [32, 96] } })
  models.writeCard(path, whole)
  t.match(models.readCard(path), {
    format: 6,
    preprocessing: { resolution: [32, 96], cropShare: null, fill: [124, 116, 104] },
  })
  t.equal(whole.counts.macs, models.count(network.arch, { numClasses: 3, resolution: [32, 96] }).macs)
  const again = models.create(models.readCard(path).arch, { numClasses: 3, profile: models.readCard(path).profile })
  t.same(Object.keys(again.stateDict()), Object.keys(network.stateDict()), 'the network can be built from it')
  again.dispose()
})

t.test('a card of the second format had no drop path, and is still one of its network', async (t) => {
  const folder = t.testdir()
  const path = join(folder, 'model.card.json')
  const narrow = models.scale(models.arch('efficientnet_b0'), { width: 0.1, depth: 0.1, resolution: 32 })
  const dropping = models.create(narrow, { numClasses: 3, init: 'none' })
  t.teardown(() => dropping.dispose())
  const card = models.makeCard(dropping)
  const { dropPath, ...table } = card.arch
  t.equal(dropPath, 0.2)
  writeFileSync(path, JSON.stringify({ ...card, arch: table, format: 2 }))
  const read = models.readCard(path)
  t.same(read, { ...card, arch: table })
  t.ok(models.exportOnnx(dropping, join(folder, 'model.onnx'), { card: read }).bytes > 0)
})

t.test('every model of the list survives the file', async (t) => {
  const path = join(t.testdir(), 'model.card.json')
  const card = models.makeCard(network)
  for (const name of models.list()) {
    const arch = models.arch(name)
    models.writeCard(path, { ...card, arch })
    t.same(models.readCard(path).arch, JSON.parse(JSON.stringify(arch)), name)
  }
})

t.test('the shorter side follows the share of the crop', async (t) => {
  const side = (resolution, cropShare) => models.shorterSide({ resolution, cropShare })
  // timm's floor(resolution / share); torchvision's 256 for 224 and 384 for 380.
  t.same([side(224, 0.875), side(300, 0.904), side(380, 380 / 384), side(600, 0.949)], [256, 331, 384, 632])
  t.equal(side(32, null), 32)
})

t.test('what fits no card is refused where it is made', async (t) => {
  const gray = models.create(network.arch, { inChannels: 1, numClasses: 3 })
  for (const [args, code, message] of [
    [[7], 'ERR_TYPE', /network/],
    [[network, { nmae: 'x' }], 'ERR_TYPE', /unknown option "nmae"/],
    [[network, { classes: ['a'] }], 'ERR_VALUE', /classes has 1 names, the network 3/],
    [[network, { classes: 'abc' }], 'ERR_VALUE', /classes/],
    [[network, { preprocessing: { crop: 1 } }], 'ERR_TYPE', /unknown option "crop"/],
    [[network, { preprocessing: { cropShare: 1.5 } }], 'ERR_VALUE', /cropShare/],
    [[network, { preprocessing: { fit: 'stretch', cropShare: 0.9 } }], 'ERR_VALUE', /null with "stretch"/],
    [[network, { preprocessing: { fit: 'pad', cropShare: 0.9 } }], 'ERR_VALUE', /null with "stretch" and "pad"/],
    [[network, { preprocessing: { fit: 'pad', fill: [0] } }], 'ERR_VALUE', /a byte for each channel/],
    [[network, { preprocessing: { fill: [0, 0, 0] } }], 'ERR_VALUE', /null otherwise/],
    [[network, { preprocessing: { resolution: [32, 0] } }], 'ERR_VALUE', /the width of preprocessing.resolution/],
    [[network, { preprocessing: { resolution: [32] } }], 'ERR_VALUE', /a side or \[height, width\]/],
    [[network, { preprocessing: { mean: [0] } }], 'ERR_VALUE', /a number for each channel/],
    [[network, { preprocessing: { std: [1, 0, 1] } }], 'ERR_VALUE', /std/],
    [[network, { metrics: { top1: 2, top5: 1, loss: 0, images: 1, step: 1 } }], 'ERR_VALUE', /top1/],
    [[network, { preprocessing: { fit: 'border' } }], 'ERR_VALUE', /fit/],
    [[network, { preprocessing: { colorManagement: 'yes' } }], 'ERR_VALUE', /colorManagement/],
    [[network, { training: { size: 10n } }], 'ERR_TYPE', /a card is plain data/],
    [[gray], 'ERR_VALUE', /mean and std must be given for images of 1 channels/],
  ]) {
    t.throws(() => models.makeCard(...args), { name: 'MbconvError', code, message }, String(message))
  }
  gray.dispose()
})

t.test('a file that is no card is refused by its name, and says what is wrong', async (t) => {
  const folder = t.testdir()
  const path = join(folder, 'model.card.json')
  const card = models.makeCard(network)
  models.writeCard(path, card)
  const good = JSON.parse(readFileSync(path, 'utf8'))
  const changed = (change) => {
    const copy = structuredClone(good)
    change(copy)
    return JSON.stringify(copy)
  }
  for (const [text, message] of [
    ['', /is not JSON/],
    ['{"format": 1', /is not JSON/],
    ['null', /no model card/],
    ['[]', /no model card/],
    [changed((c) => delete c.classes), /classes/],
    [changed((c) => Object.assign(c, { klasses: [] })), /klasses/],
    [changed((c) => Object.assign(c.arch.stages[0], { kernle: 3 })), /kernle/],
    [changed((c) => Object.assign(c.preprocessing, { channels: 1 })), /a number for each channel/],
    [changed((c) => Object.assign(c.preprocessing, { cropShare: null })), /must be a number with fit "crop"/],
    [changed((c) => Object.assign(c.arch.stages[0], { kernel: 4 })), /stages\[0\]\.kernel must be odd/],
    [changed((c) => Object.assign(c.profile, { bnEps: 0 })), /bnEps/],
    [changed((c) => Object.assign(c, { format: 7 })), /format 7, a newer one/],
    [changed((c) => Object.assign(c, { format: 'one' })), /format/],
  ]) {
    writeFileSync(path, text)
    const check = { name: 'MbconvError', code: 'ERR_FORMAT', message }
    t.throws(() => models.readCard(path), check, text.slice(0, 40))
    t.throws(() => models.readCard(path), { message: path })
  }
  t.throws(() => models.readCard(join(folder, 'none.json')), { code: 'ERR_IO', message: /no such file/ })
  mkdirSync(join(folder, 'sub'))
  t.throws(() => models.readCard(join(folder, 'sub')), { code: 'ERR_IO', message: /not a regular file/ })
  t.throws(() => models.readCard(7), { code: 'ERR_TYPE' })
  t.throws(() => models.writeCard(join(folder, 'no', 'x.json'), card), { code: 'ERR_IO' })
  t.throws(() => models.writeCard(join(folder, 'x.json'), { ...card, more: 1 }), { code: 'ERR_VALUE', message: /more/ })
  t.notOk(existsSync(join(folder, 'x.json')))
})
