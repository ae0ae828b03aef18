// Trained models exported: the command, its files, and onnxruntime's predictions of the 360 digits beside ours.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { loadOnnxruntime } from '../scripts/bench/onnxruntime/load.mjs'
import { internal } from './helpers/internals.mjs'
import { tinyConfig } from './helpers/tiny.mjs'

const { archOf } = internal('published')
const { models } = mb
const LIMIT = 1e-4
const MAIN = resolve('dist/cli/main.js')
mb.setNumThreads(1)
mb.manualSeed(0)
t.setTimeout(120_000)

const { ort, reason } = await loadOnnxruntime({ note: (text) => t.comment(text) })
const skip = reason && `onnxruntime-node cannot be had here: ${reason}`

function mbconv(cwd, ...words) {
  const env = { ...process.env, NO_COLOR: '1', LANG: 'C.UTF-8' }
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...words], { cwd, env, encoding: 'utf8' })
  return { status, stdout, stderr }
}

const argmax = (row) => row.indexOf(Math.max(...row))

/** Onnxruntime's logits of the test digits beside those of `network`, batch by batch as training prepares them. */
async function compareOnDigits(t, path, network, { mean, std, resolution }) {
  const { test } = mb.data.loadDigits()
  const loader = new mb.data.Loader(test, { batchSize: 96, size: resolution, mean, std })
  const session = await ort.InferenceSession.create(path)
  const [classes, labels, wrong] = [[], [], []]
  let error = 0
  let largest = 0
  for (const batch of loader.epoch(0)) {
    const { logits } = await session.run({ input: new ort.Tensor('float32', batch.images, batch.shape) })
    const ours = mb.noGrad(() =>
      mb.scope(() => network.forward(mb.fromTypedArray(batch.images, batch.shape)).toArray()),
    )
    for (const [i, row] of ours.entries()) {
      const theirs = [...logits.data.subarray(i * 10, (i + 1) * 10)]
      error = Math.max(error, ...row.map((value, j) => Math.abs(value - theirs[j])))
      if (argmax(row) !== argmax(theirs)) wrong.push(classes.length)
      largest = Math.max(largest, ...row.map(Math.abs))
      classes.push(argmax(theirs))
      labels.push(Number(batch.labels[i]))
    }
  }
  await session.release()
  t.equal(classes.length, 360)
  t.same(wrong, [], 'the same class for each of 360 images')
  t.ok(error <= LIMIT, `logits, ${largest} at most, differ by ${error} at most`)
  const confusion = Array.from({ length: 10 }, () => new Array(10).fill(0))
  for (const [i, label] of labels.entries()) confusion[label][classes[i]]++
  return { confusion, accuracy: labels.filter((label, i) => label === classes[i]).length / 360 }
}

/** Trains for some epochs with the classes that `classOf` gives the digits. */
function fit(network, { epochs, lr, classOf }) {
  const { train } = mb.data.loadDigits()
  const options = { batchSize: 64, size: 16, mean: 0.3, std: 0.35, shuffle: true, dropLast: true }
  const loader = new mb.data.Loader(train, options)
  const optimizer = new mb.optim.AdamW(network.parameters(), { lr })
  network.train()
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const { images, shape, labels } of loader.epoch(epoch)) {
      mb.scope(() => {
        optimizer.zeroGrad()
        const wanted = mb.fromTypedArray(labels.map(classOf), [labels.length])
        mb.nn.functional.crossEntropy(network.forward(mb.fromTypedArray(images, shape)), wanted).backward()
        optimizer.step()
      })
    }
  }
  optimizer.dispose()
  network.eval()
}

/** The safetensors file of a network that tells even digits from odd ones. */
function evenOrOdd(folder, arch, options) {
  const network = models.create(arch, { ...options, inChannels: 1, numClasses: 2, seed: 3, dropPath: 0, dropout: 0 })
  fit(network, { epochs: 1, lr: 0.01, classOf: (digit) => digit % 2n })
  const path = join(folder, 'even.safetensors')
  mb.io.safetensors.write(path, network.stateDict())
  network.dispose()
  return path
}

t.test(
  'a run that fine-tunes on the digits, exported by the command: onnxruntime confuses what we confuse',
  { skip },
  async (t) => {
    const folder = t.testdir()
    const scaling = { width: 0.25, depth: 0.25, resolution: 16 }
    const weights = evenOrOdd(folder, models.scale(models.arch('efficientnet_b0'), scaling), { profile: 'tf' })
    const run = mb.train({
      model: { name: 'efficientnet_b0', ...scaling, dropPath: 0, profile: 'tf', weights },
      optimizer: { name: 'adamw', lr: 0.003 },
      schedule: { name: 'cosine', warmupEpochs: 1 },
      ema: { decay: 0.9 },
      data: { dataset: 'digits' },
      epochs: 4,
      threads: 1,
      device: 'cpu',
      run: { dir: join(folder, 'runs'), name: 'digits' },
    })
    const { runDir } = await run.result
    const { status, stdout, stderr } = mbconv(folder, 'export', '--json', '--safetensors', '--out', 'digits.onnx')
    t.equal(status, 0, stderr)
    const exported = JSON.parse(stdout)
    t.match(exported, { onnx: 'digits.onnx', card: 'digits.card.json', safetensors: 'digits.safetensors' })

    const card = models.readCard(join(folder, exported.card))
    const evaluation = await mb.evaluateRun(runDir, { device: 'cpu' })
    const { channels, size, fit, interpolation, resolution } = card.preprocessing
    t.same(
      { channels, size, fit, interpolation, resolution },
      {
        ...{ channels: 1, size: [8, 8], fit: 'stretch', interpolation: 'bilinear', resolution: 16 },
      },
    )
    t.same(card.classes, ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
    t.match(card.metrics, { top1: evaluation.top1, top5: evaluation.top5, images: 360, step: evaluation.step })
    t.equal(card.name, 'digits')
    t.equal(card.training.optimizer.lr, 0.003)
    t.match(card.notes, [/moving average/, /best evaluation of the run/, /began with the weights of even\.safetensors/])

    const { tensors, metadata } = mb.io.safetensors.read(join(folder, exported.safetensors))
    t.same(JSON.parse(metadata['mbconv.card']), card)
    const network = models.create(card.arch, { profile: card.profile, numClasses: 10, inChannels: 1, init: 'none' })
    network.loadStateDict(tensors)
    const found = await compareOnDigits(t, join(folder, exported.onnx), network.eval(), card.preprocessing)
    t.same(found.confusion, evaluation.confusion, 'the confusion matrix of the evaluation')
    t.ok(found.accuracy > 0.8, `accuracy ${found.accuracy}`)
    network.dispose()
  },
)

t.test('fine-tuned in a loop of one’s own, exported, run by onnxruntime: the same 360 classes', { skip }, async (t) => {
  const folder = t.testdir()
  const arch = models.scale(models.arch('efficientnet_b0'), { width: 0.25, depth: 0.1, resolution: 16 })
  const options = { profile: 'tf' }
  const weights = evenOrOdd(folder, arch, options)

  const network = models.create(arch, { ...options, inChannels: 1, numClasses: 10, seed: 4 })
  const { reinitialized } = models.loadWeights(network, weights)
  t.same(reinitialized, ['classifier.1.weight', 'classifier.1.bias'])
  fit(network, { epochs: 5, lr: 0.003, classOf: (digit) => digit })
  const card = models.makeCard(network, {
    preprocessing: { size: [8, 8], fit: 'stretch', interpolation: 'bilinear', mean: [0.3], std: [0.35] },
    notes: [`Fine-tuned; re-initialised before: ${reinitialized.join(', ')}.`],
  })
  const path = join(folder, 'model.onnx')
  models.exportOnnx(network, path, { card })
  const { accuracy } = await compareOnDigits(t, path, network, card.preprocessing)
  t.ok(accuracy > 0.8, `accuracy ${accuracy}`)
  network.dispose()
})

t.test('weights of elsewhere, by the command', async (t) => {
  const folder = t.testdir()
  const network = models.create('mobilenet_v3_small', { profile: 'torchvision', numClasses: 7, seed: 0 })
  mb.io.safetensors.write(join(folder, 'seven.safetensors'), network.stateDict())
  network.dispose()
  const words = [
    'export',
    '--model',
    'mobilenet_v3_small',
    '--weights',
    'seven.safetensors',
    '--profile',
    'torchvision',
  ]
  const done = mbconv(folder, ...words, '--classes', '7', '--opset', '18', '--no-fold', '--pixels')
  t.equal(done.status, 0, done.stderr)
  t.match(
    done.stdout,
    /model\.onnx .*opset 18; input uint8\[batch, 3, 224, 224\] to logits\[batch, 7\]\nmodel\.card\.json\n/,
  )
  t.match(models.readCard(join(folder, 'model.card.json')), { source: 'seven.safetensors', metrics: null })

  for (const [args, message] of [
    [words, /another number of classes than 1000/],
    [words.slice(0, 3), /need --model and --weights/],
    [[...words, '--classes', '7', '--scheme', 'timm'], /--scheme is for files of weights/],
    [[...words, '--classes', '7', '--opset', '9'], /opset must be a whole number from 17 to 22/],
    [[...words, '--classes', '7', '--out', 'model.tflite'], /does not tell the format/],
    [['export', 'run', '--classes', '7'], /--classes is for weights of elsewhere/],
    [['export', '--profile', 'torch'], /torchvision, timm, tf, paper/],
    [['export'], /there is no run/],
  ]) {
    const { status, stderr } = mbconv(
      folder,
      ...args,
      '--out',
      args.includes('model.tflite') ? 'model.tflite' : 'other.onnx',
    )
    t.equal(status, 2, stderr)
    t.match(stderr, message)
  }
  t.notOk(existsSync(join(folder, 'other.onnx')))
  t.notOk(existsSync(join(folder, 'other.card.json')))

  const saved = mbconv(folder, ...words, '--classes', '7', '--scheme', 'torchvision', '--out', 'v3.pth')
  t.equal(saved.status, 0, saved.stderr)
  t.match(saved.stdout, /v3\.pth .*B, 244 tensors, for torchvision's mobilenet_v3_small\nv3\.card\.json\n/)
  const keys = [...mb.io.pth.read(join(folder, 'v3.pth')).value.keys()]
  t.match(keys, ['features.0.0.weight', 'features.0.1.weight'], "torchvision's names")
  const refused = mbconv(folder, ...words, '--classes', '7', '--scheme', 'timm', '--out', 'timm.pth')
  t.match([refused.status, refused.stderr], [2, /timm computes mobilenet_v3_small under the profile timm or tf/])
  const forced = mbconv(folder, ...words, '--classes', '7', '--scheme', 'timm', '--as-is', '--out', 'timm.pth')
  t.equal(forced.status, 0, forced.stderr)
})

t.test('a checkpoint by its name, by the command', async (t) => {
  const folder = t.testdir()
  const name = 'tf_efficientnet_lite0.in1k'
  const known = models.checkpoints().find((checkpoint) => checkpoint.name === name)
  const network = models.create(archOf(known), { numClasses: 1000, seed: 0 })
  mb.io.safetensors.write(join(folder, 'small.safetensors'), network.stateDict())
  network.dispose()
  const words = ['export', '--pretrained', name, '--weights', 'small.safetensors', '--out']
  const done = mbconv(folder, ...words, 'small.onnx')
  t.equal(done.status, 0, done.stderr)
  const card = models.readCard(join(folder, 'small.card.json'))
  t.match(card, { name, source: known.url, preprocessing: known.preprocessing })
  t.equal(card.profile.padding, 'same')
  const refused = mbconv(folder, ...words, 'other.onnx', '--profile', 'tf')
  t.equal(refused.status, 2)
  t.match(refused.stderr, /--profile follows from --pretrained/)
  t.equal(mbconv(folder, 'export', '--pretrained', 'b0', '--out', 'other.onnx').status, 2)
  t.notOk(existsSync(join(folder, 'other.onnx')))
})

t.test('exportRun: what is wrong is said, and the step’s own weights where no average is kept', async (t) => {
  const folder = t.testdir()
  const run = mb.train(tinyConfig(folder, { top: { ema: false, epochs: 1 } }))
  const { runDir } = await run.result
  const out = join(folder, 'model.onnx')
  t.throws(() => mb.exportRun(join(folder, 'none'), { out }), { code: 'ERR_CHECKPOINT' })
  t.throws(() => mb.exportRun(runDir, { ot: out }), { code: 'ERR_TYPE', message: /unknown option "ot"/ })
  t.throws(() => mb.exportRun(runDir, { out: join(folder, '.onnx') }), { code: 'ERR_VALUE', message: /ends in \.onnx/ })
  t.throws(() => mb.exportRun(runDir, { out, safetensors: 'yes' }), { code: 'ERR_TYPE', message: /safetensors/ })
  t.notOk(existsSync(out))
  const { card, safetensors } = mb.exportRun(runDir, { out })
  t.equal(safetensors, null)
  t.match(JSON.parse(readFileSync(card, 'utf8')), {
    name: 'run',
    notes: [/those of step 4, not an average/, /best/],
    source: /^run, step-\d+$/,
  })
})
