// Images on their way into a network, against torchvision and Pillow.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { disturbNorms, small } from './helpers/small.mjs'

const { inputImageShape, readInputImage } = internal('inputImage')
const { placementOf, regionOf } = internal('placement')
const { PhotoLoader } = internal('photoLoader')
const { UnreadableImages } = internal('unreadableImages')

const golden = JSON.parse(readFileSync(new URL('./golden/input-images.json', import.meta.url), 'utf8'))
const sharp = await import('sharp').then(
  ({ default: found }) => found,
  () => undefined, // optional: the tests that need it say that they are skipped
)
const skip = !sharp && 'the optional package sharp is not installed'

const bytesOf = (text) => new Uint8Array(Buffer.from(text, 'base64'))

/** A case's planes, as torchvision, timm and Pillow make them, and what is made here. */
async function both({ file, planes, size, format, ...layout }) {
  const preprocessing = { ...layout, size: null, colorManagement: false }
  const wanted = bytesOf(planes)
  const found = await readInputImage({ name: 'golden', bytes: bytesOf(file) }, preprocessing)
  const what = `${size.join('x')} ${format}, ${layout.fit} to ${layout.resolution}, ${layout.interpolation}`
  return { preprocessing, wanted, found, what }
}

/** Writes the network's weights with its card. */
function saved(network, path, preprocessing) {
  mb.io.safetensors.write(path, network.stateDict())
  mb.models.writeCard(path.replace('.safetensors', '.card.json'), mb.models.makeCard(network, { preprocessing }))
}

/** Array.fromAsync, which Node 20 does not have. */
async function allOf(items) {
  const all = []
  for await (const each of items) all.push(each)
  return all
}

const cut = golden.cases.filter(({ fit }) => fit !== 'pad')

t.test('crops and stretching are torchvision’s, by a step of 256 at most; the logits by 1 %', { skip }, async (t) => {
  mb.setNumThreads(1)
  mb.manualSeed(1)
  for (const each of cut) {
    const { preprocessing, wanted, found, what: named } = await both(each)
    const { channels, resolution } = each
    const shape = [channels, ...[resolution, resolution].flat().slice(0, 2)]
    t.same(inputImageShape(preprocessing), shape)
    t.equal(found.length, wanted.length)
    const differences = wanted.map((value, i) => Math.abs(value - found[i]))
    const worst = Math.max(...differences)
    const share = differences.filter((difference) => difference > 0).length / wanted.length
    const what = `${named}: ${(100 * share).toFixed(2)} % differ, by ${worst}`
    // Pillow's own rounding; a JPEG is decoded by another version of the same library.
    t.ok(worst <= 1 && share < 0.03, what)
    t.comment(what)

    const network = disturbNorms(
      mb.models.create(small('efficientnet_b0'), { inChannels: channels, numClasses: 10, seed: 0 }),
    )
    network.eval()
    mb.scope(() => {
      const [ours, theirs] = [found, wanted].map((bytes) => {
        const x = mb.fromTypedArray(
          Float32Array.from(bytes, (v) => (v / 255 - 0.5) / 0.25),
          [1, ...shape],
        )
        return mb.noGrad(() => network.forward(x))
      })
      const error = ours.sub(theirs).abs().max().item() / theirs.std().item()
      t.ok(error <= 0.01, `logits: ${error}`)
    })
    network.dispose()
  }
})

t.test('five and ten views', { skip }, async (t) => {
  const dir = t.testdir()
  const options = { inChannels: 3, numClasses: 10, seed: 0 }
  const network = disturbNorms(mb.models.create(small('efficientnet_b0'), options))
  network.eval()
  for (const each of golden.five) {
    const { file, resolution, channels, size, format, planes, ...layout } = each
    const preprocessing = { ...layout, resolution, channels, size: null, colorManagement: false }
    const wanted = bytesOf(planes)
    const found = await readInputImage({ name: 'golden', bytes: bytesOf(file) }, preprocessing, {}, 'five')
    t.equal(found.length, wanted.length)
    t.ok(Math.max(...wanted.map((value, i) => Math.abs(value - found[i]))) <= 1, 'the parts of torchvision’s FiveCrop')

    const model = join(dir, 'model.safetensors')
    const [mean, std] = [Array(3).fill(0.5), Array(3).fill(0.25)]
    const stated = { resolution, ...layout, size: null, colorManagement: false, mean, std }
    saved(network, model, stated)
    const predicted = async (views) => {
      const [{ predictions }] = await allOf(
        mb.predictEach(model, [{ name: 'golden', bytes: bytesOf(file) }], { views, topk: 10 }),
      )
      return predictions.toSorted((a, b) => a.index - b.index).map(({ probability }) => probability)
    }
    const meanOf = (flips) =>
      mb.scope(() => {
        const x = mb.fromTypedArray(
          Float32Array.from(found, (v) => (v / 255 - 0.5) / 0.25),
          [5, 3, resolution, resolution],
        )
        const logits = [x, ...(flips ? [x.flip([3])] : [])].map((each) => mb.noGrad(() => network.forward(each)))
        return mb.cat(logits).mean({ dim: 0 }).softmax(0).toArray()
      })
    for (const [views, flips] of [
      ['five', false],
      ['ten', true],
    ]) {
      const [ours, own] = [await predicted(views), meanOf(flips)]
      t.ok(Math.max(...own.map((value, i) => Math.abs(value - ours[i]))) < 1e-5, `${views}: the mean of the logits`)
    }
  }
  network.dispose()
})

t.test('views that a layout does not have', { skip }, async (t) => {
  const network = mb.models.create(small('efficientnet_b0'), { numClasses: 2, seed: 0 })
  const model = join(t.testdir(), 'model.safetensors')
  saved(network, model, { resolution: 32, fit: 'stretch', cropShare: null })
  network.dispose()
  const asked = (options) => allOf(mb.predictEach(model, [], options))
  await t.rejects(asked({ views: 'five' }), {
    code: 'ERR_VALUE',
    message: /needs images that are cut, not fit: stretch/,
  })
  await t.rejects(asked({ views: 'six' }), {
    code: 'ERR_VALUE',
    message: /must be one of "one", "flip", "five", "ten"/,
  })
  await t.rejects(asked({ views: 'flip', reject: 0.1 }), { code: 'ERR_VALUE', message: /reject needs views one/ })
  t.same(await asked({ views: 'flip' }), [])
})

const padded = golden.cases.filter(({ fit }) => fit === 'pad')

t.test('padding is Pillow’s, to the bit', { skip }, async (t) => {
  t.ok(padded.length > 10)
  for (const each of padded) {
    const { wanted, found, what } = await both(each)
    t.same(found, wanted, what)
  }
})

t.test('in training, too: from files, mirrored, and at once', { skip }, async (t) => {
  const unreadable = new UnreadableImages({ name: 'x', length: 1 }, 0, () => {})
  for (const { file, planes, size, resolution, fill, interpolation } of padded.filter((each) => each.channels === 3)) {
    const path = join(t.testdir({ 'a.png': '' }), 'a.png')
    writeFileSync(path, bytesOf(file))
    const dataset = {
      ...{ name: 'x', classes: ['a'], labels: Int32Array.of(0), length: 1, shape: null, fingerprint: () => 'x' },
      read: () => ({ name: 'a', file: path }),
    }
    const [height, width] = [resolution, resolution].flat()
    const mirrored = bytesOf(planes).map((_, i, all) => all[i - (i % width) + width - 1 - (i % width)])
    for (const [flip, wanted] of [
      [0, bytesOf(planes)],
      [1, mirrored],
    ]) {
      const options = { batchSize: 1, size: resolution, fit: 'pad', fill, interpolation, flip, threads: 1, unreadable }
      const loader = new PhotoLoader(dataset, options)
      const { value } = await loader.epoch(0).next()
      t.same(value.images.shape, [1, 3, height, width])
      t.same(value.images.contiguous().toTypedArray(), wanted, `${size} to ${resolution}, flip ${flip}`)
      loader.dispose()
    }
  }
})

t.test('the region that is seen, and shapes', { skip }, async (t) => {
  const crop = { channels: 3, size: null, resolution: 28, fit: 'crop', cropShare: 0.875, interpolation: 'bicubic' }
  t.same(regionOf({ width: 64, height: 32 }, crop), { top: 2 / 32, left: 18 / 64, width: 28 / 64, height: 28 / 32 })
  t.same(regionOf({ width: 20, height: 90 }, { ...crop, fit: 'stretch' }), { top: 0, left: 0, width: 1, height: 1 })
  const squash = { ...crop, fit: 'squash' }
  t.same(regionOf({ width: 64, height: 32 }, squash), { top: 2 / 32, left: 2 / 32, width: 28 / 32, height: 28 / 32 })
  const pad = { ...crop, fit: 'pad', cropShare: null, fill: [0, 0, 0], resolution: [28, 56] }
  t.same(regionOf({ width: 28, height: 28 }, pad), { top: 0, left: -0.5, width: 2, height: 1 }, 'padding on both sides')
  t.same(regionOf({ width: 56, height: 14 }, pad), { top: -0.5, left: 0, width: 1, height: 2 })
  t.same(placementOf({ width: 1, height: 5000 }, pad), { height: 28, width: 1, top: 0, left: -28 }, 'a pixel is left')
  const stretch = { ...crop, fit: 'stretch', cropShare: null }
  t.same(
    inputImageShape({ ...stretch, interpolation: 'bilinear', size: [8, 9] }),
    [3, 8, 9],
    'the loader does the rest',
  )
  t.same(inputImageShape({ ...stretch, size: [8, 9] }), [3, 28, 28])
  t.throws(() => inputImageShape({ ...stretch, channels: 4 }), { code: 'ERR_DATA', message: /4 channels/ })
  const bytes = await sharp({ create: { width: 3000, height: 1, channels: 3, background: '#123456' } })
    .png()
    .toBuffer()
  const line = { name: 'line.png', bytes }
  const { length } = await readInputImage(line, stretch)
  t.equal(length, 3 * 28 * 28)
  await t.rejects(readInputImage(line, { ...crop, resolution: 1000 }), {
    code: 'ERR_DATA',
    message: /line\.png: is too long for its width \(3000 x 1 px\)/,
  })
})
