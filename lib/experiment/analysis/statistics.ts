/**
 * Statistics for few repetitions: means with intervals, paired tests, and the smallest detectable difference.
 * Distributions are jStat's.
 *
 * With too few values, or values without any spread, a result is null.
 */
import jstat from 'jstat'
import { checkNumber } from '../../errors/check'
import { MbconvError } from '../../errors/error'

const { jStat } = jstat

export type Interval = readonly [low: number, high: number]

export interface Summary {
  n: number
  /** NaN when there is no value. */
  mean: number
  /** Standard deviation with n − 1; null below two values. */
  sd: number | null
  /**
   * Interval of the mean, by Student's t; null below two values, or if all are equal: no spread does not mean
   * certainty.
   */
  interval: Interval | null
}

export interface PairedTest extends Summary {
  /** Student's t of the mean difference; null if there are fewer than two differences or all are equal. */
  t: number | null
  df: number
  /** Two-sided. 1 if all differences are 0; null in all other cases without t. */
  p: number | null
  exact: SignFlip | null
}

export interface SignFlip {
  /** Two-sided, over all 2ⁿ ways to exchange the two members of each pair. */
  p: number
  /** The least p that so many pairs can have: 2 / 2ⁿ. */
  least: number
}

/** Below this, a spread is only rounding: the accuracies differ by the same number of images. */
const NOTHING = 1e-12
/** 2¹⁶ sums take milliseconds; with more pairs the t test no longer needs its assumption of normality. */
const MOST_PAIRS = 16

function refuse(op: string, message: string): never {
  throw new MbconvError('ERR_VALUE', `${op}: ${message}`, { op })
}

function checkValues(op: string, name: string, values: readonly number[]): void {
  if (!Array.isArray(values)) throw new MbconvError('ERR_TYPE', `${op}: ${name} must be an array`, { op })
  for (const [i, value] of values.entries()) checkNumber(op, `${name}[${i}]`, value)
}

function checkShare(op: string, name: string, value: number): void {
  checkNumber(op, name, value)
  if (value <= 0 || value >= 1) refuse(op, `${name} must be between 0 and 1, got ${value}`)
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)

/** Arithmetic mean; NaN of no value. */
export const mean = (values: readonly number[]): number => sum(values) / values.length

/** Standard deviation with n − 1 in the denominator; null below two values. */
function standardDeviation(values: readonly number[]): number | null {
  if (values.length < 2) return null
  const centre = mean(values)
  return Math.sqrt(sum(values.map((value) => (value - centre) ** 2)) / (values.length - 1))
}

/** The value that |t| exceeds with probability `alpha`, for `df` degrees of freedom. */
function criticalT(df: number, alpha = 0.05): number {
  checkShare('criticalT', 'alpha', alpha)
  return jStat.studentt.inv(1 - alpha / 2, df)
}

/** Probability of a Student's t at least as far from 0. The beta function loses no digits for a large t. */
const twoSided = (t: number, df: number) => jStat.ibeta(df / (df + t * t), df / 2, 0.5)

/** Mean, spread, and the interval that contains the true mean with probability `level` if the values are normal. */
export function summarize(values: readonly number[], level = 0.95): Summary {
  checkValues('summarize', 'values', values)
  checkShare('summarize', 'level', level)
  const n = values.length
  const [centre, sd] = [mean(values), standardDeviation(values)]
  if (sd === null || sd < NOTHING) return { n, mean: centre, sd: sd === null ? null : 0, interval: null }
  const half = (criticalT(n - 1, 1 - level) * sd) / Math.sqrt(n)
  return { n, mean: centre, sd, interval: [centre - half, centre + half] }
}

/**
 * Exact test that differences are as likely to be negative as positive. It assumes only symmetry. With fewer than six
 * pairs, its p cannot be below 0.05, whatever the data.
 *
 * @returns null for no pair, or more than 16
 */
export function signFlip(differences: readonly number[]): SignFlip | null {
  checkValues('signFlip', 'differences', differences)
  const n = differences.length
  if (n === 0 || n > MOST_PAIRS) return null
  const observed = Math.abs(sum(differences))
  // Sums of the same numbers in another order are equal only up to rounding.
  const least = observed - NOTHING * (1 + sum(differences.map(Math.abs)))
  let asFar = 0
  for (let signs = 0; signs < 2 ** n; signs++) {
    const flipped = differences.reduce((total, value, i) => total + (signs & (1 << i) ? -value : value), 0)
    if (Math.abs(flipped) >= least) asFar++
  }
  return { p: asFar / 2 ** n, least: Math.min(1, 2 / 2 ** n) }
}

/** Paired t test of the differences against 0, with the interval of their mean and the exact test beside it. */
export function pairedTest(differences: readonly number[], level = 0.95): PairedTest {
  const summary = summarize(differences, level)
  const { n, sd, mean: centre } = summary
  const exact = signFlip(differences)
  const df = Math.max(0, n - 1)
  const basics = { ...summary, df, exact }
  if (sd === null) return { ...basics, t: null, p: null }
  // Two seeds that differ by the same number of images would give an infinite t: certainty from a coincidence.
  if (sd < NOTHING) return { ...basics, t: null, p: Math.abs(centre) < NOTHING ? 1 : null }
  const t = centre / (sd / Math.sqrt(n))
  return { ...basics, t, p: twoSided(t, df) }
}

/**
 * Holm's correction of the p values of several tests: the probability of any false claim among them is that of one test.
 * A test that could not be made (null) still counts as a test.
 */
export function holm(ps: readonly (number | null)[]): (number | null)[] {
  const order = ps.map((p, i) => ({ p: p ?? 1, i })).sort((a, b) => a.p - b.p)
  const adjusted = new Array<number | null>(ps.length).fill(null)
  let highest = 0
  for (const [rank, { p, i }] of order.entries()) {
    highest = Math.max(highest, Math.min(1, p * (ps.length - rank)))
    if (ps[i] !== null) adjusted[i] = highest
  }
  return adjusted
}

/** Steps of Simpson's rule in {@link power}; doubling them does not change the ninth digit. */
const STEPS = 200

/**
 * Probability that a two-sided paired t test detects a true mean difference.
 *
 * Integrates over the distribution of the sample's standard deviation. The usual series for the noncentral t
 * distribution fail for two pairs and a strict level, which occur here.
 */
export function power(difference: number, sd: number, n: number, alpha = 0.05): number {
  const df = n - 1
  const critical = criticalT(df, alpha)
  const shift = (Math.abs(difference) / sd) * Math.sqrt(n)
  // The density of s (df·s² is chi-square distributed) up to a constant factor, and the probability of detection given s.
  const density = (s: number) => s ** (df - 1) * Math.exp((-df * s * s) / 2)
  const found = (s: number) =>
    jStat.normal.cdf(shift - critical * s, 0, 1) + jStat.normal.cdf(-shift - critical * s, 0, 1)
  // Beyond `end`, s has no weight. The detection probability changes near 0 and within a few 1/critical of
  // shift/critical.
  const end = 1 + 9 / Math.sqrt(df)
  const edges = [0, (shift - 8) / critical, (shift + 8) / critical, 10 / critical, end]
  const cuts = [...new Set(edges.map((s) => Math.min(end, Math.max(0, s))))].sort((a, b) => a - b)
  let [weight, total] = [0, 0]
  for (const [i, to] of cuts.slice(1).entries()) {
    const width = (to - cuts[i]) / STEPS
    for (let step = 0; step <= STEPS; step++) {
      const s = cuts[i] + step * width
      const share = width * density(s) * (step === 0 || step === STEPS ? 1 : step % 2 === 1 ? 4 : 2)
      weight += share
      total += share * found(s)
    }
  }
  return total / weight
}

export interface DetectableOptions {
  /** Level of the test. Default 0.05; divide by the number of tests for the strictest step of Holm's correction. */
  alpha?: number
  /** Probability of detecting it. Default 0.8. */
  power?: number
}

/**
 * The smallest true mean difference that a paired t test of `n` differences with standard deviation `sd` detects with
 * the given probability. Null below two differences or without spread.
 */
export function detectable(
  n: number,
  sd: number | null,
  { alpha = 0.05, power: wanted = 0.8 }: DetectableOptions = {},
) {
  checkShare('detectable', 'alpha', alpha)
  checkShare('detectable', 'power', wanted)
  if (n < 2 || sd === null || sd < NOTHING) return null
  let [low, high] = [0, 1]
  while (power(high, 1, n, alpha) < wanted) high *= 2
  while (high - low > 1e-7 * high) {
    const middle = (low + high) / 2
    if (power(middle, 1, n, alpha) < wanted) low = middle
    else high = middle
  }
  return high * sd
}

export interface Ranked {
  /** Index into the table. */
  index: number
  mean: number
  /** Distance from the best, in the values' unit; 0 for the best. */
  behind: number
  /** Interval of that distance, simultaneous over all pairs; null if unknown. */
  interval: Interval | null
  /** p for equality with the best, corrected for the choice of the best by the same values. */
  p: number | null
  /** Whether it is indistinguishable from the best. */
  undecided: boolean
}

export interface Ranking {
  /** Best first. */
  ranked: Ranked[]
  /** Standard deviation after removing the means of candidates and seeds; null below two of either. */
  residual: number | null
  df: number
  /** Two candidates closer than this are indistinguishable (Tukey); null without a residual. */
  width: number | null
}

/**
 * Ranks candidates that were all measured with the same seeds.
 *
 * The best is chosen by the same values, so a plain test against it would find too many differences. Tukey's range test
 * covers all pairs at once, including the chosen one. It assumes the same residual spread for all candidates.
 *
 * @param table one row per candidate, one column per seed
 * @throws MbconvError ERR_SHAPE when rows differ in length
 */
export function rank(table: readonly (readonly number[])[], level = 0.95): Ranking {
  for (const [i, row] of table.entries()) checkValues('rank', `table[${i}]`, row)
  checkShare('rank', 'level', level)
  const [k, n] = [table.length, table[0]?.length ?? 0]
  if (table.some((row) => row.length !== n)) {
    throw new MbconvError('ERR_SHAPE', 'rank: every candidate needs a value of every seed', { op: 'rank' })
  }
  const means = table.map(mean)
  const order = means.map((value, index) => ({ value, index })).sort((a, b) => b.value - a.value || a.index - b.index)
  const best = order[0]?.value ?? Number.NaN

  const df = Math.max(0, (k - 1) * (n - 1))
  const all = mean(means)
  const seeds = Array.from({ length: n }, (_, j) => mean(table.map((row) => row[j])))
  const squares = table.flatMap((row, i) => row.map((value, j) => (value - means[i] - seeds[j] + all) ** 2))
  const residual = df > 0 ? Math.sqrt(sum(squares) / df) : null
  const known = residual !== null && residual >= NOTHING
  const error = known ? residual / Math.sqrt(n) : null
  const width = error === null ? null : jStat.tukey.inv(level, k, df) * error

  const ranked = order.map(({ value, index }, place): Ranked => {
    const behind = best - value
    const first = place === 0
    const p = error === null || first ? null : 1 - jStat.tukey.cdf(behind / error, k, df)
    const interval: Interval | null = width === null || first ? null : [behind - width, behind + width]
    return { index, mean: value, behind, interval, p, undecided: width === null || behind < width }
  })
  return { ranked, residual, df, width }
}
