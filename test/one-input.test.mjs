// The logits of a photograph are the same wherever its network runs: in the evaluation of its run, in prediction, in
// Grad-CAM, and in onnxruntime. For every way of fitting an image into the input, square and rectangle.
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { loadOnnxruntime } from '../scripts/bench/onnxruntime/load.mjs'
import { internal } from './helpers/internals.mjs'
import { tinyConfig } from './helpers/tiny.mjs'

const { eachImage } = internal('eachImage')
const { RECIPE_NAMES } = internal('recipes')
const { readInputImage } = internal('inputImage')
const { evaluationLoader } = internal('evaluation')
const { UnreadableImages } = internal('unreadableImages')
const { openTrained } = internal('trained')
const { InputNormalizer } = internal('input')
const { cardNote, preprocessingOf, withFitOfWeights, withStoredFit } = internal('sessionPreprocessing')
const { resumedConfig } = internal('runFolder')
const { shapeReasons } = internal('shapes')

const LIMIT = 1e-4
const sharp = await import('sharp').then(
  ({ default: found }) => found,
  () => undefined, // optional: the tests that need it say that they are skipped
)
const { ort, reason } = await loadOnnxruntime({ note: (text) => t.comment(text) })
const skip =
  (!sharp && 'the optional package sharp is not installed') ||
  (reason && `onnxruntime-node cannot be had here: ${reason}`)
mb.setNumThreads(1)
t.setTimeout(120_000)

/** Committed photographs, cut to several shapes: a folder with two classes. */
async function photographsIn(folder) {
  for (const [name, width, height] of [
    ['brick', 128, 41],
    ['trees', 37, 128],
  ]) {
    const source = resolve('test/photographs/test', name)
    mkdirSync(join(folder, name), { recursive: true })
    for (const [i, file] of readdirSync(source).sort().slice(0, 2).entries()) {
      const whole = i === 0
      const part = { left: 0, top: 0, width: whole ? 128 : width, height: whole ? 128 : height }
      const to = join(folder, name, file.replace('.jpg', '.png'))
      await sharp(join(source, file)).extract(part).png().toFile(to)
    }
  }
  return folder
}

const apart = (a, b) => Math.max(...a.map((row, i) => Math.max(...row.map((value, j) => Math.abs(value - b[i][j])))))

const softmax = (row) => {
  const powers = row.map((value) => Math.exp(value - Math.max(...row)))
  const sum = powers.reduce((a, b) => a + b)
  return powers.map((value) => value / sum)
}

/** As the evaluation of a run computes them, from its batches. */
async function evaluated(runDir, test) {
  const { model, state } = openTrained(runDir, 'cpu')
  const { normalization } = state
  const normalizer = new InputNormalizer({ device: 'cpu', normalization })
  const unreadable = new UnreadableImages(test, 0, () => {})
  const preprocessing = preprocessingOf(state.config, state)
  const rows = []
  for await (const batch of evaluationLoader(test, { batchSize: 3, preprocessing, unreadable }).epoch(0))
    rows.push(...mb.noGrad(() => mb.scope(() => model.forward(normalizer.tensorOf(batch)).toArray())))
  normalizer.dispose()
  model.dispose()
  return rows
}

/** As `predictEach` computes them, before softmax. */
async function predicted(runDir, files) {
  const task = { op: 'test', options: [], resultOf: (_, row) => [...row] }
  const rows = []
  for await (const row of eachImage(runDir, files, { device: 'cpu' }, { ...task, compute: (n, x) => n.forward(x) }))
    rows.push(row)
  return rows
}

/** The files as the card describes the input. */
async function inputsOf({ preprocessing }, files) {
  const { mean, std } = preprocessing
  const rows = []
  for (const file of files) {
    const planes = await readInputImage(file, preprocessing)
    const area = planes.length / mean.length
    const normalized = (byte, i) => (byte / 255 - mean[Math.floor(i / area)]) / std[Math.floor(i / area)]
    rows.push(Float32Array.from(planes, normalized))
  }
  return rows
}

async function inOnnxruntime({ onnx, input }, inputs) {
  const session = await ort.InferenceSession.create(onnx, { intraOpNumThreads: 1, logSeverityLevel: 3 })
  const rows = []
  for (const values of inputs) {
    const { logits } = await session.run({ input: new ort.Tensor('float32', values, [1, ...input.shape.slice(1)]) })
    rows.push([...logits.data])
  }
  await session.release()
  return rows
}

function inGradCam(runDir, shape, inputs) {
  const { model } = openTrained(runDir, 'cpu')
  const rows = inputs.map((values) =>
    mb.scope(() => mb.models.gradCam(model, mb.fromTypedArray(values, [1, ...shape.slice(1)])).logits.toArray()[0]),
  )
  model.dispose()
  return rows
}

t.test('evaluation, prediction, Grad-CAM and onnxruntime agree', { skip }, async (t) => {
  const dir = t.testdir()
  const photos = await photographsIn(join(dir, 'photos'))
  const { train: test } = mb.data.datasetOf({ dataset: 'folder', folder: { path: photos, test: photos } })
  const files = Array.from({ length: test.length }, (_, i) => test.read(i).file)
  const ways = ['crop', 'pad', 'stretch'].flatMap((fit) => [32, [24, 40]].map((resolution) => [fit, resolution]))
  for (const [fit, resolution] of ways) {
    const name = `${fit}-${[resolution].flat().join('x')}`
    const config = {
      ...{ seed: 1, device: 'cpu', threads: 1, epochs: 16, evalEveryEpochs: 16, ema: false },
      model: { name: 'efficientnet_b0', width: 0.25, depth: 0.1, resolution, profile: 'timm', dropPath: 0 },
      data: { dataset: 'folder', folder: { path: photos, test: photos }, batchSize: 2, fit, loaderThreads: 1 },
      optimizer: { name: 'adamw', lr: 0.003 },
      schedule: { name: 'constant' },
      run: { dir: join(dir, 'runs'), name, curves: false },
    }
    const { runDir } = await mb.train(config, { worker: false }).result
    const exported = mb.exportRun(runDir, { out: join(runDir, 'model.onnx') })
    const card = mb.models.readCard(exported.card)
    t.same(card.preprocessing.resolution, resolution, name)
    t.equal(card.preprocessing.fit, fit)
    const [height, width] = [resolution, resolution].flat()
    t.same(exported.input.shape, ['batch', 3, height, width])

    const inputs = await inputsOf(card, files)
    const logits = await evaluated(runDir, test)
    const others = {
      prediction: await predicted(runDir, files),
      onnxruntime: await inOnnxruntime(exported, inputs),
      'Grad-CAM': inGradCam(runDir, exported.input.shape, inputs),
    }
    for (const [where, rows] of Object.entries(others)) {
      const error = apart(logits, rows)
      t.ok(error <= LIMIT, `${name}, ${where}: ${error}`)
    }
    const difference = Math.max(...logits.map((row) => apart([row], [logits[0]])))
    t.ok(difference > 0.05, `the images differ by ${difference}`)

    // What the public functions say is made of these logits.
    const [file] = files.slice(-1)
    const probabilities = softmax(logits.at(-1))
    const [prediction] = await mb.predictImages(runDir, [file], { device: 'cpu' })
    const explained = await mb.explainImage(runDir, file, { device: 'cpu' })
    for (const { predictions } of [prediction, explained])
      for (const { index, probability } of predictions)
        t.ok(Math.abs(probability - probabilities[index]) <= LIMIT, `${name}: a probability`)
    const wanted = logits.map((row, i) => -Math.log(softmax(row)[test.labels[i]]))
    const { loss, top1 } = await mb.evaluateRun(runDir, { device: 'cpu' })
    t.ok(Math.abs(loss - wanted.reduce((a, b) => a + b) / wanted.length) <= LIMIT, `${name}: the loss ${loss}`)
    const right = logits.filter((row, i) => row.indexOf(Math.max(...row)) === test.labels[i])
    t.equal(top1, right.length / files.length)

    // Of a strip of 37 x 128 px, what the heat-map covers.
    const { top, left, width: w, height: h } = explained.region
    t.ok(
      fit === 'pad' ? left < 0 && w > 1 && h === 1 : left >= 0 && top >= 0 && w <= 1 && h <= 1,
      `${name}: the region`,
    )
    // Between the two pictures, where the heat of the padding would lie.
    const between = { left: 241, top: 360, width: 1, height: 1 }
    const pixel = await sharp(explained.png).extract(between).removeAlpha().raw().toBuffer()
    t.same([...pixel], [255, 255, 255], `${name}: nothing is drawn beside the photograph`)
  }
})

t.test('a run keeps the fit of the card that its initial weights have', async (t) => {
  const dir = t.testdir()
  const arch = mb.models.scale(mb.models.arch('efficientnet_b0'), { width: 0.1, depth: 0.1, resolution: 32 })
  const network = mb.models.create(arch, { numClasses: 2 })
  const weights = join(dir, 'b2.safetensors')
  const write = (preprocessing) => {
    const card = mb.models.makeCard(network, { preprocessing })
    mb.io.safetensors.write(weights, network.stateDict(), { 'mbconv.card': JSON.stringify(card) })
  }
  const withData = (data, recipe = 'fine-tune') =>
    mb.parseConfig({
      ...{ recipe, epochs: 4, model: { name: 'efficientnet_b0', weights } },
      data: { dataset: 'folder', folder: { path: 'photos' }, ...data },
    })
  const kept = (data) => withFitOfWeights(withData(data)).data

  const noteOf = (data) => cardNote(withData(data), withFitOfWeights(withData(data)))
  write({})
  t.equal(noteOf({}), undefined, 'the defaults need no note')
  write({ cropShare: 0.95, interpolation: 'bilinear' })
  t.match(kept({}), {
    fit: 'crop',
    cropShare: 0.95,
    interpolation: 'bilinear',
    augment: { crop: { scale: [0.35, 1] } },
  })
  t.equal(noteOf({}), `cropShare: 0.95, interpolation: bilinear, as in the card of ${weights}`)
  t.equal(noteOf({ cropShare: 0.8 }), `interpolation: bilinear, as in the card of ${weights}`)
  t.equal(noteOf({ fit: 'squash', interpolation: 'bicubic' }), undefined, 'the share is that of another fit')
  t.match(kept({ fit: 'squash' }), { fit: 'squash', cropShare: null })
  t.match(kept({ cropShare: 0.8 }), { fit: 'crop', cropShare: 0.8 })
  t.match(kept({ fit: 'pad' }), { fit: 'pad', cropShare: null }, 'what the user says counts')
  write({ fit: 'pad' })
  t.match(kept({}), { fit: 'pad', cropShare: null, interpolation: 'bicubic', augment: { crop: null } })
  t.match(kept({ fit: 'crop' }), { fit: 'crop', augment: { crop: { scale: [0.35, 1] } } })
  t.equal(noteOf({}), `fit: pad, as in the card of ${weights}`)
  const crop = { scale: [0.5, 1] }
  for (const data of [{ cropShare: 0.9 }, { augment: { crop } }])
    t.throws(() => kept(data), { code: 'ERR_CONFIG', message: /has no effect with fit: pad/, hint: /fit: pad .*b2/ })
  t.throws(() => withFitOfWeights(withData({ repeats: 2 }, null)), { code: 'ERR_CONFIG', message: /equal images/ })

  for (const fit of ['crop', 'squash', 'stretch', 'pad']) {
    write({ fit })
    for (const recipe of [null, ...RECIPE_NAMES]) {
      const what = `${fit}, ${recipe}`
      const run = withFitOfWeights(withData({}, recipe))
      t.equal(run.data.fit, fit)
      const isWhole = fit === 'pad' || fit === 'stretch'
      if (isWhole) t.match(run.data, { cropShare: null, augment: { crop: null } }, `${what}: whole images`)
      t.strictSame(mb.parseConfig(run), run, `${what}: config.json can be read`)
      const again = (data) => resumedConfig(run, withStoredFit(withData(data, recipe), run))
      t.strictSame(again({}), run, `${what}: the run is resumed with its configuration`)
      if (isWhole) t.throws(() => again({ augment: { crop } }), /cannot change data\.augment\.crop/, what)
    }
  }

  // What a run has from its configuration must stay there.
  write({ fit: 'crop' })
  const own = withFitOfWeights(withData({ fit: 'stretch', interpolation: 'bilinear' }))
  t.throws(() => resumedConfig(own, withStoredFit(withData({}), own)), {
    message: /cannot change .*data\.fit, data\.interpolation/,
  })
  const none = mb.parseConfig({ ...withData({ fit: 'stretch' }), model: { name: 'efficientnet_b0' } })
  const unset = mb.parseConfig({ ...withData({}), model: { name: 'efficientnet_b0' } })
  t.throws(() => resumedConfig(none, withStoredFit(unset, none)), /cannot change .*data\.fit/)
  write({ fit: 'pad' })
  const started = withFitOfWeights(withData({}))
  rmSync(weights)
  t.strictSame(resumedConfig(started, withStoredFit(withData({}), started)), started, 'the card is gone')
  // Digits that were stretched say nothing about photographs.
  write({ fit: 'stretch', size: [8, 8] })
  const open = withData({})
  t.equal(withFitOfWeights(open), open)
  network.dispose()
})

t.test('photographs that are mostly long are noticed', { skip: !sharp && skip }, async (t) => {
  const dir = t.testdir({ square: {}, long: {} })
  const draw = (name, width, height) =>
    sharp({ create: { width, height, channels: 3, background: '#678' } })
      .png()
      .toFile(join(dir, name))
  for (const i of [0, 1, 2]) await draw(`square/${i}.png`, 20, 19)
  for (const i of [0, 1, 2, 3]) await draw(`long/${i}.png`, i < 2 ? 20 : 61, i < 2 ? 61 : 20)
  const reasons = (data) => shapeReasons(mb.parseConfig({ ...{ epochs: 1, model: { name: 'efficientnet_b0' } }, data }))
  const data = { dataset: 'folder', folder: { path: dir, test: dir } }
  const [reason, ...more] = await reasons(data)
  t.match(reason, /^57 % of the images .*data\.fit=pad/)
  t.same(more, [])
  t.same(await reasons({ ...data, fit: 'crop' }), [], 'nothing is said where it is set')
  const arch = mb.models.scale(mb.models.arch('efficientnet_b0'), { width: 0.1, depth: 0.1, resolution: 32 })
  const network = mb.models.create(arch, { numClasses: 2 })
  const weights = join(dir, 'card.safetensors')
  for (const fit of ['crop', 'pad']) {
    const card = mb.models.makeCard(network, { preprocessing: { fit } })
    mb.io.safetensors.write(weights, network.stateDict(), { 'mbconv.card': JSON.stringify(card) })
    const config = mb.parseConfig({ epochs: 1, model: { name: 'efficientnet_b0', weights }, data })
    t.equal((await shapeReasons(config)).length, fit === 'crop' ? 1 : 0, `weights whose card says ${fit}`)
  }
  network.dispose()
  await draw('square/3.png', 20, 20)
  t.same(await reasons(data), [], 'half of them are not most')
})

t.test('images of one size are stretched to a rectangle, which may grow', async (t) => {
  const given = tinyConfig(t.testdir(), {
    top: { epochs: 2, evalEveryEpochs: 2 },
    data: { progressive: { from: 8, stages: 2 }, augment: { rotate: 10 } },
  })
  const config = { ...given, model: { ...given.model, resolution: [10, 15] } }
  const { runDir, loss } = await mb.train(config, { worker: false }).result
  const card = mb.models.readCard(mb.exportRun(runDir, { out: join(runDir, 'model.onnx') }).card)
  t.match(card.preprocessing, { fit: 'stretch', size: [8, 8], resolution: [10, 15], fill: null })
  t.equal(card.counts.macs, mb.models.count(card.arch, { numClasses: 4, inChannels: 1, resolution: [10, 15] }).macs)
  const again = await mb.evaluateRun(runDir, { device: 'cpu' })
  t.equal(again.loss, loss)
})
