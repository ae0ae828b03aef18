// Where the time of a native prediction goes: each step, with its share of the processor's peak.
import mb from 'mbconv'
import { titleOf } from './rows.mjs'

const microseconds = (seconds) => `${(1e6 * seconds).toFixed(0)} µs`

/** @returns the rows of a table: the steps in order, then their kinds with what they take together */
export function profileRows(steps, flops) {
  const shareOf = (step) => {
    if (step.flops === 0 || step.seconds === 0) return ''
    const rate = step.flops / step.seconds
    return `${(rate / 1e9).toFixed(0)} GFLOP/s${flops === undefined ? '' : `, ${((100 * rate) / flops).toFixed(0)} %`}`
  }
  const kinds = new Map()
  for (const step of steps) {
    const kind = kinds.get(step.kernel) ?? { kernel: step.kernel, shape: 'together', flops: 0, seconds: 0 }
    kinds.set(step.kernel, { ...kind, flops: kind.flops + step.flops, seconds: kind.seconds + step.seconds })
  }
  return [...steps, ...kinds.values()].map((step) => [
    step.kernel,
    step.shape,
    microseconds(step.seconds),
    shareOf(step),
  ])
}

/**
 * Prints the profile of a row's network, for one image.
 *
 * @param roofs what `measureRoofs` returned
 */
export function printProfile(row, { threads, roofs }) {
  mb.setNumThreads(threads)
  const options = { numClasses: row.classes, profile: 'torchvision', seed: 0 }
  const network = mb.models.create(row.model, options).eval().fuse()
  const steps = mb.scope(() => network.profileNative(mb.randn([1, 3, row.size, row.size]), { runs: 50 }))
  network.dispose()
  const total = steps.reduce((sum, { seconds }) => sum + seconds, 0)
  console.log(`\n${titleOf({ ...row, batch: 1 })}: ${(1000 * total).toFixed(2)} ms with ${threads} threads`)
  console.log('kernel | shape | time | rate, share of the peak')
  for (const cells of profileRows(steps, roofs.flops?.[1])) console.log(cells.join(' | '))
}
