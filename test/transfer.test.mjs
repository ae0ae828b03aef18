// Tensors between threads: the same memory, each ticket once, nothing lost when a thread ends.
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import * as mb from 'mbconv'
import t from 'tap'

const entry = createRequire(import.meta.url).resolve('mbconv')

/** A worker that runs `body` for every message, with `mb`, `message` and `post` at hand. */
function worker(body) {
  const source = `
    const { parentPort } = require('node:worker_threads')
    const mb = require(${JSON.stringify(entry)})
    const post = (value) => parentPort.postMessage(value)
    parentPort.on('message', (message) => { ${body} })
  `
  return new Worker(source, { eval: true })
}

async function ask(thread, message) {
  thread.postMessage(message)
  const [answer] = await once(thread, 'message')
  return answer
}

t.test('a tensor sent to a worker is the same memory there', async (t) => {
  const thread = worker(`
    const { x, scale } = mb.threads.receive(message)
    x.mul_(scale)
    post({ shape: x.shape, dtype: x.dtype, live: mb.allocatorStatistics().live, tensors: mb.memory().tensors })
  `)
  t.teardown(() => thread.terminate())
  const x = mb.ones([1000, 1000])
  const { live } = mb.allocatorStatistics()
  const answer = await ask(thread, mb.threads.send({ x, scale: 3 }))
  t.same(answer.shape, [1000, 1000])
  t.equal(answer.dtype, 'float32')
  t.equal(answer.tensors, 1, 'the worker has a handle of its own')
  t.ok(answer.live - live < 1e6, 'nothing was copied')
  t.equal(x.amin().item(), 3, 'what the worker wrote is seen here')
  t.same(mb.threads.inTransit(), { tensors: 0, bytes: 0 })
})

t.test('the memory lives as long as either side wants it', async (t) => {
  const thread = worker(`
    if (message === 'send') {
      const made = mb.arange(6).view([2, 3])
      const sent = mb.threads.send([made, { deep: made.select(0, 1) }, 'text'])
      made.dispose()
      post(sent)
    }
  `)
  const sent = await ask(thread, 'send')
  await thread.terminate()
  t.same(mb.threads.inTransit(), { tensors: 2, bytes: 9 * 8 }, 'the thread is gone, its tensors are not')
  const [whole, { deep }, text] = mb.threads.receive(sent)
  t.same(whole.toArray(), [
    [0, 1, 2],
    [3, 4, 5],
  ])
  t.equal(text, 'text')
  whole.dispose()
  t.same(deep.toArray(), [3, 4, 5], 'a view as well')
  deep.dispose()
})

t.test('a ticket is good for one receiver', async (t) => {
  const x = mb.ones([2], { requiresGrad: true })
  const sent = mb.threads.send([x, x.mul(2)])
  const [first] = sent
  const [a, b] = mb.threads.receive(sent)
  t.equal(a.requiresGrad, false, 'gradients stay behind')
  t.same(b.toArray(), [2, 2])
  const before = mb.memory().tensors
  t.throws(() => mb.threads.receive(first), { code: 'ERR_VALUE', op: 'receiveTensor' })
  const again = mb.threads.send(x)
  t.throws(() => mb.threads.receive([again, first]), { code: 'ERR_VALUE' })
  t.equal(mb.memory().tensors, before, 'what arrived before the error is freed')
  for (const tensor of [a, b, x]) tensor.dispose()
})

t.test('what nobody receives can be let go', async (t) => {
  const x = mb.zeros([100])
  const sent = mb.threads.send({ list: [x, x] })
  t.same(mb.threads.inTransit(), { tensors: 2, bytes: 800 })
  mb.threads.cancel(sent)
  mb.threads.cancel(sent)
  t.same(mb.threads.inTransit(), { tensors: 0, bytes: 0 })
  t.throws(() => mb.threads.receive(sent), { code: 'ERR_VALUE' })

  const gone = mb.ones([1])
  gone.dispose()
  t.throws(() => mb.threads.send([x, gone]), { code: 'ERR_DISPOSED', op: 'sendTensor' })
  const circle = [x]
  circle.push(circle)
  t.throws(() => mb.threads.send(circle), { code: 'ERR_TYPE' })
  t.same(mb.threads.inTransit(), { tensors: 0, bytes: 0 }, 'a message that fails leaves nothing under way')
})

t.test('two threads train on the same weights', async (t) => {
  const thread = worker(`
    const { weight, x, y, steps } = mb.threads.receive(message)
    weight.requiresGrad_()
    const optimizer = new mb.optim.SGD([weight], { lr: 0.1 })
    for (let i = 0; i < steps; i++) {
      mb.scope(() => {
        optimizer.zeroGrad()
        mb.nn.functional.mseLoss(x.matmul(weight), y).backward()
        optimizer.step()
      })
    }
    post('done')
  `)
  t.teardown(() => thread.terminate())
  mb.manualSeed(0)
  const truth = mb.randn([4, 1])
  const weight = mb.zeros([4, 1])
  const x = mb.randn([64, 4])
  const y = x.matmul(truth)
  await ask(thread, mb.threads.send({ weight, x, y, steps: 100 }))
  t.ok(weight.sub(truth).abs().amax().item() < 1e-3, 'learned there, read here')
})
