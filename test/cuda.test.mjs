// CUDA: without a GPU everything says why; with one, what it is for. The tests that need a GPU are counted where they
// cannot run.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const { native } = internal('addon')
const why = mb.cuda.whyNot()
const { cuda } = mb

const absent = { skip: why === null ? 'there is a GPU' : false }
let count = 0
/** A test that needs a GPU. */
function onGpu(name, run) {
  count++
  t.test(name, { skip: why ?? false }, run)
}

/** What a call throws, or its promise rejects with. */
async function failure(call) {
  try {
    await call()
  } catch (error) {
    return error
  }
  return undefined
}

/** Every face of CUDA as a call: [name, call]. Their arguments do not matter where there is no GPU. */
function faces() {
  const calls = []
  for (const [name, value] of Object.entries(cuda)) {
    if (['isAvailable', 'deviceCount', 'whyNot', 'Graph'].includes(name)) continue
    // Of functions only a class has a prototype that cannot be exchanged.
    const isClass = Object.getOwnPropertyDescriptor(value, 'prototype')?.writable === false
    calls.push([name, isClass ? () => new value() : () => value()])
  }
  for (const { name, prototype } of [cuda.Stream, cuda.Event, cuda.Graph]) {
    for (const method of Reflect.ownKeys(prototype).filter((key) => key !== 'constructor')) {
      const call = () => prototype[method].call(Object.create(prototype))
      // A graph that was never made has no private fields; only graph() makes them.
      if (name !== 'Graph') calls.push([`${name}.${String(method)}`, call])
    }
  }
  calls.push(['pinMemory', () => mb.zeros([1]).pinMemory()])
  return calls
}

t.test('without a GPU: every face throws ERR_CUDA_UNAVAILABLE and says why', absent, async (t) => {
  t.match(why, /\w{3,}/)
  t.equal(cuda.isAvailable(), false)
  t.equal(cuda.deviceCount(), 0)
  const calls = faces()
  t.ok(calls.length >= 30, `${calls.length} faces`)
  for (const [name, call] of calls) {
    const error = await failure(call)
    t.equal(error?.code, 'ERR_CUDA_UNAVAILABLE', name)
    t.ok(error?.message.includes(why), `${name}: ${error?.message}`)
    t.ok(error?.op, name)
  }
})

t.test('without a GPU: no native function is entered, whatever it is given', absent, async (t) => {
  const names = Object.keys(native()).filter((name) => /^cuda(?!IsBuilt|IsAvailable|DeviceCount)|^pinMemory/.test(name))
  t.ok(names.length >= 35, `${names.length} functions`)
  for (const name of names) {
    for (const args of [[], [0], [{}, {}], [mb.zeros([1]), 'x']]) {
      t.match(await failure(() => native()[name](...args)), {
        code: 'ERR_CUDA_UNAVAILABLE',
        op: name,
        message: /whyNot/,
      })
    }
  }
})

t.test('without a GPU: a tensor cannot be there', absent, async (t) => {
  for (const device of ['cuda', 'cuda:0', 'cuda:7']) {
    const error = { code: 'ERR_CUDA_UNAVAILABLE', message: device }
    t.match(await failure(() => mb.zeros([1], { device })), error)
    t.match(await failure(() => mb.zeros([1]).to({ device })), error)
    t.match(await failure(() => mb.manualSeed(1) ?? mb.getRandomState(device)), error)
  }
  t.equal(mb.zeros([1]).isPinned, false)
})

t.test('a copy that need not wait is a copy on the CPU too', async (t) => {
  const [a, b] = [mb.tensor([1, 2, 3]), mb.zeros([3])]
  t.strictSame(b.copy_(a, { nonBlocking: true }).toArray(), [1, 2, 3])
  t.strictSame(a.to({ dtype: 'float64', nonBlocking: true }).toArray(), [1, 2, 3])
})

const built = `${root}build/cuda/Release/mbconv.node`
const noBuild = existsSync(built) ? absent.skip : 'npm run build:cuda has not been run'
t.test(
  'the CUDA build without a GPU: loads, computes on the CPU, says why there is no CUDA',
  { skip: noBuild },
  (t) => {
    const script = `
    const mb = require('mbconv')
    const code = (call) => { try { call() } catch (e) { return e.code } }
    console.log(JSON.stringify({ product: mb.ones([2, 2]).matmul(mb.ones([2, 2])).toArray(), why: mb.cuda.whyNot(),
      available: mb.cuda.isAvailable(), zeros: code(() => mb.zeros([1], { device: 'cuda' })),
      graph: code(() => mb.cuda.graph(() => {})) }))`
    const env = { ...process.env, MBCONV_ADDON: built }
    const run = spawnSync(process.execPath, ['-e', script], { cwd: root, encoding: 'utf8', env })
    t.equal(run.status, 0)
    t.equal(run.stderr, '')
    const unavailable = 'ERR_CUDA_UNAVAILABLE'
    const facts = {
      product: [
        [2, 2],
        [2, 2],
      ],
      available: false,
      zeros: unavailable,
      graph: unavailable,
    }
    t.match(JSON.parse(run.stdout), { ...facts, why: /driver|CUDA_VISIBLE_DEVICES/ })
    t.end()
  },
)

// --- with a GPU -----------------------------------------------------------------------------------------------------------

const device = 'cuda'
const values = (tensor) => Array.from(tensor.toTypedArray())

onGpu('devices', async (t) => {
  t.ok(cuda.deviceCount() >= 1)
  const { name, major, totalMemory, multiProcessorCount } = cuda.getDeviceProperties(0)
  t.ok(name.length > 0 && major >= 5 && totalMemory > 2 ** 30 && multiProcessorCount > 0)
  t.equal(cuda.currentDevice(), 0)
  cuda.setDevice('cuda:0')
  cuda.synchronize()
  await cuda.synchronizeAsync(0)
  t.match(await failure(() => cuda.synchronize(99)), { code: 'ERR_VALUE', message: /cuda:99/ })
  t.match(await failure(() => cuda.setDevice('cpu')), { code: 'ERR_VALUE', message: /cpu/ })
})

onGpu('streams and events order work', async (t) => {
  const side = new cuda.Stream()
  t.equal(side.equals(cuda.currentStream()), false)
  t.ok(cuda.currentStream().equals(cuda.defaultStream()))
  const [start, end] = [new cuda.Event({ timing: true }), new cuda.Event({ timing: true })]
  const x = mb.ones([1024, 1024], { device })
  side.wait(cuda.currentStream())
  const sum = cuda.stream(side, () => {
    t.ok(side.equals(cuda.currentStream()))
    start.record()
    const product = x.matmul(x).sum()
    end.record()
    return product
  })
  x.sum()
  side.record(x)
  t.ok(cuda.currentStream().equals(cuda.defaultStream()))
  cuda.currentStream().wait(end)
  t.equal(sum.item(), 1024 ** 3)
  await end.synchronizeAsync()
  t.ok(end.query() && start.elapsedTime(end) > 0)
  end.dispose()
  t.match(await failure(() => end.query()), { code: 'ERR_DISPOSED', message: /event/ })
  t.match(await failure(() => cuda.stream(side, async () => {})), { code: 'ERR_SCOPE' })
  t.ok(cuda.currentStream().equals(cuda.defaultStream()))
})

onGpu('reading off the thread waits for the stream that is current', async (t) => {
  const side = new cuda.Stream()
  const pending = cuda.stream(side, () => {
    let x = mb.ones([2048, 2048], { device })
    for (let i = 0; i < 20; i++) x = x.matmul(x).div(2048)
    return x.sum().toArrayAsync()
  })
  t.equal(await pending, 2048 ** 2)
})

onGpu('memory is counted, and given back', async (t) => {
  const before = cuda.memoryAllocated()
  const x = mb.empty([2 ** 24], { dtype: 'uint8', device })
  t.equal(cuda.memoryAllocated(device) - before, 2 ** 24)
  t.ok(cuda.maxMemoryAllocated() >= cuda.memoryAllocated() && cuda.memoryReserved() >= cuda.memoryAllocated())
  x.dispose()
  t.equal(cuda.memoryAllocated(), before)
  cuda.emptyCache()
  cuda.resetPeakMemoryStats()
  t.equal(cuda.maxMemoryAllocated(), before)
  const { free, total } = cuda.memoryStats()
  t.ok(free > 0 && free <= total)
})

onGpu('flags', async (t) => {
  const before = cuda.setFlags({ matmulTF32: true, cudnnBenchmark: true })
  t.match(cuda.flags(), { ...before, matmulTF32: true, cudnnBenchmark: true })
  cuda.setFlags(before)
  t.strictSame(cuda.flags(), before)
  t.match(await failure(() => cuda.setFlags({ tf32: true })), { code: 'ERR_VALUE', message: /matmulTF32/ })
})

onGpu('pinned memory goes over without waiting', async (t) => {
  const host = mb.randn([1 << 20]).pinMemory()
  t.ok(host.isPinned)
  const there = host.to({ device, nonBlocking: true })
  const back = mb.zeros([1 << 20]).pinMemory()
  back.copy_(there.mul(2), { nonBlocking: true })
  cuda.currentStream().synchronize()
  t.ok(back.equal(host.mul(2)))
})

onGpu('out of memory: an error with numbers and holders, and the process goes on', async (t) => {
  const held = mb.ones([3, 1 << 20], { device })
  const error = await failure(() => mb.empty([2 ** 42], { device }))
  t.match(error, { code: 'ERR_CUDA_OOM', memory: { device: 'cuda:0' } })
  t.ok(error.memory.asked >= 2 ** 44 && error.memory.free > 0)
  t.match(error.memory.holders[0], { tensor: /float32\[3,1048576\] cuda:0/, bytes: 3 * 2 ** 22 })
  t.equal(held.sum().item(), 3 * 2 ** 20)
})

onGpu('a graph does with new inputs what the function does', async (t) => {
  const w = mb.randn([64, 64], { device })
  const fn = (x) =>
    x
      .matmul(w)
      .relu()
      .sum({ dim: [1] })
  const x = mb.randn([8, 64], { device })
  const graph = cuda.graph(fn, { inputs: [x] })
  for (let i = 0; i < 3; i++) {
    const value = mb.randn([8, 64], { device })
    t.ok(graph.replay(value).allclose(fn(value), { rtol: 1e-5, atol: 1e-5 }))
  }
  t.match(await failure(() => graph.replay(x, x)), { code: 'ERR_VALUE' })
  graph.dispose()
  t.match(await failure(() => graph.replay()), { code: 'ERR_DISPOSED' })
  t.notOk(x.isDisposed)
})

onGpu('random numbers are new in every replay, and the same after the same seed', async (t) => {
  const graph = cuda.graph(() => mb.rand([16], { device }))
  const draw = () => values(graph.replay())
  mb.manualSeed(1)
  const [first, second] = [draw(), draw()]
  t.notSame(first, second)
  mb.manualSeed(1)
  t.strictSame([draw(), draw()], [first, second])
  graph.dispose()
})

onGpu('a capture that fails leaves everything usable', async (t) => {
  const x = mb.ones([4], { device })
  const before = mb.memory().tensors
  let runs = 0
  const late = () => {
    const y = x.add(1)
    if (++runs === 4) throw new RangeError('mine')
    return y
  }
  t.match(await failure(() => cuda.graph(late)), { name: 'RangeError', message: 'mine' })
  let captured = 0
  const waits = () => (++captured === 4 ? x.sum().item() : x.sum())
  t.match(await failure(() => cuda.graph(waits)), { code: 'ERR_CUDA' })
  t.equal(mb.memory().tensors, before)
  t.ok(cuda.currentStream().equals(cuda.defaultStream()))
  t.strictSame(values(x.add(1)), [2, 2, 2, 2])
  const graph = cuda.graph(() => x.add(1))
  t.strictSame(values(graph.replay()), [2, 2, 2, 2])
  graph.dispose()
})

t.test('Runs without a GPU', absent, async (t) => {
  // Whole: trained on the CPU by a configuration that names no device, and told so; a device that is named is not replaced.
  const cwd = t.testdir({
    'run.yaml': `
model: { name: efficientnet_b0, width: 0.1, depth: 0.1, resolution: 16, dropPath: 0 }
data: { dataset: digits, batchSize: 256 }
epochs: 1
maxSteps: 2
`,
  })
  const main = `${root}dist/cli/main.js`
  const train = (...words) =>
    spawnSync(process.execPath, [main, 'train', 'run.yaml', ...words], { cwd, encoding: 'utf8' })
  const auto = train()
  t.equal(auto.status, 0, auto.stderr)
  t.match(auto.stderr, /on cpu \(auto: no usable GPU; mbconv doctor says why\)/)
  const refused = train('--device=cuda')
  t.equal(refused.status, 3)
  t.ok(refused.stderr.includes(why), refused.stderr)
  // Every test that needs a GPU is counted, and says why it is not run.
  t.ok(count >= 10, `${count} tests need a GPU`)
})

t.comment(why === null ? `${count} CUDA tests run` : `${count} CUDA tests not run: ${why}`)
