// Scaling to a budget: what is found, that it is the nearest there is, and that a configuration can say it.
import { createRequire } from 'node:module'
import fc from 'fast-check'
import { MbconvError, models, parseConfig } from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const require = createRequire(import.meta.url)
const { fitLatency } = internal('fitLatency')
const { fitBase } = internal('fitBase')

const { arch, compound, count, estimateMemory, fit, scale } = models
const B0 = arch('efficientnet_b0')
const CLASSES = { numClasses: 10 }
const BASES = {
  'B0 at 224 px': B0,
  'w 0.5 at 64 px': scale(B0, { width: 0.5, resolution: 64 }),
  'w 0.25 at 32 px, divisor 4': scale(B0, { width: 0.25, resolution: 32, divisor: 4 }),
}
const ALONE = ['depth', 'width', 'resolution']
const macsOf = (table) => count(table, CLASSES).macs
const fitOf = (result) => (result.reached ? result : result.nearest)
/** What makes networks equal. */
const network = ({ stem, head, stages, resolution, divisor }) =>
  JSON.stringify({ stem, head, stages, resolution, divisor })

/** The base scaled once from B0: its own coefficients times those given. */
const scaled = (base, { depth = 1, width = 1, resolution = base.resolution }) =>
  scale(B0, { depth: base.depth * depth, width: base.width * width, resolution, divisor: base.divisor })

/** The table that a training configuration makes, by the configuration's own rules. */
function configured(model) {
  const { model: checked } = parseConfig({ model, epochs: 1 })
  const { name, width, depth, resolution, divisor } = checked
  return scale(arch(name), { width, depth, resolution, divisor })
}

/** Everything along one dimension: the error nearest to 0. */
function nearestError(base, dimension, target) {
  let best = Number.POSITIVE_INFINITY
  const values =
    dimension === 'resolution'
      ? Array.from({ length: 1000 }, (_, i) => i + 8)
      : Array.from({ length: 8000 }, (_, i) => (i + 10) / 1000)
  for (const value of values) {
    const error = macsOf(scaled(base, { [dimension]: value })) / target - 1
    if (Math.abs(error) < Math.abs(best)) best = error
  }
  return best
}

for (const [name, base] of Object.entries(BASES)) {
  t.test(`multiply-adds of ${name}, doubled to sixteenfold`, async (t) => {
    for (const times of [2, 4, 8, 16]) {
      for (const dimension of ['compound', ...ALONE]) {
        const result = fit({ base, budget: { macs: { times } }, dimension, ...CLASSES })
        const found = fitOf(result)
        const what = `${times}x by ${dimension}`
        const target = times * macsOf(base)
        t.equal(result.target, target, `${what}: target`)
        const error = macsOf(scaled(base, found.coefficients)) / target - 1
        t.equal(found.error, error, `${what}: the error is that of the coefficients`)
        t.equal(network(scaled(base, found.coefficients)), network(found.arch), `${what}: the table is too`)
        t.equal(network(configured(found.config)), network(found.arch), `${what}: and the configuration's`)
        t.same(configured(found.config), found.arch, `${what}: name and all`)
        t.same(found.counts, count(found.arch, CLASSES), `${what}: counts`)
        t.ok(Object.isFrozen(found.arch))
        t.equal(result.reached, Math.abs(error) <= 0.03, `${what}: ${(100 * error).toFixed(2)} %`)
        if (dimension === 'compound') t.ok(result.reached && found.deviation <= 0.1, `${what} is reached near the ray`)
        else if (!result.reached) t.equal(error, nearestError(base, dimension, target), `${what}: nothing is nearer`)
        for (const other of ALONE) {
          const own = other === 'resolution' ? base.resolution : 1
          if (dimension === 'compound') t.ok(found.coefficients[other] >= own, `${what}: ${other} does not shrink`)
          else if (other !== dimension) t.equal(found.coefficients[other], own, `${what}: ${other} stays`)
        }
      }
    }
  })
}

t.test('on the ray it is the formula', async (t) => {
  let onRay = 0
  for (const times of [0.25, 0.5, 2, 3, 5, 10, 30]) {
    const found = fitOf(fit({ base: 'efficientnet_b0', budget: { macs: { times } } }))
    if (found.deviation > 0) continue
    onRay++
    t.equal(network(scale(B0, compound({ phi: found.phi }))), network(found.arch), `${times}x, φ ${found.phi}`)
  }
  t.ok(onRay >= 4, `${onRay} of 7 lie on the ray`)
  const own = { alpha: 1.4, beta: 1.05, gamma: 1.1 }
  const found = fitOf(fit({ base: B0, budget: { macs: { times: 6 } }, ...own, maxDeviation: 0, tolerance: 0.2 }))
  t.equal(network(scale(B0, compound({ phi: found.phi, ...own }))), network(found.arch))
})

t.test('a little more than the base never shrinks anything, a little less never grows anything', async (t) => {
  for (const base of Object.values(BASES)) {
    for (const times of [1.05, 1.1, 1.2, 1.4, 0.95, 0.9, 0.8, 0.7]) {
      const result = fit({ base, budget: { macs: { times } }, ...CLASSES })
      // Any φ above 0 adds a block to every stage, so these lie beside the ray, right behind the base.
      if (times !== 1.2) t.ok(result.reached, `${times}x is reached`)
      const { coefficients } = fitOf(result)
      const ratios = [coefficients.depth, coefficients.width, coefficients.resolution / base.resolution]
      t.ok(
        ratios.every((ratio) => (times > 1 ? ratio >= 1 : ratio <= 1)),
        `${times}x: ${ratios.join(', ')}`,
      )
    }
  }
})

t.test(
  'beside the ray nothing that hits is nearer to it, and where nothing hits nothing is nearer to the budget',
  async (t) => {
    const base = BASES['w 0.25 at 32 px, divisor 4']
    const logs = [1.2, 1.1, 1.15].map(Math.log)
    /** Distance to the ray by trying every φ: the largest relative difference of a coefficient. */
    const deviation = (point) => {
      let least = Number.POSITIVE_INFINITY
      for (let phi = 0; phi < 3; phi += 0.002)
        least = Math.min(least, Math.max(...point.map((log, i) => Math.abs(log - phi * logs[i]))))
      return Math.expm1(least)
    }
    for (const [times, tolerance, step] of [
      [2, 0.03, 1],
      [2, 1e-5, 8],
      [3, 0.002, 8],
    ]) {
      const target = times * macsOf(base)
      const result = fit({ base, budget: { macs: target }, tolerance, resolutionStep: step, ...CLASSES })
      const found = fitOf(result)
      t.ok(found.deviation > 0, `${times}x is not on the ray`)
      // The first and last thousandth of each width and depth that makes another network: the nearest points of each.
      const classes = (dimension) => {
        const ends = []
        let before = ''
        for (let k = 1000; k <= 1700; k++) {
          const now = network(scaled(base, { [dimension]: k / 1000 }))
          if (now !== before) ends.push([k, k])
          else ends[ends.length - 1][1] = k
          before = now
        }
        return ends
      }
      const widths = classes('width')
      let nearestHit = Number.POSITIVE_INFINITY
      let least = Number.POSITIVE_INFINITY
      for (const depths of classes('depth')) {
        for (const width of widths) {
          for (let resolution = 32; resolution <= 56; resolution += step) {
            const error =
              macsOf(scaled(base, { depth: depths[0] / 1000, width: width[0] / 1000, resolution })) / target - 1
            if (Math.abs(error) > Math.max(tolerance, Math.abs(found.error))) continue
            const side = Math.log(resolution / 32)
            let away = Number.POSITIVE_INFINITY
            for (const d of spread(depths))
              for (const w of spread(width)) away = Math.min(away, deviation([Math.log(d), Math.log(w), side]))
            if (away > 0.1) continue
            if (Math.abs(error) <= tolerance) nearestHit = Math.min(nearestHit, away)
            least = Math.min(least, Math.abs(error))
          }
        }
      }
      if (result.reached) {
        // Half a pixel either way counts as rounding, so the search may be better by as much, but never worse.
        t.ok(found.deviation <= nearestHit + 1e-9, `${times}x: ${found.deviation} against ${nearestHit}`)
      } else {
        t.equal(nearestHit, Number.POSITIVE_INFINITY, `${times}x: nothing hits`)
        t.ok(Math.abs(found.error) <= least + 1e-12, `${times}x: ${found.error} against ${least}`)
      }
    }
  },
)

/** A few points of a class, its ends among them. */
const spread = ([low, high]) => [0, 0.25, 0.5, 0.75, 1].map((part) => Math.round(low + part * (high - low)) / 1000)

t.test('parameters, and what they cannot depend on', async (t) => {
  for (const base of Object.values(BASES)) {
    for (const dimension of ['compound', 'depth', 'width']) {
      const result = fit({ base, budget: { params: { times: 4 } }, dimension, ...CLASSES })
      t.ok(result.reached, dimension)
      t.equal(result.cost, count(result.arch, CLASSES).params)
    }
  }
  t.throws(() => fit({ base: B0, budget: { params: 1e7 }, dimension: 'resolution' }), {
    code: 'ERR_VALUE',
    message: /parameters do not depend on the resolution/,
  })
})

t.test('memory is an upper limit', async (t) => {
  const circumstances = { training: true, batch: 16, optimizer: 'sgd' }
  const target = 2 * 2 ** 30
  const result = fit({ base: 'efficientnet_b0', budget: { memory: target, ...circumstances }, ...CLASSES })
  t.ok(result.reached)
  const { peak } = estimateMemory(result.arch, { ...circumstances, ...CLASSES })
  t.equal(result.cost, peak)
  t.ok(peak <= target && peak >= 0.97 * target, `${peak} of ${target}`)
})

t.test('a base within the tolerance is the answer, and so is a result', async (t) => {
  const own = fit({ base: 'efficientnet_b3', budget: { macs: 1.83e9 } })
  t.same(own.arch, arch('efficientnet_b3'))
  t.match(own, { reached: true, phi: 0, coefficients: { depth: 1, width: 1, resolution: 300 } })
  for (const base of Object.values(BASES)) {
    for (const dimension of ['compound', ...ALONE]) {
      const first = fit({ base, budget: { macs: { times: 5 } }, dimension, tolerance: 0.2, ...CLASSES })
      t.ok(first.reached)
      const again = fit({ base: first.arch, budget: { macs: first.target }, dimension, tolerance: 0.2, ...CLASSES })
      t.same(again.arch, first.arch)
      t.same(again.config, first.config)
    }
  }
})

t.test('along one dimension more budget never buys less', async () => {
  const bases = fc.constantFrom(...Object.values(BASES))
  fc.assert(
    fc.property(
      bases,
      fc.constantFrom(...ALONE),
      fc.double({ min: 0.1, max: 30, noNaN: true }),
      fc.double({ min: 1, max: 3, noNaN: true }),
      (base, dimension, times, more) => {
        const [less, most] = [times, times * more].map(
          (times) => fitOf(fit({ base, budget: { macs: { times } }, dimension })).cost,
        )
        return less <= most
      },
    ),
    { numRuns: 60 },
  )
})

t.test('any budget is reached, or the nearest is said', async () => {
  const amounts = fc.oneof(
    fc.double({ min: 1e-3, max: 1e15, noNaN: true }),
    fc.record({ times: fc.double({ min: 1e-3, max: 200, noNaN: true }) }),
  )
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.values(BASES), 'efficientnet_b2'),
      fc.constantFrom('macs', 'params'),
      amounts,
      fc.constantFrom('compound', 'depth', 'width'),
      fc.constantFrom(4, 8, 16, undefined),
      fc.boolean(),
      (base, metric, amount, dimension, divisor, atMost) => {
        const options = { base, budget: { [metric]: amount }, dimension, atMost }
        const result = fit(divisor === undefined ? options : { ...options, divisor })
        const { arch, cost, error, config } = fitOf(result)
        return (
          result.reached === (Math.abs(error) <= 0.03 && !(atMost && error > 0)) &&
          cost === count(arch)[metric] &&
          network(configured(config)) === network(arch)
        )
      },
    ),
    { numRuns: 60 },
  )
})

t.test('a table of one’s own is scaled, and no configuration pretends to name it', async (t) => {
  const own = { ...B0, name: 'mine', stages: B0.stages.slice(0, 5) }
  const result = fit({ base: own, budget: { macs: { times: 3 } } })
  t.ok(result.reached)
  t.equal(result.config, null)
  const { coefficients } = result
  t.equal(network(scale(own, coefficients)), network(result.arch))
  // Another dropout can be said.
  const drop = fit({ base: { ...B0, dropout: 0.4 }, budget: { macs: { times: 3 } } })
  t.match(drop.config, { name: 'efficientnet_b0', dropout: 0.4 })
  t.equal(drop.arch.dropout, 0.4)
})

t.test('unusable input is refused by name', async (t) => {
  const good = { base: B0, budget: { macs: 1e9 } }
  const refused = (options, code, message) => t.throws(() => fit(options), { name: 'MbconvError', code, message })
  refused(undefined, 'ERR_TYPE', /fit: options/)
  refused({ ...good, dimention: 'width' }, 'ERR_TYPE', /unknown option "dimention"/)
  refused({ ...good, base: 'efficientnet_b11' }, 'ERR_VALUE', /no model is called/)
  refused({ ...good, base: 7 }, 'ERR_TYPE', /fit: expected an architecture/)
  refused({ ...good, base: { ...B0, resolution: 4 } }, 'ERR_VALUE', /resolution must be 8 to 4096/)
  refused({ ...good, budget: 1e9 }, 'ERR_TYPE', /fit: options must be an object/)
  refused({ ...good, budget: {} }, 'ERR_VALUE', /budget must be one of macs, params, memory, latency, got none/)
  refused({ ...good, budget: { macs: 1, params: 1 } }, 'ERR_VALUE', /got macs and params/)
  refused({ ...good, budget: { macs: '4x' } }, 'ERR_VALUE', /budget.macs must be a number, got "4x"/)
  refused({ ...good, budget: { macs: 0 } }, 'ERR_VALUE', /budget.macs must be greater than 0/)
  refused({ ...good, budget: { macs: { times: -1 } } }, 'ERR_VALUE', /budget.macs.times/)
  refused({ ...good, budget: { macs: 1e9, batch: 3 } }, 'ERR_TYPE', /unknown option "batch"/)
  refused({ ...good, budget: { memory: 1e9, dtype: 'int8' } }, 'ERR_VALUE', /dtype must be one of/)
  refused({ ...good, dimension: 'height' }, 'ERR_VALUE', /dimension must be one of/)
  refused({ ...good, tolerance: 3 }, 'ERR_VALUE', /tolerance must be less than 1/)
  refused({ ...good, tolerance: 0 }, 'ERR_VALUE', /tolerance must be greater than 0/)
  refused({ ...good, alpha: 0.9 }, 'ERR_VALUE', /alpha must be from 1 to 100/)
  refused({ ...good, alpha: 1, beta: 1, gamma: 1 }, 'ERR_VALUE', /above 1/)
  refused({ ...good, maxDeviation: -1 }, 'ERR_VALUE', /maxDeviation/)
  refused({ ...good, resolutionStep: 0.5 }, 'ERR_VALUE', /resolutionStep/)
  refused({ ...good, divisor: 0 }, 'ERR_VALUE', /divisor/)
  refused({ ...good, atMost: 1 }, 'ERR_TYPE', /atMost/)
  refused({ ...good, numClasses: -1 }, 'ERR_VALUE', /numClasses/)
  const odd = fc.oneof(fc.anything(), fc.constantFrom(B0, 'efficientnet_b0', { macs: 1e9 }, { params: { times: 2 } }))
  const keys = ['base', 'budget', 'dimension', 'tolerance', 'alpha', 'gamma', 'divisor', 'resolutionStep', 'atMost']
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...keys), odd), (options) => {
      try {
        fit({ ...good, ...options })
        return true
      } catch (error) {
        return error instanceof MbconvError && error.code !== 'ERR_NATIVE'
      }
    }),
  )
})

t.test('other families', async (t) => {
  for (const base of ['mobilenet_v2', 'resnet50', 'efficientnetv2_b0']) {
    for (const times of [2, 4]) {
      const found = fit({ base, budget: { macs: { times } } })
      t.ok(found.reached, `${base}, ${times}x`)
      const wanted = times * models.count(arch(base)).macs
      t.ok(Math.abs(models.count(found.arch).macs / wanted - 1) <= 0.03)
    }
  }
})

/** A plan as `fit` makes it, for measurements that are pretended. */
function latencyPlan(base, tolerance) {
  const cost = (table, resolution) => count(table, { resolution }).macs
  const logs = { depth: Math.log(1.2), width: Math.log(1.1), resolution: Math.log(1.15) }
  const found = fitBase('test', base)
  const problem = { base: found, cost, target: 1, tolerance, atMost: false, step: 1 }
  return { base: found, dimension: 'compound', direction: logs, maxDeviation: 0.1, problem }
}

const pretended = (seconds) => ({ median: seconds, min: seconds, max: seconds, spread: 0, runs: 1 })

t.test('latency: few candidates, with an overhead, noise and a network that is slower than larger ones', async (t) => {
  const clean = (table) => 2e-3 + count(table).macs * 1e-10
  for (const [times, noise, worst] of [
    [4, 0, 6],
    [0.5, 0, 6],
    [3, 0.05, 24],
  ]) {
    let state = 7
    const random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return state / 2 ** 32 - 0.5
    }
    let calls = 0
    const measure = (table) => {
      calls++
      // Every third network, by its side, is a fifth slower than its multiply-adds say.
      const slow = noise > 0 && table.resolution % 3 === 0 ? 1.2 : 1
      return pretended(clean(table) * slow * (1 + noise * random()))
    }
    const { found, latency, target, measured } = fitLatency(latencyPlan(B0, 0.05), { times }, measure)
    t.equal(measured.length, calls)
    t.ok(calls <= worst, `${times}x: ${calls} measurements`)
    t.equal(found.cost, latency.median)
    t.ok(Math.abs(found.error) <= 0.05, `${times}x: ${(100 * found.error).toFixed(1)} % off ${target}`)
    t.equal(measured.filter(({ name }) => name === found.table.name).length, 2, 'what hits was measured afresh')
  }
  // What no network can take: the search ends and says what it has.
  const constant = fitLatency(latencyPlan(B0, 0.05), 1, () => pretended(0.5))
  t.equal(constant.found.error, -0.5)
  t.ok(constant.measured.length <= 24)
})

t.test('latency: what the machine cannot hold is not measured, nor what nobody waits for', async (t) => {
  const most = 2 * count(B0).macs
  const fits = (table) => count(table).macs <= most
  const measured = []
  const measure = (table) => {
    measured.push(count(table).macs)
    return pretended(1)
  }
  const { found } = fitLatency(latencyPlan(B0, 0.05), 3000, measure, fits)
  t.ok(Math.max(...measured) <= most)
  t.equal(found.error, 1 / 3000 - 1)
  measured.length = 0
  for (const seconds of [1e300, 3601, 1e-300])
    t.throws(() => fitLatency(latencyPlan(B0, 0.05), seconds, measure), {
      code: 'ERR_VALUE',
      message: /budget\.latency/,
    })
  t.same(measured, [], 'before anything is measured')
  t.throws(() => fitLatency(latencyPlan(B0, 0.05), { times: 1e9 }, measure), { code: 'ERR_VALUE' })
  t.equal(measured.length, 1)
})

t.test('latency measured here', async (t) => {
  const base = BASES['w 0.25 at 32 px, divisor 4']
  const state = require('mbconv').getRandomState()
  const result = fit({ base, budget: { latency: { times: 3 }, runs: 5, warmup: 1 }, tolerance: 0.3, ...CLASSES })
  t.same(require('mbconv').getRandomState(), state, 'the random state is left as it was')
  const found = fitOf(result)
  t.equal(found.cost, found.latency.median)
  t.equal(found.error, found.cost / result.target - 1)
  t.equal(result.reached, Math.abs(found.error) <= 0.3)
  t.ok(found.latency.min <= found.latency.median && found.latency.median <= found.latency.max)
  t.ok(result.measured.length >= 2 && result.measured.every(({ latency }) => latency.median > 0 && latency.runs === 5))
  const step = models.measureLatency(base, { training: true, batch: 2, runs: 3, warmup: 1, ...CLASSES })
  t.ok(step.median > 0 && step.spread >= 0 && step.runs === 3)
  t.throws(() => models.measureLatency(base, { runs: 0 }), { code: 'ERR_VALUE', message: /measureLatency: runs/ })
})
