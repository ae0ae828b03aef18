/** Draws from distributions, with the uniform random numbers of a sample. */
import type { KeyedRandom } from '../../random/philox'

/** Where random numbers come from. */
export type RandomSource = Pick<KeyedRandom, 'uniform' | 'below' | 'uint32' | 'permutation'>

/** Uniform in [low, high). */
export const uniformIn = (random: RandomSource, low: number, high: number): number =>
  low + (high - low) * random.uniform()

/** A whole number from `low` to `high`, both included. */
export const wholeIn = (random: RandomSource, low: number, high: number): number => low + random.below(high - low + 1)

/** True with a probability: never for 0, always for 1. */
export const happens = (random: RandomSource, probability: number): boolean => random.uniform() < probability

/** 1 or -1, equally likely. */
export const signOf = (random: RandomSource): 1 | -1 => (random.below(2) === 0 ? 1 : -1)

/** One of a list, each equally likely. */
export const oneOf = <T>(random: RandomSource, list: readonly T[]): T => list[random.below(list.length)]

/** A standard normal number (Box and Muller). */
export function normal(random: RandomSource): number {
  // 1 - u lies in (0, 1], so that it has a logarithm.
  const length = Math.sqrt(-2 * Math.log(1 - random.uniform()))
  return length * Math.cos(2 * Math.PI * random.uniform())
}

/**
 * A number of the gamma distribution with a shape above 0 and scale 1 (Marsaglia and Tsang, "A simple method for
 * generating gamma variables", TOMS 2000).
 */
export function gamma(random: RandomSource, shape: number): number {
  // Their last section: a shape below 1 follows from the shape above it.
  if (shape < 1) return gamma(random, shape + 1) * (1 - random.uniform()) ** (1 / shape)
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = normal(random)
    const v = (1 + c * x) ** 3
    if (v > 0 && Math.log(1 - random.uniform()) < 0.5 * x * x + d * (1 - v + Math.log(v))) return d * v
  }
}

/** `count` shares that sum to 1, of the symmetric Dirichlet distribution. */
export function dirichlet(random: RandomSource, concentration: number, count: number): number[] {
  const parts = Array.from({ length: count }, () => gamma(random, concentration))
  const sum = parts.reduce((total, part) => total + part, 0)
  // With a tiny concentration all parts may vanish. Then one takes everything, as in the limit.
  if (sum === 0) return parts.with(random.below(count), 1)
  return parts.map((part) => part / sum)
}
