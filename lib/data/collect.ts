/** Giving memory back at once. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

let collectGarbage: (() => void) | undefined

/**
 * Frees the pixels that nothing refers to any more. Left to itself the garbage collector sees small objects only, and a
 * second large image would be decoded beside the remains of the first.
 */
export async function collect(): Promise<void> {
  if (collectGarbage === undefined) {
    setFlagsFromString('--expose-gc')
    collectGarbage = runInNewContext('gc') as () => void
  }
  collectGarbage()
  // Memory of addons is given back by the event loop.
  await new Promise((done) => setImmediate(done))
}
