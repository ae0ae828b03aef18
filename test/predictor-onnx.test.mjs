// Predictors of ONNX files: onnxruntime in place of libtorch, with the same answers, and without the addon.
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { loadOnnxruntime } from '../scripts/bench/onnxruntime/load.mjs'
import { internal } from './helpers/internals.mjs'
import { apart, pictureFiles, sharp, writeModel } from './helpers/served-model.mjs'

const { readOnnxMetadata } = internal('onnxMetadata')
const { reason } = await loadOnnxruntime({ note: (text) => t.comment(text) })
const skip =
  (!sharp && 'the optional package sharp is not installed') ||
  (reason && `onnxruntime-node cannot be had here: ${reason}`)
const LIMIT = 1e-4
mb.setNumThreads(1)
t.setTimeout(120_000)

const dir = t.testdir()
const digits = mb.data.loadDigits().test
/** The digits as files, and as a run on them prepares them. */
const digitFiles = sharp
  ? await Promise.all(
      Array.from({ length: digits.length }, (_, i) => {
        const [channels, height, width] = digits.shape
        return sharp(digits.read(i), { raw: { width, height, channels } }).png().toBuffer()
      }),
    )
  : []
const asTrained = { size: digits.shape.slice(1), resolution: 32, fit: 'stretch', interpolation: 'bilinear' }
const quantiles = Array.from({ length: 101 }, (_, i) => 0.1 + i / 200)
const MODELS = {
  digits: [{ preprocessing: { ...asTrained, mean: [0.3], std: [0.4] } }, { inChannels: 1 }],
  crop: [{ confidence: { temperature: 1.5, quantiles } }],
  pad: [{ task: 'multiLabel', preprocessing: { fit: 'pad', interpolation: 'bilinear' } }],
  pixels: [{ preprocessing: { cropShare: 0.75, mean: [0.5, 0.5, 0.5], std: [0.6, 0.6, 0.6] } }, { pixels: true }],
}
const models = Object.fromEntries(
  Object.entries(MODELS).map(([name, options]) => [name, writeModel(dir, name, ...options)]),
)
const pictures = sharp ? await pictureFiles(6, { width: 301, height: 40 }) : []
/** What is asked of each model: the images, and options. */
const ASKED = {
  digits: [digitFiles, { topk: 10 }],
  crop: [pictures, { topk: 10, reject: 0.4 }],
  pad: [pictures, { topk: 10, views: 'flip' }],
  pixels: [pictures, { topk: 10, views: 'ten' }],
}

const namedOf = (files) => files.map((bytes, i) => ({ name: `image ${i + 1}`, bytes }))

/** Array.fromAsync, which Node 20 does not have. */
async function allOf(items) {
  const all = []
  for await (const each of items) all.push(each)
  return all
}

/** The answers of a process in which neither the addon nor libtorch can be loaded. */
async function answersWithout() {
  writeFileSync(join(dir, 'asked.json'), JSON.stringify(ASKED))
  const script = `
    import { readFileSync } from 'node:fs'
    import mb from ${JSON.stringify(import.meta.resolve('mbconv'))}
    const asked = JSON.parse(readFileSync('asked.json', 'utf8'), (_, value) =>
      value?.type === 'Buffer' ? Buffer.from(value.data) : value)
    const answers = {}
    for (const [name, [files, options]] of Object.entries(asked)) {
      const predictor = await mb.loadPredictor(name + '.onnx', { threads: 1 })
      const { runtime, device, card: { name: network } } = predictor
      answers[name] = { runtime, device, network, predictions: await predictor.predict(files, options) }
      if (name === 'crop') answers.embeddings = (await predictor.embed(files)).map(({ vector }) => [...vector])
      // One is left open, with nothing to do: the process ends all the same.
      if (name !== 'pixels') await predictor.close()
    }
    try { mb.zeros([1]) } catch ({ code }) { answers.addon = code }
    answers.libraries = readFileSync('/proc/self/maps', 'utf8').match(/[^/]*(libtorch|libc10|mbconv\\.node)[^/]*$/gm) ?? []
    console.log(JSON.stringify(answers))`
  return answersOf(script)
}

/** What a script prints as JSON, in a process that can load onnxruntime and not the addon. */
async function answersOf(script) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: dir,
    env: {
      ...process.env,
      MBCONV_ADDON: join(dir, 'absent.node'),
      NODE_PATH: join(import.meta.dirname, '../scripts/bench/onnxruntime/node_modules'),
    },
  })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  const status = await new Promise((resolve) => child.on('close', resolve))
  return { status, stderr, answers: status === 0 ? JSON.parse(stdout) : {} }
}

t.test('the answers are libtorch’s, in a process that cannot load it', { skip }, async (t) => {
  const without = answersWithout()
  const wanted = {}
  for (const [name, [files, options]] of Object.entries(ASKED))
    wanted[name] = await allOf(mb.predictEach(models[name].safetensors, namedOf(files), options))
  const embeddings = await allOf(mb.embedEach(models.crop.safetensors, namedOf(pictures)))
  const { status, stderr, answers } = await without
  t.equal(status, 0, stderr)
  t.equal(stderr, '', 'nothing is written to the console')
  t.equal(answers.addon, 'ERR_NATIVE_LOAD', 'the addon cannot be loaded there')
  t.same(answers.libraries, [], 'and no part of libtorch is')
  t.equal(answers.digits.predictions.length, 360)
  for (const [name, { runtime, device, network, predictions }] of Object.entries(answers)) {
    if (!(name in ASKED)) continue
    t.same([runtime, device, network], ['onnxruntime', 'cpu', 'efficientnet_b0_w0.25_d0.1_r32'])
    const difference = apart(predictions, wanted[name])
    t.ok(difference < LIMIT, `${name}: probabilities differ by ${difference}`)
    const images = apart(predictions.slice(1), predictions.slice(0, -1))
    t.ok(images > 0.01, `${name}: images differ by ${images}`)
    const rest = (list) => list.map(({ file, isKnown, labels }) => [file, isKnown, labels?.map(({ label }) => label)])
    t.same(rest(predictions), rest(wanted[name]), `${name}: names, unknown images, labels`)
  }
  t.ok(wanted.crop.some(({ isKnown }) => isKnown) && wanted.pad.some(({ labels }) => labels.length > 0))
  const off = answers.embeddings.flatMap((row, i) => row.map((value, j) => Math.abs(value - embeddings[i].vector[j])))
  const size = Math.max(...embeddings.flatMap(({ vector }) => [...vector].map(Math.abs)))
  t.ok(Math.max(...off) < LIMIT * size, `embeddings differ by ${Math.max(...off)} of ${size}`)
})

t.test('a network without classes gives its features', { skip }, async (t) => {
  const { safetensors } = writeModel(dir, 'headless', {}, { numClasses: 0 })
  const script = `
    import { readFileSync } from 'node:fs'
    import mb from ${JSON.stringify(import.meta.resolve('mbconv'))}
    const files = JSON.parse(readFileSync('headless.json', 'utf8')).map(({ data }) => Buffer.from(data))
    const predictor = await mb.loadPredictor('headless.onnx', { threads: 1 })
    const vectors = (await predictor.embed(files)).map(({ vector }) => [...vector])
    const refused = await predictor.predict(files[0]).catch(({ code, message, hint }) => ({ code, message, hint }))
    console.log(JSON.stringify({ vectors, refused }))`
  writeFileSync(join(dir, 'headless.json'), JSON.stringify(pictures))
  const { status, stderr, answers } = await answersOf(script)
  t.equal(status, 0, stderr)
  const wanted = await allOf(mb.embedEach(safetensors, namedOf(pictures)))
  t.same(
    answers.vectors.map(({ length }) => length),
    wanted.map(({ vector: { length } }) => length),
  )
  const size = Math.max(...wanted.flatMap(({ vector }) => [...vector].map(Math.abs)))
  const off = answers.vectors.flatMap((row, i) => row.map((value, j) => Math.abs(value - wanted[i].vector[j])))
  t.ok(size > 0 && Math.max(...off) < LIMIT * size, `embeddings differ by ${Math.max(...off)} of ${size}`)
  const libtorch = await mb.loadPredictor(safetensors, { threads: 1 })
  const refused = { code: 'ERR_VALUE', message: /has no classifier/, hint: 'embed gives its features.' }
  t.match(answers.refused, refused)
  await t.rejects(libtorch.predict(pictures[0]), refused)
  await libtorch.close()
})

t.test('the card is in the file’s metadata', async (t) => {
  const metadata = readOnnxMetadata(models.digits.onnx)
  t.same(JSON.parse(metadata['mbconv.card']).preprocessing.mean, [0.3])
  const bytes = readFileSync(models.digits.onnx)
  for (const [what, damaged] of [
    ['cut', bytes.subarray(0, bytes.length - 100)],
    ['a length beyond the end', Buffer.concat([bytes, Buffer.from([0x72, 0xff, 0xff, 0x03])])],
    ['an endless number', Buffer.concat([bytes, Buffer.alloc(20, 0xff)])],
    ['an unknown kind of field', Buffer.concat([bytes, Buffer.from([0x07])])],
  ]) {
    const file = join(dir, 'damaged.onnx')
    writeFileSync(file, damaged)
    t.throws(() => readOnnxMetadata(file), { code: 'ERR_FORMAT', message: /damaged ONNX file/ }, what)
  }
  await t.rejects(mb.loadPredictor(join(dir, 'damaged.onnx')), { code: 'ERR_FORMAT' })
})

t.test('what ONNX files do not do', async (t) => {
  const { onnx } = models.crop
  await t.rejects(mb.loadPredictor(onnx, { device: 'cuda' }), { code: 'ERR_VALUE', message: /on the CPU, not on cuda/ })
  await t.rejects(mb.loadPredictor(onnx, { precision: 'bf16' }), { code: 'ERR_VALUE', message: /in float32/ })
  await t.rejects(mb.loadPredictor(onnx), {
    code: 'ERR_ENVIRONMENT',
    message: 'predicting with an ONNX file needs the package onnxruntime-node, which cannot be loaded',
    hint: 'npm install onnxruntime-node',
  })
  const network = mb.models.create('efficientnet_b0', { numClasses: 2, init: 'none' })
  const bare = join(dir, 'bare.onnx')
  mb.models.exportOnnx(network, bare)
  network.dispose()
  await t.rejects(mb.loadPredictor(bare), { code: 'ERR_FORMAT', message: /has no model card/ })
  await t.rejects(mb.predictImages(onnx, ['a.png']), { code: 'ERR_FORMAT', hint: /loadPredictor/ })
})
