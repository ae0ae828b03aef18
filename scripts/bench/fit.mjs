// Times models.fit for each base and budget, as the fastest of three. Fails if one misses the target.
//
//   npm run bench:fit         --json
import { parseArgs } from 'node:util'
import mb from 'mbconv'

/** ms */
const TARGET = 200
const BASES = {
  b0: 'efficientnet_b0',
  small: mb.models.scale(mb.models.arch('efficientnet_b0'), { width: 0.5, resolution: 64 }),
  mobilenet: 'mobilenet_v2',
}

const { values: options } = parseArgs({ options: { json: { type: 'boolean', default: false } } })
const results = []
for (const [name, base] of Object.entries(BASES)) {
  for (const times of [2, 8]) {
    const tries = Array.from({ length: 3 }, () => {
      const began = performance.now()
      mb.models.fit({ base, budget: { macs: { times } } })
      return performance.now() - began
    })
    const milliseconds = Math.min(...tries)
    results.push({ base: name, times, milliseconds })
    console.error(`${name}, ${times}x: ${milliseconds.toFixed(0)} ms (target < ${TARGET} ms)`)
    if (milliseconds >= TARGET) process.exitCode = 1
  }
}
if (options.json) console.log(JSON.stringify(results))
