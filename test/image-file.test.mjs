import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { crc32, deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { internal, internalPath } from './helpers/internals.mjs'

const { readImageFile, withImage } = internal('imageFile')
const { storedBox, uprightRows } = internal('pixels')

const [GRAY, RGB, RGBA] = [0, 2, 6]
const folder = t.testdir()
const file = (name, bytes) => {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

/** Reads images, [name, bytes in base64] each, in a process in which sharp cannot be loaded. */
async function readWithoutSharp(images) {
  const hooks = `export const resolve = (name, context, next) => {
    if (name === 'sharp') throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' })
    return next(name, context)
  }`
  const url = (code) => `data:text/javascript,${encodeURIComponent(code)}`
  const register = `import { register } from 'node:module'; register(${JSON.stringify(url(hooks))})`
  const script = `
    const { readImageFile } = require(${JSON.stringify(internalPath('imageFile'))})
    const images = ${JSON.stringify(images)}.map(([name, text]) => ({ name, bytes: Buffer.from(text, 'base64') }))
    const read = (image) => readImageFile(image, { channels: 1, height: 2, width: 2 }).then(
      () => 'read', ({ code, message, hint }) => ({ code, message, hint }))
    Promise.all(images.map(read)).then((all) => console.log(JSON.stringify(all)))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', url(register), '-e', script])
  return JSON.parse(stdout)
}

t.test('without sharp: an environment error that says what to install', async (t) => {
  const [error] = await readWithoutSharp([['any.png', png(1, 1, 8, GRAY, [[0]]).toString('base64')]])
  t.match(error, { code: 'ERR_ENVIRONMENT', hint: 'npm install sharp' })
})

t.test('what is no image by its first bytes is refused before sharp is loaded, whatever it is called', async (t) => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
  const ftyp = (...brands) => Buffer.from(`\0\0\0${String.fromCharCode(8 + 4 * brands.length)}ftyp${brands.join('')}`)
  const others = [
    [/SVG/, svg],
    [/SVG/, `\ufeff \n<?xml version="1.0"?>\n<!-- a drawing -->\n<!DOCTYPE svg>${svg}`],
    [/SVG/, `${' '.repeat(2000)}<s:svg xmlns:s="http://www.w3.org/2000/svg"/>`],
    [/SVG/, Buffer.from(`\ufeff${svg}`, 'utf16le')],
    [/gzip/, gzipSync(svg)],
    [/PDF/, '%PDF-1.7\n'],
    [/PDF/, '\n\n%PDF-1.7\n'],
    [/BMP/, 'BM and more'],
    [/unknown/, ''],
    [/unknown/, 'no image at all'],
    [/unknown/, `${'x'.repeat(5000)}${svg}`],
    [/unknown/, ftyp('isom', '\0\0\0\0', 'mp42')],
    [/HEIC image: HEVC.*not supported/, ftyp('heic', '\0\0\0\0', 'mif1', 'heic')],
    [/HEIC image: HEVC.*not supported/, ftyp('mif1', '\0\0\0\0', 'heic')],
  ]
  const found = await readWithoutSharp(others.map(([, bytes]) => ['photo.jpg', Buffer.from(bytes).toString('base64')]))
  for (const [i, error] of found.entries()) {
    t.match(error, {
      code: 'ERR_DATA',
      message: others[i][0],
      hint: /HEIC/.test(error.message) ? /heif-convert/ : /png/,
    })
    t.match(error.message, /^photo\.jpg: /)
    t.notMatch(error.hint, /heic,|heif,/, 'HEIC is not promised')
  }
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
      t.ok(error?.message.startsWith(`${path.name ?? path}: `), error?.message)
      t.match(error?.message, problem)
    }
    await refuses(join(folder, 'nowhere.png'), /no such file/)
    mkdirSync(join(folder, 'dir'))
    await refuses(join(folder, 'dir'), /is a folder/)
    await refuses('/dev/zero', /not a regular file/)
    await refuses(file('empty.png', ''), /cannot be read as an image/)
    await refuses(file('text.png', 'no image at all'), /cannot be read as an image/)
    await refuses(file('drawing.png', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'), /SVG format/)
    const huge = /has 20000 x 20000 px, 400 million pixels, more than the 50 million allowed$/
    await refuses(file('huge.png', png(20_000, 20_000, 8, GRAY, [[0]])), huge)
    await refuses({ name: 'bytes', bytes: png(20_000, 20_000, 8, GRAY, [[0]]) }, /400 million/)
    const noise = Array.from({ length: 64 }, (_, y) => Array.from({ length: 64 }, (_, x) => (x * y * 37) % 256))
    const whole = png(64, 64, 8, GRAY, noise)
    await refuses(file('cut.png', whole.subarray(0, whole.length / 2)), /cannot be read as an image/)
    const jpeg = await sharp(whole).jpeg().toBuffer()
    await refuses(file('cut.jpg', jpeg.subarray(0, jpeg.length / 2)), /cannot be read as an image/)
  })

  t.test('what is given back is no part of a pool, however large Buffer makes that', async (t) => {
    const { poolSize } = Buffer
    t.teardown(() => {
      Buffer.poolSize = poolSize
    })
    Buffer.poolSize = 2 ** 22
    const path = file('pooled.png', png(1, 1, 8, GRAY, [[7]]))
    while (Buffer.allocUnsafe(4000).buffer.byteLength < 2 ** 22);
    const mine = Buffer.from('mine')
    t.equal(mine.buffer.byteLength, 2 ** 22)
    t.same(await readImageFile(path, { channels: 1, height: 1, width: 1 }), [7])
    t.equal(mine.toString(), 'mine')
  })

  t.test('bytes that are taken away while they are read', async (t) => {
    const bytes = png(1, 1, 8, GRAY, [[7]])
    const options = { channels: 1, height: 1, width: 1 }
    const transferred = new Uint8Array(bytes)
    const whole = readImageFile({ name: 'transferred', bytes: transferred }, options)
    structuredClone(transferred.buffer, { transfer: [transferred.buffer] })
    t.same(await whole, [7])
    t.equal(transferred.length, 0)

    const shrunk = new Uint8Array(new ArrayBuffer(bytes.length, { maxByteLength: bytes.length }))
    shrunk.set(bytes)
    const reading = readImageFile({ name: 'shrunk', bytes: shrunk }, options)
    shrunk.buffer.resize(0)
    t.same(await reading, [7])

    await t.rejects(readImageFile({ name: 'gone', bytes: transferred }, options), { code: 'ERR_DATA', message: /gone/ })
    // A long one is read in its turn.
    const long = new Uint8Array(2 ** 21)
    long.set(bytes)
    const late = readImageFile({ name: 'long', bytes: long }, options)
    structuredClone(long.buffer, { transfer: [long.buffer] })
    await t.rejects(late, { code: 'ERR_DATA', message: /long/ })
  })

  t.test('colours, depths, transparency and orientation are Pillow’s', async (t) => {
    const { cases } = JSON.parse(readFileSync(new URL('./golden/image-files.json', import.meta.url), 'utf8'))
    for (const { name, managed, within, width, height, ...base64 } of cases) {
      const [bytes, wanted] = [base64.file, base64.pixels].map((text) => Buffer.from(text, 'base64'))
      const options = { channels: 3, width, height, ...(managed && { colorManagement: true }) }
      const found = await readImageFile({ name, bytes }, options)
      const area = width * height
      const worst = wanted.reduce((most, value, i) => {
        return Math.max(most, Math.abs(value - found[(i % 3) * area + Math.floor(i / 3)]))
      }, 0)
      t.ok(worst <= within, `${name}${managed ? ', managed' : ''}: ${worst} of ${within}`)
      const rows = await withImage({ name, bytes }, { colorManagement: managed }, async (image) => {
        t.same([image.width, image.height], [width, height])
        const all = []
        for await (const some of image.rows()) all.push(some)
        return all
      })
      const values = rows.flatMap(({ data, channels }) => {
        return Array.from(
          { length: (3 * data.length) / channels },
          (_, i) => data[channels === 3 ? i : Math.floor(i / 3)],
        )
      })
      const differ = values.findIndex((value, i) => value !== found[(i % 3) * area + Math.floor(i / 3)])
      t.equal(differ, -1, `${name}: the same by rows`)
    }
    t.ok(cases.length > 40)
  })

  t.test('some upright rows of a part are those of the whole, for every orientation', async (t) => {
    const [width, height, channels] = [5, 4, 3]
    const stored = {
      data: Uint8Array.from({ length: width * height * channels }, (_, i) => i),
      width,
      height,
      channels,
    }
    for (let orientation = 1; orientation <= 8; orientation++) {
      const length = orientation > 4 ? width : height
      const whole = uprightRows(stored, orientation, 0, length)
      t.same([whole.width, whole.height], [orientation > 4 ? height : width, length])
      const { left, top, ...box } = storedBox(stored, orientation, 1, 3)
      const lines = Array.from({ length: box.height }, (_, y) => {
        const start = ((top + y) * width + left) * channels
        return [...stored.data.subarray(start, start + box.width * channels)]
      })
      const part = { data: Uint8Array.from(lines.flat()), ...box, channels }
      const wanted = whole.data.subarray(whole.width * channels, 3 * whole.width * channels)
      t.same(uprightRows(part, orientation, 0, 2).data, wanted, `orientation ${orientation}`)
      t.same(uprightRows(stored, orientation, 1, 3).data, wanted)
    }
  })

  t.test('CMYK: converted before it is resized; with colour management by a profile', async (t) => {
    const { cases } = JSON.parse(readFileSync(new URL('./golden/image-files.json', import.meta.url), 'utf8'))
    const { file: text, width, height } = cases.find(({ name }) => name === 'JPEG, CMYK of Adobe')
    const image = { name: 'cmyk', bytes: Buffer.from(text, 'base64') }
    const size = { channels: 3, width: 1, height: 1 }
    const whole = await readImageFile(image, { ...size, width, height })
    const means = [0, 1, 2].map((c) => {
      const plane = whole.subarray(c * width * height, (c + 1) * width * height)
      return plane.reduce((sum, value) => sum + value, 0) / plane.length
    })
    const small = [...(await readImageFile(image, size))]
    t.ok(
      means.every((mean, c) => Math.abs(mean - small[c]) < 8),
      `${means} in one pixel is ${small}`,
    )
    t.notSame(await readImageFile(image, { ...size, width, height, colorManagement: true }), whole)
  })

  t.test(
    'the limit of pixels: larger JPEG and lossy WebP files are decoded smaller, others refused; it can be set',
    async (t) => {
      const raw = { raw: { width: 64, height: 32, channels: 1 } }
      const half = Buffer.from(Array.from({ length: 64 * 32 }, (_, i) => (i % 64 < 32 ? 240 : 20)))
      const size = { channels: 1, width: 4, height: 4 }
      const jpeg = { name: 'jpeg', bytes: await sharp(half, raw).jpeg({ quality: 95 }).toBuffer() }
      const wanted = [...(await readImageFile(jpeg, size))]
      const webp = { name: 'webp', bytes: await sharp(half, raw).webp({ quality: 95 }).toBuffer() }
      for (const image of [jpeg, webp]) {
        const found = [...(await readImageFile(image, { ...size, maxPixels: 500 }))]
        t.ok(
          found.every((value, i) => Math.abs(value - wanted[i]) < 12),
          `${image.name}: ${found}`,
        )
        await withImage(image, { maxPixels: 500 }, async ({ width, height, rows }) => {
          t.ok(width * height <= 500 && Math.abs(width / height - 2) < 0.1, `${width} x ${height}`)
          for await (const some of rows()) t.equal(some.width, width)
        })
      }
      const limited = { ...size, maxPixels: 2047 }
      const message = /64 x 32 px, 2,048 pixels, more than the 2,047 allowed/
      for (const format of ['png', 'webp', 'gif', 'tiff', 'avif']) {
        const bytes = await sharp(half, raw)
          .toFormat(format, { lossless: format === 'webp' })
          .toBuffer()
        await t.rejects(readImageFile({ name: format, bytes }, limited), {
          code: 'ERR_DATA',
          message,
          hint: /--max-pixels/,
        })
        t.equal((await readImageFile({ name: format, bytes }, { ...size, maxPixels: 2048 })).length, 16)
      }
      const progressive = await sharp(half, raw).jpeg({ progressive: true }).toBuffer()
      const most = { ...size, maxPixels: 500 }
      await t.rejects(readImageFile({ name: 'p', bytes: progressive }, most), { message: /progressive JPEG/ })
      for (const [options, code] of [
        [{ maxPixels: 0 }, 'ERR_VALUE'],
        [{ maxPixels: '9' }, 'ERR_TYPE'],
        [{ colorManagement: 1 }, 'ERR_TYPE'],
        [{ colourManagement: true }, 'ERR_TYPE'],
        [{ channels: 2 }, 'ERR_VALUE'],
        [{ width: 0 }, 'ERR_VALUE'],
      ])
        await t.rejects(readImageFile(jpeg, { ...size, ...options }), { code })
      await t.rejects(readImageFile({ name: 'text', bytes: 'text' }, size), { code: 'ERR_TYPE' })
    },
  )

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
