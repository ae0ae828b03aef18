// A model that is loaded once: its answers, its queue, and how it ends.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import workerThreads from 'node:worker_threads'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { apart, pictureFiles, sharp, writeModel } from './helpers/served-model.mjs'

const { Batcher } = internal('batcher')
const { DecodingQueue } = internal('servingQueue')
const { Request, Requests } = internal('requests')
const skip = !sharp && 'the optional package sharp is not installed'
/** Batches of another size round in another way, which this network enlarges. */
const LIMIT = 1e-4
mb.setNumThreads(1)
t.setTimeout(120_000)

/** Array.fromAsync, which Node 20 does not have. */
async function allOf(items) {
  const all = []
  for await (const each of items) all.push(each)
  return all
}

const dir = t.testdir()
const quantiles = Array.from({ length: 101 }, (_, i) => 0.1 + i / 200)
const { safetensors } = writeModel(dir, 'model', { confidence: { temperature: 1.5, quantiles } })
const files = sharp ? await pictureFiles(20) : []
const named = files.map((bytes, i) => ({ name: `picture ${i}`, bytes }))
/** Loaded once for all tests that leave it in order. */
const predictor = sharp && (await mb.loadPredictor(safetensors, { threads: 1, maxDelayMs: 20 }))

t.test('answers are those of predictEach and embedEach', { skip }, async (t) => {
  t.equal(predictor.runtime, 'libtorch')
  t.match(predictor.card.name, /^efficientnet_b0/)
  t.match(predictor, { device: 'cpu', path: safetensors })
  const wanted = await allOf(mb.predictEach(safetensors, named, { topk: 10 }))
  t.ok(apart(wanted.slice(1), wanted.slice(0, -1)) > 0.01, 'images differ')
  for (const options of [{ views: 'ten' }, { reject: 0.3 }]) {
    const each = await allOf(mb.predictEach(safetensors, named, { topk: 10, ...options }))
    const ours = await predictor.predict(named, { topk: 10, ...options })
    const difference = apart(ours, each)
    t.ok(difference < LIMIT, `${JSON.stringify(options)}: ${difference}`)
    t.same(
      ours.map(({ file, isKnown }) => [file, isKnown]),
      each.map(({ file, isKnown }) => [file, isKnown]),
    )
  }
  t.equal((await predictor.predict(named[0])).predictions.length, 5, 'five guesses')
  const [first] = await allOf(mb.embedEach(safetensors, [named[0]]))
  const { file, vector } = await predictor.embed(named[0])
  t.equal(file, 'picture 0')
  t.ok(vector.length === first.vector.length && vector.every((x, i) => Math.abs(x - first.vector[i]) < LIMIT))
})

t.test('requests of the same time share batches, and a bad one is alone with its error', { skip }, async (t) => {
  const wanted = await predictor.predict(named, { topk: 10 })
  const asked = files.map((bytes, i) =>
    i % 5 === 3 ? predictor.predict([bytes, Buffer.from('no image')]) : predictor.predict(bytes, { topk: 10 }),
  )
  const answers = await Promise.allSettled(asked)
  for (const [i, { status, value, reason }] of answers.entries()) {
    if (i % 5 === 3) t.match(reason, { code: 'ERR_DATA', message: /^image 2: cannot be read/ })
    else t.ok(status === 'fulfilled' && value.file === 'image' && apart([value], [wanted[i]]) < LIMIT, `${i}`)
  }
  await t.rejects(predictor.predict(join(dir, 'absent.png')), { code: 'ERR_DATA', message: /absent\.png/ })
  t.same(await predictor.predict([]), [])
  const bytes = new Uint8Array(files[0])
  const answer = predictor.predict(bytes, { topk: 10 })
  bytes.fill(0)
  t.ok(apart([await answer], [wanted[0]]) < LIMIT, 'the bytes are the caller’s again at once')
})

t.test('a request that is given up', { skip }, async (t) => {
  const controller = new AbortController()
  const reason = new Error('enough')
  const given = Array.from({ length: 40 }, (_, i) =>
    predictor.predict(named[i % 20], i % 2 ? { signal: controller.signal } : {}),
  )
  controller.abort(reason)
  for (const [i, { status, reason: error }] of (await Promise.allSettled(given)).entries()) {
    if (i % 2) t.match(error, { code: 'ERR_ABORTED', cause: reason })
    else t.equal(status, 'fulfilled')
  }
  await t.rejects(predictor.predict(named[0], { signal: controller.signal }), { code: 'ERR_ABORTED' })
  // While the worker has it.
  const later = new AbortController()
  const underWay = predictor.predict(named, { signal: later.signal })
  setTimeout(() => later.abort(), 8)
  await t.rejects(underWay, { code: 'ERR_ABORTED' })
  t.equal((await predictor.predict(named)).length, 20)
})

t.test('what a predictor refuses', { skip }, async (t) => {
  const refused = (code, message, ...args) => t.rejects(predictor.predict(...args), { code, message }, message.source)
  await refused('ERR_TYPE', /an image must be a path/, 5)
  await refused('ERR_TYPE', /an image must be a path/, [named[0], null])
  await refused('ERR_TYPE', /an image must be a path/, { name: 'x', bytes: 'text' })
  await refused('ERR_TYPE', /unknown option "topK"/, named[0], { topK: 3 })
  await refused('ERR_VALUE', /views must be one of/, named[0], { views: 'six' })
  await refused('ERR_VALUE', /topk must be/, named[0], { topk: 0 })
  await refused('ERR_VALUE', /reject needs views one/, named[0], { reject: 0.1, views: 'flip' })
  await refused('ERR_TYPE', /signal must be an AbortSignal/, named[0], { signal: {} })
  await t.rejects(predictor.embed(named[0], { topk: 1 }), { code: 'ERR_TYPE' })
})

t.test('what loadPredictor refuses', async (t) => {
  const refused = (code, ...args) => t.rejects(mb.loadPredictor(...args), { code }, `${code} ${JSON.stringify(args)}`)
  await refused('ERR_TYPE', 5)
  await refused('ERR_TYPE', '')
  await refused('ERR_TYPE', safetensors, null)
  await refused('ERR_TYPE', safetensors, { batch: 5 })
  await refused('ERR_VALUE', safetensors, { batchSize: 0 })
  await refused('ERR_VALUE', safetensors, { maxDelayMs: -1 })
  await refused('ERR_VALUE', safetensors, { device: 'gpu' })
  await refused('ERR_VALUE', safetensors, { precision: 'int8' })
  await refused('ERR_TYPE', safetensors, { threads: '2' })
  await refused('ERR_CHECKPOINT', join(dir, 'absent'))
})

t.test('close waits for what was accepted', { skip }, async (t) => {
  const accepted = predictor.predict(named)
  let isClosed = false
  const closing = predictor[Symbol.asyncDispose]().then(() => {
    isClosed = true
  })
  await t.rejects(predictor.predict(named[0]), { code: 'ERR_DISPOSED' })
  t.equal((await accepted).length, 20)
  t.equal(isClosed, false, 'the thread ends after the last answer')
  await closing
  await predictor.close()
  await t.rejects(predictor.embed(named[0]), { code: 'ERR_DISPOSED' })
})

t.test('a thread that dies', { skip }, async (t) => {
  const { Worker } = workerThreads
  let worker
  // The compiled code takes the class from the module when it starts a thread.
  const shared = createRequire(import.meta.url)('node:worker_threads')
  shared.Worker = class extends Worker {
    constructor(...args) {
      super(...args)
      worker = this
    }
  }
  t.teardown(() => {
    shared.Worker = Worker
  })
  const dying = await mb.loadPredictor(safetensors, { threads: 1, maxDelayMs: 10_000 })
  const pending = [dying.predict(named[0]), dying.embed(named[1])]
  worker.terminate()
  for (const each of pending)
    await t.rejects(each, { code: 'ERR_NATIVE', message: /thread of the predictor ended by itself/ })
  await t.rejects(dying.predict(named[0]), { code: 'ERR_NATIVE' })
  await dying.close()
})

t.test('the worker gets no more than it needs; others leave the queue before they are sent', async (t) => {
  const log = []
  const requests = new Requests({
    most: 3,
    send: ({ id, source }) => log.push(`send ${id} ${source}`),
    drop: (ids) => log.push(`drop ${ids}`),
    onBusy: (isBusy) => log.push(isBusy ? 'busy' : 'idle'),
  })
  const ask = (sources, signal) => {
    const request = new Request(
      sources.map((source) => ({ source })),
      signal,
    )
    request.results.catch(() => {})
    requests.add(request)
    return request
  }
  const taken = () => log.splice(0)
  const controller = new AbortController()
  const one = ask(['a', 'b'])
  const two = ask(['c', 'd'], controller.signal)
  const three = ask(['e'])
  t.same(taken(), ['busy', 'send 0 a', 'send 1 b', 'send 2 c'])
  requests.settle(0, 'A')
  t.same(taken(), ['send 3 d'])
  controller.abort()
  t.same(taken(), ['drop 2,3'], 'they keep their places while the worker has them')
  requests.dropped(3)
  t.same(taken(), ['send 4 e'])
  t.same(two.jobs, [undefined, undefined], 'nothing is held for it')
  await t.rejects(two.results, { code: 'ERR_ABORTED' })
  requests.settle(2, 'late')
  requests.settle(1, 'B')
  t.same(await one.results, ['A', 'B'])
  const idle = requests.idle()
  requests.fail(4, new Error('e'))
  await t.rejects(three.results, /e/)
  t.same(taken(), ['idle'])
  await idle
  const waiting = new AbortController()
  ask(['f', 'g', 'h'])
  const never = ask(['i'], waiting.signal)
  waiting.abort()
  await t.rejects(never.results, { code: 'ERR_ABORTED' })
  t.same(taken(), ['busy', 'send 5 f', 'send 6 g', 'send 7 h'], 'what left the queue is not sent')
  requests.fail(5, new Error('f'))
  t.same(taken(), ['drop 6,7', 'idle'], 'the other images of a failed request are not computed')
  ask(['j', 'k'])
  t.same(taken(), ['busy', 'send 8 j'])
  requests.settle(6, 'late')
  t.same(taken(), ['send 9 k'], 'a late result frees a place, too')
})

t.test('a request of many images is not searched for each of them', (t) => {
  const requests = new Requests({ most: 1, send: () => {}, drop: () => {}, onBusy: () => {} })
  const count = 500
  const request = new Request(Array.from({ length: count }, (_, i) => ({ source: `${i}` })))
  let reads = 0
  const jobs = new Proxy(request.jobs, {
    get(target, key) {
      if (/^\d+$/.test(String(key))) reads++
      return target[key]
    },
  })
  Object.defineProperty(request, 'jobs', { value: jobs })
  requests.add(request)
  for (let i = 0; i < count; i++) requests.settle(i, i)
  t.ok(request.isSettled)
  t.ok(reads >= count && reads < 5 * count, `${reads} reads of ${count} images`)
  t.end()
})

t.test('few images are decoded at once, and the others can be dropped', async (t) => {
  const begun = []
  const ends = new Map()
  const known = []
  const queue = new DecodingQueue({
    most: 2,
    work: async ({ id }, isDropped) => {
      begun.push(id)
      await new Promise((end) => ends.set(id, end))
      if (isDropped()) known.push(id)
    },
  })
  for (let id = 0; id < 6; id++) queue.add({ id })
  t.same(begun, [0, 1])
  t.same(queue.drop(new Set([1, 2, 4, 9])), [2, 4], 'what has begun goes on')
  for (const id of [0, 1]) ends.get(id)()
  await sleep(1)
  t.same(begun, [0, 1, 3, 5])
  t.same(known, [1])
})

t.test('the worker never has more than its limit, whatever is given up', { skip }, async (t) => {
  const { Worker } = workerThreads
  const counts = { now: 0, most: 0, dropped: 0 }
  const shared = createRequire(import.meta.url)('node:worker_threads')
  shared.Worker = class extends Worker {
    constructor(...args) {
      super(...args)
      this.on('message', ({ type }) => {
        if (['result', 'failed', 'dropped'].includes(type)) counts.now--
        if (type === 'dropped') counts.dropped++
      })
    }
    postMessage(message, transfer) {
      if (message.type === 'image') counts.most = Math.max(counts.most, ++counts.now)
      super.postMessage(message, transfer)
    }
  }
  t.teardown(() => {
    shared.Worker = Worker
  })
  const limited = await mb.loadPredictor(safetensors, { threads: 1, batchSize: 4 })
  for (let i = 0; i < 10; i++) {
    const controller = new AbortController()
    const given = limited.predict(named, { signal: controller.signal })
    await sleep(i % 3)
    controller.abort()
    await t.rejects(given, { code: 'ERR_ABORTED' })
  }
  t.equal((await limited.predict(named)).length, named.length)
  const last = new AbortController()
  const given = limited.predict(named, { signal: last.signal })
  last.abort()
  await t.rejects(given, { code: 'ERR_ABORTED' })
  await limited.close()
  t.equal(counts.most, 8)
  t.equal(counts.now, 0, 'each image was answered, also the last ones that were dropped')
  t.ok(counts.dropped > 0)
})

t.test('a batch that everybody has left is not waited for', { skip }, async (t) => {
  const patient = await mb.loadPredictor(safetensors, { threads: 1, maxDelayMs: 60_000 })
  const controller = new AbortController()
  const given = patient.predict(named[0], { signal: controller.signal })
  await sleep(500) // It is decoded by now, and waits for others.
  controller.abort()
  await t.rejects(given, { code: 'ERR_ABORTED' })
  const inTime = await Promise.race([patient.close().then(() => true), sleep(30_000, false, { ref: false })])
  t.ok(inTime, 'close does not wait for the batch')
})

t.test('batches are full, or wait no longer than they may', async (t) => {
  const batches = []
  const batcher = new Batcher({
    most: () => 3,
    maxDelayMs: 30,
    work: async (items) => {
      batches.push({ items, at: performance.now() })
      await sleep(5)
    },
  })
  const begin = performance.now()
  for (const [i, group] of ['x', 'x', 'y', 'x', 'x'].entries()) batcher.add(group, i, i)
  batcher.drop(new Set([4]))
  while (batches.length < 2) await sleep(2)
  batcher.add('x', 5, 5)
  while (batches.length < 3) await sleep(2)
  t.same(
    batches.map(({ items }) => items),
    [[0, 1, 3], [2], [5]],
  )
  t.ok(batches[0].at - begin < 25, 'a full batch does not wait')
  t.ok(batches[1].at - begin >= 28, 'one that is not full waits')
})
