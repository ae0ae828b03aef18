// A contestant: mbconv. MBCONV_BACKEND in its environment chooses the kernels.
import { createRequire } from 'node:module'
import mb from 'mbconv'
import { answer, imagesOf, peakMemory, specOf } from './answering.mjs'
import { clockExports } from './clock.mjs'

const require = createRequire(import.meta.url)
const { native } = require('../../../dist/native/addon.js')

const spec = specOf()
const { task, model: name, batch, size, classes, threads, files, fused, precision, isClocked } = spec

mb.setNumThreads(threads)
mb.manualSeed(0)
mb.ones([1]).dispose() // loads the addon
const base = peakMemory()
const versions = { libtorch: native().loadedVersion() }

// As torchvision has them in training; evaluation has neither.
const options = { numClasses: classes, profile: 'torchvision', init: 'none', dropPath: 0.2, dropout: 0.2 }
const network = mb.models.create(name, options).to({ memoryFormat: 'channelsLast' }).eval()
mb.models.loadWeights(network, files.weights)
const images = mb.scope(() =>
  mb.fromTypedArray(imagesOf(spec), [batch, 3, size, size]).to({ memoryFormat: 'channelsLast' }),
)
const logitsOf = (model) =>
  mb.scope(() =>
    mb
      .noGrad(() => model.forward(images))
      .to({ dtype: 'float32' })
      .toTypedArray(),
  )

/** Predictions, whose logits are read. */
function predicting() {
  const model = fused ? network.fuse() : network
  if (fused) network.dispose()
  const predict =
    precision === 'bf16' ? () => mb.autocast({ dtype: 'bfloat16' }, () => logitsOf(model)) : () => logitsOf(model)
  return { logits: predict(), call: predict }
}

/** Training steps: forward, cross-entropy with label smoothing, backward, RMSProp. */
function training() {
  const logits = logitsOf(network)
  network.train()
  const labels = mb.randint(0, classes, [batch])
  const groups = [{ params: network.parameters(), weightDecay: 1e-5 }]
  const optimizer = new mb.optim.RMSprop(groups, { lr: 1e-4, momentum: 0.9 })
  const call = () =>
    mb.scope(() => {
      optimizer.zeroGrad()
      mb.nn.functional.crossEntropy(network.forward(images), labels, { labelSmoothing: 0.1 }).backward()
      optimizer.step()
    })
  return { logits, call }
}

const { logits, call } = task === 'train' ? training() : predicting()
if (isClocked) {
  const secondsInside = clockExports(native())
  let inside = []
  const clocked = () => {
    secondsInside()
    call()
    inside.push(secondsInside())
  }
  await answer({ base, logits, versions }, clocked, () => {
    const answered = { inside }
    inside = []
    return answered
  })
} else {
  await answer({ base, logits, versions }, call)
}
