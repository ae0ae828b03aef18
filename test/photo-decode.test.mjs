// JPEG files as Pillow decodes them, and what is no JPEG, damaged, or made to do harm.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { damagedFiles } from '../scripts/fuzz/damage.mjs'
import { internal } from './helpers/internals.mjs'
import { bytesOf, datasetOf, listUnreadable, partsOf, sha256 } from './helpers/photos.mjs'

const { decodeJpeg } = internal('photoPixels')
const { jpegLibrary } = internal('jpegLibrary')
const { PhotoLoader } = internal('photoLoader')

const golden = JSON.parse(readFileSync(new URL('golden/photos.json', import.meta.url), 'utf8'))
const file = (list, name) => bytesOf(golden[list].find((each) => each.name === name))

/** Decodes, and frees the tensor. */
async function decoded(bytes) {
  const image = await decodeJpeg(bytes)
  const [height, width] = image.shape
  const pixels = image.toTypedArray()
  image.dispose()
  return { height, width, pixels }
}

t.equal(typeof jpegLibrary().path, 'string', `libjpeg-turbo is there: ${jpegLibrary().reason ?? ''}`)

t.test(`as in ${golden.source}, to the bit`, async (t) => {
  for (const { name, size, sha256: wanted, ...given } of golden.decode) {
    const { height, width, pixels } = await decoded(bytesOf(given))
    t.same([height, width], size, name)
    t.equal(sha256(pixels), wanted, name)
  }
})

t.test('what Pillow does not load is refused', async (t) => {
  for (const { name, ...given } of golden.refused)
    await t.rejects(decoded(bytesOf(given)), { code: 'ERR_DATA', op: 'decodeJpeg' }, name)
  await t.rejects(decoded(file('refused', 'half of a file')), { message: /is truncated/ })
})

t.test('what is no JPEG is refused', async (t) => {
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.from('GIF89a'),
    Buffer.from([0xff, 0xd8, 0xff]),
    Buffer.alloc(100, 0xff),
  ])
    await t.rejects(decoded(bytes), { code: 'ERR_DATA' })
  await t.rejects(decodeJpeg('text'), { code: 'ERR_TYPE', message: /bytes must be a Uint8Array/ })
})

/** The file with another size in its header. */
function resized(bytes, height, width) {
  const copy = Buffer.from(bytes)
  const frame = copy.findIndex((byte, i) => byte === 0xff && (copy[i + 1] === 0xc0 || copy[i + 1] === 0xc2))
  copy.writeUInt16BE(height, frame + 5)
  copy.writeUInt16BE(width, frame + 7)
  return copy
}

t.test('a header that promises more than the file holds is refused before any memory is taken', async (t) => {
  const before = process.memoryUsage().rss
  for (const name of ['baseline 4:2:0', 'progressive 4:2:0', 'gray']) {
    const small = file('decode', name)
    await t.rejects(
      decoded(resized(small, 60000, 60000)),
      { message: /has 60000 x 60000 px, .* even at an eighth/ },
      name,
    )
    await t.rejects(
      decoded(resized(small, 7000, 7000)),
      { message: /7000 x 7000 px by its header, which \d+ bytes/ },
      name,
    )
    // More than the limit, but it could be decoded smaller.
    await t.rejects(decoded(resized(small, 20000, 20000)), { message: /20000 x 20000 px/ }, name)
    await t.rejects(decoded(resized(small, 0, 100)), { code: 'ERR_DATA' }, name)
  }
  const grown = (process.memoryUsage().rss - before) / 2 ** 20
  t.ok(grown < 60, `${grown.toFixed()} MiB`)
})

t.test('hostile EXIF data: no orientation, and nothing read beyond them', async (t) => {
  const plain = file('decode', 'orientation 1')
  const { pixels, height } = await decoded(plain)
  const tag = plain.indexOf('Exif') + 6
  const changed = (at, value) => {
    const copy = Buffer.from(plain)
    copy.writeUInt32BE(value >>> 0, tag + at)
    return copy
  }
  const cases = {
    'directory beyond the segment': changed(4, 0xffffffff),
    'directory at the last byte': changed(4, 25),
    'directory that overflows': changed(4, 0xfffffff5),
    'no byte order': changed(0, 0x12345678),
    'two values': changed(14, 2),
    'another type': changed(10, 0x01120007),
  }
  for (const [name, bytes] of Object.entries(cases)) {
    const image = await decoded(bytes)
    t.equal(image.height, height, name)
    t.equal(sha256(image.pixels), sha256(pixels), name)
  }
  // Segments that are longer than the file, or shorter than their own length.
  for (const length of [0, 1, 2, 0xffff]) {
    const copy = Buffer.from(plain)
    copy.writeUInt16BE(length, 4)
    await decoded(copy).then(
      ({ pixels }) => t.ok(pixels.length > 0, `length ${length}`),
      ({ code }) => t.equal(code, 'ERR_DATA', `length ${length}`),
    )
  }
})

t.test('600 damaged files: pixels or an error with a code, and no growth', async (t) => {
  const files = [...golden.decode, ...golden.large.slice(0, 2)].map(bytesOf)
  const damaged = damagedFiles(files, 600, 1)
  const before = process.memoryUsage().rss
  let read = 0
  for (const bytes of damaged) {
    await decoded(bytes).then(
      ({ height, width, pixels }) => {
        read++
        if (pixels.length !== height * width * 3) t.fail('a wrong number of pixels')
      },
      ({ code, message }) => code === 'ERR_DATA' || t.fail(`${code}: ${message}`),
    )
  }
  t.ok(read > 100 && read < 550, `${read} can be read`)
  // The same files through the loader, where only parts are decoded.
  const { unreadable, warnings } = listUnreadable()
  const images = partsOf(join(t.testdir(), 'shard'), [...damaged, ...files])
  const loader = new PhotoLoader(datasetOf(images), { batchSize: 64, size: 24, unreadable, threads: 2 })
  let batches = 0
  for await (const _ of loader.epoch(0)) batches++
  loader.dispose()
  t.equal(batches, Math.ceil(images.length / 64))
  t.ok(warnings.length > 20, `${warnings.length} were left out`)
  t.ok(
    warnings.every((text) => /^left out: .*shard:\d+: /.test(text)),
    'each is named',
  )
  const grown = (process.memoryUsage().rss - before) / 2 ** 20
  t.ok(grown < 300, `${grown.toFixed()} MiB`)
})
