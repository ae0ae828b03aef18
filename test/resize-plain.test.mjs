// Resizing in JavaScript gives the bytes that the addon gives, so that a predictor without the addon sees the same input.
import fc from 'fast-check'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { nativeResizing } = internal('resizeNative')
const { plainResizing } = internal('resizePlain')
mb.setNumThreads(1)
t.setTimeout(60_000)

/** A picture with edges, slopes and noise. */
function picture(width, height, channels, seed) {
  const data = new Uint8Array(width * height * channels)
  let state = seed
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    data[i] = (i >> 5) & 1 ? state >>> 24 : (i * 5 + (state >>> 29)) & 255
  }
  return { data, width, height, channels }
}

const side = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 90 }))
const filter = fc.constantFrom('bilinear', 'bicubic')
const channels = fc.constantFrom(1, 3)
const some = fc.nat(2 ** 31)

/** The first difference, for the message. */
function same(ours, theirs) {
  const at = theirs.findIndex((value, i) => value !== ours[i])
  if (ours.length !== theirs.length) throw new Error(`${ours.length} bytes, not ${theirs.length}`)
  if (at !== -1) throw new Error(`byte ${at} is ${ours[at]}, not ${theirs[at]}`)
}

t.test('across, in libtorch’s arithmetic', async (t) => {
  let changed = 0
  fc.assert(
    fc.property(side, side, side, channels, filter, some, (width, height, to, planes, kind, seed) => {
      const rows = picture(width, height, planes, seed)
      const from = seed % to
      const window = { from, length: to - from }
      const ours = plainResizing.across(rows, to, window, kind)
      same(ours, nativeResizing.across(rows, to, window, kind))
      if (to !== width) changed++
    }),
    { numRuns: 120 },
  )
  t.ok(changed > 80, `${changed} of 120 change the width`)
})

t.test('down, and cut into parts', async (t) => {
  let changed = 0
  fc.assert(
    fc.property(side, side, side, channels, filter, some, (width, height, to, planes, kind, seed) => {
      const strip = picture(width, height, planes, seed)
      const size = [1 + (seed % to), 1 + (seed % width)]
      const corners = [0, to - size[0]].flatMap((top) => [0, width - size[1]].map((left) => ({ top, left })))
      const ours = plainResizing.parts(strip, to, corners, size, kind)
      same(ours, nativeResizing.parts(strip, to, corners, size, kind))
      if (to !== height) changed++
    }),
    { numRuns: 120 },
  )
  t.ok(changed > 80, `${changed} of 120 change the height`)
})

t.test('whole images, in Pillow’s arithmetic', async (t) => {
  let downFirst = 0
  await fc.assert(
    fc.asyncProperty(side, side, side, side, filter, some, async (width, height, toWidth, toHeight, kind, seed) => {
      const { data } = picture(width, height, 3, seed)
      const rows = async function* () {
        const step = 1 + (seed % height)
        for (let top = 0; top < height; top += step) {
          const length = Math.min(step, height - top)
          yield { data: data.subarray(3 * width * top, 3 * width * (top + length)), width, height: length, channels: 3 }
        }
      }
      const asked = [{ width, height, rows }, { width: toWidth, height: toHeight }, kind, (pixels) => pixels]
      same(await plainResizing.whole(...asked), await nativeResizing.whole(...asked))
      if (height - toHeight > 2 * Math.max(0, width - toWidth)) downFirst++
    }),
    { numRuns: 120 },
  )
  t.ok(downFirst > 12, `${downFirst} of 120 are resized downwards first`)
})

t.test('photographs’ sizes', async (t) => {
  for (const [width, height, toWidth, toHeight] of [
    [1500, 40, 256, 17],
    [40, 1500, 17, 256],
    [640, 480, 341, 256],
  ])
    for (const kind of ['bilinear', 'bicubic']) {
      const photo = picture(width, height, 3, 7)
      const window = { from: 3, length: toWidth - 5 }
      const narrow = plainResizing.across(photo, toWidth, window, kind)
      same(narrow, nativeResizing.across(photo, toWidth, window, kind))
      const strip = { data: narrow, width: window.length, height, channels: 3 }
      const cut = [strip, toHeight, [{ top: 1, left: 2 }], [toHeight - 3, window.length - 4], kind]
      same(plainResizing.parts(...cut), nativeResizing.parts(...cut))
      t.pass(`${width} x ${height} to ${toWidth} x ${toHeight}, ${kind}`)
    }
})
