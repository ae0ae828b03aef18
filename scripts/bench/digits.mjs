// Trains configs/digits.yaml with seeds 0, 1 and 2. Fails if accuracy or time misses its target.
//
//   npm run bench:digits         --json
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import mb from 'mbconv'

const SEEDS = [0, 1, 2]
/** Top-1 on the 360 test images, and seconds of training alone on two cores. */
const TARGET = { mean: 0.98, each: 0.972, seconds: 150 }

const { values: options } = parseArgs({ options: { json: { type: 'boolean', default: false } } })
const file = fileURLToPath(new URL('../../configs/digits.yaml', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'mbconv-digits-'))
const results = []
try {
  for (const seed of SEEDS) {
    const { config } = mb.parseConfigFile(file, [`--seed=${seed}`, `--run.dir=${folder}`, `--run.name=seed-${seed}`])
    const { top1, seconds } = await mb.train(config).result
    results.push({ seed, top1, seconds })
    console.error(`seed ${seed}: top-1 ${(100 * top1).toFixed(2)} %, training ${seconds.toFixed(1)} s`)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
const mean = results.reduce((sum, { top1 }) => sum + top1, 0) / results.length
const slowest = Math.max(...results.map(({ seconds }) => seconds))
console.error(
  `mean ${(100 * mean).toFixed(2)} % (target ≥ ${100 * TARGET.mean} %, each ≥ ${100 * TARGET.each} %), ` +
    `slowest ${slowest.toFixed(1)} s (target ≤ ${TARGET.seconds} s)`,
)
if (options.json) console.log(JSON.stringify({ mean, slowest, results }))
const worst = Math.min(...results.map(({ top1 }) => top1))
if (mean < TARGET.mean || worst < TARGET.each || slowest > TARGET.seconds) process.exitCode = 1
