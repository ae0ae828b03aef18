/** Collects predictions of an evaluation on some image files, for people to look at: wrong ones first. */
import { join } from 'node:path'
import type { Batch, ByteBatch } from '../data/batches/batch'
import type { PhotoDataset } from '../data/sources/image-dataset'
import type { ChannelStatistics } from '../data/sources/statistics'
import { pngOfPlanes } from '../drawing/pixels-png'
import type { MbconvError } from '../errors/error'
import { type NewSample, writeSamples } from './run/samples'
import { bytesOf } from './session/material'

/** Images with a wrong and with a right prediction that are kept: the first of each. */
const MOST = { wrong: 24, right: 8 }
const GUESSES = 3

export class SampleCollector {
  readonly #found: Record<keyof typeof MOST, NewSample[]> = { wrong: [], right: [] }

  constructor(
    private readonly dataset: PhotoDataset,
    private readonly normalization: ChannelStatistics,
  ) {}

  /** @param logits of the batch, N × classes, row by row */
  add(batch: Batch | ByteBatch, logits: Float32Array): void {
    const { classes } = this.dataset
    const chosen = Array.from(batch.indices, (_, i) => {
      const row = logits.subarray(i * classes.length, (i + 1) * classes.length)
      const guesses = guessesOf(row, classes)
      const label = classes[Number(batch.labels[i])]
      return { i, label, guesses, list: this.#found[guesses[0].label === label ? 'right' : 'wrong'] }
    }).filter(({ list }) => list.length < (list === this.#found.wrong ? MOST.wrong : MOST.right))
    if (chosen.length === 0) return
    const { pixels, shape } = bytesOf(batch, this.normalization)
    const [count, ...size] = shape
    const length = pixels.length / count
    for (const { i, list, ...rest } of chosen) {
      if (list.length >= (list === this.#found.wrong ? MOST.wrong : MOST.right)) continue
      const { png } = pngOfPlanes(...small(pixels.subarray(i * length, (i + 1) * length), size))
      list.push({ file: this.dataset.read(batch.indices[i]).name, ...rest, png })
    }
  }

  /** Writes them into the run's folder. A failure is a warning: the run matters more. */
  write(runDir: string, step: number, warn: (message: string) => void): void {
    try {
      writeSamples(runDir, step, [...this.#found.wrong, ...this.#found.right])
    } catch (error) {
      warn(`${join(runDir, 'samples')} is not written: ${(error as MbconvError).message}`)
    }
  }
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

/** The most probable classes. Nothing is sure where a logit is not a number. */
function guessesOf(logits: Float32Array, classes: readonly string[]) {
  const max = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  const weights = Array.from(logits, (logit) => Math.exp(logit - max))
  const total = weights.reduce((a, b) => a + b, 0)
  const order = [...weights.keys()].sort((a, b) => weights[b] - weights[a]).slice(0, GUESSES)
  return order.map((index) => ({ label: classes[index], probability: weights[index] / total || 0 }))
}
