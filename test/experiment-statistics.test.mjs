/* The statistics of experiments against scipy and statsmodels (scripts/goldens/experiment_statistics.py). */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { detectable, holm, pairedTest, power, rank, signFlip, summarize } = internal('statistics')

const golden = JSON.parse(readFileSync(new URL('golden/statistics.json', import.meta.url), 'utf8'))

function near(t, found, wanted, tolerance, message) {
  const off = Math.abs(found - wanted) / Math.max(1e-12, Math.abs(wanted))
  t.ok(off <= tolerance, `${message}: ${found}, wanted ${wanted}`)
}

t.test('mean, spread, interval, t test and exact test', async (t) => {
  t.equal(golden.samples.length, 24)
  for (const { values, mean, sd, interval, t: statistic, p, exact } of golden.samples) {
    const name = `${values.length} values around ${mean.toFixed(2)}`
    const found = pairedTest(values)
    near(t, found.mean, mean, 1e-12, `${name}: mean`)
    near(t, found.sd, sd, 1e-12, `${name}: sd`)
    near(t, found.interval[0], interval[0], 1e-7, `${name}: low`)
    near(t, found.interval[1], interval[1], 1e-7, `${name}: high`)
    near(t, found.t, statistic, 1e-12, `${name}: t`)
    near(t, found.p, p, 1e-7, `${name}: p`)
    if (exact !== null) near(t, found.exact.p, exact, 1e-12, `${name}: exact`)
  }
})

t.test('Holm, detectable differences, ranking', async (t) => {
  for (const { p, holm: wanted } of golden.families) {
    for (const [i, value] of holm(p).entries()) near(t, value, wanted[i], 1e-12, `Holm of ${p.length}`)
  }
  for (const { n, alpha, power: wanted, difference } of golden.detectable) {
    near(t, detectable(n, 1, { alpha, power: wanted }), difference, 1e-5, `${n} pairs, alpha ${alpha}, power ${wanted}`)
    near(t, detectable(n, 0.3, { alpha, power: wanted }), 0.3 * difference, 1e-5, 'scales with the spread')
  }
  for (const { table, order, residual, df, width, p } of golden.rankings) {
    const found = rank(table)
    t.same(
      found.ranked.map(({ index }) => index),
      order,
    )
    near(t, found.residual, residual, 1e-10, 'residual')
    t.equal(found.df, df)
    // jStat's range distribution is R's, good to a thousandth at 2 degrees of freedom.
    near(t, found.width, width, df < 4 ? 2e-3 : 1e-6, `width of ${table.length} candidates`)
    for (const entry of found.ranked.slice(1)) {
      t.ok(Math.abs(entry.p - p[entry.index]) < (df < 4 ? 2e-4 : 1e-6), `p ${entry.p}, wanted ${p[entry.index]}`)
      t.equal(entry.undecided, p[entry.index] > 0.05)
    }
  }
})

t.test('too little to say anything is null, never a number', async (t) => {
  t.same(summarize([]), { n: 0, mean: Number.NaN, sd: null, interval: null })
  t.same(summarize([0.5]), { n: 1, mean: 0.5, sd: null, interval: null })
  t.match(pairedTest([0.1]), { t: null, p: null, exact: { p: 1, least: 1 } })
  t.match(pairedTest([0.3 - 0.2, 0.2 - 0.1, 0.1]), { t: null, p: null, interval: null }, 'no spread but rounding')
  t.match(pairedTest([0, 0, 0]), { t: null, p: 1 })
  t.equal(signFlip([]), null)
  t.equal(signFlip(new Array(17).fill(1)), null)
  t.same(signFlip([1, 2, 3]), { p: 0.25, least: 0.25 }, 'three pairs cannot do better')
  t.equal(signFlip([0.1, 0.2, -0.3]).p, 1, 'a sum that is 0 but for rounding')
  t.equal(detectable(1, 1), null)
  t.equal(detectable(3, 0), null)
  t.equal(detectable(3, null), null)
  // A test that could not be made makes the others no easier.
  t.same(holm([0.01, null, 0.04]), [0.03, null, 0.08])
  t.match(rank([[1], [2]]), { width: null, ranked: [{ index: 1, p: null, undecided: true }, { undecided: true }] })
  t.match(rank([]), { ranked: [], width: null })
  t.match(rank([[1, 2]]), { width: null, ranked: [{ behind: 0 }] })
  for (const [call, code] of [
    [() => summarize([1, '2']), 'ERR_TYPE'],
    [() => summarize('12'), 'ERR_TYPE'],
    [() => summarize([1, Number.NaN]), 'ERR_VALUE'],
    [() => summarize([1, 2], 1), 'ERR_VALUE'],
    [() => rank([[1, 2], [1]]), 'ERR_SHAPE'],
    [() => detectable(3, 1, { power: 1 }), 'ERR_VALUE'],
  ]) {
    t.throws(call, { name: 'MbconvError', code })
  }
})

t.test('what must hold of all numbers', async (t) => {
  const values = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 2, maxLength: 9 })
  fc.assert(
    fc.property(values, (sample) => {
      const { mean, interval, p, exact } = pairedTest(sample)
      if (interval !== null) {
        if (interval[0] > mean + 1e-12 || interval[1] < mean - 1e-12) return false
        // Test and interval say the same.
        if (Math.abs(p - 0.05) > 1e-6 && p < 0.05 !== (interval[0] > 0 || interval[1] < 0)) return false
      }
      return exact.p >= exact.least && exact.p <= 1
    }),
  )
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 9 }), (ps) => {
      const adjusted = holm(ps)
      const order = ps.map((_, i) => i).sort((a, b) => ps[a] - ps[b])
      return (
        ps.every((p, i) => adjusted[i] >= p && adjusted[i] <= 1) &&
        order.every((i, at) => at === 0 || adjusted[i] >= adjusted[order[at - 1]])
      )
    }),
  )
  t.ok(power(1, 1, 4) < power(2, 1, 4) && power(1, 1, 4) < power(1, 1, 8))
})
