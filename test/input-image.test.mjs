// Images on their way into a network, against torchvision and Pillow.
import { readFileSync } from 'node:fs'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { disturbNorms, small } from './helpers/small.mjs'

const { inputImageShape, readInputImage, regionOf } = internal('inputImage')

const golden = JSON.parse(readFileSync(new URL('./golden/input-images.json', import.meta.url), 'utf8'))
const sharp = await import('sharp').then(
  ({ default: found }) => found,
  () => undefined, // optional: the tests that need it say that they are skipped
)
const skip = !sharp && 'the optional package sharp is not installed'

const bytesOf = (text) => new Uint8Array(Buffer.from(text, 'base64'))

t.test(
  'a centre crop is torchvision’s, by a step of 256 at most; the logits by 1 % of their spread',
  { skip },
  async (t) => {
    mb.setNumThreads(1)
    mb.manualSeed(1)
    for (const { file, planes, size, format, ...rest } of golden.cases) {
      const preprocessing = { ...rest, fit: 'crop', size: null, mean: [0.5], std: [0.25] }
      const { channels, resolution } = rest
      t.same(inputImageShape(preprocessing), [channels, resolution, resolution])
      const found = await readInputImage({ name: 'golden', bytes: bytesOf(file) }, preprocessing)
      const wanted = bytesOf(planes)
      t.equal(found.length, wanted.length)
      const differences = wanted.map((value, i) => Math.abs(value - found[i]))
      const worst = Math.max(...differences)
      const share = differences.filter((difference) => difference > 0).length / wanted.length
      const what = `${size.join('x')} ${format}, ${rest.interpolation}: ${(100 * share).toFixed(2)} % differ, by ${worst}`
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
            [1, channels, resolution, resolution],
          )
          return mb.noGrad(() => network.forward(x))
        })
        const error = ours.sub(theirs).abs().max().item() / theirs.std().item()
        t.ok(error <= 0.01, `logits: ${error}`)
      })
      network.dispose()
    }
  },
)

t.test('the region that is seen, and shapes', { skip }, async (t) => {
  const crop = { channels: 3, size: null, resolution: 28, fit: 'crop', cropShare: 0.875, interpolation: 'bicubic' }
  t.same(regionOf({ width: 64, height: 32 }, crop), { top: 2 / 32, left: 18 / 64, width: 28 / 64, height: 28 / 32 })
  t.same(regionOf({ width: 20, height: 90 }, { ...crop, fit: 'stretch' }), { top: 0, left: 0, width: 1, height: 1 })
  const squash = { ...crop, fit: 'squash' }
  t.same(regionOf({ width: 64, height: 32 }, squash), { top: 2 / 32, left: 2 / 32, width: 28 / 32, height: 28 / 32 })
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
