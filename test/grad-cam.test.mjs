// Heat-maps: by hand where that is possible, by finite differences elsewhere, and on images whose answer is known.
import fs from 'node:fs'
import path from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { settledMemory } from './helpers/live.mjs'
import { disturbNorms, small } from './helpers/small.mjs'

mb.setNumThreads(1)

const { arch, create, gradCam, list } = mb.models
const sharp = await import('sharp').then(
  ({ default: found }) => found,
  () => undefined, // optional: the test that needs it says that it is skipped
)

/** Evidence for a class from feature map and gradient, number by number; [h][w], the most of it 1. */
function byHand(map, gradient) {
  const [h, w] = [map[0].length, map[0][0].length]
  const means = gradient.map((rows) => rows.flat().reduce((a, b) => a + b, 0) / (h * w))
  const heat = Array.from({ length: h }, (_, y) =>
    Array.from({ length: w }, (_, x) =>
      Math.max(
        0,
        map.reduce((sum, rows, k) => sum + means[k] * rows[y][x], 0),
      ),
    ),
  )
  const most = Math.max(...heat.flat())
  return heat.map((row) => row.map((value) => (most === 0 ? 0 : value / most)))
}
const close = (a, b, limit) => a.flat(9).every((value, i) => Math.abs(value - b.flat(9)[i]) <= limit)

t.test('at the last part the gradient is the classifier’s weight over the number of places', async (t) => {
  mb.manualSeed(1)
  for (const name of list().filter((each) => !arch(each).hidden)) {
    const options = { numClasses: 4, profile: 'torchvision', dtype: 'float64', seed: 3 }
    const network = disturbNorms(create(small(name), options)).eval()
    mb.scope(() => {
      const x = mb.randn([2, 3, 64, 64], { dtype: 'float64' })
      const [map] = mb.noGrad(() => network.forwardFeatures(x))
      const logits = mb.noGrad(() => network.forward(x))
      const weight = network.stateDict()['classifier.1.weight'].detach().toArray()
      const places = map.shape[2] * map.shape[3]
      const found = gradCam(network, x, { classes: [3, 0], size: null })
      t.same(found.classes, [3, 0])
      t.ok(close(found.logits.toArray(), logits.toArray(), 1e-12), `${name}: logits`)
      for (const [i, c] of [3, 0].entries()) {
        const gradient = weight[c].map((w) => map.toArray()[i][0].map((row) => row.map(() => w / places)))
        t.ok(close(found.heat.toArray()[i], byHand(map.toArray()[i], gradient), 1e-9), `${name}, image ${i}`)
      }
    })
    network.dispose()
  }
})

t.test('at an earlier part it is that of finite differences; frozen, fused and under noGrad alike', async (t) => {
  mb.manualSeed(6)
  const network = disturbNorms(
    create(small('mobilenet_v3_small'), { numClasses: 3, profile: 'paper', dtype: 'float64', seed: 4 }),
  ).eval()
  mb.scope(() => {
    const x = mb.randn([1, 3, 32, 32], { dtype: 'float64' })
    const stage = 6
    const [map] = mb.noGrad(() => network.forwardFeatures(x, { stages: [stage] }))
    const values = map.toTypedArray()
    const logit = (at, change) => {
      const moved = values.slice()
      moved[at] += change
      const y = mb.fromTypedArray(moved, map.shape)
      return mb.scope(() => mb.noGrad(() => network.forwardFrom(y, stage)).toArray()[0][1])
    }
    const flat = [...values.keys()].map((i) => (logit(i, 1e-4) - logit(i, -1e-4)) / 2e-4)
    const gradient = mb.fromTypedArray(Float64Array.from(flat), map.shape).toArray()[0]
    const wanted = byHand(map.toArray()[0], gradient)
    const heat = (model) => gradCam(model, x, { classes: 1, stage, size: null }).heat.toArray()[0]
    t.ok(Math.max(...wanted.flat()) === 1, 'there is something to compare')
    t.ok(close(heat(network), wanted, 1e-5))
    t.ok(
      mb.noGrad(() => close(heat(network), wanted, 1e-5)),
      'within noGrad',
    )
    network.freeze({ upTo: 11 })
    t.ok(close(heat(network), wanted, 1e-5), 'frozen')
    const fused = network.fuse()
    t.ok(close(heat(fused), wanted, 1e-5), 'fused')
    fused.dispose()
    t.ok(
      network.parameters().every(({ grad }) => grad === null || grad === undefined),
      'no gradient is left',
    )
    const enlarged = gradCam(network, x, { stage })
    t.same(enlarged.heat.shape, [1, 32, 32])
    t.equal(enlarged.classes[0], Number(network.forward(x).argmax({ dim: 1 }).toTypedArray()[0]))
  })
  network.dispose()
})

t.test('refusals, and nothing left behind', async (t) => {
  const network = create(small('efficientnet_b0'), { numClasses: 3, seed: 0 })
  mb.scope(() => {
    const x = mb.zeros([2, 3, 32, 32])
    t.throws(() => gradCam(network, x), { code: 'ERR_VALUE', message: /training mode/ })
    network.eval()
    const { tensors } = mb.memory()
    const { heat, logits } = gradCam(network, x)
    t.equal(mb.memory().tensors, tensors + 2)
    t.notOk(heat.toArray().flat(2).some(Number.isNaN), 'no evidence is no heat')
    t.notOk(logits.requiresGrad || heat.requiresGrad)
    const refused = (options, code) => t.throws(() => gradCam(network, x, options), { code, op: /./ })
    refused({ classes: 3 }, 'ERR_INDEX')
    refused({ classes: [0] }, 'ERR_TYPE')
    refused({ classes: [0, 1.5] }, 'ERR_INDEX')
    refused({ stage: 9 }, 'ERR_INDEX')
    refused({ stage: 'head' }, 'ERR_INDEX')
    refused({ class: 1 }, 'ERR_TYPE')
    t.throws(() => gradCam({}, x), { code: 'ERR_TYPE' })
    t.throws(() => gradCam(network, mb.zeros([3, 32, 32])), { code: 'ERR_SHAPE' })
    t.throws(() => network.forwardFrom(x, -1), { code: 'ERR_INDEX' })
    t.throws(() => network.forwardFrom(7, 1), { code: 'ERR_TYPE' })
  })
  network.dispose()
})

/** Noise with a patch of stripes in one quarter; across (class 0) or upright (class 1). Pixels 0 … 1. */
function striped(count, side = 48) {
  const pixels = new Float32Array(count * side * side)
  const labels = new BigInt64Array(count)
  const quarters = []
  let state = count
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  for (let i = 0; i < count; i++) {
    const label = i % 2
    labels[i] = BigInt(label)
    const quarter = Math.floor(random() * 4)
    quarters.push(quarter)
    const [top, left] = [quarter >> 1, quarter & 1].map((half) => 4 + half * (side / 2))
    for (let p = 0; p < side * side; p++) {
      const [y, x] = [Math.floor(p / side), p % side]
      const inside = y >= top && y < top + 16 && x >= left && x < left + 16
      const stripe = (label === 0 ? y : x) % 4 < 2 ? 0.9 : 0.1
      pixels[i * side * side + p] = inside ? stripe : 0.3 + 0.2 * random()
    }
  }
  return { pixels, labels, quarters, side }
}

/** A network that tells the two kinds of stripes apart, on maps of a quarter of the side. */
function trained() {
  const table = {
    ...arch('efficientnet_b0'),
    ...{ name: 'stripes', stem: 8, head: 32, resolution: 48 },
    stages: ['mb_r1_k3_s1_e1_c8', 'mb_r2_k3_s2_e4_c16'].map(mb.models.parseStage),
  }
  const network = create(table, {
    numClasses: 2,
    inChannels: 1,
    profile: 'torchvision',
    dropPath: 0,
    dropout: 0,
    seed: 1,
  })
  const optimizer = new mb.optim.AdamW(network.parameters(), { lr: 0.01 })
  const { pixels, labels, side } = striped(256)
  for (let step = 0; step < 48; step++) {
    const at = (step % 8) * 32
    mb.scope(() => {
      const x = mb.fromTypedArray(pixels.slice(at * side * side, (at + 32) * side * side), [32, 1, side, side])
      const y = mb.fromTypedArray(labels.slice(at, at + 32), [32])
      mb.nn.functional.crossEntropy(network.forward(x), y).backward()
      optimizer.step()
      optimizer.zeroGrad()
    })
  }
  optimizer.dispose()
  return network.eval()
}

const network = trained()
const { pixels, labels, quarters, side } = striped(30)

t.test('the heat is where the evidence is', async (t) => {
  mb.scope(() => {
    const x = mb.fromTypedArray(pixels, [30, 1, side, side])
    const { heat, classes } = gradCam(network, x)
    const right = classes.filter((c, i) => BigInt(c) === labels[i]).length
    t.ok(right >= 29, `${right} of 30 recognised`)
    const maps = heat.toArray()
    const hottest = maps.map((rows) => {
      const flat = rows.flat()
      const p = flat.indexOf(Math.max(...flat))
      return 2 * Math.floor(p / side / (side / 2)) + Math.floor((p % side) / (side / 2))
    })
    const found = hottest.filter((quarter, i) => quarter === quarters[i]).length
    t.ok(found >= 28, `the hottest place lies in the right quarter in ${found} of 30`)
    const share = maps.map((rows, i) => {
      const [top, left] = [quarters[i] >> 1, quarters[i] & 1].map((half) => (half * side) / 2)
      const inside = rows.slice(top, top + side / 2).flatMap((row) => row.slice(left, left + side / 2))
      return inside.reduce((a, b) => a + b, 0) / rows.flat().reduce((a, b) => a + b, 0)
    })
    const mean = share.reduce((a, b) => a + b, 0) / 30
    t.ok(mean > 0.6, `${(100 * mean).toFixed(0)} % of the heat lie there, a quarter would be chance`)
  })
})

t.test(
  'explain: the picture, the figures, the command',
  { skip: !sharp && 'the optional package sharp is not installed' },
  async (t) => {
    const dir = t.testdir({})
    const preprocessing = { fit: 'stretch', interpolation: 'bilinear', mean: [0], std: [1] }
    const card = mb.models.makeCard(network, { classes: ['across', 'up & <down>'], preprocessing })
    const model = path.join(dir, 'stripes.safetensors')
    mb.io.safetensors.write(model, network.stateDict(), { 'mbconv.card': JSON.stringify(card) })
    const image = path.join(dir, 'a.png')
    const bytes = Uint8Array.from(pixels.subarray(0, side * side), (v) => Math.round(255 * v))
    await sharp(bytes, { raw: { width: side, height: side, channels: 1 } })
      .png()
      .toFile(image)

    const before = await settledMemory()
    const found = await mb.explainImage(model, image)
    t.same(mb.memory(), before, 'nothing is left behind')
    t.match(found, { file: image, label: 'across', index: 0, stage: 3, heatShape: [12, 12] })
    const own = mb.scope(() => {
      const x = mb.fromTypedArray(
        Float32Array.from(bytes, (v) => v / 255),
        [1, 1, side, side],
      )
      return gradCam(network, x, { size: null }).heat.toTypedArray()
    })
    t.ok(
      found.heat.every((value, i) => Math.abs(value - own[i]) < 1e-4),
      'the heat is that of the file’s pixels',
    )
    const { width, height, format } = await sharp(found.png).metadata()
    t.same({ width, height, format }, { width: 2 * (2 * (320 + 20) + 16), height: 2 * (320 + 40 + 92), format: 'png' })
    const other = await mb.explainImage(model, image, { class: 'up & <down>', stage: 1 })
    t.match(other, { label: 'up & <down>', index: 1, stage: 1, heatShape: [24, 24] })
    t.same(other.predictions, found.predictions)
    // Of an input of 8 px the last parts keep less than 4 x 4 places.
    const few = { ...card, preprocessing: { ...card.preprocessing, resolution: 8 } }
    const coarse = path.join(dir, 'coarse.safetensors')
    mb.io.safetensors.write(coarse, network.stateDict(), { 'mbconv.card': JSON.stringify(few) })
    t.match(await mb.explainImage(coarse, image), { stage: 1, heatShape: [4, 4] })
    t.equal((await mb.explainImage(model, image, { class: 1 })).label, 'up & <down>')
    await t.rejects(mb.explainImage(model, image, { class: 'acros' }), {
      code: 'ERR_VALUE',
      hint: 'did you mean across?',
    })
    await t.rejects(mb.explainImage(model, image, { class: 2 }), { code: 'ERR_VALUE' })
    await t.rejects(mb.explainImage(model, image, { stage: 4 }), { code: 'ERR_INDEX' })
    await t.rejects(mb.explainImage(model, path.join(dir, 'none.png')), { code: 'ERR_DATA' })
    await t.rejects(mb.explainImage(model, 7), { code: 'ERR_TYPE' })

    // The part of a photograph that a cropping model sees is a square in the middle.
    const cropped = mb.models.makeCard(network, { preprocessing: { ...preprocessing, fit: 'crop' } })
    mb.io.safetensors.write(model, network.stateDict(), { 'mbconv.card': JSON.stringify(cropped) })
    const wide = path.join(dir, 'wide.png')
    await sharp({ create: { width: 400, height: 200, channels: 3, background: '#888' } })
      .png()
      .toFile(wide)
    const picture = await sharp((await mb.explainImage(model, wide)).png).metadata()
    t.equal(picture.height, 2 * (160 + 40 + 92))

    const { spawnSync } = await import('node:child_process')
    const mbconv = (...words) =>
      spawnSync(process.execPath, [path.resolve('dist/cli/main.js'), 'explain', ...words, '--run', model], {
        cwd: dir,
        encoding: 'utf8',
        env: { ...process.env, NO_COLOR: '1', LANG: 'C.UTF-8' },
      })
    const told = mbconv('a.png', '--json')
    t.equal(told.status, 0, told.stderr)
    t.match(JSON.parse(told.stdout), {
      label: /^class [01]$/,
      out: 'a-explained.png',
      heatShape: [12, 12],
      predictions: [{}, {}],
    })
    t.equal((await sharp(fs.readFileSync(path.join(dir, 'a-explained.png'))).metadata()).format, 'png')
    t.match(mbconv('a.png', '--class', 'none'), { status: 2, stderr: /knows no class "none"/ })
  },
)
t.teardown(() => network.dispose())
