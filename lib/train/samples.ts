/** Collects predictions of an evaluation on some image files, for people to look at: wrong ones first. */
import { join } from 'node:path'
import type { Batch, ByteBatch } from '../data/batches/batch'
import { type Dataset, labelsAt, type PhotoDataset } from '../data/dataset/image-dataset'
import type { ChannelStatistics } from '../data/dataset/statistics'
import { pngOfPlanes } from '../drawing/pixels-png'
import type { MbconvError } from '../errors/error'
import { isPredicted, labelProbabilities } from '../models/export/task'
import type { Evaluation } from './record/events'
import { type NewSample, writeSamples } from './run/samples'
import { bytesOf } from './session/material'

/** Images with a wrong and with a right prediction that are kept: the first of each. */
const MOST = { wrong: 24, right: 8 }
const GUESSES = 3

export interface Samples {
  /** @param logits of the batch, N × classes, row by row */
  add(batch: Batch | ByteBatch, logits: Float32Array): void
  /** Writes them into the run's folder. A failure is a warning: the run matters more. */
  write(runDir: string, step: number, evaluation: Evaluation, warn: (message: string) => void): void
}

/** For the evaluations of a data set; undefined where images are no files. */
export function sampleCollector(dataset: Dataset, normalization: ChannelStatistics): Samples | undefined {
  if (dataset.shape !== null) return undefined
  return dataset.labelsOf === undefined
    ? new ClassSamples(dataset, normalization)
    : new MultiLabelSamples(dataset, normalization)
}

class ClassSamples implements Samples {
  readonly #found: Record<keyof typeof MOST, NewSample[]> = { wrong: [], right: [] }

  constructor(
    private readonly dataset: PhotoDataset,
    private readonly normalization: ChannelStatistics,
  ) {}

  add(batch: Batch | ByteBatch, logits: Float32Array): void {
    const { classes } = this.dataset
    const chosen = Array.from(batch.indices, (_, i) => {
      const row = logits.subarray(i * classes.length, (i + 1) * classes.length)
      const guesses = guessesOf(softmax(row), classes)
      const label = classes[Number(batch.labels[i])]
      return { i, label, guesses, list: this.#found[guesses[0].label === label ? 'right' : 'wrong'] }
    }).filter(({ list }) => list.length < (list === this.#found.wrong ? MOST.wrong : MOST.right))
    if (chosen.length === 0) return
    const pngOf = pngsOf(batch, this.normalization)
    for (const { i, list, ...rest } of chosen) {
      if (list.length >= (list === this.#found.wrong ? MOST.wrong : MOST.right)) continue
      list.push({ file: this.dataset.read(batch.indices[i]).name, ...rest, png: pngOf(i) })
    }
  }

  write(runDir: string, step: number, _: Evaluation, warn: (message: string) => void): void {
    writeOrWarn(runDir, step, [...this.#found.wrong, ...this.#found.right], warn)
  }
}

/** Of images with several labels, the first ones: what is right is known only when the thresholds are. */
class MultiLabelSamples implements Samples {
  readonly #found: { index: number; probabilities: Float64Array; png: Uint8Array }[] = []

  constructor(
    private readonly dataset: PhotoDataset,
    private readonly normalization: ChannelStatistics,
  ) {}

  add(batch: Batch | ByteBatch, logits: Float32Array): void {
    const { length } = this.dataset.classes
    const wanted = batch.indices.subarray(0, MOST.wrong + MOST.right - this.#found.length)
    if (wanted.length === 0) return
    const pngOf = pngsOf(batch, this.normalization)
    for (const [i, index] of wanted.entries()) {
      const probabilities = labelProbabilities(logits.subarray(i * length, (i + 1) * length))
      this.#found.push({ index, probabilities, png: pngOf(i) })
    }
  }

  write(runDir: string, step: number, evaluation: Evaluation, warn: (message: string) => void): void {
    const { classes } = this.dataset
    const thresholds = evaluation.task === 'multiLabel' ? evaluation.thresholds : []
    const samples = this.#found.map(({ index, probabilities, png }): NewSample => {
      const labels = labelsAt(this.dataset, index).map((label) => classes[label])
      const predicted = classes.filter((_, i) => isPredicted(probabilities[i], thresholds[i]))
      const guesses = guessesOf(probabilities, classes)
      return { file: this.dataset.read(index).name, labels, predicted, guesses, png }
    })
    writeOrWarn(runDir, step, samples, warn)
  }
}

function writeOrWarn(runDir: string, step: number, samples: NewSample[], warn: (message: string) => void): void {
  try {
    writeSamples(runDir, step, samples)
  } catch (error) {
    warn(`${join(runDir, 'samples')} is not written: ${(error as MbconvError).message}`)
  }
}

/** Makes small copies of the images of a batch, by their position. */
function pngsOf(batch: Batch | ByteBatch, normalization: ChannelStatistics): (position: number) => Uint8Array {
  const { pixels, shape } = bytesOf(batch, normalization)
  const [count, ...size] = shape
  const length = pixels.length / count
  return (i) => pngOfPlanes(...small(pixels.subarray(i * length, (i + 1) * length), size)).png
}

type Size = readonly [channels: number, height: number, width: number]

/** Longest side of the copies, px. */
const LONGEST = 128

/** Planes of bytes at a size for a list: each pixel is the mean of a square of pixels. */
function small(planes: Uint8Array, [channels, height, width]: Size): [Uint8Array, Size] {
  const factor = Math.ceil(Math.max(height, width) / LONGEST)
  if (factor === 1) return [planes, [channels, height, width]]
  const [h, w] = [Math.floor(height / factor), Math.floor(width / factor)]
  if (h === 0 || w === 0) return [planes, [channels, height, width]]
  const result = new Uint8Array(channels * h * w)
  for (let c = 0, at = 0; c < channels; c++) {
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++, at++) {
        let sum = 0
        for (let dy = 0; dy < factor; dy++) {
          const from = (c * height + y * factor + dy) * width + x * factor
          for (let dx = 0; dx < factor; dx++) sum += planes[from + dx]
        }
        result[at] = Math.round(sum / factor ** 2)
      }
    }
  }
  return [result, [channels, h, w]]
}

/** The probabilities of classes, one of which an image has. Nothing is sure where a logit is not a number. */
function softmax(logits: Float32Array): number[] {
  const max = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  const weights = Array.from(logits, (logit) => Math.exp(logit - max))
  const total = weights.reduce((a, b) => a + b, 0)
  return weights.map((weight) => weight / total)
}

/** The most probable classes. */
function guessesOf(probabilities: ArrayLike<number>, classes: readonly string[]) {
  const order = Array.from(classes, (_, i) => i).sort((a, b) => probabilities[b] - probabilities[a])
  return order.slice(0, GUESSES).map((index) => ({ label: classes[index], probability: probabilities[index] || 0 }))
}
