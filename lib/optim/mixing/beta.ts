/** Draws from a symmetric beta distribution. */
import type { KeyedRandom } from '../../random/philox'

/** A number from 0 to 1 with the distribution Beta(`alpha`, `alpha`); `alpha` above 0. */
export function drawBeta(random: KeyedRandom, alpha: number): number {
  // The share of two gamma variates, in logarithms: for a small alpha both may be too small for a number.
  const difference = drawLogGamma(random, alpha) - drawLogGamma(random, alpha)
  return 1 / (1 + Math.exp(-difference))
}

/**
 * The logarithm of a gamma variate of a shape and scale 1, by the method of Marsaglia and Tsang (2000, "A simple method
 * for generating gamma variables"). Shapes below 1 are drawn at shape + 1 and multiplied by U^(1/shape).
 */
function drawLogGamma(random: KeyedRandom, shape: number): number {
  if (shape < 1) return drawLogGamma(random, shape + 1) + Math.log(aboveZero(random)) / shape
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = drawNormal(random)
    const v = (1 + c * x) ** 3
    if (v <= 0) continue
    if (Math.log(aboveZero(random)) < 0.5 * x * x + d * (1 - v + Math.log(v))) return Math.log(d * v)
  }
}

/** A standard normal variate, by the method of Box and Muller. */
function drawNormal(random: KeyedRandom): number {
  const radius = Math.sqrt(-2 * Math.log(aboveZero(random)))
  return radius * Math.cos(2 * Math.PI * random.uniform())
}

/** A uniform number above 0, for logarithms. */
const aboveZero = (random: KeyedRandom): number => 1 - random.uniform()
