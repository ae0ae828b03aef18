// A live source, such as a camera or the lines of a pipe, is answered image by image: nothing waits for a full batch.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { small } from './helpers/small.mjs'

const { inBatches, inOrder } = internal('inOrder')
const sharp = await import('sharp').then(
  ({ default: found }) => found,
  () => undefined, // optional: the test that needs it says that it is skipped
)
t.setTimeout(60_000)

/** A source that gives an item only when it is told to. */
function tap() {
  const waiting = []
  const state = { asked: 0, returned: false }
  const source = {
    [Symbol.asyncIterator]: () => source,
    next() {
      state.asked++
      return new Promise((resolve) => waiting.push(resolve))
    },
    async return() {
      state.returned = true
      return { done: true, value: undefined }
    },
  }
  const give = async (value) => {
    while (waiting.length === 0) await sleep(1)
    waiting.shift()({ done: false, value })
  }
  const end = async () => {
    while (waiting.length === 0) await sleep(1)
    waiting.shift()({ done: true, value: undefined })
  }
  return { source, give, end, state }
}

const double = async (x) => 2 * x

t.test('each result comes before the next item', async (t) => {
  const { source, give, end } = tap()
  const results = inOrder(source, double)
  for (const item of [1, 2, 3, 4, 5, 6]) {
    const next = results.next()
    await give(item)
    t.same((await next).value, [item, 2 * item])
  }
  const last = results.next()
  await end()
  t.same(await last, { done: true, value: undefined })
})

t.test('batches are full where the source does not make anybody wait', async (t) => {
  const sizes = []
  const items = Array.from({ length: 23 }, (_, i) => i)
  const seen = []
  for await (const batch of inBatches(items, async (i) => sleep(i % 3, i), 8)) {
    sizes.push(batch.length)
    seen.push(...batch.map(([, result]) => result))
  }
  t.same(sizes, [8, 8, 7])
  t.same(seen, items, 'in order')
})

t.test('a batch that the source leaves incomplete is not kept', async (t) => {
  const { source, give } = tap()
  const batches = inBatches(source, double, 8)
  const first = batches.next()
  await give(1)
  await give(2)
  const { value } = await first
  t.ok(value.length === 1 || value.length === 2, `${value.length} results without a third item`)
  await batches.return()
})

t.test('a consumer that stops does not wait for a source that gives nothing', async (t) => {
  const { source, give, state } = tap()
  const results = inOrder(source, double)
  const first = results.next()
  await give(1)
  await first
  await results.return()
  t.equal(state.returned, true, 'the source is told')
})

t.test('an error of the source comes after the results of the items before it', async (t) => {
  const own = new Error('own')
  const failing = async function* () {
    yield 1
    yield 2
    throw own
  }
  for (const most of [1, 8]) {
    const seen = []
    await t.rejects(async () => {
      for await (const batch of inBatches(failing(), double, most)) seen.push(...batch.map(([, result]) => result))
    }, own)
    t.same(seen, [2, 4])
  }
  const failingWork = async (x) => (x === 2 ? Promise.reject(own) : x)
  const before = []
  await t.rejects(async () => {
    for await (const batch of inBatches([1, 2, 3], failingWork, 8)) before.push(...batch.map(([item]) => item))
  }, own)
  t.same(before, [1], 'an error of the work, too')
})

t.test(
  'predictEach answers each image before the next one is there',
  { skip: !sharp && 'the optional package sharp is not installed' },
  async (t) => {
    mb.setNumThreads(1)
    const dir = t.testdir()
    const network = mb.models.create(small('efficientnet_b0'), { numClasses: 4, seed: 0 })
    const model = join(dir, 'model.safetensors')
    mb.io.safetensors.write(model, network.stateDict())
    mb.models.writeCard(join(dir, 'model.card.json'), mb.models.makeCard(network))
    network.dispose()
    const answers = []
    const seenBefore = []
    const camera = async function* () {
      for (let i = 0; i < 5; i++) {
        const raw = { width: 8, height: 8, channels: 3 }
        const bytes = await sharp(new Uint8Array(192).fill(40 * i), { raw })
          .png()
          .toBuffer()
        yield { name: `frame ${i}`, bytes }
        // A camera that waits for nobody would go on here; this one shows what has been answered by now.
        for (let waited = 0; answers.length <= i && waited < 5000; waited += 10) await sleep(10)
        seenBefore.push(answers.length)
      }
    }
    for await (const { file } of mb.predictEach(model, camera())) answers.push(file)
    t.same(answers, ['frame 0', 'frame 1', 'frame 2', 'frame 3', 'frame 4'])
    t.same(seenBefore, [1, 2, 3, 4, 5], 'answers by the time of the next image')
  },
)
