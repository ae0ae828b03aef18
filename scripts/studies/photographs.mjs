// Studies with the photographs of scripts/photographs.mjs: what training on a few hundred photographs reaches, in seconds or
// minutes on two cores. docs/studies.md has the results.
//
//   node scripts/photographs.mjs photographs
//   npm run study:photographs -- PART --photographs photographs
//     -- --seeds 3         so many seeds, from 0 on
//     -- --network half    half of B0 at 64 px, or small: a quarter of its width and a third of its depth at 48 px
//     -- --work DIR        the folder of runs; by default one that is removed at the end
//     -- --json            the results as JSON on stdout, besides the table on stderr
//
// Parts:
//   accuracy   from nothing: top-1 on the test photographs, and seconds
//   bf16       training in bf16 against float32, with the same seeds
//   balance    one class cut to a twentieth of another: its recall with and without `sampler: balanced`
//   reject     a threshold that rejects 5 % of the validation photographs: how many test photographs it rejects, and how
//              well confidence tells photographs of two classes that the network never saw
//
// Nothing is chosen by the test photographs. A part exits with status 1 if it does not show what it is to show.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { studyAccuracy } from './photographs/accuracy.mjs'
import { studyBalance } from './photographs/balance.mjs'
import { studyBf16 } from './photographs/bf16.mjs'
import { imagesOf } from './photographs/images.mjs'
import { studyReject } from './photographs/reject.mjs'
import { NETWORKS, Trainer } from './photographs/training.mjs'

const PARTS = { accuracy: studyAccuracy, bf16: studyBf16, balance: studyBalance, reject: studyReject }

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    photographs: { type: 'string' },
    seeds: { type: 'string', default: '3' },
    network: { type: 'string', default: 'half' },
    work: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const [name] = positionals
if (positionals.length !== 1 || !Object.hasOwn(PARTS, name) || options.photographs === undefined) {
  console.error(
    `Usage: photographs.mjs ${Object.keys(PARTS).join('|')} --photographs DIR [--seeds N] [--work DIR] [--json]`,
  )
  process.exit(2)
}
if (!/^[1-9]\d?$/.test(options.seeds)) throw new Error('--seeds needs a number from 1 to 99')
if (!Object.hasOwn(NETWORKS, options.network)) throw new Error(`--network is ${Object.keys(NETWORKS).join(' or ')}`)
const seeds = Array.from({ length: Number(options.seeds) }, (_, seed) => seed)

const images = imagesOf(options.photographs)
if (options.work !== undefined) mkdirSync(options.work, { recursive: true })
const folder = mkdtempSync(path.join(options.work ?? tmpdir(), `mbconv-study-${name}-`))
try {
  const began = performance.now()
  const { rows, verdict, shown, ...results } = await PARTS[name]({
    images,
    seeds,
    trainer: new Trainer(folder, options.network),
  })
  const seconds = (performance.now() - began) / 1000
  for (const row of rows) console.error(row)
  console.error(`${verdict} (${seconds.toFixed()} s in all)`)
  if (options.json)
    console.log(
      JSON.stringify({
        part: name,
        network: options.network,
        seeds,
        images: images.length,
        ...results,
        verdict,
        seconds,
      }),
    )
  if (!shown) process.exitCode = 1
} finally {
  if (options.work === undefined) rmSync(folder, { recursive: true, force: true })
}
