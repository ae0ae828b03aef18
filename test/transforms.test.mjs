import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { affineOf, augments, checkAugment, drawVariation, IDENTITY, normalizer, resample, resizeImages } =
  internal('transforms')

const golden = JSON.parse(readFileSync(new URL('golden/transforms.json', import.meta.url), 'utf8'))

/** Leaves the bytes' values as they are, so that results compare with goldens on 0 … 255. */
const raw = (channels) => normalizer(Array(channels).fill(0), Array(channels).fill(1 / 255))

function warp({ source, shape, size }, affine, fill) {
  const [height, width] = [size, size].flat()
  const target = new Float32Array(shape[0] * height * width)
  const job = { source: Uint8Array.from(source), sourceOffset: 0, shape, target, targetOffset: 0, size }
  resample({ ...job, normalizer: raw(shape[0]) }, affine, fill)
  return target
}

const furthest = (got, wanted) => got.reduce((max, value, i) => Math.max(max, Math.abs(value - wanted[i])), 0)

t.test('resizing equals interpolate(bilinear, align_corners=False)', async (t) => {
  for (const { source, shape, size, out } of golden.resized) {
    const got = resizeImages(Uint8Array.from(source), shape, size, raw(shape[0]))
    t.equal(got.length, out.length)
    // The golden has 7 decimals, float32 about 1.5e-5 at 255.
    t.ok(furthest(got, out) < 2e-5, `${shape} to ${size}: ${furthest(got, out)}`)
    t.same(warp({ source, shape, size }, IDENTITY, 'zero'), got, 'with zero fill')
    t.same(warp({ source, shape, size }, IDENTITY, 'edge'), got, 'with edge fill')
  }
})

t.test("an affine map equals torchvision's matrix with affine_grid and grid_sample", async (t) => {
  for (const { variation, theta, edge, zero, ...image } of golden.warped) {
    const [height, width] = [image.size, image.size].flat()
    const affine = affineOf(variation, width / height)
    t.ok(furthest(affine, theta) < 1e-11, `matrix ${JSON.stringify(variation)}`)
    t.ok(furthest(warp(image, affine, 'edge'), edge) < 2e-5, 'edge fill')
    t.ok(furthest(warp(image, affine, 'zero'), zero) < 2e-5, 'zero fill')
  }
})

t.test('a copy of the identity is the identity', async (t) => {
  const image = golden.resized[0]
  const still = { angle: 0, translate: [0, 0], scale: 1, shear: 0, flip: false }
  t.ok(furthest(warp(image, affineOf(still), 'zero'), image.out) < 2e-5)
})

t.test('normalised values', async (t) => {
  const got = resizeImages(Uint8Array.of(0, 255, 51, 102), [2, 1, 1], 1, normalizer([0.5, 0.1], [0.25, 2]))
  const wanted = [-2, 0.45, (0.2 - 0.5) / 0.25, (0.4 - 0.1) / 2]
  t.ok(furthest(got, wanted) < 1e-7, String([...got]))
})

t.test('what is moved out of the picture leaves black, or its edge', async (t) => {
  const white = { source: Array(16).fill(255), shape: [1, 4, 4], size: 8 }
  const right = affineOf({ angle: 0, translate: [0.5, 0], scale: 1, shear: 0, flip: false })
  const rows = (image) => Array.from({ length: 8 }, (_, i) => [...image.subarray(i * 8, i * 8 + 8)].map(Math.round))
  t.same(rows(warp(white, right, 'zero')), Array(8).fill([0, 0, 0, 0, 255, 255, 255, 255]))
  t.same(rows(warp(white, right, 'edge')), Array(8).fill(Array(8).fill(255)))
  // A border through the middle of a column dims it by half.
  const half = affineOf({ angle: 0, translate: [0.5 + 1 / 16, 0], scale: 1, shear: 0, flip: false })
  t.same(rows(warp(white, half, 'zero'))[0], [0, 0, 0, 0, 128, 255, 255, 255])
})

t.test('the content goes where the settings say', async (t) => {
  const base = { angle: 0, translate: [0, 0], scale: 1, shear: 0, flip: false }
  const source = Array(81).fill(0)
  source[1 * 9 + 4] = 255 // top middle
  const brightest = (variation) => {
    const out = warp({ source, shape: [1, 9, 9], size: 9 }, affineOf({ ...base, ...variation }), 'zero')
    const at = out.indexOf(Math.max(...out))
    return [at % 9, Math.floor(at / 9)]
  }
  t.same(brightest({}), [4, 1])
  t.same(brightest({ angle: 90 }), [7, 4], 'clockwise')
  t.same(brightest({ translate: [1 / 9, 2 / 9] }), [5, 3], 'right and down')
  t.same(brightest({ scale: 2 / 3 }), [4, 2], 'smaller is nearer the centre')
  t.same(brightest({ shear: 45 }), [7, 1], 'the upper half slants right')
  const corner = Array(81).fill(0)
  corner[0] = 255
  const flipped = warp({ source: corner, shape: [1, 9, 9], size: 9 }, affineOf({ ...base, flip: true }), 'zero')
  t.equal(Math.round(flipped[8]), 255)
})

t.test('results stay between the darkest and the lightest pixel', async (t) => {
  const degrees = fc.double({ min: -80, max: 80, noNaN: true })
  const shift = fc.double({ min: -1, max: 1, noNaN: true })
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(
        fc.record({
          angle: degrees,
          translate: fc.tuple(shift, shift),
          scale: fc.double({ min: 0.01, max: 3, noNaN: true }),
          shear: degrees,
          flip: fc.boolean(),
        }),
        fc.uint8Array({ minLength: 12, maxLength: 12 }),
        (variation, source) => {
          const image = { source, shape: [1, 3, 4], size: 5 }
          const [edge, zero] = ['edge', 'zero'].map((fill) => [...warp(image, affineOf(variation), fill)])
          const [low, high] = [Math.min(...source) - 1e-3, Math.max(...source) + 1e-3]
          return edge.every((v, i) => v >= low && v <= high && zero[i] >= 0 && zero[i] <= v + 1e-3)
        },
      ),
    ),
  )
})

t.test('drawn variations keep their limits, fill them, and do not depend on each other', async (t) => {
  const augment = { rotate: 12, translate: 0.1, scale: 0.2, shear: 7, flip: true }
  const drawn = Array.from({ length: 4000 }, (_, i) => drawVariation(augment, 9, i % 7, i))
  const spread = (of, limit, centre = 0) => {
    const values = drawn.map(of)
    const [low, high] = [Math.min(...values) - centre, Math.max(...values) - centre]
    const mean = values.reduce((sum, v) => sum + v, 0) / values.length - centre
    t.ok(low >= -limit && low < -0.99 * limit, `low ${low}`)
    t.ok(high <= limit && high > 0.99 * limit, `high ${high}`)
    t.ok(Math.abs(mean) < 0.05 * limit, `mean ${mean}`)
  }
  spread((v) => v.angle, 12)
  spread((v) => v.translate[0], 0.1)
  spread((v) => v.translate[1], 0.1)
  spread((v) => v.scale, 0.2, 1)
  spread((v) => v.shear, 7)
  const flips = drawn.filter((v) => v.flip).length
  t.ok(Math.abs(flips - 2000) < 130, `${flips} of 4000 flipped`)

  const without = drawVariation({ ...augment, rotate: 0, flip: false }, 9, 3, 5)
  t.same(without, { ...drawVariation(augment, 9, 3, 5), angle: 0, flip: false })
  const still = { angle: 0, translate: [0, 0], scale: 1, shear: 0, flip: false }
  t.same(drawVariation({}, 9, 3, 5), still)
})

t.test('settings out of range', async (t) => {
  for (const [key, value] of [
    ['rotate', 181],
    ['rotate', -1],
    ['translate', 1.5],
    ['scale', 1],
    ['shear', 90],
    ['shear', Number.NaN],
    ['rotate', '5'],
  ]) {
    t.throws(() => checkAugment({ [key]: value }), { code: 'ERR_VALUE', message: new RegExp(`^augment.${key} `) })
  }
  checkAugment({ rotate: 180, translate: 1, scale: 0.99, shear: 89, flip: true })
  t.equal(augments({ rotate: 0, flip: false }), false)
  t.equal(augments({ flip: true }), true)
  t.throws(() => resizeImages(new Uint8Array(5), [1, 2, 2], 4, raw(1)), { code: 'ERR_SHAPE' })
})
