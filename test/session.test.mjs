/* A session that cannot be opened: whatever part fails, nothing of it stays in memory. */
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { settledMemory } from './helpers/live.mjs'
import { tinyConfig } from './helpers/tiny.mjs'

const { openSession } = internal('session')

/** Opens a session that is to fail, and looks at what it leaves. */
async function failing(t, config, checkpoint, error) {
  const { tensors: before } = await settledMemory()
  await t.rejects(() => openSession(config, checkpoint), error)
  t.equal(mb.memory().tensors, before, 'no tensor stays')
}

t.test('nothing stays behind of a session that cannot be opened', async (t) => {
  const dir = t.testdir()
  const config = mb.parseConfig(tinyConfig(dir))
  const session = await openSession(config)
  t.ok(mb.memory().tensors > 100)
  session.dispose()
  t.equal(mb.memory().tensors, 0, 'nor of one that could, once it is disposed')

  const weights = join(dir, 'other.safetensors')
  mb.scope(() => mb.io.safetensors.write(weights, { other: mb.ones([1]) }))
  await failing(t, { ...config, model: { ...config.model, weights } }, undefined, { name: 'MbconvError' })
  // What no configuration says, but what the parts refuse after the model is there.
  await failing(t, { ...config, model: { ...config.model, freeze: 99 } }, undefined, { name: 'MbconvError' })
  await failing(t, { ...config, optimizer: { ...config.optimizer, momentum: -1 } }, undefined, { code: 'ERR_VALUE' })
  await failing(t, { ...config, ema: { decay: 2 } }, undefined, { code: 'ERR_VALUE' })
})

t.test('nor of one that a checkpoint does not fit', async (t) => {
  const dir = t.testdir()
  const given = tinyConfig(dir, { top: { epochs: 1 } })
  const { checkpoint: path } = await mb.train(given, { worker: false }).result
  const { openCheckpoint } = internal('checkpoint')
  const checkpoint = openCheckpoint(path)
  const config = mb.parseConfig(given)
  await failing(t, { ...config, ema: false }, checkpoint, { code: 'ERR_CHECKPOINT', message: /averaged weights/ })
  await failing(t, { ...config, model: { ...config.model, width: 0.5 } }, checkpoint, { code: 'ERR_CHECKPOINT' })
  renameSync(join(path, 'optimizer.safetensors'), join(path, 'gone'))
  await failing(t, config, checkpoint, { code: 'ERR_CHECKPOINT', message: /does not fit|optimizer\.safetensors/ })
})
