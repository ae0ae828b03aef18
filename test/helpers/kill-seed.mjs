/** The random numbers of tests that kill processes: another seed each time, which is told and can be chosen. */
import { randomInt } from 'node:crypto'
import { internal } from './internals.mjs'

const { KeyedRandom } = internal('philox')

/** What numbers are drawn for here, apart from the purposes of lib/random/philox.ts. */
const PURPOSE = 1000

/**
 * Tells the seed of this run's kills, which MBCONV_KILL_SEED chooses. The same seed gives the same delays; where in its
 * work a delay hits a process still depends on the machine.
 *
 * @returns a function that gives the next number in [0, 1)
 */
export function killRandom(t) {
  const seed = process.env.MBCONV_KILL_SEED ?? String(randomInt(2 ** 31))
  t.comment(`kills by seed ${seed}; MBCONV_KILL_SEED=${seed} repeats their delays`)
  const random = new KeyedRandom(Number(seed), PURPOSE)
  return () => random.uniform()
}
