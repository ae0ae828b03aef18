// The addon in workers, and how the process ends.
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import * as mb from 'mbconv'
import t from 'tap'
import { internalPath } from './helpers/internals.mjs'

const entry = createRequire(import.meta.url).resolve('mbconv')

/** A small training loop as source text: forward, backward, step, `steps` times. */
const training = (steps, afterwards) => `
  const mb = require(${JSON.stringify(entry)})
  mb.setNumThreads(1)
  const arch = mb.models.scale(mb.models.arch('efficientnet_b0'), { width: 0.1, depth: 0.1, resolution: 32 })
  const model = mb.models.create(arch, { numClasses: 10, seed: 1 }).train()
  const optimizer = new mb.optim.AdamW(model.parameters(), { lr: 1e-3 })
  mb.manualSeed(1)
  const images = mb.randn([4, 3, 32, 32])
  const labels = mb.tensor([1n, 2n, 3n, 4n])
  const step = () => mb.scope(() => {
    optimizer.zeroGrad()
    const loss = mb.nn.functional.crossEntropy(model.forward(images), labels)
    loss.backward()
    optimizer.step()
    return loss.item()
  })
  let loss
  for (let i = 0; i < ${steps}; i++) loss = step()
  ${afterwards}
`

const inWorker = (source) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(source, { eval: true })
    worker.on('message', resolve)
    worker.on('error', reject)
  })

/** Runs source in a process of its own: what it does to the process is the point. */
const run = (source) => spawnSync(process.execPath, ['-e', source], { encoding: 'utf8', timeout: 60_000 })

t.test('Loads in workers, exits cleanly', async (t) => {
  const post = 'require("node:worker_threads").parentPort.postMessage(loss)'
  const alone = await inWorker(training(5, post))
  const together = await Promise.all([inWorker(training(5, post)), inWorker(training(5, post))])
  t.same(together, [alone, alone], 'each thread has its own random numbers')
  t.equal(mb.ones([2]).sum().item(), 2, 'and the main thread goes on')

  // One after the other, so that no chance of timing hides a generator that two threads share.
  const draw = () => mb.scope(() => mb.rand([4]).toArray())
  mb.manualSeed(2)
  const undisturbed = [draw(), draw()]
  mb.manualSeed(2)
  const first = draw()
  await inWorker(training(1, post))
  t.same([first, draw()], undisturbed, "a worker's draws are none of the main thread's")

  const forever = 'for (;;) step()'
  const worker = (source, then) => `
    const { Worker } = require('node:worker_threads')
    const worker = new Worker(${JSON.stringify(source)}, { eval: true })
    worker.on('message', async () => { ${then} })
  `
  const callbacks = `
    const mb = require(${JSON.stringify(entry)})
    mb.setNumThreads(1)
    const x = mb.ones([2], { requiresGrad: true })
    const forward = (_, y) => y.mul(2)
    const f = mb.autogradFunction({ forward, backward: (_, g) => { for (let i = 0; i < 20; i++) g.mul(2); return g } })
    const fails = mb.autogradFunction({ forward, backward() { throw new Error('mine') } })
    require('node:worker_threads').parentPort.postMessage('ready')
    for (;;) mb.scope(() => {
      f(x).sum().backward()
      try { fails(x).sum().backward() } catch {}
      x.add(1).toTypedArrayAsync()
    })
  `
  const ready = `require('node:worker_threads').parentPort.postMessage('ready'); ${forever}`
  const cases = {
    'process.exit() in the middle of a step of a worker': [worker(training(1, ready), 'process.exit(7)'), 7],
    'a worker terminated in the middle of a step': [
      worker(training(1, ready), 'await worker.terminate(); process.exitCode = 5'),
      5,
    ],
    'workers terminated inside functions with gradients in JavaScript': [
      `
        const { Worker } = require('node:worker_threads')
        const one = (delay) => new Promise((resolve) => {
          const worker = new Worker(${JSON.stringify(callbacks)}, { eval: true })
          worker.on('message', () => setTimeout(() => worker.terminate().then(resolve), delay))
        })
        Promise.all([one(0), one(1), one(3), one(7)]).then(() => { process.exitCode = 6 })
      `,
      6,
    ],
    'process.exit() with live tensors and graphs': [
      training(1, 'globalThis.kept = model.forward(images); process.exit(3)'),
      3,
    ],
    'the end of the program with live tensors': [training(1, 'globalThis.kept = [images, model.forward(images)]'), 0],
    'an uncaught error': [training(1, 'throw new Error("oops")'), 1],
  }
  for (const [name, [source, status]] of Object.entries(cases)) {
    const result = run(source)
    t.equal(result.signal, null, `${name}: no signal`)
    t.equal(result.status, status, `${name}: exit status ${status}\n${result.stderr.slice(0, 2000)}`)
  }
})

t.test('itemAsync outlives its tensor', async (t) => {
  const x = mb.ones([1000, 1000])
  const total = x.sum()
  const promise = total.itemAsync()
  total.dispose()
  x.dispose()
  t.equal(await promise, 1_000_000)
})

t.test('an error whose class cannot be constructed keeps its code and its message', async (t) => {
  // In a worker, because an environment has one class of errors for good.
  const source = `
    const { parentPort } = require('node:worker_threads')
    const { native } = require(${JSON.stringify(internalPath('addon'))})
    require(${JSON.stringify(entry)})
    native().registerErrorClass(class { constructor() { throw new RangeError('no stack is left') } })
    try { native().zeros([-1], 'float32', 'cpu', false) } catch (error) {
      parentPort.postMessage({ code: error.code, message: error.message })
    }`
  const worker = new Worker(source, { eval: true })
  const told = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  t.match(told, { code: /^ERR_(VALUE|NATIVE|TYPE)$/, message: /^zeros: / })
  await worker.terminate()
})
