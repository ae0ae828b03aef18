/** Folders of runs, as a training would write them, with made-up numbers. */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { internal } from './internals.mjs'

const MEMORY = 600 * 2 ** 20

/** The lines of metrics.jsonl from a step on: an evaluation every ten steps. */
export function linesOf({ from = 1, to, best = 0.9, lr = 0.01, task = 'classification' }) {
  const lines = []
  for (let step = from; step <= to; step++) {
    const loss = 0.2 + 2 * Math.exp(-step / 40) + 0.1 * Math.sin(step)
    const rates = { imagesPerSecond: 800 + (step % 7), dataWait: 0.125, memory: MEMORY }
    const seconds = step / 10
    lines.push({
      type: 'step',
      step,
      epoch: Math.floor((step - 1) / 10),
      loss,
      lr: lr * 0.99 ** step,
      ...rates,
      seconds,
    })
    if (step % 10 > 0) continue
    const score = best * (1 - Math.exp(-step / 30))
    const figures = task === 'multiLabel' ? { mAP: score, macroF1: 0.5, microF1: 0.6 } : { top1: score, top5: 1 }
    lines.push({ type: 'eval', step, epoch: step / 10, loss: loss + 0.1, ...figures, seconds })
  }
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}

/**
 * Writes the folder of a run.
 *
 * @param {string} folder
 * @param {{ to: number, best?: number, lr?: number, task?: string, result?: object }} options `to`: steps done; `result`: result.json
 */
export function writeRun(folder, { result, ...options }) {
  mkdirSync(folder, { recursive: true })
  const { task = 'classification' } = options
  const config = { task, model: { name: 'efficientnet_b0' }, data: { dataset: 'digits' }, epochs: 12 }
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
  writeFileSync(join(folder, 'metrics.jsonl'), linesOf(options))
  if (result !== undefined) writeFileSync(join(folder, 'result.json'), JSON.stringify(result))
  return folder
}

/** A run goes on: appends the lines of further steps. */
export function goOn(folder, options) {
  appendFileSync(join(folder, 'metrics.jsonl'), linesOf(options))
}

/** Sample predictions: three right ones and three wrong ones, of small gray images. */
export function someSamples(name = 'cat') {
  const { pngOfPlanes } = internal('pixelsPng')
  return Array.from({ length: 6 }, (_, i) => {
    const isRight = i % 2 === 0
    const planes = Uint8Array.from({ length: 64 }, (_, p) => (p * (i + 1) * 4) % 256)
    const best = { label: isRight ? name : 'dog', probability: 0.5 + i / 20 }
    const other = { label: isRight ? 'dog' : name, probability: 0.2 }
    return { file: `${name}/${i}.png`, label: name, guesses: [best, other], png: pngOfPlanes(planes, [1, 8, 8]).png }
  })
}

/** Two of them with several labels each: the first has the right ones, the second lacks all. */
export function labelledSamples() {
  const [first, second] = someSamples().map(({ label: _, ...rest }) => ({ ...rest, labels: ['cat', 'dog'] }))
  return [
    { ...first, predicted: ['dog', 'cat'] },
    { ...second, predicted: [] },
  ]
}
