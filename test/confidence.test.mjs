/* How sure a network is: temperature and quantiles as SciPy and NumPy compute them; test/golden/confidence.json. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { ConfidenceLog } = internal('confidenceLog')
const { largestProbability, thresholdFor } = internal('confidence')
const golden = JSON.parse(readFileSync(new URL('golden/confidence.json', import.meta.url), 'utf8'))

function resultOf({ classes, logits, labels }, part = labels.length) {
  const log = new ConfidenceLog(classes, labels.length)
  for (let i = 0; i < labels.length; i += part)
    log.add(Float32Array.from(logits.slice(i * classes, (i + part) * classes)), labels.slice(i, i + part))
  return log.result
}

t.test("temperature and quantiles equal SciPy's and NumPy's", async (t) => {
  for (const given of golden) {
    const { temperature, quantiles } = resultOf(given)
    t.ok(Math.abs(temperature / given.temperature - 1) < 1e-6, `${temperature}, not ${given.temperature}`)
    const off = quantiles.map((value, i) => Math.abs(value - given.quantiles[i]))
    t.ok(Math.max(...off) < 1e-6, `${Math.max(...off)}`)
    t.strictSame(resultOf(given, 7), { temperature, quantiles }, 'batch by batch')
  }
})

t.test('a threshold rejects the wanted share of the images it was fitted on', async (t) => {
  const [given] = golden
  const confidence = resultOf(given)
  const { classes, logits, labels } = given
  for (const share of [0, 0.05, 0.3, 1]) {
    const threshold = thresholdFor(confidence, share)
    const rejected = labels.filter(
      (_, i) => largestProbability(logits.slice(i * classes, (i + 1) * classes), confidence.temperature) < threshold,
    ).length
    t.ok(Math.abs(rejected / labels.length - share) <= 1.5 / labels.length, `${rejected} of ${labels.length}`)
  }
})

t.test('of new images, the wanted share is below a threshold, however few images set it', async (t) => {
  let state = 1
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  const share = 0.05
  for (const images of [20, 64]) {
    let below = 0
    const times = 2000
    for (let i = 0; i < times; i++) {
      const log = new ConfidenceLog(2, images)
      // All right and all wrong in turn: the temperature is 20 at its limit, which keeps the order.
      for (let j = 0; j < images; j++) log.add(Float32Array.of(40 * uniform(), 0), [j % 2])
      const { quantiles, temperature } = log.result
      const threshold = thresholdFor({ quantiles, temperature }, share)
      // How many of all new images are below, by their uniform logit.
      below += (temperature * Math.log(threshold / (1 - threshold))) / 40 / times
    }
    t.ok(Math.abs(below - share) < 0.005, `${images} images: ${below}`)
  }
})

t.test('a network without errors, one that is always wrong, and one that is broken', async (t) => {
  const right = { classes: 2, logits: [5, 0, 0, 5], labels: [0, 1] }
  t.ok(Math.abs(resultOf(right).temperature - 0.05) < 1e-9)
  t.ok(resultOf({ ...right, labels: [1, 0] }).temperature > 19.99)
  t.equal(resultOf({ ...right, logits: [Number.NaN, 0, 0, 5] }), null)
  t.equal(new ConfidenceLog(2, 0).result, null)
})

t.test('the logits of many images are thinned out evenly', async (t) => {
  const log = new ConfidenceLog(2, 10_000_000)
  for (let i = 0; i < 40; i++) log.add(Float32Array.of(i, 0), [0])
  const { quantiles } = log.result
  t.equal(quantiles.at(0), 0.5, 'the first image is kept')
})
