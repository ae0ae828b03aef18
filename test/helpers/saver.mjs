/** A program that does nothing but save checkpoints, and a look at what is left of them when it is killed. */
import { parseConfig } from 'mbconv'
import { internal, internalPath } from './internals.mjs'

const { newestCheckpoint, readPart } = internal('checkpoint')

const config = parseConfig({ model: { name: 'efficientnet_b0' }, epochs: 1 })

/**
 * A program that saves small checkpoints one after the other, each with numbers that follow from its step, and keeps
 * three. It is started hundreds of times, so it leaves out what takes long to load and does not matter for saving: its
 * tensors are plain memory in the shape of a Tensor, and the schemas, which only reading uses, are an empty shell.
 */
export const SAVER = `
  import { createRequire } from 'node:module'
  const require = createRequire(${JSON.stringify(internalPath('checkpoint'))})
  const fs = require('node:fs')
  const shell = new Proxy(() => {}, { get: () => shell, apply: () => shell })
  require.cache[require.resolve('zod')] = { exports: { z: shell }, loaded: true }
  const { Tensor } = require(${JSON.stringify(internalPath('tensor'))})
  const checkpoint = require(${JSON.stringify(internalPath('checkpoint'))})
  const { removeStaleTemporaries } = require(${JSON.stringify(internalPath('atomic'))})

  const tensor = (step, length) => {
    const values = Float32Array.from({ length }, (_, i) => step + i / 1024)
    return Object.create(Tensor.prototype, {
      dtype: { value: 'float32' }, shape: { value: [length] }, numel: { value: length },
      toTypedArray: { value: () => values },
    })
  }
  const config = ${JSON.stringify(config)}
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
export function inspect(runDir) {
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
