// Scenes: the same ones every time, at every resolution, and what the classes are.
import { data } from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { native } = internal('addon')
const { KeyedRandom, PURPOSE } = internal('philox')

const { loadScenes } = data

t.test('a scene depends on its seed and number alone', async (t) => {
  const few = loadScenes({ size: 32, train: 20, test: 20, seed: 5 })
  const more = loadScenes({ size: 32, train: 50, test: 20, seed: 5 })
  const same = (a, b) => Buffer.compare(a, b) === 0
  t.ok(same(more.train.images.subarray(0, few.train.images.length), few.train.images))
  t.ok(same(more.test.images, few.test.images))
  t.notOk(same(loadScenes({ size: 32, train: 20, test: 20, seed: 6 }).train.images, few.train.images))
  t.notOk(same(few.test.images, few.train.images), 'training and test scenes are different ones')
})

t.test('classes: equally many of each, named by texture and arrangement', async (t) => {
  for (const classes of [10, 100]) {
    const { train } = loadScenes({ classes, size: 16, train: 3 * classes, test: 1 })
    t.equal(train.classes.length, classes)
    t.equal(new Set(train.classes).size, classes)
    t.match(train.classes[0], /^lines\/ring$/)
    const counts = new Array(classes).fill(0)
    for (const label of train.labels) counts[label]++
    t.ok(counts.every((count) => count === 3))
  }
})

/** Means over blocks of n × n pixels. */
function pooled({ images, shape: [, size], length }, n) {
  const side = size / n
  const out = new Float64Array(length * 3 * side * side)
  for (let plane = 0; plane < length * 3; plane++) {
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const to = (plane * side + Math.floor(y / n)) * side + Math.floor(x / n)
        out[to] += images[(plane * size + y) * size + x] / (n * n)
      }
    }
  }
  return out
}

t.test('drawn small is drawn large and averaged, as far as small pixels can show it', async (t) => {
  const difference = (small, n) => {
    const options = { train: 40, test: 1, noise: 0, seed: 2 }
    const large = pooled(loadScenes({ ...options, size: small * n }).train, n)
    const there = loadScenes({ ...options, size: small }).train.images
    let squares = 0
    for (let i = 0; i < large.length; i++) squares += (large[i] - there[i]) ** 2
    return Math.sqrt(squares / large.length)
  }
  t.ok(difference(128, 2) < 2, `128 px: ${difference(128, 2)} of 255`)
  t.ok(difference(64, 4) < 6, `64 px: ${difference(64, 4)} of 255`)
})

t.test('textures from coarse to fine: few are there at 16 px, most at 32, all at 48', async (t) => {
  // The same scenes but for the texture, whose two waves meet at another angle.
  const draw = (size, texture) => {
    const images = new Uint8Array(200 * 3 * size * size)
    const kinds = new Uint8Array(400).map((_, i) => (i % 2 === 0 ? texture : 0))
    native().renderScenes(images, kinds, 1, 0, size, 0)
    return images
  }
  const [squares, rhombs] = [1, 5]
  /** The largest difference of each scene, of 255. */
  const differences = (size) => {
    const [one, other] = [draw(size, squares), draw(size, rhombs)]
    const each = 3 * size * size
    return Array.from({ length: 200 }, (_, i) =>
      one
        .subarray(i * each, (i + 1) * each)
        .reduce((most, value, at) => Math.max(most, Math.abs(value - other[i * each + at])), 0),
    )
  }
  const shown = (size) => differences(size).filter((difference) => difference > 25).length / 200
  const [at16, at32, at48] = [16, 32, 48].map(shown)
  t.ok(at16 > 0.15 && at16 < 0.5, `${at16} at 16 px`)
  t.ok(at32 > 0.7 && at32 < 0.95, `${at32} at 32 px`)
  t.equal(at48, 1)
  // The coarsest have five cycles a side, of which eight pixels show nothing, not even as a wave that is not there.
  t.equal(Math.max(...differences(8)), 0)
})

t.test('noise of one density: a pixel of half the side has twice the deviation', async (t) => {
  const deviation = (size) => {
    const [noisy, clean] = [0.06, 0].map((noise) => loadScenes({ size, train: 20, test: 1, noise }).train.images)
    let squares = 0
    let count = 0
    for (let i = 0; i < noisy.length; i++) {
      // Values near the ends are cut off.
      if (clean[i] < 60 || clean[i] > 195) continue
      squares += (noisy[i] - clean[i]) ** 2
      count++
    }
    return Math.sqrt(squares / count) / 255
  }
  const [small, large] = [deviation(64), deviation(128)]
  t.ok(Math.abs(small - 0.06) < 0.003, `${small} at 64 px`)
  t.ok(Math.abs(large / small - 2) < 0.1, `${large} at 128 px`)
})

t.test('noise is drawn from the sequence of numbers that lib/random/philox.ts has for the scene', async (t) => {
  const [size, noise, seed, scene] = [64, 0.1, 2n ** 40n + 7n, 3]
  const draw = (density) => {
    const image = new Uint8Array(3 * size * size)
    native().renderScenes(image, new Uint8Array(2), seed, scene, size, density)
    return image
  }
  const [noisy, clean] = [draw(noise), draw(0)]
  const random = new KeyedRandom(seed, PURPOSE.noise, 0, scene)
  const perPixel = ((noise * size) / 64) * (255 / Math.sqrt((4 * (65536 - 1)) / 12))
  let [compared, worst] = [0, 0]
  // Row by row, in each the channels one after the other.
  for (let row = 0; row < size; row++) {
    for (let channel = 0; channel < 3; channel++) {
      for (let column = 0; column < size; column++) {
        const word = random.uint32()
        const bytes = (word & 255) + ((word >>> 8) & 255) + ((word >>> 16) & 255) + (word >>> 24)
        const at = (channel * size + row) * size + column
        // Values at the ends are cut off.
        if (noisy[at] === 0 || noisy[at] === 255) continue
        compared++
        worst = Math.max(worst, Math.abs(noisy[at] - clean[at] - perPixel * (bytes - 510)))
      }
    }
  }
  t.ok(compared > 12_000, `${compared} pixels`)
  t.ok(worst <= 1, `differ by ${worst} of 255, of which rounding takes 1`)
})

t.test('options out of range', async (t) => {
  for (const options of [{ classes: 7 }, { size: 4 }, { size: 10.5 }, { train: 0 }, { seed: 2 ** 53 }, { noise: 2 }]) {
    t.throws(
      () => loadScenes({ size: 8, train: 1, test: 1, ...options }),
      { code: 'ERR_VALUE' },
      JSON.stringify(options),
    )
  }
})
