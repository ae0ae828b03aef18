/* Images with several labels: the figures against scikit-learn, and from a list to predictions and an ONNX file. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { stringify } from 'yaml'
import { loadOnnxruntime } from '../scripts/bench/onnxruntime/load.mjs'
import { internal } from './helpers/internals.mjs'
import { metricsOf, tinyConfig } from './helpers/tiny.mjs'

const { MultiLabelLog } = internal('multiLabel')
const { averagePrecision, bestThreshold, countsAt, levelsOf, rescaled } = internal('averagePrecision')
const { labelled } = internal('labels')
const { criterionFields, criterionOf } = internal('criteria')
const { mixBatch } = internal('mixing')
const { WatchedRun } = internal('watchedRun')
const { Output } = internal('output')
const { evaluationLines } = internal('resultView')
const golden = JSON.parse(readFileSync(new URL('golden/multi-label.json', import.meta.url), 'utf8'))
mb.setNumThreads(1)

const sharp = await import('sharp').then(
  ({ default: found }) => found,
  () => undefined, // optional: the tests that need it say that they are skipped
)
const skip = !sharp && 'the optional package sharp is not installed'

/** Figures of rows of logits, in batches: a promise. */
function resultOf({ logits, targets, given }, batch = 7) {
  const log = new MultiLabelLog(logits[0].length)
  for (let i = 0; i < logits.length; i += batch) {
    const rows = (all) => Float32Array.from(all.slice(i, i + batch).flat())
    log.add(rows(logits), rows(targets))
  }
  return log.result(given ?? undefined)
}

const range = (count) => Array.from({ length: count }, (_, i) => i)

/** Largest difference of two lists of numbers; null must be at the same places. */
function apart(a, b) {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  return Math.max(
    ...a.map((value, i) =>
      value === null || b[i] === null ? (value === b[i] ? 0 : Infinity) : Math.abs(value - b[i]),
    ),
  )
}

t.test("average precision, F1 and thresholds equal scikit-learn's, the loss PyTorch's", async (t) => {
  for (const wanted of golden.evaluations) {
    const { perClass, thresholds, ...figures } = await resultOf(wanted)
    for (const key of ['averagePrecision', 'f1', 'precision', 'recall']) {
      const error = apart(perClass[key], wanted[key])
      t.ok(error < 1e-9, `${wanted.name}: ${key} differs by ${error}`)
    }
    t.ok(apart(thresholds, wanted.thresholds) < 1e-9, `${wanted.name}: thresholds ${thresholds}`)
    for (const key of ['mAP', 'macroF1', 'microF1', 'loss']) {
      t.ok(Math.abs(figures[key] - wanted[key]) < 1e-9, `${wanted.name}: ${key} is ${figures[key]}, not ${wanted[key]}`)
    }
    t.equal(figures.images, wanted.logits.length)
    t.same(
      perClass.images,
      wanted.targets[0].map((_, label) => wanted.targets.filter((row) => row[label]).length),
    )
    t.strictSame(await resultOf(wanted, 1000), await resultOf(wanted), 'whatever the batches')
  }
  const { averagePrecision: averages } = golden.evaluations.find(({ name }) => name === 'special')
  t.ok(averages.includes(null) && averages.includes(1), 'a label without images, and one that all have')
})

t.test('of thresholds with the same F1 the highest is chosen, and broken networks get none', async (t) => {
  // Both 1 of 1 right of 2, and 2 of 4 right of 2, have the F1 2/3.
  t.equal(bestThreshold(levelsOf([0.9, 0.6, 0.5, 0.4], [1, 0, 0, 1])), 0.75)
  t.equal(bestThreshold(levelsOf([0.5, 0.5], [1, 1])), 0.25, 'the lowest goes down to the middle between it and 0')
  t.equal(bestThreshold(levelsOf([0.9, 0.8], [0, 0])), 0.5, 'no image has the label')
  t.equal(bestThreshold(levelsOf([Number.NaN, 0.8], [1, 0])), 0.5)
  const next = 0.5 + 2 ** -53
  t.equal(bestThreshold(levelsOf([next, 0.5], [1, 0])), next, 'neighbouring floats have no middle')
  t.equal(averagePrecision(levelsOf([Number.NaN, 1], [1, 0])), 0)
  t.equal(averagePrecision(levelsOf([1, 2], [0, 0])), null)
  const { mAP, macroF1, microF1 } = await resultOf({ logits: [[-1, -2]], targets: [[0, 0]] })
  t.same([mAP, macroF1, microF1], [0, 0, 0], 'no image has any label')
})

t.test('levels of scores: ties, other scales, NaN, and a label that only some images have', async (t) => {
  const levels = levelsOf([2, -0, 5, 0, Number.NaN, -1], [1, 0, 0, 1, 1, 0])
  t.same([...levels.scores], [5, 2, 0, -1])
  t.same(
    [[...levels.images], [...levels.positives]],
    [
      [1, 2, 4, 5],
      [0, 1, 2, 2],
    ],
  )
  t.same([levels.actual, levels.isBroken], [3, true])
  const whole = rescaled(levels, (score) => Math.max(0, Math.min(2, score)))
  t.same(
    [[...whole.scores], [...whole.images], [...whole.positives]],
    [
      [2, 0],
      [2, 5],
      [1, 2],
    ],
  )
  t.same(countsAt(whole, 2), { actual: 3, predicted: 2, right: 1 })
  t.same(countsAt(whole, 3), { actual: 3, predicted: 0, right: 0 })
  t.same(countsAt(whole, -1), { actual: 3, predicted: 5, right: 2 }, 'NaN is never predicted')
  const infinite = levelsOf([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY], [1, 0])
  t.same([...infinite.scores], [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
})

t.test('between two labels other work of the thread goes on', async (t) => {
  let turns = 0
  const count = () => {
    turns++
    waiting = setImmediate(count)
  }
  let waiting = setImmediate(count)
  await resultOf({ logits: [range(9), range(9)], targets: [Array(9).fill(0), Array(9).fill(1)] })
  clearImmediate(waiting)
  t.ok(turns >= 8, `${turns} turns`)
})

t.test('the loss with weights of classes and of positives', async (t) => {
  const [{ logits, targets, cases }] = golden.losses
  const schema = mb.trainConfigSchema.pick(Object.fromEntries(Object.keys(criterionFields()).map((key) => [key, true])))
  const facts = { numClasses: 4, classCounts: [1, 1, 1, 1], images: 4, device: 'cpu' }
  for (const { weight = null, pos_weight: posWeight = null, loss, gradient } of cases) {
    const options = schema.parse({ loss: 'bce', labelSmoothing: 0, classWeights: weight, posWeight })
    const criterion = criterionOf(options, facts)
    mb.scope(() => {
      const x = mb.fromTypedArray(Float32Array.from(logits), [6, 4]).requiresGrad_()
      const found = criterion(x, mb.fromTypedArray(Float32Array.from(targets), [6, 4]))
      found.backward()
      t.ok(Math.abs(found.item() - loss) < 1e-6, `${found.item()}, not ${loss}`)
      t.ok(apart([...x.grad.toTypedArray()], gradient) < 1e-7)
    })
    criterion.dispose()
  }
  const { positiveWeights } = internal('classWeights')
  t.same(positiveWeights([2, 8, 0, 1, 1000], 1000), [100, 100, 1, 100, 0.01])
  t.same(positiveWeights([20, 80], 100), [4, 0.25])
  t.throws(() => criterionOf(schema.parse({ loss: 'bce', posWeight: [1] }), facts), {
    code: 'ERR_CONFIG',
    message: /posWeight: must have one weight a class, 4, not 1/,
  })
})

t.test('batches have a target for each class, and mixed ones the shares of the images', async (t) => {
  const labels = [[0, 2], [], [1]]
  const dataset = {
    ...{ name: 'made up', classes: ['a', 'b', 'c'], shape: [1, 2, 2], length: 3, fingerprint: () => '' },
    ...{ labels: Int32Array.of(0, -1, 1), labelsOf: (i) => labels[i], read: (i) => new Uint8Array(4).fill(i) },
  }
  const [batch] = new mb.data.Loader(dataset, { batchSize: 3, size: 2, mean: 0, std: 1 }).epoch(0)
  t.same([...batch.targets], [1, 0, 1, 0, 0, 0, 0, 1, 0])
  t.same([...batch.labels], [0n, -1n, 1n])
  t.equal(
    'targets' in labelled({ ...dataset, labels: Int32Array.of(0, 1, 1), labelsOf: undefined }, Int32Array.of(0)),
    false,
  )
  const wrong = { ...dataset, labelsOf: () => [3] }
  t.throws(() => labelled(wrong, Int32Array.of(1)), { code: 'ERR_DATA', message: /image 1 of made up has the label 3/ })
  mb.scope(() => {
    const images = mb.fromTypedArray(batch.images, batch.shape)
    const targets = mb.fromTypedArray(batch.targets, [3, 3])
    const mixed = mixBatch(images, targets, { kind: 'mixup', lam: 0.75 }, 3)
    t.same(mixed.labels.toArray(), [
      [0.75, 0.25, 0.75],
      [0, 0, 0],
      [0.25, 0.75, 0.25],
    ])
  })
})

const base = { task: 'multiLabel', model: { name: 'efficientnet_b0' }, epochs: 1 }
const listed = { dataset: 'list', list: { train: 'labels.csv' } }

t.test('what the task decides about a configuration', async (t) => {
  const parsed = mb.parseConfig({
    ...base,
    recipe: 'fine-tune',
    data: listed,
    earlyStopping: {},
    schedule: { name: 'plateau' },
  })
  t.match(parsed, { loss: 'bce', labelSmoothing: 0, data: { list: { multiLabel: true } } })
  t.match(parsed, { earlyStopping: { metric: 'mAP' }, schedule: { metric: 'mAP' } })
  t.same(mb.parseConfig(parsed), parsed, 'the complete configuration says the same')
  t.match(mb.parseConfig({ ...base, loss: 'focal', labelSmoothing: 0.1, data: listed }), {
    loss: 'focal',
    labelSmoothing: 0.1,
  })
  t.match(mb.parseConfig({ ...base, task: undefined, data: listed }), {
    task: 'classification',
    loss: 'crossEntropy',
    labelSmoothing: 0.1,
    data: { list: { multiLabel: false } },
  })
  const refused = (changes, message) =>
    t.throws(() => mb.parseConfig({ ...base, data: listed, ...changes }), { code: 'ERR_CONFIG', message })
  refused({ data: {} }, /^task: multiLabel needs images with several labels, and digits has one class an image$/)
  refused({ loss: 'crossEntropy' }, /^loss: must be bce or focal with task: multiLabel, not "crossEntropy"$/)
  refused({ data: { ...listed, sampler: 'balanced' } }, /^data\.sampler: must be shuffle with task: multiLabel/)
  refused(
    { data: { ...listed, list: { train: 'a.csv', multiLabel: false } } },
    /^data\.list\.multiLabel: contradicts task/,
  )
  refused({ earlyStopping: { metric: 'top1' } }, /^earlyStopping\.metric: must be mAP or loss/)
  refused({ schedule: { name: 'plateau', metric: 'top1' } }, /^schedule\.metric: must be mAP or loss/)
  const single = { task: 'classification' }
  refused(
    { ...single, data: { ...listed, list: { train: 'a.csv', multiLabel: true } } },
    /^data\.list\.multiLabel: needs task: multiLabel$/,
  )
  refused(
    { ...single, earlyStopping: { metric: 'mAP' } },
    /^earlyStopping\.metric: mAP is measured with task: multiLabel only$/,
  )
  refused({ ...single, posWeight: 'auto' }, /^posWeight: has no effect with loss: crossEntropy$/)
  const experiment = {
    name: 'x',
    base: { name: 'efficientnet_b0' },
    train: { task: 'multiLabel', epochs: 1 },
    data: listed,
    arms: ['base'],
  }
  t.throws(() => mb.experiment.plan(experiment), {
    code: 'ERR_CONFIG',
    message: /train\.task: must be classification: experiments compare top-1/,
  })
})

const MAIN = resolve('dist/cli/main.js')

/** Runs the command in a folder. */
function mbconv(cwd, ...words) {
  const env = { ...process.env, NO_COLOR: '1', LANG: 'C.UTF-8', HOME: cwd, MBCONV_CACHE: join(cwd, 'cache') }
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...words], { cwd, env, encoding: 'utf8' })
  return { status, stdout, stderr }
}

/** Photographs of tests in three parts: their source, and where in it they are, are labels. One image has none. */
const SOURCES = ['brick', 'grass', 'gravel']
function writeList(dir) {
  const photographs = resolve('test/photographs')
  const rows = SOURCES.flatMap((source) => [
    ...[0, 128, 256, 384].flatMap((x) =>
      [0, 128].map((y) => [
        `train/${source}/${source}-${x}-${y}.jpg`,
        x === 384 ? 'val' : 'train',
        [source, x < 256 && 'left', y === 0 && 'top'],
      ]),
    ),
    ...[0, 128, 256, 384].map((x) => [`test/${source}/${source}-${x}-384.jpg`, 'test', [source, x < 256 && 'left']]),
  ])
  rows[0][2] = []
  const lines = rows.map(
    ([file, part, labels]) => `${join(photographs, file)},${labels.filter(Boolean).join('|')},${part}`,
  )
  writeFileSync(join(dir, 'labels.csv'), `path,label,split\n${lines.join('\n')}\n`)
}

const CONFIG = {
  ...{ task: 'multiLabel', seed: 5, device: 'cpu', threads: 1, posWeight: 'auto' },
  model: { name: 'efficientnet_b0', width: 0.25, depth: 0.1, resolution: 32 },
  data: { ...listed, batchSize: 6, loaderThreads: 0, augment: { flip: true, mix: { mixup: 0.2 } } },
  ...{ optimizer: { name: 'sgd', lr: 0.05 }, schedule: { name: 'constant' }, ema: false, epochs: 4 },
  log: { csv: true },
}

t.test('from a list to an ONNX file', { skip }, async (t) => {
  const dir = realpathSync(t.testdir())
  writeList(dir)
  writeFileSync(join(dir, 'labels.yaml'), stringify(CONFIG))
  const { status, stdout, stderr } = mbconv(dir, 'train', 'labels.yaml', '--run.name=run')
  t.equal(status, 0, stderr)
  t.match(stderr, /no evaluated image has the label left: its threshold stays 0\.5, and mAP leaves it out/)
  t.match(stderr, /test loss [\d.]+ {2}mAP [\d.]+ % {2}macro F1 [\d.]+ % {2}micro F1 [\d.]+ %/, 'the line of an epoch')
  t.match(stdout, /Validation labels, final weights \(6 images\)\nmAP [\d.]+ % +macro F1/)
  t.match(stdout, /Test labels, weights that other commands use \(12 images\)/)
  t.match(stdout, /AP +F1 +precision +recall +threshold +images +label/)
  t.notMatch(stdout + stderr, /NaN|undefined|top-1/)

  const run = join(dir, 'runs', 'run')
  const result = JSON.parse(readFileSync(join(run, 'result.json'), 'utf8'))
  t.strictSame(result.classes, ['brick', 'grass', 'gravel', 'left', 'top'])
  t.match(result, { task: 'multiLabel', images: 6, best: { mAP: Number }, test: { task: 'multiLabel', images: 12 } })
  t.strictSame(result.test.perClass.images, [4, 4, 4, 6, 0], 'no test image is at the top')
  t.equal(result.test.perClass.averagePrecision[4], null)
  const stored = JSON.parse(readFileSync(join(result.best.checkpoint, 'state.json'), 'utf8')).state
  const { lastEval } = stored
  t.strictSame(result.test.thresholds, lastEval.thresholds, 'chosen on the validation images, not on the test images')
  t.equal(lastEval.mAP, result.best.mAP)
  const { state } = internal('checkpointState').readState(result.best.checkpoint)
  t.equal(JSON.stringify(state), JSON.stringify(stored), 'what is read is what was written')

  const evaluations = metricsOf(run).filter(({ type }) => type === 'eval')
  t.equal(evaluations.length, 4)
  t.strictSame(Object.keys(evaluations[0]), ['type', 'step', 'epoch', 'loss', 'mAP', 'macroF1', 'microF1', 'seconds'])
  t.equal(Math.max(...evaluations.map(({ mAP }) => mAP)), result.best.mAP, 'mAP decides which is the best')
  t.match(readFileSync(join(run, 'metrics.csv'), 'utf8'), /^type,.*,memory,mAP,macroF1,microF1\n/)
  const curves = join(run, 'curves.svg')
  if (existsSync(curves)) t.match(readFileSync(curves, 'utf8'), /<title>Test mAP [\d.]+ %/)
  const samples = JSON.parse(readFileSync(join(run, 'samples.json'), 'utf8'))
  t.equal(samples.length, 6)
  t.match(samples[0], { labels: ['brick', 'top'], predicted: Array, guesses: [{ probability: Number }] })
  const watched = new WatchedRun('run1', run)
  watched.poll()
  t.match(watched.facts(), {
    metric: 'mAP',
    score: evaluations[3].mAP,
    best: { score: result.best.mAP, step: result.best.step },
  })

  t.test('eval gives the figures of the test images again', async (t) => {
    const found = await mb.evaluateRun(run, { device: 'cpu' })
    for (const key of ['mAP', 'macroF1', 'microF1', 'loss', 'thresholds', 'perClass'])
      t.strictSame(found[key], result.test[key], key)
    const lines = evaluationLines(found, 'run', new Output({ json: false }))
    t.match(lines.join('\n'), /mAP [\d.]+ %/)
    const single = { ...listed, list: { train: join(dir, 'labels.csv'), multiLabel: false } }
    await t.rejects(mb.evaluateRun(run, { device: 'cpu', data: single }), {
      code: 'ERR_CONFIG',
      message: /contradicts task/,
    })
  })

  t.test('predict gives the labels at or above their thresholds', async (t) => {
    const files = ['brick-0-384', 'grass-384-384'].map((name) =>
      resolve(`test/photographs/test/${name.split('-')[0]}/${name}.jpg`),
    )
    const predictions = await mb.predictImages(run, files, { device: 'cpu', topk: 5 })
    for (const { predictions: guesses, labels } of predictions) {
      const wanted = guesses.filter(({ index, probability }) => probability >= lastEval.thresholds[index])
      t.same(
        labels,
        wanted.map((guess) => ({ ...guess, threshold: lastEval.thresholds[guess.index] })),
      )
    }
    await t.rejects(mb.predictImages(run, files, { device: 'cpu', reject: 0.05 }), {
      code: 'ERR_VALUE',
      message: /reject is for one class an image/,
    })
    const text = mbconv(dir, 'predict', 'runs/run', ...files, '--topk', '2')
    t.equal(text.status, 0, text.stderr)
    const [first] = text.stdout.trim().split('\n')
    t.match(
      first,
      /brick-0-384\.jpg: (none|\w+ [\d.]+ %( {2}\w+ [\d.]+ %)*); most probable: \w+ [\d.]+ % {2}\w+ [\d.]+ %$/,
    )

    t.test('as the exported file does', async (t) => {
      const out = join(dir, 'model.onnx')
      mb.exportRun(run, { out, safetensors: true })
      const card = mb.models.readCard(join(dir, 'model.card.json'))
      t.match(card, { format: 6, task: 'multiLabel', confidence: null, metrics: { mAP: lastEval.mAP, images: 6 } })
      t.strictSame(card.thresholds, lastEval.thresholds)
      const [again] = await mb.predictImages(join(dir, 'model.safetensors'), files, { device: 'cpu', topk: 5 })
      t.strictSame(again, predictions[0], 'the weights with their card predict the same')
      const { ort, reason } = await loadOnnxruntime({ note: (text) => t.comment(text) })
      if (reason) return t.comment(`onnxruntime-node cannot be had here: ${reason}`)
      const { inputImageShape, readInputImage } = internal('inputImage')
      const shape = inputImageShape(card.preprocessing)
      const planes = await readInputImage(files[0], card.preprocessing)
      const { mean, std } = card.preprocessing
      const input = Float32Array.from(planes, (byte, i) => {
        const channel = Math.floor(i / (shape[1] * shape[2]))
        return (byte / 255 - mean[channel]) / std[channel]
      })
      const session = await ort.InferenceSession.create(out, { intraOpNumThreads: 1, logSeverityLevel: 3 })
      const { logits } = await session.run({ input: new ort.Tensor('float32', input, [1, ...shape]) })
      const wanted = [...predictions[0].predictions]
        .sort((a, b) => a.index - b.index)
        .map(({ probability }) => probability)
      t.ok(
        apart(
          Array.from(logits.data, (x) => 1 / (1 + Math.exp(-x))),
          wanted,
        ) < 1e-4,
      )
    })

    t.test('explain looks for the strongest label, or a given one', async (t) => {
      const strongest = await mb.explainImage(run, files[0], { device: 'cpu' })
      t.ok(Math.abs(strongest.probability - predictions[0].predictions[0].probability) < 1e-5)
      // Labels may be as good as equally strong, and a folded network rounds in another way.
      const found = predictions[0].predictions.find(({ label }) => label === strongest.label)
      t.ok(Math.abs(strongest.probability - found.probability) < 1e-5, strongest.label)
      t.match(await mb.explainImage(run, files[0], { device: 'cpu', class: 'top' }), { label: 'top', index: 4 })
    })
  })

  t.test('a run that is resumed ends as one that never stopped', async (t) => {
    const config = { ...CONFIG, data: { ...CONFIG.data, list: { train: join(dir, 'labels.csv') } } }
    const part = { ...config, epochs: 2, run: { dir: join(dir, 'runs'), name: 'part', curves: false } }
    await mb.train(part, { worker: false }).result
    const whole = { ...config, run: { curves: false } }
    const { runDir, ...resumed } = await mb.train(whole, { resume: join(dir, 'runs', 'part'), worker: false }).result
    for (const key of ['mAP', 'loss', 'thresholds', 'perClass']) t.strictSame(resumed[key], result[key], key)
    const weights = (folder) => readFileSync(join(folder, 'checkpoints', 'step-000012', 'model.safetensors'))
    t.ok(weights(runDir).equals(weights(run)), 'bit for bit')
  })

  t.test('inspect counts labels', async (t) => {
    const { stdout } = mbconv(dir, 'data', 'inspect', 'labels.csv', '--json')
    const found = JSON.parse(stdout.trim().split('\n').at(-1))
    t.match(found.labelsPerImage, { 0: 1 })
    t.match(found.classes.find(({ name }) => name === 'left').counts, { test: 6 })
    t.match(found.classes.find(({ name }) => name === null).counts, { train: 1 })
  })
})

t.test('images without any label, and a run that is stopped before its first evaluation', { skip }, async (t) => {
  const dir = realpathSync(t.testdir())
  writeList(dir)
  const list = join(dir, 'labels.csv')
  const config = { ...CONFIG, data: { ...CONFIG.data, list: { train: list } }, log: {} }
  const stop = new AbortController()
  const training = mb.train({ ...config, run: { dir: join(dir, 'runs') } }, { worker: false, signal: stop.signal })
  for await (const { type } of training) if (type === 'step') stop.abort()
  const result = await training.result
  t.match(result, { task: 'multiLabel', interrupted: 'abort', best: null, images: 0, thresholds: [], perClass: null })
  t.ok(Number.isNaN(result.mAP))
  const { thresholds } = await mb.evaluateRun(result.runDir, { device: 'cpu' })
  t.strictSame(thresholds, [0.5, 0.5, 0.5, 0.5, 0.5])
  mb.exportRun(result.runDir, { out: join(dir, 'early.onnx') })
  const card = mb.models.readCard(join(dir, 'early.card.json'))
  t.match(card, { metrics: null, thresholds })
  t.ok(card.notes.includes('Nothing was evaluated yet: the thresholds are all 0.5.'))

  writeFileSync(list, readFileSync(list, 'utf8').replace(/,[^,]*,val$/gm, ',,val'))
  const nothing = mb.train({ ...config, run: { dir: join(dir, 'runs') } }, { worker: false }).result
  await t.rejects(nothing, { code: 'ERR_DATA', message: /no evaluated image has a label/ })
})

t.test('checkpoints from before there were tasks are of one class an image', async (t) => {
  const { encodeState, readState } = internal('checkpointState')
  const dir = realpathSync(t.testdir())
  const { runDir } = await mb.train(tinyConfig(dir, { top: { epochs: 1, ema: false }, run: { curves: false } }), {
    worker: false,
  }).result
  const folder = join(runDir, 'checkpoints', 'step-000004')
  const { state, files } = readState(folder)
  const { task: _, ...config } = state.config
  const { task, ...lastEval } = state.lastEval
  t.equal(task, 'classification')
  writeFileSync(join(folder, 'state.json'), encodeState({ ...state, config, lastEval }, files))
  t.strictSame(readState(folder).state, state)
  const { top1 } = await mb.evaluateRun(runDir, { device: 'cpu' })
  t.equal(top1, state.best.top1)
})

t.test('model cards of labels', async (t) => {
  const network = mb.models.create('efficientnet_b0', { numClasses: 3, init: 'none' })
  const { makeCard } = mb.models
  const card = makeCard(network, { task: 'multiLabel' })
  t.strictSame([card.task, card.thresholds], ['multiLabel', [0.5, 0.5, 0.5]])
  t.match(makeCard(network), { task: 'classification', thresholds: null })
  const refused = (options, message) => t.throws(() => makeCard(network, options), { code: 'ERR_VALUE', message })
  refused({ task: 'multiLabel', thresholds: [0.5] }, /thresholds has 1 numbers, and there are 3 classes/)
  refused({ thresholds: [0.5, 0.5, 0.5] }, /thresholds must be given with task multiLabel only/)
  refused(
    { task: 'multiLabel', metrics: { top1: 1, top5: 1, loss: 0, images: 1, step: 1 } },
    /metrics are not those of task multiLabel/,
  )
  refused(
    { task: 'multiLabel', confidence: { temperature: 1, quantiles: Array(101).fill(0.5) } },
    /confidence is of task classification/,
  )
  refused({ task: 'several' }, /no model card/)
  network.dispose()
})
