/** Networks whose numbers look like a trained one's, so that a mistake in any layer shows in the logits. */
import * as mb from 'mbconv'

/** Deterministic images [n, channels, height, width], normalised, each of its own. */
export function pictures(n, channels, height, width = height) {
  const each = channels * height * width
  const values = new Float32Array(n * each)
  let state = 12345
  for (let i = 0; i < values.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const image = Math.floor(i / each)
    values[i] = Math.sin(i * (0.013 + 0.011 * image)) + state / 2 ** 32 - 0.5
  }
  return values
}

/** Logits [n][classes] of images, as this package computes them. */
export function logitsOf(network, values, shape) {
  return mb.noGrad(() => mb.scope(() => network.forward(mb.fromTypedArray(values, shape)).toArray()))
}

/**
 * Fresh networks put out next to nothing: their batch norms do not know their inputs. Here each norm has a scale and a
 * shift of its own and the statistics of a batch, and the logits of that batch are 4 at most.
 */
export function enliven(network, resolution, images = 16) {
  mb.manualSeed(5) // a network that happens to amplify would amplify rounding, too
  const random = (tensor, low, high) =>
    tensor.copy_(
      mb
        .rand(tensor.shape)
        .mul(high - low)
        .add(low),
    )
  mb.scope(() =>
    mb.noGrad(() => {
      for (const module of network.modules()) {
        if (module instanceof mb.nn.Linear) random(module.bias, -0.5, 0.5)
        if (!(module instanceof mb.nn.BatchNorm2d)) continue
        random(module.weight, 0.5, 1.5)
        random(module.bias, -0.5, 0.5)
        module.momentum = 1 // the batch's own statistics, whole
      }
      network.train()
      const shape = [images, network.inChannels, ...[resolution, resolution].flat().slice(0, 2)]
      const x = mb.fromTypedArray(pictures(...shape), shape)
      network.forward(x)
      const largest = network.eval().forward(x).abs().max().item()
      for (const tensor of network.classifier.at(-1).parameters()) tensor.mul_(4 / largest)
    }),
  )
  return network
}

/** A small network of an architecture, in evaluation mode. */
export function small(name, { resolution = 33, width = 0.25, depth = 0.1, ...options } = {}) {
  const arch = mb.models.scale(mb.models.arch(name), { width, depth, resolution })
  return enliven(mb.models.create(arch, { numClasses: 10, seed: 1, ...options }), resolution)
}
