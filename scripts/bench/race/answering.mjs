// The other end of ./child.mjs, for contestants that are written in JavaScript.
import { existsSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** What the race wants of this process. */
export const specOf = () => JSON.parse(process.argv[2])

/** The highest resident memory of this process until now, in bytes; null where the system does not tell. */
export function peakMemory() {
  if (!existsSync('/proc/self/status')) return null
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return kilobytes === undefined ? null : 1024 * Number(kilobytes)
}

/** The images of a row, float32 [batch, 3, size, size]. */
export const imagesOf = ({ files }) => new Float32Array(Uint8Array.from(readFileSync(files.images)).buffer)

/**
 * Says that this contestant is ready, and makes calls until standard input ends.
 *
 * @param {{base: number | null, logits: Iterable<number>, versions: Record<string, string>, note?: string}} ready
 *   peak memory before the model was made; the network's output, to be compared
 * @param {() => unknown} call makes one call; its result is awaited if it is a promise
 * @param {() => object} [extra] more entries for an answer
 */
export async function answer({ logits, ...ready }, call, extra = () => ({})) {
  console.log(JSON.stringify({ ...ready, logits: [...logits] }))
  for await (const line of createInterface({ input: process.stdin })) {
    const seconds = []
    for (let left = Number(line); left > 0; left--) {
      const begin = performance.now()
      const result = call()
      if (result instanceof Promise) await result
      seconds.push((performance.now() - begin) / 1000)
    }
    console.log(JSON.stringify({ seconds, peak: peakMemory(), ...extra() }))
  }
}
