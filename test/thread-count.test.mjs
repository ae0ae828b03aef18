// Whose number of threads is set: the process's default, or that of one JavaScript thread.
import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import * as mb from 'mbconv'
import t from 'tap'
import { internal, internalPath } from './helpers/internals.mjs'
import { writeModel } from './helpers/served-model.mjs'
import { tinyConfig } from './helpers/tiny.mjs'

const entry = createRequire(import.meta.url).resolve('mbconv')
/** What no machine of the tests takes by itself, and other numbers. */
const [DEFAULT, FIRST, SECOND] = [7, 3, 5]

/** Runs code in a new worker thread, which then computes in parallel. Resolves to the thread's number. */
const inWorker = (code = '') =>
  new Promise((resolve, reject) => {
    const source = `
      const mb = require(${JSON.stringify(entry)})
      ${code}
      mb.scope(() => {
        const x = mb.ones([300, 300])
        const image = mb.ones([1, 8, 64, 64])
        for (const y of [x.matmul(x), x.add(1).sum(), mb.nn.functional.conv2d(image, mb.ones([8, 8, 3, 3]))]) y.toArray()
      })
      require('node:worker_threads').parentPort.postMessage(mb.getNumThreads())`
    new Worker(source, { eval: true }).on('message', resolve).on('error', reject)
  })

const dir = t.testdir()
const { safetensors } = writeModel(dir, 'model')
mb.setNumThreads(DEFAULT)

t.test('the main thread sets the default of threads that start later', async (t) => {
  t.equal(mb.getNumThreads(), DEFAULT)
  t.equal(await inWorker(), DEFAULT)
  for (const wrong of [0, 1025])
    t.throws(() => mb.setNumThreads(wrong), { code: 'ERR_VALUE', message: /threads must lie between 1 and 1024/ })
})

t.test('a worker sets its own number', async (t) => {
  const set = (threads) => inWorker(`mb.setNumThreads(${threads})`)
  t.same(await Promise.all([set(FIRST), set(SECOND), inWorker()]), [FIRST, SECOND, DEFAULT], 'at the same time')
  t.same([mb.getNumThreads(), await inWorker()], [DEFAULT, DEFAULT], 'and afterwards')
  t.equal(await inWorker(`mb.ones([9]).sum(); mb.setNumThreads(${FIRST})`), FIRST, 'also after it has computed')
  const both = await inWorker(`mb.setNumThreads(${FIRST}); mb.setNumThreads(${SECOND})`)
  t.equal(both, SECOND, 'and again')
})

t.test('threads of a predictor are its own', async (t) => {
  const open = (options) =>
    inWorker(`require(${JSON.stringify(internalPath('libtorchEngine'))})
      .openWithLibtorch(${JSON.stringify(safetensors)}, ${JSON.stringify(options)})`)
  t.same(await Promise.all([open({ threads: FIRST }), open({ threads: SECOND })]), [FIRST, SECOND])
  const predictor = await mb.loadPredictor(safetensors, { threads: FIRST })
  t.equal(mb.getNumThreads(), DEFAULT, 'the caller keeps its number')
  t.equal(await open({}), DEFAULT, 'another predictor has the default')
  await predictor.close()
})

t.test('threads of a training are its own', async (t) => {
  const { openSession } = internal('session')
  const session = await openSession(mb.parseConfig({ ...tinyConfig(dir), threads: FIRST }))
  t.teardown(() => mb.setNumThreads(DEFAULT))
  t.equal(mb.getNumThreads(), FIRST, 'this session is in the main thread')
  t.equal(await inWorker(), DEFAULT)
  session.dispose()
})
