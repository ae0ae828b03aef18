// Scenes: the same ones every time, at every resolution, and what the classes are.
import { data } from 'mbconv'
import t from 'tap'
import { native } from '../dist/native.js'

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
    t.equal(train.numClasses, classes)
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

t.test('a texture is there at 64 px, and gone where pixels are too large for it', async (t) => {
  // The same scenes but for the texture, whose two waves meet at another angle.
  const draw = (size, texture) => {
    const images = new Uint8Array(20 * 3 * size * size)
    native().renderScenes(
      images,
      new Uint8Array(40).fill(0).map((_, i) => (i % 2 === 0 ? texture : 0)),
      1,
      0,
      size,
      0,
    )
    return images
  }
  const [squares, rhombs] = [1, 5]
  const difference = (size) => {
    const other = draw(size, rhombs)
    return draw(size, squares).reduce((most, value, i) => Math.max(most, Math.abs(value - other[i])), 0)
  }
  t.ok(difference(64) > 50, `${difference(64)} of 255`)
  t.equal(difference(24), 0)
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

t.test('options out of range', async (t) => {
  for (const options of [{ classes: 7 }, { size: 4 }, { size: 10.5 }, { train: 0 }, { seed: -1 }, { noise: 2 }]) {
    t.throws(
      () => loadScenes({ size: 8, train: 1, test: 1, ...options }),
      { code: 'ERR_VALUE' },
      JSON.stringify(options),
    )
  }
})
