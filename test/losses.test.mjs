/* The losses of training, against those of torch, timm and torchvision. */
import { readFileSync } from 'node:fs'
import * as mb from 'mbconv'
import t from 'tap'
import { z } from 'zod'
import { complaints, SMALLEST } from './helpers/config.mjs'
import { internal } from './helpers/internals.mjs'
import { settledMemory } from './helpers/live.mjs'
import { tinyConfig } from './helpers/tiny.mjs'

const { criterionFields, criterionOf } = internal('criteria')
const { balancedWeights } = internal('classWeights')
const golden = JSON.parse(readFileSync(new URL('./golden/losses.json', import.meta.url), 'utf8'))

const schema = z.strictObject(criterionFields())
const FACTS = { numClasses: 5, classCounts: [1, 1, 1, 1, 1], device: 'cpu' }
const targetsOf = { labels: mb.tensor(golden.labels.map(BigInt)) }
for (const name of ['soft', 'several']) targetsOf[name] = mb.tensor(golden[name], { dtype: 'float64' })

/** Loss and gradient of the golden's logits. */
function computed(criterion, targets, dtype) {
  const logits = mb.tensor(golden.logits, { dtype, requiresGrad: true })
  const loss = criterion(logits, targets)
  loss.backward()
  return { loss: loss.item(), gradient: logits.grad.toArray() }
}

const farthest = (a, b) => Math.max(...a.flat().map((value, i) => Math.abs(value - b.flat()[i])))

t.test('losses and their gradients equal the references', async (t) => {
  for (const { config, targets: name, loss, gradient } of golden.cases) {
    const parsed = schema.parse(config)
    const isWeighted = parsed.classWeights !== null
    // Weights are float32, as the logits of training are. libtorch wants one dtype for both.
    const dtype = isWeighted && config.loss === 'crossEntropy' ? 'float32' : 'float64'
    const criterion = criterionOf(parsed, FACTS)
    const targets = name === 'labels' || dtype === 'float64' ? targetsOf[name] : targetsOf[name].to({ dtype })
    const found = computed(criterion, targets, dtype)
    const tolerance = dtype === 'float64' ? 1e-14 : 1e-6
    const title = `${JSON.stringify(config)} on ${name}`
    t.ok(Math.abs(found.loss - loss) <= tolerance * Math.max(1, loss), `${title}: ${found.loss}, not ${loss}`)
    t.ok(farthest(found.gradient, gradient) <= tolerance, `${title}: gradient`)
    criterion.dispose?.()
  }
})

t.test('a distribution that is one class has the loss of the class', async (t) => {
  const hot = mb.oneHot(targetsOf.labels, 5).to({ dtype: 'float64' })
  for (const loss of ['crossEntropy', 'bce', 'focal']) {
    const criterion = criterionOf(schema.parse({ loss }), FACTS)
    const [one, other] = [targetsOf.labels, hot].map((targets) => computed(criterion, targets, 'float64'))
    t.ok(Math.abs(one.loss - other.loss) < 1e-14, `${loss}: ${one.loss}, ${other.loss}`)
    t.ok(farthest(one.gradient, other.gradient) < 1e-14, loss)
  }
})

t.test('under autocast the losses are computed in float32', async (t) => {
  const logits = mb.tensor(golden.logits).to({ dtype: 'bfloat16' })
  for (const loss of ['crossEntropy', 'bce', 'focal']) {
    const criterion = criterionOf(schema.parse({ loss }), FACTS)
    const found = mb.autocast({ dtype: 'bfloat16' }, () => criterion(logits, targetsOf.labels))
    const exact = criterion(logits.to({ dtype: 'float64' }), targetsOf.labels)
    t.equal(found.dtype, 'float32', loss)
    t.ok(Math.abs(found.item() - exact.item()) < 1e-5 * exact.item(), `${loss}: ${found.item()}, ${exact.item()}`)
  }
})

t.test('balanced weights: inverse to the number of images, 1 on average', async (t) => {
  t.same(balancedWeights([2, 2, 2]), [1, 1, 1])
  const weights = balancedWeights([1, 2, 4, 0])
  t.ok(Math.abs(weights[0] - 12 / 7) < 1e-15 && Math.abs(weights[1] - 6 / 7) < 1e-15)
  t.ok(Math.abs(weights[2] - 3 / 7) < 1e-15)
  t.equal(weights[3], 1, 'a class without images')
  const facts = { ...FACTS, classCounts: [1, 2, 4, 0, 8] }
  const [auto, listed] = ['auto', balancedWeights(facts.classCounts)].map((classWeights) =>
    computed(criterionOf(schema.parse({ classWeights }), facts), targetsOf.labels, 'float32'),
  )
  t.same(auto, listed)
})

t.test('weights that do not fit the data are refused before a run begins', async (t) => {
  const run = (classWeights, name) =>
    mb.train(tinyConfig(t.testdirName, { top: { classWeights, epochs: 1, maxSteps: 1 }, run: { name } }), {
      worker: false,
    }).result
  t.testdir()
  await t.rejects(run([1, 2], 'few'), {
    code: 'ERR_CONFIG',
    message: 'classWeights: must have one weight a class, 4, not 2',
  })
  await t.rejects(run([0, 0, 0, 0], 'none'), { code: 'ERR_CONFIG', message: 'classWeights: all are 0' })
  t.equal((await run('auto', 'auto')).steps, 1)
})

t.test('a session frees its weights', async (t) => {
  const { openSession } = internal('session')
  const config = mb.parseConfig(tinyConfig(t.testdir(), { top: { loss: 'bce', classWeights: 'auto' } }))
  const { tensors: before } = await settledMemory()
  ;(await openSession(config)).dispose()
  t.equal(mb.memory().tensors, before)
})

t.test('keys of another loss are refused', async (t) => {
  const refused = (text, line, hint) =>
    t.match(complaints(t, `${SMALLEST}${text}`), { lines: [`run.yaml:${line}`], hint })
  refused('focalGamma: 2', '3:13 focalGamma: has no effect with loss: crossEntropy', 'it belongs to focal')
  refused(
    'loss: focal\ntargetThreshold: 0.5',
    '4:18 targetThreshold: has no effect with loss: focal',
    'it belongs to bce',
  )
  refused('sumClasses: true', '3:13 sumClasses: has no effect with loss: crossEntropy', 'it belongs to bce, focal')
  const config = mb.parseConfig({ model: { name: 'efficientnet_b0' }, epochs: 1, loss: 'focal', focalGamma: 3 })
  t.match(mb.parseConfig(config), { loss: 'focal', focalGamma: 3, targetThreshold: null }, 'a complete one is accepted')
})
