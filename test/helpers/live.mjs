/** What is alive, without what only waits for the garbage collector. */
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { memory } from 'mbconv'

/**
 * The counts of `memory()` after a garbage collection. A test that waits between two counts begins with this one: otherwise
 * tensors that earlier tests dropped could be collected in between.
 */
export async function settledMemory() {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  // Finalizers run after a collection, when the event loop comes around; what they let go is collected in the next.
  for (let round = 0; round < 3; round++) {
    collect()
    await setImmediate()
  }
  return memory()
}
