import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { Loader } = internal('loader')
const { inMemory } = internal('imageDataset')
const { normalization, statistics } = internal('dataStatistics')
const { loadDigits } = internal('digits')
const { normalizer, resizeImages } = internal('transforms')

const { train, test } = loadDigits()
const pixels = statistics(train)
const augment = { rotate: 10, translate: 0.08, scale: 0.1, shear: 5 }
const options = { batchSize: 64, seed: 3, shuffle: true, size: 32, augment, ...pixels }

const same = (a, b) => Buffer.from(a.buffer).equals(Buffer.from(b.buffer))
const sameBatch = (a, b) =>
  same(a.images, b.images) && same(a.labels, b.labels) && same(a.indices, b.indices) && `${a.shape}` === `${b.shape}`

t.test('an epoch gives every image once, with its label', async (t) => {
  const loader = new Loader(train, options)
  t.equal(loader.batchesPerEpoch, 23)
  const batches = [...loader.epoch(0)]
  t.equal(batches.length, 23)
  const seen = batches.flatMap(({ indices }) => [...indices])
  t.same(
    seen.toSorted((a, b) => a - b),
    Array.from({ length: 1437 }, (_, i) => i),
  )
  for (const { images, shape, labels, indices } of batches) {
    t.strictSame(shape, [indices.length, 1, 32, 32])
    t.equal(images.length, indices.length * 1024)
    t.strictSame(
      [...labels],
      [...indices].map((i) => BigInt(train.labels[i])),
    )
  }
  t.equal(batches.at(-1).indices.length, 1437 - 22 * 64)
})

t.test('dropLast leaves out the rest', async (t) => {
  const loader = new Loader(train, { ...options, dropLast: true })
  const batches = [...loader.epoch(0)]
  t.equal(loader.batchesPerEpoch, 22)
  t.ok(batches.every(({ indices }) => indices.length === 64))
  t.equal(batches.length, 22)
})

t.test('without shuffling and augmentation: the resized images in order', async (t) => {
  const loader = new Loader(test, { batchSize: 256, size: 20, ...pixels })
  const [first, second] = loader.epoch(5)
  const wanted = resizeImages(test.images, test.shape, 20, normalizer(pixels.mean, pixels.std))
  t.same(
    [first.shape, second.shape],
    [
      [256, 1, 20, 20],
      [104, 1, 20, 20],
    ],
  )
  t.ok(same(Float32Array.from([...first.images, ...second.images]), wanted))
  t.same(
    [...first.indices, ...second.indices],
    Array.from({ length: 360 }, (_, i) => i),
  )
})

t.test('two loaders with the same options give the same bits', async (t) => {
  const [one, other] = [new Loader(train, options), new Loader(train, options)]
  const [first] = one.epoch(4)
  // The other has been used before, for another epoch.
  for (const _ of other.epoch(1)) break
  const [again] = other.epoch(4)
  t.ok(sameBatch(first, again))
})

t.test('seed and epoch change order and variation', async (t) => {
  const order = (seed, epoch) => new Loader(train, { ...options, seed }).order(epoch).join()
  t.equal(new Set([order(3, 0), order(3, 1), order(4, 0)]).size, 3)
  const still = { ...options, shuffle: false }
  const first = (seed, epoch) => new Loader(train, { ...still, seed }).epoch(epoch).next().value
  t.same(first(3, 0).indices, first(4, 1).indices)
  t.notOk(same(first(3, 0).images, first(3, 1).images))
  t.notOk(same(first(3, 0).images, first(4, 0).images))
})

t.test('the variation belongs to the sample, not to its place in the batch', async (t) => {
  const shuffled = new Loader(train, options).epoch(2).next().value
  const ordered = [...new Loader(train, { ...options, shuffle: false, batchSize: 500 }).epoch(2)]
  for (const row of [0, 17, 63]) {
    const index = shuffled.indices[row]
    const other = ordered[Math.floor(index / 500)].images
    const place = (index % 500) * 1024
    t.ok(same(shuffled.images.slice(row * 1024, row * 1024 + 1024), other.slice(place, place + 1024)), `row ${row}`)
  }
})

t.test('resuming at any batch continues as if never stopped', async (t) => {
  const loader = new Loader(train, { ...options, batchSize: 200, size: 8 })
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.nat(50), fc.nat(loader.batchesPerEpoch), (epoch, from) => {
        const whole = [...loader.epoch(epoch)].slice(from)
        const resumed = [...new Loader(train, { ...options, batchSize: 200, size: 8 }).epoch(epoch, from)]
        return whole.length === resumed.length && whole.every((batch, i) => sameBatch(batch, resumed[i]))
      }),
      { numRuns: 25 },
    ),
  )
})

t.test('batches are not overwritten by later ones', async (t) => {
  const epoch = new Loader(train, options).epoch(0)
  const first = epoch.next().value
  const copy = Float32Array.from(first.images)
  epoch.next()
  t.ok(same(first.images, copy))
})

t.test('augmented pixels stay between black and white, and differ from the plain ones', async (t) => {
  const plain = new Loader(train, { ...options, augment: undefined }).epoch(0).next().value
  const varied = new Loader(train, options).epoch(0).next().value
  const [black, white] = [-pixels.mean[0] / pixels.std[0], (1 - pixels.mean[0]) / pixels.std[0]]
  t.ok(varied.images.every((v) => v >= black - 1e-6 && v <= white + 1e-6))
  t.same(varied.indices, plain.indices)
  const difference = varied.images.reduce((sum, v, i) => sum + Math.abs(v - plain.images[i]), 0) / plain.images.length
  t.ok(difference > 0.05 && difference < 0.8, `mean difference ${difference}`)
})

t.test('options that cannot be', async (t) => {
  const refuses = (changes, message) =>
    t.throws(() => new Loader(train, { ...options, ...changes }), { code: 'ERR_VALUE', message })
  refuses({ batchSize: 0 }, /batchSize/)
  refuses({ batchSize: 2.5 }, /batchSize/)
  refuses({ size: 0 }, /size/)
  refuses({ seed: 0.5 }, /seed/)
  refuses({ mean: [0, 0] }, /mean must be one number, or one for each of 1 channels/)
  refuses({ std: 0 }, /std must be above 0/)
  refuses({ std: Number.NaN }, /std must be one number/)
  refuses({ augment: { rotate: 200 } }, /augment.rotate/)
  refuses({ batchSize: 1438, dropLast: true }, /1437 images give no batch of 1438/)
  const loader = new Loader(train, options)
  t.throws(() => loader.epoch(-1), { code: 'ERR_VALUE', message: /epoch/ })
  t.throws(() => loader.epoch(0, 24), { code: 'ERR_VALUE', message: /fromBatch is 24, but an epoch has 23/ })
  t.same([...loader.epoch(0, 23)], [], 'the end of an epoch is a place to resume from')
})

t.test('a data set that is not what it states is refused before anything is computed', async (t) => {
  const images = new Uint8Array(12).map((_, i) => 20 * i)
  const good = {
    name: 'good',
    classes: ['a', 'b'],
    shape: [1, 2, 2],
    length: 3,
    labels: Int32Array.of(0, 1, 0),
    read: (i) => images.subarray(4 * i, 4 * i + 4),
  }
  const wanted = { mean: null, std: null }
  const options = { batchSize: 2, size: 2, mean: 0, std: 1 }
  const uses = [
    (dataset) => statistics(dataset),
    (dataset) => normalization(dataset, wanted),
    (dataset) => new Loader(dataset, options),
  ]
  for (const use of uses) {
    t.ok(use(good))
    for (const [change, code] of [
      // Each of the first three was counted up to: for ever, as good as.
      [{ shape: [new Date(), 2, 2] }, 'ERR_TYPE'],
      [{ shape: [1e15, 2, 2] }, 'ERR_VALUE'],
      [{ length: 1e15 }, 'ERR_VALUE'],
      [{ shape: [1, 2] }, 'ERR_TYPE'],
      [{ shape: null }, 'ERR_TYPE'],
      [{ read: images }, 'ERR_TYPE'],
      [{ classes: [] }, 'ERR_TYPE'],
      [{ labels: undefined }, 'ERR_TYPE'],
      [{ labels: Uint8Array.of(0, 1, 0) }, 'ERR_TYPE'],
      [{ labels: Int32Array.of(0) }, 'ERR_VALUE'],
      [{ labels: Int32Array.of(0, 2, 0) }, 'ERR_VALUE'],
      [{ labels: Int32Array.of(0, -1, 0) }, 'ERR_VALUE'],
    ]) {
      t.throws(() => use({ ...good, ...change }), { code }, `${use} ${Object.keys(change)}`)
    }
  }
  // What a data set reads is seen when it is read.
  for (const read of [() => images, () => [0, 1, 2, 3], () => null, () => new Uint8Array(3)]) {
    const bad = { ...good, read }
    t.throws(() => statistics(bad), { code: 'ERR_DATA', message: /image 0 of good must be a Uint8Array of 4 bytes/ })
    t.throws(() => new Loader(bad, options).epoch(0).next(), { code: 'ERR_DATA', message: /of good must be/ })
  }
})

t.test('a data set in memory is made from its arrays', async (t) => {
  const given = { name: 'a', classes: ['a', 'b'], shape: [1, 2, 2], images: new Uint8Array(8), labels: [1, 0] }
  const made = inMemory(given)
  t.equal(made.length, 2)
  t.strictSame(made.read(1), new Uint8Array(4))
  for (const [change, code] of [
    [{ images: new Uint8Array(7) }, 'ERR_VALUE'],
    [{ images: [0] }, 'ERR_TYPE'],
    [{ labels: [0, 2] }, 'ERR_VALUE'],
    [{ labels: [0, 0.5] }, 'ERR_VALUE'],
    [{ labels: 7 }, 'ERR_TYPE'],
    [{ labels: [0] }, 'ERR_VALUE'],
    [{ shape: [1, 2] }, 'ERR_TYPE'],
    [{ classes: 'ab' }, 'ERR_TYPE'],
  ]) {
    t.throws(() => inMemory({ ...given, ...change }), { code }, Object.keys(change)[0])
  }
})

t.test('a balanced epoch takes as many images from each class', async (t) => {
  // 57 images of class 0, 2 of class 2, 1 of class 3; none of class 1.
  const labels = [...new Array(57).fill(0), 2, 2, 3]
  const given = { name: 'a', classes: ['a', 'b', 'c', 'd'], shape: [1, 1, 1], images: new Uint8Array(60), labels }
  const dataset = inMemory(given)
  const loader = new Loader(dataset, {
    batchSize: 7,
    size: 1,
    mean: 0,
    std: 1,
    seed: 5,
    shuffle: true,
    sampler: 'balanced',
  })
  const seen = new Set()
  for (let epoch = 0; epoch < 12; epoch++) {
    const order = [...loader.order(epoch)]
    t.equal(order.length, 60)
    const counts = [0, 0, 0, 0]
    for (const i of order) counts[labels[i]]++
    t.strictSame(counts, [20, 0, 20, 20])
    t.equal(order.filter((i) => i === 57).length, 10, 'the images of a class come equally often')
    t.equal(new Set(order.filter((i) => i < 57)).size, 20, 'no image of a frequent class comes twice')
    for (const i of order) seen.add(i)
    t.strictSame(order, [...loader.order(epoch)])
    t.notSame(order, [...loader.order(epoch + 1)])
    t.notSame(
      order,
      order.toSorted((a, b) => labels[a] - labels[b]),
      'the classes are mixed',
    )
  }
  t.ok(seen.size > 57, `${seen.size} of 60 images were drawn in twelve epochs`)
  const odd = inMemory({ ...given, images: new Uint8Array(8), labels: [0, 0, 0, 0, 0, 0, 1, 2] })
  const of = new Loader(odd, { batchSize: 8, size: 1, mean: 0, std: 1, shuffle: true, sampler: 'balanced' })
  const firsts = [0, 1, 2].map((epoch) => of.order(epoch).reduce((sum, i) => sum + (i < 6 ? 1 : 0), 0))
  t.strictSame(firsts.toSorted(), [2, 3, 3], 'what does not divide evenly goes to other classes each epoch')
  t.throws(() => new Loader(odd, { batchSize: 1, size: 1, mean: 0, std: 1, sampler: 'balanced' }), {
    code: 'ERR_VALUE',
  })
  const wrong = { batchSize: 1, size: 1, mean: 0, std: 1, shuffle: true, sampler: 'even' }
  t.throws(() => new Loader(odd, wrong), { code: 'ERR_VALUE', message: /sampler/ })
})

t.test('an image that comes several times in a balanced epoch is varied each time', async (t) => {
  const given = { name: 'a', classes: ['a', 'b'], shape: [1, 8, 8], labels: [0, 0, 0, 0, 0, 1] }
  const dataset = inMemory({ ...given, images: Uint8Array.from({ length: 6 * 64 }, (_, i) => (i * 37) % 256) })
  const options = { batchSize: 6, size: 8, mean: 0, std: 1, shuffle: true, augment: { rotate: 90 } }
  const [balanced] = new Loader(dataset, { ...options, sampler: 'balanced' }).epoch(0)
  const rare = [...balanced.indices].flatMap((index, row) => (index === 5 ? [row] : []))
  t.equal(rare.length, 3)
  const images = rare.map((row) => balanced.images.slice(row * 64, row * 64 + 64).join())
  t.equal(new Set(images).size, 3)
  const [shuffled] = new Loader(dataset, options).epoch(0)
  const once = shuffled.indices.indexOf(5)
  t.ok(
    images.includes(shuffled.images.slice(once * 64, once * 64 + 64).join()),
    'the first time as without the sampler',
  )
})

t.test('repeated augmentation: the order of timm, and every time another variation', async (t) => {
  const { cases } = JSON.parse(readFileSync(new URL('golden/repeats.json', import.meta.url), 'utf8'))
  const given = (length) => ({
    ...{ name: 'a', classes: ['a'], shape: [1, 8, 8], labels: new Array(length).fill(0) },
    images: Uint8Array.from({ length: length * 64 }, (_, i) => (i * 37) % 256),
  })
  const options = { batchSize: 3, size: 8, mean: 0, std: 1, seed: 9, shuffle: true, augment: { rotate: 90 } }
  for (const { length, repeats, order } of cases) {
    const plain = new Loader(inMemory(given(length)), options).order(2)
    const repeated = new Loader(inMemory(given(length)), { ...options, repeats })
    t.same(
      [...repeated.order(2)],
      order.map((place) => plain[place]),
      `${length} images, ${repeats} times`,
    )
    const images = [...repeated.epoch(2)].flatMap(({ images, indices }) =>
      Array.from(indices, (_, i) => images.slice(i * 64, i * 64 + 64).join()),
    )
    t.equal(new Set(images).size, length)
  }
  const refused = (more, message) =>
    t.throws(() => new Loader(inMemory(given(4)), { ...options, repeats: 2, ...more }), { code: 'ERR_VALUE', message })
  refused({ augment: {} }, /needs augmentation/)
  refused({ sampler: 'balanced' }, /cannot be combined/)
  refused({ shuffle: false }, /needs shuffle/)
  refused({ repeats: 1.5 }, /repeats must be a whole number/)
})
