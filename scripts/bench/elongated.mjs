// Trains the same network on images of 1:4 with `fit: crop` and with `fit: pad`. A mark at one end of an image decides
// its class, so a crop of the centre cannot see it. Fails if pad is not at least 20 points better on average.
//
//   node scripts/bench/elongated.mjs         --json
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import mb from 'mbconv'
import sharp from 'sharp'

/** Points of top-1 accuracy. */
const TARGET = 20
const SEEDS = [1, 2, 3]
const [HEIGHT, WIDTH] = [48, 192]
const EACH = { train: 60, test: 40 }

/** Whether a pixel of a mark is bright, by class. */
const MARKS = {
  rows: (_x, y) => y % 12 < 6,
  columns: (x) => x % 12 < 6,
  checks: (x, y) => x % 24 < 12 === y % 24 < 12,
  frame: (x, y) => Math.min(x, y, HEIGHT - 1 - x, HEIGHT - 1 - y) < 8,
}

/** Uniform in 0 … 1, from a seed. */
function randomOf(seed) {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** Noise, and a square mark at the left or the right end. */
async function draw(file, isBright, random) {
  const left = random() < 0.5 ? 0 : WIDTH - HEIGHT
  const pixels = new Uint8Array(HEIGHT * WIDTH * 3)
  for (let y = 0, i = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const inside = x >= left && x < left + HEIGHT
      const mark = inside ? (isBright(x - left, y) ? 60 : -60) : 0
      for (let c = 0; c < 3; c++) pixels[i++] = 128 + mark + 80 * (random() - 0.5)
    }
  }
  await sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .png()
    .toFile(file)
}

async function drawAll(dir) {
  for (const [p, [part, count]] of Object.entries(EACH).entries()) {
    for (const [c, [name, isBright]] of Object.entries(MARKS).entries()) {
      mkdirSync(join(dir, part, name), { recursive: true })
      for (let i = 0; i < count; i++)
        await draw(join(dir, part, name, `${i}.png`), isBright, randomOf(1 + i + 1000 * c + 10_000 * p))
    }
  }
}

async function top1Of(dir, fit, seed) {
  const config = {
    ...{ seed, epochs: 15, evalEveryEpochs: 15, ema: false, device: 'cpu' },
    model: { name: 'efficientnet_b0', width: 0.25, depth: 0.34, resolution: 64, profile: 'timm', dropPath: 0 },
    data: {
      dataset: 'folder',
      folder: { path: join(dir, 'train'), test: join(dir, 'test') },
      ...{ batchSize: 16, fit, augment: { flip: true } },
    },
    optimizer: { name: 'adamw', lr: 0.003 },
    schedule: { name: 'cosine', warmupEpochs: 1 },
    checkpoint: { keep: 1 },
    run: { dir: join(dir, 'runs'), name: `${fit}-${seed}`, curves: false },
  }
  const { top1 } = await mb.train(config).result
  return top1
}

const { values: options } = parseArgs({ options: { json: { type: 'boolean', default: false } } })
const dir = mkdtempSync(join(tmpdir(), 'mbconv-elongated-'))
try {
  await drawAll(dir)
  const results = []
  const mean = {}
  for (const fit of ['crop', 'pad']) {
    const top1 = []
    for (const seed of SEEDS) top1.push(await top1Of(dir, fit, seed))
    mean[fit] = top1.reduce((a, b) => a + b) / top1.length
    results.push({ fit, top1, mean: mean[fit] })
    console.error(`${fit}: ${top1.map((share) => `${(100 * share).toFixed(1)} %`).join(', ')}`)
  }
  const points = 100 * (mean.pad - mean.crop)
  console.error(`pad is ${points.toFixed(1)} points better (target: ${TARGET})`)
  if (points < TARGET) process.exitCode = 1
  if (options.json) console.log(JSON.stringify(results))
} finally {
  rmSync(dir, { recursive: true, force: true })
}
