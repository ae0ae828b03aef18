// A network of every family against torchvision or timm on the same weights, in float64: logits in evaluation mode; loss and
// gradient in training mode. The weights are computed from each tensor's position in the state dict, whose order is theirs.
import { readFileSync } from 'node:fs'
import * as mb from 'mbconv'
import t from 'tap'
import { distance, images, sketch, weights } from './helpers/hashed.mjs'

mb.setNumThreads(1) // see models-golden.test.mjs

const LIMIT = 1e-10
const golden = JSON.parse(readFileSync(new URL('./golden/models-families.json', import.meta.url), 'utf8'))
const { batch, resolution, numClasses, cases } = golden

for (const { model: name, scale, profile, source, entries, evalLogits, trainLoss, gradient } of cases) {
  t.test(`${name}, profile ${profile}, is ${source}`, async (t) => {
    const options = { numClasses, profile, dtype: 'float64', dropPath: 0, dropout: 0, init: 'none' }
    const network = mb.models.create(scale ? mb.models.scale(mb.models.arch(name), scale) : name, options)
    const state = Object.entries(network.stateDict())
    t.equal(state.length, entries)
    for (const [i, [key, tensor]] of state.entries()) {
      const values = weights(`${i}.${key.split('.').pop()}`, tensor.shape)
      mb.scope(() => mb.noGrad(() => tensor.copy_(mb.fromTypedArray(values, tensor.shape))))
    }
    mb.scope(() => {
      const x = mb.fromTypedArray(images(batch, resolution), [batch, 3, resolution, resolution])
      network.eval()
      const logits = distance(mb.noGrad(() => network.forward(x)).toArray(), evalLogits)
      t.ok(logits <= LIMIT, `logits: ${logits}`)
      network.train()
      const labels = BigInt64Array.from({ length: batch }, (_, i) => BigInt((i * 7) % numClasses))
      const loss = mb.nn.functional.crossEntropy(network.forward(x), mb.fromTypedArray(labels, [batch]))
      loss.backward()
      t.ok(Math.abs(loss.item() / trainLoss - 1) <= LIMIT, 'loss')
      const found = [0, 0, 0]
      for (const [i, parameter] of network.parameters().entries()) {
        const [norm, first, second] = sketch(
          `gradient ${i}`,
          mb.scope(() => parameter.grad.toTypedArray()),
        )
        found[0] += norm ** 2
        found[1] += first
        found[2] += second
      }
      found[0] = Math.sqrt(found[0])
      const worst = Math.max(...found.map((value, i) => Math.abs(value - gradient[i]))) / gradient[0]
      t.ok(worst <= 1e-8, `gradient: ${worst}`)
    })
    network.dispose()
  })
}
