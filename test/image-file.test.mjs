import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { crc32, deflateSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { readImageFile } from '../dist/data/image-file.js'

const folder = t.testdir()
const file = (name, bytes) => {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

t.test('without sharp: an environment error that says what to install', async (t) => {
  const hooks = `export const resolve = (name, context, next) => {
    if (name === 'sharp') throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' })
    return next(name, context)
  }`
  const url = (code) => `data:text/javascript,${encodeURIComponent(code)}`
  const register = `import { register } from 'node:module'; register(${JSON.stringify(url(hooks))})`
  const image = file('any.png', 'content does not matter')
  const script = `
    const { readImageFile } = require(${JSON.stringify(fileURLToPath(new URL('../dist/data/image-file.js', import.meta.url)))})
    readImageFile(${JSON.stringify(image)}, { channels: 1, height: 2, width: 2 })
      .catch(({ code, hint }) => console.log(JSON.stringify({ code, hint })))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', url(register), '-e', script])
  t.same(JSON.parse(stdout), { code: 'ERR_ENVIRONMENT', hint: 'npm install sharp' })
})

let sharp
try {
  sharp = (await import('sharp')).default
} catch {
  t.comment('sharp is not installed: the tests of image files are skipped')
}

/** A PNG written by hand: the tests do not trust the library they test with both directions. */
function png(width, height, depth, colour, rows) {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data])
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
    length.writeUInt32BE(data.length)
    sum.writeUInt32BE(crc32(body))
    return Buffer.concat([length, body, sum])
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([depth, colour, 0, 0, 0], 8)
  const data = Buffer.concat(rows.map((row) => Buffer.from([0, ...row])))
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(data)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

const [GRAY, RGB, RGBA] = [0, 2, 6]
const colours = [
  [255, 0, 0, 0, 255, 0],
  [0, 0, 255, 10, 20, 30],
]
const two = { height: 2, width: 2 }

t.test('with sharp', { skip: sharp === undefined && 'sharp is not installed' }, async (t) => {
  t.test('gray and colour, each read as either', async (t) => {
    const gray = file(
      'gray.png',
      png(2, 2, 8, GRAY, [
        [0, 64],
        [129, 255],
      ]),
    )
    t.same([...(await readImageFile(gray, { channels: 1, ...two }))], [0, 64, 129, 255])
    t.same([...(await readImageFile(gray, { channels: 3, ...two }))], Array(3).fill([0, 64, 129, 255]).flat())

    const colour = file('colour.png', png(2, 2, 8, RGB, colours))
    const planes = [255, 0, 0, 10, 0, 255, 0, 20, 0, 0, 255, 30]
    t.same([...(await readImageFile(colour, { channels: 3, ...two }))], planes)
    // Pillow's Image.convert('L') of the same four colours.
    t.same([...(await readImageFile(colour, { channels: 1, ...two }))], [76, 150, 29, 18])
  })

  t.test('16 bits a channel, and transparency on white', async (t) => {
    const deep = file('deep.png', png(2, 1, 16, GRAY, [[0x40, 0, 0xff, 0xff]]))
    t.same([...(await readImageFile(deep, { channels: 1, height: 1, width: 2 }))], [64, 255])
    const clear = file('clear.png', png(2, 1, 8, RGBA, [[9, 9, 9, 0, 9, 9, 9, 255]]))
    t.same([...(await readImageFile(clear, { channels: 1, height: 1, width: 2 }))], [255, 9])
  })

  t.test('resizing: a shrunk image is the average, a flat one stays flat', async (t) => {
    const rows = Array.from({ length: 64 }, (_, y) => Array.from({ length: 64 }, (_, x) => ((x ^ y) & 1) * 200))
    const board = file('board.png', png(64, 64, 8, GRAY, rows))
    const small = await readImageFile(board, { channels: 1, height: 8, width: 4 })
    t.equal(small.length, 32)
    t.ok(
      small.every((v) => Math.abs(v - 100) <= 3),
      String(small),
    )
    const flat = file(
      'flat.png',
      png(3, 2, 8, GRAY, [
        [77, 77, 77],
        [77, 77, 77],
      ]),
    )
    t.same([...(await readImageFile(flat, { channels: 1, height: 5, width: 7 }))], Array(35).fill(77))
  })

  t.test('JPEG, turned upright', async (t) => {
    const raw = Buffer.from(Array.from({ length: 32 * 16 }, (_, i) => (i % 32 < 16 ? 255 : 0)))
    const jpeg = await sharp(raw, { raw: { width: 32, height: 16, channels: 1 } })
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 95 })
      .toBuffer()
    const got = await readImageFile(file('turned.jpg', jpeg), { channels: 1, height: 32, width: 16 })
    t.ok(got[3 * 16 + 8] > 245, 'light above')
    t.ok(got[28 * 16 + 8] < 10, 'dark below')
  })

  t.test('files that cannot be used', async (t) => {
    const size = { channels: 1, ...two }
    const refuses = async (path, problem) => {
      const error = await readImageFile(path, size).then(
        () => undefined,
        (thrown) => thrown,
      )
      t.match(error, { code: 'ERR_DATA', hint: /\w/ })
      t.ok(error?.message.startsWith(`${path}: `), error?.message)
      t.match(error?.message, problem)
    }
    await refuses(join(folder, 'nowhere.png'), /no such file/)
    mkdirSync(join(folder, 'dir'))
    await refuses(join(folder, 'dir'), /is a folder/)
    await refuses('/dev/zero', /not a regular file/)
    await refuses(file('empty.png', ''), /cannot be read as an image/)
    await refuses(file('text.png', 'no image at all'), /cannot be read as an image/)
    await refuses(file('drawing.svg', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'), /svg format/)
    await refuses(file('huge.png', png(20_000, 20_000, 8, GRAY, [[0]])), /pixel limit/i)
    const noise = Array.from({ length: 64 }, (_, y) => Array.from({ length: 64 }, (_, x) => (x * y * 37) % 256))
    const whole = png(64, 64, 8, GRAY, noise)
    await refuses(file('cut.png', whole.subarray(0, whole.length / 2)), /cannot be read as an image/)
    const jpeg = await sharp(whole).jpeg().toBuffer()
    await refuses(file('cut.jpg', jpeg.subarray(0, jpeg.length / 2)), /cannot be read as an image/)
  })

  t.test('fuzz: damaged files are read or refused', async (t) => {
    const rows = Array.from({ length: 16 }, (_, y) => Array.from({ length: 16 }, (_, x) => x * y))
    const whole = png(16, 16, 8, GRAY, rows)
    const sources = [whole, await sharp(whole).jpeg().toBuffer()]
    let refused = 0
    const property = fc.asyncProperty(fc.nat(1), fc.nat(), fc.nat(), fc.boolean(), async (which, cut, bit, cuts) => {
      const bytes = Buffer.from(sources[which])
      bytes[(bit >> 3) % bytes.length] ^= 1 << (bit & 7)
      const path = file('fuzzed', cuts ? bytes.subarray(0, cut % bytes.length) : bytes)
      const error = await readImageFile(path, { channels: 3, ...two }).then(
        (pixels) => (pixels.length === 12 ? undefined : new Error(`${pixels.length} bytes`)),
        (thrown) => thrown,
      )
      if (error === undefined) return
      if (error.code !== 'ERR_DATA' || !error.message.startsWith(path)) throw error
      refused++
    })
    await fc.assert(property, { numRuns: 150 })
    t.ok(refused > 30, `${refused} refused`)
  })
})
