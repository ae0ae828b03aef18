import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { datasetOf } = internal('datasetKinds')
const { inMemory } = internal('imageDataset')
const { normalization, statistics } = internal('dataStatistics')
const { encodeIdx, loadIdx, readIdx, writeIdx } = internal('idx')

const folder = t.testdir()
let files = 0
/** Writes bytes to a new file and gives its path. */
function fileOf(bytes) {
  const path = join(folder, `file-${files++}`)
  writeFileSync(path, bytes)
  return path
}

const small = { dtype: 'uint8', shape: [2, 2, 3], data: Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) }
const smallBytes = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]

/** Reading must fail as a data error that names the file, says `problem` and gives a hint. */
function refuses(t, bytes, problem, options) {
  const path = fileOf(bytes)
  t.throws(() => readIdx(path, options), { code: 'ERR_DATA', hint: /\w/, message: problem }, String(problem))
  try {
    readIdx(path, options)
  } catch (error) {
    t.ok(error.message.startsWith(`${path}: `), 'the file is named')
  }
}

t.test('bytes of a known file', async (t) => {
  t.same([...encodeIdx(small)], smallBytes)
  t.same(readIdx(fileOf(Uint8Array.from(smallBytes))), small)
})

t.test('gzip is told by content, not by name', async (t) => {
  const plainNamedGz = join(folder, 'plain.idx.gz')
  writeIdx(plainNamedGz, small)
  t.same(readIdx(plainNamedGz), small)
  const gzNamedPlain = join(folder, 'zipped.idx')
  writeIdx(gzNamedPlain, small, { gzip: true })
  t.same(readIdx(gzNamedPlain), small)
})

t.test('every type survives writing and reading', async (t) => {
  const arrays = [
    ['int8', Int8Array.from([-128, 127, 0, -1])],
    ['int16', Int16Array.from([-32768, 32767, 258, -2])],
    ['int32', Int32Array.from([-2147483648, 2147483647, 16909060, -3])],
    ['float32', Float32Array.from([0.1, -0, Infinity, NaN])],
    ['float64', Float64Array.from([0.1, -1e300, 5e-324, NaN])],
  ]
  for (const [dtype, data] of arrays) {
    for (const gzip of [false, true]) {
      const path = join(folder, `${dtype}-${gzip}`)
      writeIdx(path, { dtype, shape: [2, 2], data }, { gzip })
      t.same(readIdx(path), { dtype, shape: [2, 2], data }, `${dtype}, gzip ${gzip}`)
    }
  }
  t.same([...encodeIdx({ dtype: 'int16', shape: [1], data: Int16Array.of(258) })], [0, 0, 0x0b, 1, 0, 0, 0, 1, 1, 2])
})

t.test('a shape that does not hold the values is not written', async (t) => {
  t.throws(() => encodeIdx({ ...small, shape: [5] }), { code: 'ERR_SHAPE' })
  t.throws(() => encodeIdx({ ...small, shape: [] }), { code: 'ERR_SHAPE' })
})

t.test('plain files that cannot be right', async (t) => {
  const edit = (at, value) => Uint8Array.from(smallBytes).with(at, value)
  refuses(t, new Uint8Array(), /too short/)
  refuses(t, Uint8Array.of(0, 0, 8), /too short/)
  refuses(t, edit(0, 1), /not an IDX file \(starts with 01 00 08 03\)/)
  refuses(t, edit(2, 7), /unknown IDX type/)
  refuses(t, edit(3, 0), /0 dimensions/)
  refuses(t, edit(3, 9), /9 dimensions/)
  refuses(t, Uint8Array.from(smallBytes.slice(0, 10)), /ends inside the header/)
  refuses(t, Uint8Array.from(smallBytes.slice(0, -1)), /has 27 bytes where its header announces 28/)
  refuses(t, Uint8Array.from([...smallBytes, 0]), /has 29 bytes where its header announces 28 \(2 x 2 x 3 values/)
})

t.test('sizes that no file has are refused before memory is taken', async (t) => {
  const huge = Uint8Array.from([0, 0, 0x0e, 8, ...new Array(32).fill(255)])
  const before = process.memoryUsage().arrayBuffers
  refuses(t, huge, /more than the 2147483647 bytes allowed/)
  refuses(t, gzipSync(huge), /more than the 2147483647 bytes allowed/)
  refuses(t, Uint8Array.from([0, 0, 8, 1, 0x7f, 0xff, 0xff, 0]), /has 8 bytes where its header announces 2147483400/)
  t.ok(process.memoryUsage().arrayBuffers - before < 2 ** 26, 'memory')
  refuses(t, Uint8Array.from(smallBytes), /has 28 bytes, more than the 27 allowed/, { maxBytes: 27 })
})

t.test('gzip files that cannot be right', async (t) => {
  const good = gzipSync(Uint8Array.from(smallBytes))
  refuses(t, good.subarray(0, 5), /gzip data ends early|too short/)
  refuses(t, good.subarray(0, good.length - 3), /gzip data ends early/)
  const flipped = Buffer.from(good)
  flipped[good.length - 6] ^= 1
  refuses(t, flipped, /gzip data is corrupt \(incorrect data check\)/)
  refuses(t, Buffer.concat([good, Buffer.from('tail')]), /gzip data is corrupt \(incorrect header check\)/)
  refuses(t, Buffer.concat([good, Buffer.alloc(4)]), /4 bytes follow the gzip data/)
  refuses(t, gzipSync(Uint8Array.from([...smallBytes, 0])), /holds more than the 28 bytes/)
  refuses(t, gzipSync(Uint8Array.from(smallBytes.slice(0, -1))), /has 27 bytes where its header announces 28/)
  refuses(t, Buffer.concat([good, good]), /holds more than the 28 bytes/)
})

t.test('a bomb is not inflated', async (t) => {
  // 200 MB of zeros behind an honest little header, in about 200 kB.
  const bomb = gzipSync(Buffer.concat([Buffer.from(smallBytes), Buffer.alloc(200_000_000)]))
  t.ok(bomb.length < 250_000)
  const before = process.memoryUsage().arrayBuffers
  refuses(t, bomb, /holds more than the 28 bytes/)
  t.ok(process.memoryUsage().arrayBuffers - before < 150e6, 'memory')
})

t.test('paths without a readable file', async (t) => {
  const missing = join(folder, 'nowhere.idx')
  t.throws(() => readIdx(missing), { code: 'ERR_DATA', message: `${missing}: no such file` })
  mkdirSync(join(folder, 'dir'))
  t.throws(() => readIdx(join(folder, 'dir')), { code: 'ERR_DATA', message: /is a folder/ })
  t.throws(() => readIdx('/dev/zero'), { code: 'ERR_DATA', message: /not a regular file/ })
})

t.test('fuzz: a cut or altered file is read or refused, never anything else', async (t) => {
  const plain = Uint8Array.from(smallBytes)
  const zipped = gzipSync(plain)
  let refused = 0
  const readOrRefused = (bytes) => {
    const path = join(folder, 'fuzz')
    writeFileSync(path, bytes)
    try {
      readIdx(path, { maxBytes: 1e6 })
    } catch (error) {
      if (error.code !== 'ERR_DATA' || !error.message.startsWith(path) || !error.hint) throw error
      refused++
    }
  }
  const flips = fc.array(fc.tuple(fc.nat(1e6), fc.nat(7)), { maxLength: 6 })
  fc.assert(
    fc.property(fc.constantFrom(plain, zipped), fc.nat(1e6), flips, (source, cut, bits) => {
      const bytes = Buffer.from(source.subarray(0, cut % (source.length + 1)))
      if (bytes.length > 0) for (const [at, bit] of bits) bytes[at % bytes.length] ^= 1 << bit
      readOrRefused(bytes)
    }),
    { numRuns: 400 },
  )
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), readOrRefused), { numRuns: 200 })
  for (let at = 0; at < 16 * 8; at++) {
    const bytes = Buffer.from(plain)
    bytes[at >> 3] ^= 1 << (at & 7)
    readOrRefused(bytes)
  }
  t.ok(refused > 200, `${refused} refused`)
})

t.test('images and labels', async (t) => {
  const images = join(folder, 'images')
  const labels = join(folder, 'labels')
  const bytes = (shape, data) => ({ dtype: 'uint8', shape, data: Uint8Array.from(data) })
  writeIdx(images, small)
  writeIdx(labels, bytes([2], [0, 3]))

  const loaded = loadIdx({ images, labels })
  t.same(
    loaded,
    inMemory({ name: images, classes: ['0', '1', '2', '3'], shape: [1, 2, 3], images: small.data, labels: [0, 3] }),
  )
  t.equal(loadIdx({ images, labels, numClasses: 7 }).classes.length, 7)
  writeIdx(labels, { dtype: 'int32', shape: [2], data: Int32Array.of(21842, 256) })
  t.strictSame([...loadIdx({ images, labels }).labels], [21842, 256], 'more classes than a byte counts')
  t.equal(loadIdx({ images, labels }).classes.length, 21843)
  t.not(loadIdx({ images, labels }).fingerprint(), loaded.fingerprint())
  for (const [label, message] of [
    [-1, /label 1 is -1/],
    [2 ** 30, /has a label 1073741824/],
  ]) {
    writeIdx(labels, { dtype: 'int32', shape: [2], data: Int32Array.of(0, label) })
    t.throws(() => loadIdx({ images, labels }), { code: 'ERR_DATA', message })
  }
  writeIdx(labels, bytes([2], [0, 3]))

  t.test('what does not fit is refused', async (t) => {
    const refusesPair = (pair, at, message) =>
      t.throws(() => loadIdx(pair), { code: 'ERR_DATA', message: new RegExp(`^${at}: ${message}`), hint: /\w/ })
    refusesPair({ images, labels, numClasses: 3 }, labels, 'label 1 is 3, but the classes are 0 to 2')
    const other = join(folder, 'other')
    writeIdx(other, bytes([3], [0, 1, 2]))
    refusesPair({ images, labels: other }, other, 'holds 3 labels for the 2 images in')
    refusesPair({ images, labels: images }, images, 'holds 2 x 2 x 3 values of uint8, which are no labels')
    refusesPair({ images: labels, labels }, labels, 'holds 2 values of uint8, which are no images')
    writeIdx(other, bytes([2, 2, 1, 3], small.data))
    refusesPair({ images: other, labels }, other, 'holds 2 x 2 x 1 x 3 values of uint8, which are no images')
    writeIdx(other, { dtype: 'int8', shape: [2, 2, 3], data: new Int8Array(12) })
    refusesPair({ images: other, labels }, other, 'holds 2 x 2 x 3 values of int8, which are no images')
    writeIdx(other, bytes([0, 2, 3], []))
    refusesPair({ images: other, labels }, other, 'holds no image')
  })

  t.test('a training and a test part', async (t) => {
    const choice = { dataset: 'idx', trainImages: images, trainLabels: labels, testImages: images, testLabels: labels }
    t.same(datasetOf(choice), { train: loaded, test: loaded })
    t.throws(() => datasetOf({ ...choice, testLabels: undefined }), { code: 'ERR_CONFIG', message: /data.testLabels/ })
    const other = join(folder, 'part')
    writeIdx(other, bytes([2], [0, 4]))
    t.throws(() => datasetOf({ ...choice, testLabels: other }), { code: 'ERR_DATA', message: /label 1 is 4/ })
    writeIdx(other, bytes([2, 3, 2], small.data))
    const message = `${other}: images of 1 x 3 x 2, but ${images} has 1 x 2 x 3`
    t.throws(() => datasetOf({ ...choice, testImages: other }), { code: 'ERR_DATA', message })
  })

  t.test('statistics and normalisation', async (t) => {
    const colour = join(folder, 'colour')
    // Two 1 x 2 images with three channels; channel 2 is constant.
    writeIdx(colour, bytes([2, 3, 1, 2], [0, 255, 10, 20, 7, 7, 255, 0, 30, 40, 7, 7]))
    const dataset = loadIdx({ images: colour, labels })
    const { mean, std } = statistics(dataset)
    t.strictSame(mean, [0.5, 25 / 255, 7 / 255])
    t.strictSame(std, [0.5, Math.sqrt(125) / 255, 0])
    const given = { mean: 0.5, std: [1, 2, 3] }
    t.strictSame(normalization(dataset, given), { mean: [0.5, 0.5, 0.5], std: [1, 2, 3] })
    t.strictSame(normalization(loaded, { mean: null, std: null }), statistics(loaded))
    t.throws(() => normalization(dataset, { mean: null, std: null }), { code: 'ERR_DATA', hint: /data.std/ })
    t.throws(() => normalization(dataset, { mean: [0, 0], std: 1 }), { code: 'ERR_CONFIG', message: /data.mean/ })
    t.throws(() => normalization(dataset, { mean: 0, std: 0 }), { code: 'ERR_CONFIG', message: /data.std/ })
  })
})

t.test('what writeIdx zips is what encodeIdx gives', async (t) => {
  const path = join(folder, 'again.gz')
  writeIdx(path, small, { gzip: true })
  t.same([...gunzipSync(readFileSync(path))], smallBytes)
})
