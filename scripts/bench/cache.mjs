// Images a second from a cache of decoded images: copies of 224 px, half of them mirrored, in batches of 128, while the
// cache is in the page cache of the system.
//
//   npm run bench:cache
//     -- --rounds 11 --images 2048 --threads 2 --random --json
//
// Writes a cache of pixels in a temporary folder (308 MB), reads it once, and then times whole epochs in this process. With
// --random the images are parts of a cache of 256 px at random places. The first line is what one thread copies from file
// to memory with plain reads. Fails below 20,000 images a second.
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { numbersOf } from '../fuzz/damage.mjs'
import { median } from './median.mjs'

const TARGET = 20_000
const SIZE = 224

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '11' },
    images: { type: 'string', default: '2048' },
    threads: { type: 'string', default: '2' },
    random: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const [rounds, count, threads] = ['rounds', 'images', 'threads'].map((name) => {
  const number = Number(options[name])
  if (!Number.isInteger(number) || number < 1) throw new Error(`--${name} needs a positive number`)
  return number
})

const require = createRequire(import.meta.url)
const { CacheWriter } = require('../../dist/data/cache/writer.js')
const { PhotoLoader } = require('../../dist/data/photos/training-loader.js')
const { UnreadableImages } = require('../../dist/data/photos/unreadable.js')
const { datasetOf } = require('../../dist/data/index.js')

const cached = options.random ? 256 : SIZE

/** Writes a cache of noise: the values do not matter to a copy. */
function makeCache(folder) {
  const random = numbersOf(1)
  const planes = Uint8Array.from({ length: 3 * cached * cached }, () => 256 * random())
  const writer = new CacheWriter(folder, cached)
  for (let i = 0; i < count; i++) {
    const part = i === 0 ? 'test' : 'train'
    writer.add({ part, name: `${i}`, labels: [0], bytes: i, share: 0 }, planes)
  }
  const preprocessing = { size: cached, fit: 'crop', interpolation: 'bicubic', colorManagement: false }
  writer.finish({ preprocessing, source: 'noise', classes: ['noise'], multiLabel: false, leftOut: 0 })
}

/** Images a second that plain reads give, into one piece of memory. */
function plainReads(dataset) {
  const pixels = Buffer.alloc(3 * cached * cached)
  const begin = performance.now()
  for (let i = 0; i < dataset.length; i++) {
    const { file, part } = dataset.read(i)
    const fd = openSync(file, 'r')
    readSync(fd, pixels, 0, part.length, part.offset)
    closeSync(fd)
  }
  return (1000 * dataset.length) / (performance.now() - begin)
}

const parent = mkdtempSync(path.join(tmpdir(), 'mbconv-cache-'))
try {
  makeCache(parent)
  const { train } = datasetOf({ dataset: 'cache', cache: { path: parent } })
  const share = (SIZE / cached) ** 2
  const crop = { scale: [share, share], ratio: [1, 1] }
  const unreadable = new UnreadableImages(train, 0, () => {})
  const loader = new PhotoLoader(train, { batchSize: 128, size: SIZE, shuffle: true, crop, threads, unreadable })
  plainReads(train)
  const reads = []
  const rates = []
  for (let round = -1; round < rounds; round++) {
    const plain = plainReads(train)
    const begin = performance.now()
    let images = 0
    for await (const { indices } of loader.epoch(round + 1)) images += indices.length
    if (round < 0) continue
    reads.push(plain)
    rates.push((1000 * images) / (performance.now() - begin))
  }
  loader.dispose()
  const [rate, plain] = [median(rates), median(reads)]
  const sorted = [...rates].sort((a, b) => a - b)
  const [low, high] = [0.25, 0.75].map((part) => sorted[Math.floor(part * (sorted.length - 1))])
  const megabytes = (images) => Math.round((images * 3 * cached * cached) / 1e6)
  console.error(`plain reads    ${plain.toFixed()} images/s, ${megabytes(plain)} MB/s, one thread`)
  console.error(
    `${threads} thread${threads === 1 ? ' ' : 's'}      ${rate.toFixed()} images/s (middle half ${low.toFixed()} to ${high.toFixed()})`,
  )
  if (rate < TARGET) {
    console.error(`  misses the target of ${TARGET}`)
    process.exitCode = 1
  }
  if (options.json) console.log(JSON.stringify({ size: SIZE, cached, threads, rate, low, high, plain }))
} finally {
  rmSync(parent, { recursive: true, force: true })
}
