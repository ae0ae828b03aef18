// Times inference of EfficientNet-B0 with and without its batch norms folded into the convolutions, alternating in one run.
//
//   node scripts/bench/fuse.mjs             both settings below; fails when a ratio is above its target
//   --rounds=N --json
//
// A round times a few passes of each. The result is the median over rounds of the ratio of the two medians, so that
// changes in the machine's speed cancel out.
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import mb from 'mbconv'
import { median } from './median.mjs'

/** Largest allowed ratio of fused to unfused. */
const TARGET = 1.0
const SETTINGS = [
  { batch: 1, size: 224, passes: 8 },
  { batch: 16, size: 224, passes: 1 },
]

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '15' }, json: { type: 'boolean', default: false } },
})
const rounds = Number(options.rounds)
const threads = Math.max(1, Math.min(cpus().length, mb.getNumThreads()))
mb.setNumThreads(threads)

const network = mb.models.create('efficientnet_b0', { seed: 0 }).to({ memoryFormat: 'channelsLast' }).eval()
const fused = network.fuse()

function seconds(model, images) {
  const start = process.hrtime.bigint()
  mb.scope(() => mb.noGrad(() => model.forward(images)).toTypedArray())
  return Number(process.hrtime.bigint() - start) / 1e9
}

let missed = false
for (const { batch, size, passes } of SETTINGS) {
  const images = mb.scope(() => mb.randn([batch, 3, size, size]).contiguous({ memoryFormat: 'channelsLast' }))
  const sides = [network, fused]
  for (const model of sides) for (let i = 0; i < 2; i++) seconds(model, images)
  const times = Array.from({ length: rounds }, (_, round) => {
    const found = [0, 0]
    // Alternate who goes first.
    for (const side of round % 2 === 0 ? [0, 1] : [1, 0]) {
      found[side] = median(Array.from({ length: passes }, () => seconds(sides[side], images)))
    }
    return found
  })
  images.dispose()
  const ratio = median(times.map(([plain, folded]) => folded / plain))
  const [plain, folded] = [0, 1].map((side) => median(times.map((each) => each[side])))
  if (ratio > TARGET) missed = true
  if (options.json) console.log(JSON.stringify({ batch, size, threads, rounds, plain, fused: folded, ratio }))
  else {
    const ms = (value) => `${(1000 * value).toFixed(1)} ms`
    console.log(
      `B0, ${batch} x ${size} px, ${threads} threads: ${ms(plain)} → ${ms(folded)} fused; ratio ${ratio.toFixed(3)}, target ≤ ${TARGET}`,
    )
  }
}
network.dispose()
fused.dispose()
process.exitCode = missed ? 1 : 0
