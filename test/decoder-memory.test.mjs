// What decoding takes: by the kind and the header of a file, and as the process grows.
import { execFile } from 'node:child_process'
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { decoderMemory } = internal('decoderMemory')
const { inTurn, LARGE, ROOM } = internal('decodingQueue')
const { readImageFile, withImage } = internal('imageFile')
const { release } = internal('release')
const { native } = internal('addon')

const sharp = await import('sharp').then(
  ({ default: found }) => found,
  () => undefined, // optional: the tests that need it say that they are skipped
)
const skip = !sharp && 'the optional package sharp is not installed'
const folder = t.testdir()

const header = (width, height, rest = {}) => ({
  width,
  height,
  channels: 3,
  depth: 'uchar',
  isProgressive: false,
  ...rest,
})

/** A TIFF's header and first directory, tags with one number each. */
function tiff(tags, { little = true, big = false } = {}) {
  const bytes = Buffer.alloc(big ? 24 + 20 * tags.length : 14 + 12 * tags.length)
  const put = (value, at, size) => (little ? bytes.writeUIntLE(value, at, size) : bytes.writeUIntBE(value, at, size))
  bytes.write(little ? 'II' : 'MM', 'latin1')
  put(big ? 43 : 42, 2, 2)
  if (big) put(8, 4, 2)
  put(big ? 16 : 8, big ? (little ? 8 : 10) : 4, big ? 6 : 4)
  put(tags.length, big ? (little ? 16 : 22) : 8, 2)
  for (const [i, [tag, value]] of tags.entries()) {
    const at = big ? 24 + 20 * i : 10 + 12 * i
    put(tag, at, 2)
    put(value > 65535 ? 4 : 3, at + 2, 2)
    put(value, at + (big ? 12 : 8), value > 65535 ? 4 : 2)
  }
  return bytes
}

/** A JPEG's segments up to its first scan. */
function jpeg(marker, width, height, factors, scanned = factors.length) {
  const frame = [0xff, marker, 0, 8 + 3 * factors.length, 8, height >> 8, height & 255, width >> 8, width & 255]
  const components = factors.flatMap((factor, i) => [i + 1, factor, 0])
  return Uint8Array.from(
    [0xff, 0xd8, 0xff, 0xe0, 0, 4, 0xff, 0xc0, 0xff, ...frame, factors.length, ...components].concat([
      0xff,
      0xda,
      0,
      6 + 2 * scanned,
      scanned,
      0,
      0,
      0,
      0,
      0,
    ]),
  )
}

t.test('a JPEG’s coefficients are held where they come in several scans', async (t) => {
  const held = (...file) => decoderMemory('jpeg', jpeg(...file), header(1000, 800)).whole
  const pixels = 800_000
  t.equal(held(0xc0, 1000, 800, [0x22, 0x11, 0x11]), 0)
  t.equal(held(0xc1, 1000, 800, [0x11, 0x11, 0x11]), 0)
  t.equal(held(0xc2, 1000, 800, [0x22, 0x11, 0x11]), 3 * pixels)
  t.equal(held(0xc2, 1000, 800, [0x21, 0x11, 0x11]), 4 * pixels)
  t.equal(held(0xc2, 1000, 800, [0x11, 0x11, 0x11]), 6 * pixels)
  t.equal(held(0xca, 1000, 800, [0x11, 0x11, 0x11, 0x11]), 8 * pixels)
  t.equal(held(0xc2, 1000, 800, [0x11]), 2 * pixels)
  t.equal(held(0xc0, 1000, 800, [0x22, 0x11, 0x11], 1), 3 * pixels, 'one component a scan')
  t.equal(decoderMemory('jpeg', Uint8Array.from([0xff, 0xd8, 0xff]), header(1, 1)).whole, 0, 'cut off')
})

t.test('pieces of a TIFF', async (t) => {
  const [COMPRESSION, ROWS, PLANES, ACROSS, DOWN] = [259, 278, 284, 322, 323]
  const held = (tags, rest, layout) => decoderMemory('tiff', tiff(tags, layout), header(1000, 800, rest)).whole
  for (const layout of [{}, { little: false }, { big: true }, { little: false, big: true }]) {
    t.equal(held([[ROWS, 800]], {}, layout), 0, 'one strip: a row at a time')
    t.equal(
      held(
        [
          [ROWS, 70000],
          [PLANES, 2],
        ],
        {},
        layout,
      ),
      4 * 800_000,
      'a strip a channel',
    )
  }
  t.equal(
    held(
      [
        [ROWS, 80],
        [PLANES, 2],
      ],
      { depth: 'ushort' },
    ),
    8 * 80_000,
  )
  t.equal(held([[PLANES, 2]], { channels: 1 }), 0)
  t.equal(
    held([
      [COMPRESSION, 7],
      [ROWS, 800],
    ]),
    6 * 800_000,
    'JPEG in one strip',
  )
  t.equal(
    held(
      [
        [ACROSS, 256],
        [DOWN, 512],
      ],
      { depth: 'float' },
    ),
    2.1 * 1024 * 512 * 12,
    'two rows of tiles',
  )
  t.equal(
    decoderMemory('tiff', Buffer.from('II*\0\xff\xff\xff\xff', 'latin1'), header(10, 10)).whole,
    600,
    'a wrong address',
  )
})

t.test('interlaced, animated, deep: by the header', async (t) => {
  const of = (kind, rest) => decoderMemory(kind, Buffer.alloc(0), header(1000, 800, rest))
  t.equal(of('png', {}).whole, 0)
  t.equal(of('png', {}).rows, 640 * 1000 * 3)
  t.equal(of('png', { isProgressive: true, channels: 4, depth: 'ushort' }).whole, 8 * 800_000)
  t.ok(of('avif', { bitsPerSample: 10 }).whole > of('avif', {}).whole)
  t.ok(of('gif', {}).whole > 4 * 800_000)
})

t.test(
  'WebP: lossless files cannot be decoded smaller, animations are told by their first frame',
  { skip },
  async (t) => {
    const raw = (height) =>
      sharp(Buffer.alloc(40 * height * 4, 90), { raw: { width: 40, height, channels: 4, pageHeight: 20 } })
    const of = async (pipeline) => {
      const bytes = await pipeline.toBuffer()
      return decoderMemory('webp', bytes, await sharp(bytes).metadata())
    }
    for (const height of [20, 40]) {
      t.equal((await of(raw(height).webp({ lossless: true }))).scales, false)
      t.equal((await of(raw(height).webp())).scales, true)
      t.ok((await of(raw(height).webp())).whole > 0, 'opacity is unpacked whole')
    }
    t.equal((await of(raw(20).removeAlpha().webp())).whole, 0)
  },
)

t.test('turns: side by side as long as there is room, in order, and the large alone', async (t) => {
  const events = []
  const gates = []
  const start = (name, bytes) =>
    inTurn(bytes, async () => {
      events.push(name)
      await new Promise((open) => gates.push(open))
    })
  const all = [start('a', ROOM / 2), start('b', ROOM / 2), start('huge', 9 * ROOM), start('c', 1)]
  const turn = () => new Promise((done) => setImmediate(done))
  await turn()
  t.same(events, ['a', 'b'])
  gates.shift()()
  await turn()
  t.same(events, ['a', 'b'], 'what comes later does not pass')
  gates.shift()()
  await turn()
  t.same(events, ['a', 'b', 'huge'])
  gates.shift()()
  await turn()
  t.same(events, ['a', 'b', 'huge', 'c'])
  gates.shift()()
  await Promise.all(all)
  await t.rejects(
    inTurn(ROOM, async () => {
      throw new Error('no')
    }),
    { message: 'no' },
  )
  t.equal(await inTurn(ROOM, async () => 'room again'), 'room again')
  t.ok(3 * LARGE < ROOM, 'an image of that size has room')
})

t.test('memory is given back at once; small arrays are left alone', async (t) => {
  const [large, small] = [new Uint8Array(2 ** 20), new Uint8Array(9)]
  const view = large.subarray(5)
  await release([large, small])
  t.same([large.length, view.length, small.length], [0, 0, 9])
  await release([large])
  native().releaseBytes(large)
  const shared = new Uint8Array(new SharedArrayBuffer(2 ** 20))
  await release([shared])
  t.equal(shared.length, 2 ** 20)
  t.throws(() => native().releaseBytes([1]), { code: 'ERR_TYPE', message: /typed array/ })
})

t.test('with sharp', { skip }, async (t) => {
  const flat = (width, height) =>
    sharp({ create: { width, height, channels: 3, background: '#604020' }, limitInputPixels: false })
  const file = async (name, pipeline) => {
    const path = join(folder, name)
    await pipeline.toFile(path)
    return path
  }

  t.test('what would be held is refused, unless a number of pixels is allowed', async (t) => {
    const lossless = await file('lossless.webp', flat(6000, 5000).webp({ lossless: true, effort: 0 }))
    const size = { channels: 3, width: 2, height: 2 }
    await t.rejects(readImageFile(lossless, size), {
      code: 'ERR_DATA',
      message: /6000 x 5000 px, and its decoder would hold 247 MB, more than the 235 allowed$/,
      hint: /PNG or baseline JPEG.*--max-pixels 30000000/,
    })
    await withImage(lossless, { maxPixels: 3e7 }, async ({ width, height }) => t.same([width, height], [6000, 5000]))
    await t.rejects(readImageFile(lossless, { ...size, maxPixels: 29e6 }), {
      message: /30 million.*more than the 29 million/,
    })
    const lossy = await file('lossy.webp', flat(6000, 5000).webp({ effort: 0 }))
    await withImage(lossy, {}, async ({ width, height }) => {
      t.ok(width < 6000 && width * height > 26e6, `${width} x ${height}`)
      t.ok(Math.abs(width / height - 1.2) < 0.001)
    })
    await withImage(lossy, { maxPixels: 3e7 }, async ({ width, height }) => t.same([width, height], [6000, 5000]))
    t.same(
      [...(await readImageFile(lossy, size))].map((v) => Math.round(v / 32)),
      [3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1],
    )
  })

  t.test('a file that is longer than what may be held is refused before it is read', async (t) => {
    const path = join(folder, 'long.tif')
    const fd = openSync(path, 'w')
    writeSync(
      fd,
      tiff([
        [256, 20000],
        [257, 20000],
      ]),
    )
    ftruncateSync(fd, 400e6)
    closeSync(fd)
    const size = { channels: 3, width: 2, height: 2 }
    await t.rejects(readImageFile(path, size), {
      code: 'ERR_DATA',
      message: /more than the 235000000 bytes allowed/,
      hint: /--max-pixels/,
    })
  })

  t.test('rows end early, and decoding fails: the file is given back, and the next has its turn', async (t) => {
    const path = await file('two.png', flat(3000, 2000).png({ compressionLevel: 0 }))
    const bytes = await withImage(path, {}, async ({ rows }) => {
      for await (const { data, width } of rows()) return [...data.subarray(0, 3), width]
    })
    t.same(bytes, [0x60, 0x40, 0x20, 3000])
    let pixels
    await t.rejects(
      withImage(path, {}, async (image) => {
        pixels = image.resized({ width: 2, height: 1, fit: 'fill' })
        throw new Error('the user’s')
      }),
      { message: 'the user’s' },
    )
    t.same(
      [...(await pixels).data],
      [0x60, 0x40, 0x20, 0x60, 0x40, 0x20],
      'what was under way has its bytes to the end',
    )
  })

  t.test('four large images at once, of every kind that is held, grow memory by 300 MB at most', async (t) => {
    const small = await file('small.png', flat(2, 2).png())
    const larges = [
      await file('large.png', flat(8000, 6000).png({ palette: true, colours: 2, compressionLevel: 1 })),
      await file('progressive.jpg', flat(8000, 6000).jpeg({ progressive: true, optimiseScans: false })),
      await file('large.webp', flat(6000, 4500).webp({ lossless: true, effort: 0 })),
      await file('phone.avif', flat(4032, 3024).avif({ effort: 0 })),
    ]
    const child = fileURLToPath(new URL('./helpers/image-memory.mjs', import.meta.url))
    const { stdout } = await promisify(execFile)(process.execPath, [child, small, ...larges])
    for (const [i, { grown, lengths }] of JSON.parse(stdout).entries()) {
      t.same(lengths, Array(4).fill(3 * 64 * 64))
      t.ok(grown < 300e6, `${larges[i].slice(folder.length + 1)}: ${Math.round(grown / 1e6)} MB`)
    }
  })
})
