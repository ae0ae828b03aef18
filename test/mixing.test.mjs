/* Mixup and CutMix, against timm's. */
import { readFileSync } from 'node:fs'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { tinyConfig } from './helpers/tiny.mjs'

const { cutMix, drawMix, mixBatch, mixSchema } = internal('mixing')
const { drawBeta } = internal('beta')
const { KeyedRandom } = internal('philox')
const { denseTargets } = internal('targets')
const golden = JSON.parse(readFileSync(new URL('./golden/mixing.json', import.meta.url), 'utf8'))

const [, , HEIGHT, WIDTH] = golden.shape
const images = mb.fromTypedArray(Float32Array.from(golden.images), golden.shape)
const labels = mb.tensor(golden.labels.map(BigInt))

t.test('mixed batches equal those of timm for the same draws', async (t) => {
  const before = images.toArray()
  for (const { kind, lam, centre, smoothing, corrected, images: expected, target } of golden.cases) {
    const mix = kind === 'mixup' ? { kind, lam } : cutMix(lam, ...centre, HEIGHT, WIDTH)
    t.ok(Math.abs(mix.lam - corrected) < 1e-15, `${kind} ${lam}: ${mix.lam}, not ${corrected}`)
    const mixed = mixBatch(images, labels, mix, golden.classes)
    const found = [...mixed.images.toTypedArray()]
    const worst = Math.max(...found.map((value, i) => Math.abs(value - expected[i])))
    t.ok(worst <= 1e-6, `${kind} ${lam}: ${worst}`)
    // timm smooths the targets where it mixes them, this package in the loss.
    const smooth = denseTargets(mixed.labels, mixed.labels, smoothing).toArray().flat()
    t.ok(
      smooth.every((value, i) => Math.abs(value - target.flat()[i]) < 1e-6),
      `${kind} ${lam}: targets`,
    )
  }
  t.same(images.toArray(), before, 'the batch itself stays')
})

t.test('a batch that is not mixed keeps its images, and gets distributions', async (t) => {
  const mixed = mixBatch(images, labels, { kind: 'none', lam: 1 }, golden.classes)
  t.same(mixed.images.toArray(), images.toArray())
  t.same(mixed.labels.toArray(), mb.oneHot(labels, golden.classes).to({ dtype: 'float32' }).toArray())
  const odd = mixBatch(images.narrow(0, 0, 3), labels.narrow(0, 0, 3), { kind: 'mixup', lam: 0.25 }, golden.classes)
  t.ok(odd.images.select(0, 1).allclose(images.select(0, 1)), 'the middle of three is mixed with itself')
})

const drawn = (options, count = 4000) =>
  Array.from({ length: count }, (_, step) =>
    drawMix(mixSchema.parse(options), { seed: 3, step, batch: 0 }, HEIGHT, WIDTH),
  )
const share = (mixes, kind) => mixes.filter((mix) => mix.kind === kind).length / mixes.length

t.test('how often each is drawn', async (t) => {
  t.equal(share(drawn({}), 'none'), 1)
  t.equal(share(drawn({ mixup: 0.2 }), 'mixup'), 1)
  t.equal(share(drawn({ cutmix: 1 }), 'cutmix'), 1)
  const both = drawn({ mixup: 0.2, cutmix: 1, switchProb: 0.25, prob: 0.5 })
  // Four standard deviations of 4000 draws.
  t.ok(Math.abs(share(both, 'none') - 0.5) < 0.032, `none: ${share(both, 'none')}`)
  t.ok(Math.abs(share(both, 'cutmix') - 0.125) < 0.021, `cutmix: ${share(both, 'cutmix')}`)
})

t.test('boxes lie inside the image, and their area is what lam says', async (t) => {
  for (const { lam, box } of drawn({ cutmix: 1 }, 500)) {
    const { top, bottom, left, right } = box
    t.ok(0 <= top && top <= bottom && bottom <= HEIGHT && 0 <= left && left <= right && right <= WIDTH)
    t.equal(lam, 1 - ((bottom - top) * (right - left)) / (HEIGHT * WIDTH))
  }
})

t.test('what is drawn depends on seed, step and batch alone', async (t) => {
  const options = mixSchema.parse({ mixup: 0.4, cutmix: 1 })
  const draw = (key) => drawMix(options, { seed: 3, step: 7, batch: 1, ...key }, 32, 32)
  t.same(draw(), draw())
  for (const key of [{ seed: 4 }, { step: 8 }, { batch: 0 }]) t.notSame(draw(key), draw())
})

t.test('the symmetric beta distribution: mean, variance, and the middle half', async (t) => {
  // scipy.stats.beta(a, a).ppf(0.25)
  const quartiles = { 0.2: 0.0238147187683, 1: 0.25, 8: 0.414989471908 }
  for (const [text, quartile] of Object.entries(quartiles)) {
    const alpha = Number(text)
    const count = 20_000
    const values = Array.from({ length: count }, (_, i) => drawBeta(new KeyedRandom(11, 8, i), alpha))
    const mean = values.reduce((sum, value) => sum + value, 0) / count
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count
    const expected = 1 / (4 * (2 * alpha + 1))
    t.ok(Math.abs(mean - 0.5) < 4 * Math.sqrt(expected / count), `${alpha}: mean ${mean}`)
    t.ok(Math.abs(variance / expected - 1) < 0.05, `${alpha}: variance ${variance}, not ${expected}`)
    const below = values.filter((value) => value < quartile).length / count
    t.ok(Math.abs(below - 0.25) < 0.0125, `${alpha}: ${below} below the quartile`)
  }
  const tiny = Array.from({ length: 200 }, (_, i) => drawBeta(new KeyedRandom(1, 8, i), 0.001))
  t.ok(tiny.every((value) => value >= 0 && value <= 1))
})

t.test('a run trains on mixed batches, and its targets are distributions', async (t) => {
  t.testdir()
  const losses = {}
  for (const [name, mix] of Object.entries({ plain: {}, mixed: { mixup: 1, cutmix: 1 } })) {
    const config = tinyConfig(t.testdirName, {
      data: { augment: { mix } },
      top: { epochs: 1, maxSteps: 2, labelSmoothing: 0 },
      run: { name },
    })
    const run = mb.train(config, { worker: false })
    losses[name] = []
    for await (const event of run) if (event.type === 'step') losses[name].push(event.loss)
  }
  t.equal(losses.mixed.length, 2)
  t.not(losses.mixed[0], losses.plain[0])
})
