import { join } from 'node:path'
import { data, evaluateRun, loadPredictor, predictImages, train } from 'mbconv'
import t from 'tap'
import { tinyConfig } from './helpers/tiny.mjs'

const { loadIdx } = data

const dir = t.testdir()
const config = tinyConfig(dir, { top: { epochs: 4, optimizer: { name: 'adamw', lr: 0.01 }, ema: { decay: 0.5 } } })
const { runDir } = await train(config).result

let sharp
try {
  sharp = (await import('sharp')).default
} catch {
  // Optional: the test that needs it says that it is skipped.
}

t.test(
  'predicting image files equals evaluating the same images',
  { skip: !sharp && 'the optional package sharp is not installed' },
  async (t) => {
    const { testImages: images, testLabels: labels } = config.data
    const test = loadIdx({ images, labels })
    const files = []
    for (let i = 0; i < test.length; i++) {
      files.push(join(dir, `${i}.png`))
      const pixels = test.images.subarray(64 * i, 64 * (i + 1))
      await sharp(pixels, { raw: { width: 8, height: 8, channels: 1 } })
        .png()
        .toFile(files[i])
    }
    const predictions = await predictImages(runDir, files)
    t.strictSame(
      predictions.map(({ file }) => file),
      files,
    )
    const confusion = Array.from({ length: 4 }, () => [0, 0, 0, 0])
    let loss = 0
    for (const [i, { predictions: guesses }] of predictions.entries()) {
      t.equal(guesses.length, 4, 'no more guesses than classes')
      const sum = guesses.reduce((total, { probability }) => total + probability, 0)
      t.ok(Math.abs(sum - 1) < 1e-5, `probabilities add up to ${sum}`)
      t.ok(guesses.every(({ probability }, j) => j === 0 || probability <= guesses[j - 1].probability))
      t.ok(guesses.every(({ label, index }) => label === test.classes[index]))
      confusion[test.labels[i]][guesses[0].index]++
      loss -= Math.log(guesses.find(({ index }) => index === test.labels[i]).probability) / test.length
    }
    const evaluation = await evaluateRun(runDir)
    t.strictSame(confusion, evaluation.confusion)
    t.ok(Math.abs(loss - evaluation.loss) < 1e-5, `loss ${loss}, evaluated ${evaluation.loss}`)
    const predictor = await loadPredictor(runDir, { batchSize: files.length })
    t.equal(predictor.path, evaluation.checkpoint)
    const served = await predictor.predict(files)
    t.strictSame(
      served.map(({ predictions: [{ label }] }) => label),
      predictions.map(({ predictions: [{ label }] }) => label),
      'a predictor of the run',
    )
    await predictor.close()
    const [best] = await predictImages(evaluation.checkpoint, [files[0]], { topk: 1 })
    t.strictSame(best.predictions.length, 1)
    t.equal(best.predictions[0].label, predictions[0].predictions[0].label)
  },
)

t.test('what cannot be evaluated or predicted', async (t) => {
  await t.rejects(evaluateRun(join(dir, 'absent')), { code: 'ERR_CHECKPOINT' })
  await t.rejects(evaluateRun(3), { code: 'ERR_TYPE' })
  await t.rejects(evaluateRun(runDir, { device: 'cuda:99' }), { code: 'ERR_CUDA_UNAVAILABLE' })
  const { trainImages, trainLabels, testImages, testLabels, ...data } = config.data
  await t.rejects(evaluateRun(runDir, { data: { testImages: join(dir, 'absent') } }), {
    code: 'ERR_DATA',
    message: /absent/,
  })
  await t.rejects(evaluateRun(runDir, { data: { testImage: testImages } }), {
    code: 'ERR_CONFIG',
    message: /testImage/,
  })
  const digits = { trainImages: undefined, trainLabels: undefined, testImages: undefined, testLabels: undefined }
  await t.rejects(evaluateRun(runDir, { data: { ...data, ...digits, dataset: 'digits' } }), {
    code: 'ERR_DATA',
    message: /trained on images of 1 x 8 x 8 in 4 classes.* 1 x 8 x 8 in 10/,
  })
  await t.rejects(predictImages(join(dir, 'absent'), ['a.png']), { code: 'ERR_CHECKPOINT' })
  await t.rejects(predictImages(runDir, [join(dir, 'absent.png')]), { code: 'ERR_DATA', message: /absent\.png/ })
  await t.rejects(predictImages(runDir, 'a.png'), { code: 'ERR_TYPE' })
  await t.rejects(predictImages(runDir, ['a.png'], { topk: 0 }), { code: 'ERR_VALUE' })
  t.strictSame(await predictImages(runDir, []), [])
})
