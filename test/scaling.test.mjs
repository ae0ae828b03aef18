// The rules by which one architecture table becomes another.
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { models } from 'mbconv'
import t from 'tap'

const { arch, compound, count, roundChannels, roundRepeats, scale } = models
const golden = JSON.parse(readFileSync(new URL('./golden/variants.json', import.meta.url), 'utf8'))
const B0 = arch('efficientnet_b0')

const positive = (min, max) => fc.double({ min, max, noNaN: true })
const coefficients = fc.record({
  width: positive(0.05, 3),
  depth: positive(0.05, 4),
  resolution: fc.integer({ min: 1, max: 900 }),
  divisor: fc.constantFrom(1, 2, 4, 8, 16),
})
const counted = (table) => count(table, { numClasses: 10 })

t.test('channels are rounded to the nearest multiple, halves up, and never below 90 %', (t) => {
  const cases = [
    // channels, width, divisor, result
    [32, 1, 8, 32],
    [32, 1.1, 8, 32], // 35.2
    [24, 1.1, 8, 24], // 26.4
    [16, 1.8, 8, 32], // 28.8
    [20, 1, 8, 24], // a half goes up
    [16, 0.25, 8, 8], // 4, but at least the divisor
    [16, 0.25, 4, 4],
    [10, 1, 8, 16], // 8 would be below 90 % of 10
    [8.8 / 1.1, 1.1, 8, 8], // 8 is above 90 % of 8.8
    [1280, 1.21, 8, 1552], // 1548.8
  ]
  for (const [channels, width, divisor, expected] of cases) {
    t.equal(roundChannels(channels, width, divisor), expected, `${channels}·${width} by ${divisor}`)
  }
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4000 }), positive(0.01, 8), fc.integer({ min: 1, max: 32 }), (c, w, d) => {
      const rounded = roundChannels(c, w, d)
      return rounded % d === 0 && rounded >= d && rounded >= 0.9 * c * w && rounded < Math.max(d + 1, c * w + d)
    }),
  )
  t.end()
})

t.test('repeats are rounded up', (t) => {
  t.equal(roundRepeats(1, 1), 1)
  t.equal(roundRepeats(1, 1.1), 2)
  t.equal(roundRepeats(4, 3.1), 13)
  t.equal(roundRepeats(5, 1.2), 6)
  t.equal(roundRepeats(4, 0.01), 1)
  t.end()
})

t.test('the formula gives the counted models for whole and half φ', (t) => {
  for (const { phi, depth, width, resolution, params, macs } of golden.formula) {
    const found = compound({ phi })
    t.equal(found.depth.toFixed(4), depth.toFixed(4), `φ ${phi} depth`)
    t.equal(found.width.toFixed(4), width.toFixed(4), `φ ${phi} width`)
    t.equal(found.resolution, resolution, `φ ${phi} resolution`)
    t.match(count(scale(B0, found)), { params, macs }, `φ ${phi} counts`)
  }
  t.end()
})

t.test('the formula holds for any φ and any bases', (t) => {
  t.same(compound({ phi: 0, alpha: 7, beta: 8, gamma: 9 }), { depth: 1, width: 1, resolution: 224 })
  t.same(compound({ phi: 2, alpha: 3, beta: 2, gamma: 1.5, resolution: 32 }), { depth: 9, width: 4, resolution: 72 })
  t.same(compound({ phi: -1, alpha: 2, beta: 2, gamma: 2 }), { depth: 0.5, width: 0.5, resolution: 112 })
  fc.assert(
    fc.property(positive(-3, 9), positive(-3, 9), (a, b) => {
      const [one, two, both] = [a, b, a + b].map((phi) => compound({ phi }))
      const near = (x, y) => Math.abs(x / y - 1) < 1e-9
      return near(one.depth * two.depth, both.depth) && near(one.width * two.width, both.width)
    }),
  )
  fc.assert(
    fc.property(positive(-3, 9), positive(-3, 9), (a, b) => {
      const [less, more] = [Math.min(a, b), Math.max(a, b)].map((phi) => counted(scale(B0, compound({ phi }))))
      return less.params <= more.params && less.macs <= more.macs
    }),
  )
  t.end()
})

t.test('published coefficients and the formula stay apart', (t) => {
  for (const [name, { width, depth, resolution }] of Object.entries(golden.published)) {
    t.match(arch(name), { width, depth, resolution }, `${name} is what was published`)
    t.match(counted(scale(B0, { width, depth, resolution })), counted(arch(name)), `${name} by hand`)
    if (name === 'efficientnet_b0') continue
    // The φ that gives the published depth gives another width or resolution.
    const phi = Math.log(depth) / Math.log(1.2)
    const formula = compound({ phi })
    t.not(
      [formula.width.toFixed(2), formula.resolution].join(),
      [width.toFixed(2), resolution].join(),
      `${name} has no φ`,
    )
    t.not(scale(B0, formula).name, name, 'a model made by the formula does not take a published name')
  }
  t.end()
})

t.test('scaling nothing changes nothing', (t) => {
  for (const name of models.list()) t.same(scale(arch(name)), arch(name), name)
  const narrow = scale(B0, { width: 0.25, depth: 0.5, resolution: 32, divisor: 4 })
  t.same(scale(narrow), narrow)
  t.equal(narrow.name, 'efficientnet_b0_w0.25_d0.5_r32_div4')
  t.equal(scale(narrow, { depth: 4 }).name, 'efficientnet_b0_w0.25_d2_r32_div4')
  t.end()
})

t.test('every channel count is a multiple of the divisor, and the rest of the table stays', (t) => {
  fc.assert(
    fc.property(coefficients, (options) => {
      const table = scale(B0, options)
      const channels = [table.stem, table.head, ...table.stages.map((stage) => stage.channels)]
      const fixed = ({ kernel, stride, expand, seRatio }) => [kernel, stride, expand, seRatio].join()
      return (
        channels.every((n) => n % options.divisor === 0 && n > 0) &&
        table.stages.every((stage, i) => stage.layers >= 1 && fixed(stage) === fixed(B0.stages[i])) &&
        table.resolution === options.resolution &&
        table.divisor === options.divisor &&
        table.width === options.width &&
        table.depth === options.depth &&
        Object.isFrozen(table.stages[0])
      )
    }),
  )
  t.end()
})

t.test('more width, depth or resolution never costs less', (t) => {
  for (const [key, bound] of Object.entries({ width: 4, depth: 5, resolution: 1 })) {
    fc.assert(
      fc.property(coefficients, positive(1, bound + 1), (options, factor) => {
        const grown = { ...options, [key]: key === 'resolution' ? options[key] + 50 : options[key] * factor }
        const [before, after] = [counted(scale(B0, options)), counted(scale(B0, grown))]
        return before.params <= after.params && before.macs <= after.macs && before.activations <= after.activations
      }),
    )
    t.pass(key)
  }
  t.end()
})

t.test('unusable input is refused by name', (t) => {
  const refused = (fn, code, message) => t.throws(fn, { code, message })
  for (const width of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e9]) {
    refused(() => scale(B0, { width }), 'ERR_VALUE', /scale: (width|arch\.stem)/)
  }
  refused(() => scale(B0, { depth: 1e6 }), 'ERR_VALUE', /scale: arch\.stages\[0\]\.layers/)
  refused(() => scale(B0, { resolution: 1.5 }), 'ERR_VALUE', /scale: resolution/)
  refused(() => scale(B0, { divisor: 0 }), 'ERR_VALUE', /scale: divisor/)
  refused(() => scale(B0, { dropout: 1 }), 'ERR_VALUE', /scale: dropout/)
  refused(() => scale(B0, { widht: 2 }), 'ERR_TYPE', /scale: unknown option "widht"/)
  refused(() => scale(B0, { width: '2' }), 'ERR_TYPE', /scale: width/)
  refused(() => scale(B0, 2), 'ERR_TYPE', /scale: options/)
  refused(() => scale(undefined, {}), 'ERR_TYPE', /scale: expected an architecture/)
  refused(() => compound({}), 'ERR_TYPE', /compound: phi/)
  refused(() => compound(), 'ERR_TYPE', /compound: options/)
  refused(() => compound({ phi: 1, alpha: 0 }), 'ERR_VALUE', /compound: alpha/)
  refused(() => compound({ phi: 1e6 }), 'ERR_VALUE', /compound: phi/)
  refused(() => compound({ phi: -1000 }), 'ERR_VALUE', /compound: phi/)
  refused(() => roundChannels(0, 1), 'ERR_VALUE', /roundChannels: channels/)
  refused(() => roundRepeats(1, -1), 'ERR_VALUE', /roundRepeats: depth/)
  t.end()
})
