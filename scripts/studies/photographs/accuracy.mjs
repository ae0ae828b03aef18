/* What a small network reaches from nothing. */
import { mean, rangeOf } from './statistics.mjs'
import { percent } from './training.mjs'

/** Mean top-1 on the test photographs, and seconds of training of each run. */
const TARGET = { top1: 0.5, seconds: 180 }

export async function studyAccuracy({ images, seeds, trainer }) {
  const runs = []
  for (const seed of seeds) {
    const { top1, loss, ece, seconds } = await trainer.train(images, { seed })
    runs.push({ seed, top1, loss, ece, seconds })
  }
  const tested = images.filter(({ split }) => split === 'test')
  const counts = new Map()
  for (const { label } of tested) counts.set(label, (counts.get(label) ?? 0) + 1)
  const chance = Math.max(...counts.values()) / tested.length
  const top1 = mean(runs.map((run) => run.top1))
  const [least, most] = rangeOf(runs.map((run) => run.top1))
  const slowest = Math.max(...runs.map(({ seconds }) => seconds))
  const rows = runs.map(({ seed, top1, seconds }) => `seed ${seed}: top-1 ${percent(top1)}, ${seconds.toFixed()} s`)
  const shown = top1 >= TARGET.top1 && slowest <= TARGET.seconds
  return {
    ...{ runs, top1, range: [least, most], chance, slowest, rows, shown },
    verdict:
      `mean top-1 ${percent(top1)}, ${percent(least)} to ${percent(most)} (target ${percent(TARGET.top1)}; the most frequent ` +
      `class: ${percent(chance)}), slowest run ${slowest.toFixed()} s (target ${TARGET.seconds} s)`,
  }
}
