// TensorBoard's event files: their checksum, and what TensorBoard's own readers find in them.
// Golden: scripts/goldens/event_files.py
import { readFileSync } from 'node:fs'
import t from 'tap'
import { eventFiles } from './helpers/event-files.mjs'
import { internal } from './helpers/internals.mjs'

const { crc32c, maskedCrc32c } = internal('crc32c')
const { record } = internal('eventFile')

const golden = JSON.parse(readFileSync(new URL('golden/tensorboard.json', import.meta.url), 'utf8'))

t.test('the checksum: the examples of RFC 3720, B.4', async (t) => {
  const command =
    '01c00000000000000000000000000000140000000000040000000014000000182800000000000000' + '0200000000000000'
  for (const [bytes, expected] of [
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(0xff), 0x62a8ab43],
    [Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    [Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    [Buffer.from(command, 'hex'), 0xd9963a56],
  ])
    t.equal(crc32c(bytes).toString(16), expected.toString(16))
  t.equal(crc32c(new Uint8Array(0)), 0)
})

t.test('a record: length, checksum, data, checksum', async (t) => {
  const framed = record(Buffer.from('abc'))
  t.equal(framed.length, 8 + 4 + 3 + 4)
  t.equal(framed.readBigUInt64LE(), 3n)
  t.equal(framed.readUInt32LE(8), maskedCrc32c(framed.subarray(0, 8)))
  t.equal(framed.toString('latin1', 12, 15), 'abc')
  t.equal(framed.readUInt32LE(15), maskedCrc32c(Buffer.from('abc')))
})

t.test('the files are those that TensorBoard has read', async (t) => {
  const files = Object.entries(eventFiles()).map(([name, bytes]) => [name, bytes.toString('base64')])
  t.strictSame(Object.fromEntries(files), golden.files)
})

t.test('TensorBoard sees one history of numbers, and what the second file took back is gone', async (t) => {
  const { scalars } = golden
  const pointsOf = (tag) => scalars[tag].map(([step, value]) => [step, value])
  t.strictSame(Object.keys(scalars), ['test/loss', 'test/top1', 'train/loss', 'train/lr'])
  const loss = [1, 2, 3].map((step) => [step, Math.fround(8 / step)])
  const later = [4, 5].map((step) => [step, Math.fround(4 / step)])
  t.strictSame(pointsOf('train/loss'), [...loss, ...later, [6, 'NaN']])
  t.strictSame(
    pointsOf('train/lr'),
    [1, 2, 3, 4, 5, 6].map((step) => [step, 2 ** -step]),
  )
  t.strictSame(pointsOf('test/loss'), [
    [3, 1.5],
    [6, 1],
  ])
  t.strictSame(pointsOf('test/top1'), [
    [3, 0.75],
    [6, 0.875],
  ])
  t.equal(scalars['test/top1'][0][2], 1_700_000_003.25, 'the time, in seconds')
})

t.test('TensorBoard sees histograms, images and texts', async (t) => {
  const { histograms, images, texts } = golden
  const weights = histograms['stem.weight']
  t.match(weights, { step: 0, min: -0.5, max: 95 / 64, num: 128, sum: (127 * 128) / 2 / 64 - 64 })
  t.equal(weights.bucket.length, 64)
  t.equal(
    weights.bucket.reduce((sum, count) => sum + count, 0),
    128,
  )
  t.ok(weights.bucket.every((count) => count === 2))
  t.equal(weights.bucket_limit.at(-1), weights.max)
  const constant = histograms['stem.bias']
  t.match(constant, { min: 0.5, max: 0.5, num: 2, sum: 1, sum_squares: 0.5, bucket: [2], bucket_limit: [0.5] })

  const plane = (c) => Array.from({ length: 8 }, (_, i) => 10 * (8 * c + i))
  const [red, green, blue] = [0, 1, 2].map(plane)
  t.match(images['test images/0 cat'], { size: [4, 2], mode: 'RGB' })
  t.strictSame(
    images['test images/0 cat'].pixels,
    red.flatMap((value, i) => [value, green[i], blue[i]]),
  )
  t.match(images['test images/1 猫'], { size: [4, 2], mode: 'L' })
  t.strictSame(images['test images/1 猫'].pixels, red)
  t.strictSame(texts, { configuration: '    { "epochs": 2 }' })
})
