// A load test of predictors, with libtorch and with onnxruntime: 50 requests at a time.
//
// - The event loop: gaps between the ticks of a 5 ms timer while B0 predicts photographs of 640 x 480 px at 224 px. The
//   gaps without requests are measured before: they are those of the machine, which other work may keep busy.
// - Memory: the resident memory of the process over 10,000 requests to a small network. It is warm after 3,000.
//
// Fails if a target is missed. --requests 0 leaves out the memory.
//
//   npm run bench:serving         --requests 10000  --runtime libtorch|onnxruntime  --json
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import mb from 'mbconv'
import sharp from 'sharp'
import { loadOnnxruntime } from './onnxruntime/load.mjs'

const CONCURRENT = 50
/** 99 % of the gaps must be below this, ms. */
const GAP = 20
/** The memory of the last requests may be above that of the first warm ones by so many bytes. */
const GROWTH = 24e6
/** Requests while gaps are measured. */
const WATCHED = 400
/** Milliseconds without requests. */
const IDLE = 4000

const { values: options } = parseArgs({
  options: {
    requests: { type: 'string', default: '10000' },
    runtime: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const quantile = (list, share) => [...list].sort((x, y) => x - y)[Math.floor(list.length * share)]

/** Records the timer's gaps, in ms, until the returned function is called. */
function watchTimer() {
  const gaps = []
  let last = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    gaps.push(now - last)
    last = now
  }, 5)
  return () => {
    clearInterval(timer)
    return { ticks: gaps.length, p50: quantile(gaps, 0.5), p99: quantile(gaps, 0.99), longest: Math.max(...gaps) }
  }
}

/** Makes so many requests, 50 at a time. */
async function load(predictor, images, requests, each = () => {}) {
  let next = 0
  const times = []
  const client = async () => {
    while (next < requests) {
      const i = next++
      const begin = performance.now()
      const { predictions } = await predictor.predict(images[i % images.length], { topk: 1 })
      if (!(predictions[0].probability > 0)) throw new Error(`request ${i} has no answer`)
      times.push(performance.now() - begin)
      each(i)
    }
  }
  const begin = performance.now()
  await Promise.all(Array.from({ length: CONCURRENT }, client))
  return { perSecond: (1000 * requests) / (performance.now() - begin), p99: quantile(times, 0.99) }
}

const photographs = (count, width, height) =>
  Promise.all(
    Array.from({ length: count }, (_, n) => {
      const data = new Uint8Array(3 * width * height)
      for (let i = 0; i < data.length; i++) data[i] = 127 + 90 * Math.sin(((n + 2) * i) / 9000) + ((i * 7919) % 32)
      return sharp(data, { raw: { width, height, channels: 3 } })
        .jpeg()
        .toBuffer()
    }),
  )

function write(folder, name, arch) {
  const network = mb.models.create(arch, { numClasses: 100, seed: 0 })
  const card = mb.models.makeCard(network)
  mb.io.safetensors.write(join(folder, `${name}.safetensors`), network.stateDict(), {
    'mbconv.card': JSON.stringify(card),
  })
  mb.models.exportOnnx(network, join(folder, `${name}.onnx`), { card })
  network.dispose()
}

async function eventLoop(model, images) {
  const predictor = await mb.loadPredictor(model)
  await load(predictor, images, CONCURRENT)
  const stopIdle = watchTimer()
  await sleep(IDLE)
  const idle = stopIdle()
  const stop = watchTimer()
  const speed = await load(predictor, images, WATCHED)
  const gaps = stop()
  await predictor.close()
  return { ...gaps, idle, speed }
}

async function memory(model, images, requests) {
  const predictor = await mb.loadPredictor(model)
  const samples = []
  await load(predictor, images, requests, (i) => {
    if (i % 50 === 0) samples.push(process.memoryUsage.rss())
  })
  await predictor.close()
  const part = (from, to) => samples.slice(Math.floor(from * samples.length), Math.floor(to * samples.length))
  const [warm, last] = [quantile(part(0.3, 0.5), 0.5), quantile(part(0.8, 1), 0.5)]
  return { requests, warm, last, growth: last - warm }
}

const folder = mkdtempSync(join(tmpdir(), 'mbconv-serving-'))
try {
  const { ort, reason } = await loadOnnxruntime({ note: (text) => console.error(text) })
  // Where a predictor's thread looks for it.
  process.env.NODE_PATH = join(import.meta.dirname, 'onnxruntime', 'node_modules')
  if (!ort) console.error(`onnxruntime is left out: ${reason}`)
  const runtimes = { libtorch: 'safetensors', ...(ort && { onnxruntime: 'onnx' }) }
  const chosen = options.runtime === undefined ? Object.keys(runtimes) : [options.runtime]
  const b0 = mb.models.arch('efficientnet_b0')
  write(folder, 'b0', b0)
  write(folder, 'small', mb.models.scale(b0, { width: 0.25, depth: 0.1, resolution: 64 }))
  const [large, little] = [await photographs(16, 640, 480), await photographs(16, 120, 90)]
  const results = {}
  for (const runtime of chosen) {
    const model = (name) => join(folder, `${name}.${runtimes[runtime]}`)
    const loop = await eventLoop(model('b0'), large)
    const requests = Number(options.requests)
    const held = requests > 0 ? await memory(model('small'), little, requests) : undefined
    results[runtime] = { loop, ...(held && { memory: held }) }
    const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`
    console.error(
      `${runtime}: 99 % of ${loop.ticks} gaps of the event loop below ${loop.p99.toFixed(1)} ms (target < ${GAP} ms), ` +
        `without requests below ${loop.idle.p99.toFixed(1)} ms; ${loop.speed.perSecond.toFixed(1)} predictions/s`,
    )
    if (loop.p99 >= GAP) process.exitCode = 1
    if (held === undefined) continue
    console.error(
      `${runtime}: over ${held.requests} requests memory goes from ${megabytes(held.warm)} to ${megabytes(held.last)} ` +
        `(target: at most ${megabytes(GROWTH)} more)`,
    )
    if (held.growth > GROWTH) process.exitCode = 1
  }
  if (options.json) console.log(JSON.stringify(results))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
