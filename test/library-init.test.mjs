// The first weights of networks under another library's profile, against that library's.
import { readFileSync } from 'node:fs'
import * as mb from 'mbconv'
import t from 'tap'

mb.setNumThreads(1)
const golden = JSON.parse(readFileSync(new URL('./golden/library-init.json', import.meta.url), 'utf8'))

/** Spread and largest value; the number itself, if all are equal. */
function describe(tensor) {
  return mb.scope(() => {
    const values = tensor.detach().to({ dtype: 'float64' }).flatten()
    const [least, most] = [values.min().item(), values.max().item()]
    if (least === most) return least
    return [values.std({ correction: 0 }).item(), values.abs().max().item()]
  })
}

/** Whether two draws come from one distribution, as far as spread and largest value tell. */
function alike(ours, theirs, count) {
  if (typeof ours === 'number' || typeof theirs === 'number') return ours === theirs
  // The standard error of a spread is 1/√(2n), and here two are compared.
  if (Math.abs(ours[0] / theirs[0] - 1) > 6 / Math.sqrt(count)) return false
  // Uniform numbers end at √3 times their spread. The largest of 100 normal ones is beyond twice theirs.
  const [isUniform, wanted] = [ours, theirs].map(([std, most]) => most < 1.85 * std)
  return count < 100 || isUniform === wanted
}

for (const library of ['torchvision', 'timm']) {
  t.test(`every tensor begins as in ${library}`, async (t) => {
    for (const [name, rows] of Object.entries(golden[library])) {
      const profile = name.startsWith('tf_') ? 'tf' : library
      const model = mb.models.create(name, { profile, numClasses: golden.classes, seed: 1 })
      const parameters = model.namedParameters()
      t.equal(parameters.length, rows.length, name)
      const wrong = parameters.filter(([, value], i) => !alike(describe(value), rows[i], value.numel))
      t.same(
        wrong.map(([key, value]) => [key, describe(value), rows[parameters.findIndex(([each]) => each === key)]]),
        [],
        `${library}'s ${name}`,
      )
      model.dispose()
    }
  })
}

t.test('the first loss of a ResNet of two classes is that of a guess', async (t) => {
  const lossOf = (options) =>
    mb.scope(() => {
      const model = mb.models.create('resnet18', { numClasses: 2, seed: 3, ...options })
      mb.manualSeed(4)
      const labels = mb.arange(16, { dtype: 'int64' }).remainder(2)
      const loss = mb.noGrad(() =>
        mb.nn.functional.crossEntropy(model.forward(mb.randn([16, 3, 64, 64])), labels).item(),
      )
      model.dispose()
      return loss
    })
  const losses = ['torchvision', 'timm'].map((profile) => [1, 2, 3].map((seed) => lossOf({ profile, seed })))
  for (const loss of losses[0]) t.ok(loss > 0.5 && loss < 0.8, `torchvision's: ${loss.toFixed(3)}`)
  for (const loss of losses[1]) t.ok(loss > 0.5 && loss < 0.8, `timm's: ${loss.toFixed(3)}`)
})

t.test('what decides: the profile, unless init says otherwise', async (t) => {
  const first = (options) => {
    const model = mb.models.create('resnet18', { numClasses: 2, seed: 1, ...options })
    const { classifier } = model
    const bound = mb.scope(() => classifier.parameters()[0].abs().max().item())
    model.dispose()
    return bound
  }
  const paper = 1 / Math.sqrt(2)
  t.ok(first({}) > 0.9 * paper, 'the default profile is the paper’s')
  t.ok(first({ profile: 'torchvision' }) < 1 / Math.sqrt(512))
  t.equal(first({ profile: 'torchvision', init: 'paper' }), first({}), 'the same draws')
  t.throws(() => first({ init: 'torchvision' }), { code: 'ERR_VALUE', message: /init must be one of/ })
})
