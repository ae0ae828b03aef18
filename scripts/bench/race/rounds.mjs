// Contestants take turns, round by round. Each round gives one time of each, the median of a few calls, and therefore one
// ratio of any two of them: changes in the machine's speed that last longer than a round cancel out.
import { setTimeout as sleep } from 'node:timers/promises'
import { median, randomNumbers, shuffled } from './statistics.mjs'

/** Times of two successive blocks of calls that differ by less than this are settled. */
const SETTLED = 0.05
/** Milliseconds after which threads that wait for work by spinning have given up, so that they do not disturb the next one. */
const PAUSE = 30

/**
 * Calls a contestant until its time has settled.
 *
 * @param {{run: (calls: number) => Promise<{seconds: number[]}>}} contestant
 * @param {{turn: number, longest: number}} options seconds of a turn; seconds after which it is no longer waited for
 * @returns {Promise<{calls: number, settled: boolean}>} how many calls make a turn
 */
export async function warmUp({ run }, { turn, longest }) {
  await run(1) // compiles, allocates: its time says nothing
  let [calls, spent, before] = [2, 0, Number.POSITIVE_INFINITY]
  for (;;) {
    const { seconds } = await run(calls)
    const now = median(seconds)
    calls = Math.max(2, Math.round(turn / now))
    if (Math.abs(now / before - 1) < SETTLED) return { calls, settled: true }
    spent += seconds.reduce((sum, each) => sum + each, 0)
    if (spent > longest) return { calls, settled: false }
    before = now
  }
}

/**
 * Races contestants whose processes run.
 *
 * @param contestants each with `run`, see ./child.mjs. A rival that fails is left out from then on.
 * @param {{rounds: number, turn: number, longest: number, seed: number, failed: (contestant, error: Error) => void}} options
 * @returns {Promise<object[]>} the contestants that have finished: with `rounds`, the seconds of a call in each round, and
 *   the answer's other entries
 */
export async function race(contestants, { rounds, turn, longest, seed, failed }) {
  const random = randomNumbers(seed)
  let racing = []
  const guarded = async (contestant, work) => {
    try {
      await work()
      return true
    } catch (error) {
      failed(contestant, error)
      return false
    }
  }
  for (const contestant of contestants) {
    const entry = { contestant, rounds: [] }
    const isReady = await guarded(contestant, async () => {
      Object.assign(entry, await warmUp(contestant, { turn, longest }))
    })
    if (isReady) racing.push(entry)
  }
  for (let round = 0; round < rounds; round++) {
    for (const entry of shuffled(racing, random)) {
      await sleep(PAUSE)
      const isThere = await guarded(entry.contestant, async () => {
        const { seconds, ...last } = await entry.contestant.run(entry.calls)
        entry.rounds.push(median(seconds))
        entry.last = last
      })
      if (!isThere) racing = racing.filter((each) => each !== entry)
    }
  }
  return racing.map(({ contestant, last, ...rest }) => ({ contestant, ...rest, ...last }))
}
