// Every architecture learns from a batch and comes back from its file: narrow, with one or two blocks a stage, but with each
// stage, stride, kernel, expansion and activation that it has.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { small } from './helpers/small.mjs'

mb.setNumThreads(1)

const { create, list, loadWeights } = mb.models

const bytesOf = (tensors) => Object.values(tensors).map((tensor) => Buffer.from(tensor.detach().toTypedArray().buffer))

const golden = JSON.parse(readFileSync(new URL('./golden/families.json', import.meta.url), 'utf8'))
t.ok(list().length >= Object.keys(golden.models).length + 10, 'all families are there')

for (const name of list()) {
  t.test(name, async (t) => {
    const file = path.join(t.testdir({}), 'weights.safetensors')
    const table = small(name)
    // timm's first weights of a ResNet stop the gradients of its residual branches.
    const options = { numClasses: 5, profile: 'tf', init: 'paper', dropPath: 0, dropout: 0, dtype: 'float64' }
    mb.manualSeed(1)
    const network = create(table, { ...options, seed: 1 })
    mb.scope(() => {
      const x = mb.rand([4, 3, 32, 32], { dtype: 'float64' })
      const labels = mb.fromTypedArray(BigInt64Array.from([0n, 1n, 2n, 3n]), [4])
      const loss = () => mb.nn.functional.crossEntropy(network.forward(x), labels)
      const first = loss()
      first.backward()
      const still = network.namedParameters().filter(([, { grad }]) => grad === undefined || grad === null)
      t.same(
        still.map(([key]) => key),
        [],
        'every parameter has a gradient',
      )
      // A step so small that the loss falls as the gradient says: by a ten-thousandth of itself.
      const squares = network.parameters().map(({ grad }) => grad.square().sum().item())
      const lr = (1e-4 * first.item()) / squares.reduce((sum, square) => sum + square, 0)
      const optimizer = new mb.optim.SGD(network.parameters(), { lr, momentum: 0 })
      const before = bytesOf(Object.fromEntries(network.namedParameters()))
      optimizer.step()
      const after = bytesOf(Object.fromEntries(network.namedParameters()))
      t.ok(before.filter((bytes, i) => !bytes.equals(after[i])).length > 0.9 * before.length, 'the step moves them')
      const fall = 1 - mb.noGrad(() => loss()).item() / first.item()
      t.ok(Math.abs(fall / 1e-4 - 1) < 0.1, `the loss falls as the gradient says, by ${fall} of itself`)
      optimizer.dispose()

      mb.io.safetensors.write(file, network.stateDict())
      const other = create(table, { ...options, init: 'none' })
      t.match(loadWeights(other, file), { scheme: 'mbconv', missing: [], unexpected: [], reinitialized: [] })
      t.same(Object.keys(other.stateDict()), Object.keys(network.stateDict()))
      t.same(bytesOf(other.stateDict()), bytesOf(network.stateDict()), 'the state dict comes back')
      const logits = [network, other].map((each) => mb.noGrad(() => each.eval().forward(x)).toTypedArray())
      t.same(logits[0], logits[1], 'with its logits')
      other.dispose()
    })
    network.dispose()
  })
}
