// Images a second and core from JPEG files to a batch: decoding, a random part resized to 224 px with the bicubic filter,
// mirroring. This package against sharp, Pillow with torchvision, and torchvision's own decoder.
//
//   npm run bench:photographs       MBCONV_PEER_PYTHON=path/to/python names one with Pillow and torchvision
//     -- --rounds 15 --images 64 --threads 2 --folder DIR --json
//
// Each contestant is a process of its own that waits; they take turns, so that all meet the same load. A round counts
// images by processor time, in which the work of other programs does not count. The files are 500 x 375 px at quality 90:
// those of --folder, cut to that size, or else clouds with the spectrum of photographs (1/f) and hard edges. Fails if this
// package makes fewer than 450 images a second and core, with one thread or with --threads.
import { fork, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import sharp from 'sharp'
import { numbersOf } from '../fuzz/damage.mjs'
import { median } from './median.mjs'

const TARGET = 450
const [WIDTH, HEIGHT, SIZE] = [500, 375, 224]

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    images: { type: 'string', default: '64' },
    threads: { type: 'string', default: '2' },
    folder: { type: 'string' },
    json: { type: 'boolean', default: false },
    child: { type: 'string' },
  },
})
const [rounds, count, threads] = ['rounds', 'images', 'threads'].map((name) => {
  const number = Number(options[name])
  if (!Number.isInteger(number) || number < 1) throw new Error(`--${name} needs a positive number`)
  return number
})

/** Clouds: noise of every scale, each half as strong as the next larger one, in patches with hard edges. */
function clouds(seed) {
  const random = numbersOf(seed)
  const pixels = new Float64Array(WIDTH * HEIGHT * 3).fill(128)
  for (let cell = 256, strength = 90; cell >= 1; cell /= 2, strength *= 0.8) {
    const [columns, rows] = [Math.ceil(WIDTH / cell) + 2, Math.ceil(HEIGHT / cell) + 2]
    const grid = Float64Array.from({ length: columns * rows * 3 }, () => (random() - 0.5) * strength)
    for (let y = 0; y < HEIGHT; y++) {
      const [v, fy] = [Math.floor(y / cell), (y / cell) % 1]
      for (let x = 0; x < WIDTH; x++) {
        const [u, fx] = [Math.floor(x / cell), (x / cell) % 1]
        // Colours vary half as much as brightness.
        const at = (c) => {
          const [a, b] = [(v * columns + u) * 3 + c, ((v + 1) * columns + u) * 3 + c]
          return (grid[a] * (1 - fx) + grid[a + 3] * fx) * (1 - fy) + (grid[b] * (1 - fx) + grid[b + 3] * fx) * fy
        }
        const light = at(0)
        const to = (y * WIDTH + x) * 3
        pixels[to] += light + at(1) / 3
        pixels[to + 1] += light
        pixels[to + 2] += light + at(2) / 3
      }
    }
  }
  for (let i = 0; i < 12; i++) {
    const [left, top, w, h] = [random() * WIDTH, random() * HEIGHT, 20 + random() * 120, 20 + random() * 120]
    const shade = (random() - 0.5) * 120
    for (let y = Math.floor(top); y < Math.min(HEIGHT, top + h); y++)
      for (let x = Math.floor(left); x < Math.min(WIDTH, left + w); x++)
        for (let c = 0; c < 3; c++) pixels[(y * WIDTH + x) * 3 + c] += shade
  }
  return sharp(Buffer.from(Uint8ClampedArray.from(pixels)), { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
}

/** Writes the files. Photographs are cut to the size at full detail; a small one is enlarged. */
async function makeFiles(folder) {
  const found = options.folder === undefined ? [] : readdirSync(options.folder).filter((name) => /\.jpe?g$/i.test(name))
  const pictures =
    found.length > 0
      ? found.map((name) =>
          sharp(path.join(options.folder, name)).rotate().resize(WIDTH, HEIGHT, { fit: 'cover', position: 'entropy' }),
        )
      : Array.from({ length: Math.min(count, 16) }, (_, i) => clouds(i + 1))
  const encoded = await Promise.all(pictures.map((picture) => picture.jpeg({ quality: 90 }).toBuffer()))
  return Array.from({ length: count }, (_, i) => {
    const file = path.join(folder, `${i}.jpg`)
    writeFileSync(file, encoded[i % encoded.length])
    return file
  })
}

/** This package, with so many threads: returns the work of a round. */
async function ours(files, threads) {
  const require = createRequire(import.meta.url)
  const { PhotoLoader } = require('../../dist/data/photos/training-loader.js')
  const { UnreadableImages } = require('../../dist/data/photos/unreadable.js')
  const { jpegLibrary } = require('../../dist/data/photos/jpeg-library.js')
  if (jpegLibrary().library === null) throw new Error(jpegLibrary().reason)
  const dataset = {
    ...{ name: 'bench', classes: ['x'], length: files.length, labels: new Int32Array(files.length), shape: null },
    read: (i) => ({ name: files[i], file: files[i] }),
    fingerprint: () => '',
  }
  const unreadable = new UnreadableImages(dataset, 0, () => {})
  const loader = new PhotoLoader(dataset, { batchSize: files.length, size: SIZE, threads, unreadable })
  let epoch = 0
  return async () => {
    for await (const _ of loader.epoch(epoch++));
  }
}

async function withSharp(files) {
  sharp.cache(false)
  sharp.concurrency(1)
  let seed = 1
  return async () => {
    const random = numbersOf(seed++)
    for (const file of files) {
      const [w, h, left, top] = randomCrop(random)
      const image = sharp(file)
        .extract({ left, top, width: w, height: h })
        .resize(SIZE, SIZE, { fit: 'fill', kernel: 'cubic' })
      await (random() < 0.5 ? image.flop() : image).raw().toBuffer()
    }
  }
}

/** Width, height, left and top, as RandomResizedCrop draws them. */
function randomCrop(random) {
  for (;;) {
    const area = WIDTH * HEIGHT * (0.08 + 0.92 * random())
    const ratio = Math.exp(Math.log(3 / 4) + random() * Math.log(16 / 9))
    const [w, h] = [Math.round(Math.sqrt(area * ratio)), Math.round(Math.sqrt(area / ratio))]
    if (w <= WIDTH && h <= HEIGHT)
      return [w, h, Math.floor(random() * (WIDTH - w + 1)), Math.floor(random() * (HEIGHT - h + 1))]
  }
}

const PYTHON = `
import json, sys, time
import torch, torchvision
from PIL import Image
from torchvision.io import decode_jpeg, read_file
from torchvision.transforms import v2
torch.set_num_threads(1)
files = json.loads(sys.argv[2])
steps = v2.Compose([v2.RandomResizedCrop(${SIZE}, interpolation=v2.InterpolationMode.BICUBIC, antialias=True), v2.RandomHorizontalFlip()])
def pillow(file): return torch.frombuffer(bytearray(steps(Image.open(file).convert("RGB")).tobytes()), dtype=torch.uint8)
def tensors(file): return steps(decode_jpeg(read_file(file)))
work = {"pillow": pillow, "torchvision": tensors}[sys.argv[1]]
for file in files: work(file)
print("ready", flush=True)
for _ in sys.stdin:
    wall, cpu = time.perf_counter(), time.process_time()
    for file in files: work(file)
    print(json.dumps({"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}), flush=True)
`

async function child(name, files) {
  const work = name === 'sharp' ? await withSharp(files) : await ours(files, Number(name))
  await work()
  process.on('message', async () => {
    const [wall, cpu] = [performance.now(), process.cpuUsage()]
    await work()
    const { user, system } = process.cpuUsage(cpu)
    process.send({ cpu: (user + system) / 1e6, wall: (performance.now() - wall) / 1000 })
  })
  process.send('ready')
}

/** A contestant in a process of its own: `{ round, end }`. */
async function nodeContestant(name, files) {
  const self = fileURLToPath(import.meta.url)
  const process = fork(self, ['--child', name, '--images', String(count)])
  const ended = new Promise((_, reject) => {
    process.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)))
  })
  ended.catch(() => {}) // the contestants end with the last round
  const answer = () => Promise.race([new Promise((resolve) => process.once('message', resolve)), ended])
  process.send(files)
  await answer()
  const round = () => {
    process.send('go')
    return answer()
  }
  return { round, end: () => process.kill() }
}

async function pythonContestant(name, files) {
  const program = spawn(process.env.MBCONV_PEER_PYTHON, ['-c', PYTHON, name, JSON.stringify(files)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]()
  const answer = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`${name} has ended`)
    return value
  }
  await answer()
  const round = async () => {
    program.stdin.write('go\n')
    return JSON.parse(await answer())
  }
  return { round, end: () => program.kill() }
}

async function main() {
  const folder = mkdtempSync(path.join(tmpdir(), 'mbconv-photographs-'))
  const contestants = new Map()
  try {
    const files = await makeFiles(folder)
    const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0) / files.length
    const source = options.folder === undefined ? 'clouds' : options.folder
    console.error(`${count} files of ${Math.round(bytes / 1000)} kB, ${WIDTH} x ${HEIGHT} px, from ${source}`)
    const own = ['1 thread', `${threads} threads`]
    contestants.set(own[0], await nodeContestant('1', files))
    if (threads > 1) contestants.set(own[1], await nodeContestant(String(threads), files))
    contestants.set('sharp', await nodeContestant('sharp', files))
    if (process.env.MBCONV_PEER_PYTHON) {
      for (const name of ['pillow', 'torchvision']) contestants.set(name, await pythonContestant(name, files))
    } else console.error('Pillow and torchvision are left out: MBCONV_PEER_PYTHON names no Python')
    const rates = new Map([...contestants.keys()].map((name) => [name, { core: [], wall: [] }]))
    for (let round = 0; round < rounds; round++) {
      for (const [name, { round: work }] of contestants) {
        const { cpu, wall } = await work()
        rates.get(name).core.push(count / cpu)
        rates.get(name).wall.push(count / wall)
      }
    }
    const results = [...rates].map(([name, { core, wall }]) => {
      const sorted = [...core].sort((a, b) => a - b)
      const [low, high] = [0.25, 0.75].map((share) => sorted[Math.floor(share * (sorted.length - 1))])
      return { name, perCore: median(core), low, high, perSecond: median(wall) }
    })
    for (const { name, perCore, low, high, perSecond } of results) {
      const [rate, from, to, all] = [perCore, low, high, perSecond].map((value) => value.toFixed())
      console.error(`${name.padEnd(12)} ${rate} images/s a core (middle half ${from} to ${to}), ${all} images/s in all`)
      if (own.includes(name) && perCore < TARGET) {
        console.error(`  misses the target of ${TARGET}`)
        process.exitCode = 1
      }
    }
    if (options.json) console.log(JSON.stringify({ source, bytes, results }))
  } finally {
    for (const { end } of contestants.values()) end()
    rmSync(folder, { recursive: true, force: true })
  }
}

if (options.child === undefined) await main()
else process.once('message', (files) => child(options.child, files))
