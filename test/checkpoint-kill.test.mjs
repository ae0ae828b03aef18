import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { newestCheckpoint, readPart } from '../dist/train/checkpoint.js'
import { runScript } from './helpers/tiny.mjs'

/**
 * A program that saves small checkpoints one after the other, each with numbers that follow from its step, and keeps
 * three. Its tensors are plain memory in the shape of a Tensor, so that it starts in a tenth of a second.
 */
const SAVER = `
  import { createRequire } from 'node:module'
  const require = createRequire('$dist/')
  const fs = require('node:fs')
  const { fileURLToPath } = require('node:url')
  const dist = fileURLToPath('$dist')
  const { Tensor } = require(dist + '/tensor/tensor.js')
  const checkpoint = require(dist + '/train/checkpoint.js')
  const { removeStaleTemporaries } = require(dist + '/io/atomic.js')
  const { parseConfig } = require(dist + '/train/config.js')

  const tensor = (step, length) => {
    const values = Float32Array.from({ length }, (_, i) => step + i / 1024)
    return Object.create(Tensor.prototype, {
      dtype: { value: 'float32' }, shape: { value: [length] }, numel: { value: length },
      toTypedArray: { value: () => values },
    })
  }
  const config = parseConfig({ model: { name: 'efficientnet_b0' }, epochs: 1 })
  const stateOf = (step) => ({
    step, epoch: 0, batchInEpoch: step, stepsPerEpoch: 1e6, config,
    dataset: { name: 'none', classes: ['a'], shape: [1, 8, 8], fingerprint: '00000000' },
    normalization: { mean: [0.5], std: [0.5] }, resolution: 8, randomState: { cpu: '' },
    optimizerSteps: step, emaUpdates: step, lastEval: null, best: null, seconds: step / 7,
  })
  const save = (runDir, step) => checkpoint.saveCheckpoint(runDir, stateOf(step), {
    model: { weight: tensor(step, 3000) }, ema: { weight: tensor(step, 3000) }, optimizer: { momentum: tensor(step, 6000) },
  })
`

/** Whether the newest checkpoint is whole and holds the numbers of its step. */
function inspect(runDir) {
  const warnings = []
  const newest = newestCheckpoint(runDir, (message) => warnings.push(message))
  if (newest === undefined) return { step: 0, warnings, whole: true }
  const { step } = newest.state
  const whole = ['model', 'ema', 'optimizer'].every((part) => {
    const { tensors } = readPart(newest, part)
    const values = Object.values(tensors).flatMap((tensor) => [...tensor.toTypedArray()])
    for (const tensor of Object.values(tensors)) tensor.dispose()
    const length = part === 'optimizer' ? 6000 : 3000
    return values.length === length && values.every((value, i) => value === Math.fround(step + i / 1024))
  })
  return { step, warnings, whole: whole && newest.state.seconds === step / 7 }
}

t.test('killed at 200 random moments while saving', async (t) => {
  const kills = 200
  // Milliseconds after the first save that a program is killed; a save takes a few.
  const moments = Array.from({ length: kills }, () => 25 * Math.random())
  const outcomes = { kills: 0, temporaries: 0 }

  /** One run folder, killed again and again; every program goes on from what the one before it left. */
  async function lane(name, delays) {
    const runDir = join(t.testdirName, name)
    mkdirSync(join(runDir, 'checkpoints'), { recursive: true })
    const script = `${SAVER}
      const runDir = ${JSON.stringify(runDir)}
      let step = checkpoint.newestCheckpoint(runDir, (message) => { throw new Error(message) })?.state.step ?? 0
      removeStaleTemporaries(runDir + '/checkpoints', { exclusive: true })
      for (;;) {
        step++
        save(runDir, step)
        fs.writeSync(1, 'saved ' + step + '\\n')
        checkpoint.pruneCheckpoints(runDir, 3, step)
      }`
    for (const delay of delays) {
      let saved = 0
      let armed = false
      const { signal, stderr } = await runScript(script, {
        onLine: (line, child) => {
          saved = Number(line.split(' ')[1])
          // From the first save on, so that the time a start takes does not matter.
          if (!armed) setTimeout(() => child.kill('SIGKILL'), delay)
          armed = true
        },
      })
      if (signal !== 'SIGKILL') return t.fail(`the program ended by itself: ${stderr}`)
      outcomes.kills++
      outcomes.temporaries += readdirSync(join(runDir, 'checkpoints')).filter((file) => file.startsWith('.')).length
      const { step, warnings, whole } = inspect(runDir)
      if (!whole || warnings.length > 0 || step < saved) {
        return t.fail(`after ${delay} ms: step ${step} of ${saved}, whole: ${whole}, ${warnings}`)
      }
    }
  }

  t.testdir()
  await Promise.all([lane('one', moments.slice(0, kills / 2)), lane('two', moments.slice(kills / 2))])
  t.equal(outcomes.kills, kills)
  t.ok(outcomes.temporaries > 10, `${outcomes.temporaries} of them left a temporary folder: they hit a save`)
})

t.test('killed at every single file operation of a save', async (t) => {
  const dir = t.testdir()
  const script = (runDir, at) => `${SAVER}
    const runDir = ${JSON.stringify(runDir)}
    fs.mkdirSync(runDir + '/checkpoints', { recursive: true })
    save(runDir, 1)
    let operations = 0
    for (const name of ['openSync', 'writeSync', 'fsyncSync', 'closeSync', 'mkdirSync', 'renameSync', 'rmSync']) {
      const original = fs[name]
      fs[name] = (...args) => {
        if (operations++ === ${at}) process.kill(process.pid, 'SIGKILL')
        return original(...args)
      }
    }
    save(runDir, 2)
    checkpoint.pruneCheckpoints(runDir, 1, 2)`
  const steps = []
  for (let at = 0; ; at++) {
    const runDir = join(dir, String(at))
    const { signal, code, stderr } = await runScript(script(runDir, at))
    if (signal !== 'SIGKILL') {
      t.equal(code, 0, stderr)
      break
    }
    const { step, warnings, whole } = inspect(runDir)
    t.ok(whole && warnings.length === 0, `before operation ${at}: step ${step}`)
    steps.push(step)
  }
  t.ok(steps.length > 20, `${steps.length} operations`)
  t.strictSame([...new Set(steps)], [1, 2], 'the old one until the new one is there')
})
