/** What a session shows to loggers: weights, and images of the test set. */
import type { Batch, ByteBatch } from '../../data/batches/batch'
import { labelsAt } from '../../data/dataset/image-dataset'
import type { ChannelStatistics } from '../../data/dataset/statistics'
import type { Module } from '../../nn/modules/module'
import { noGrad } from '../../tensor/core/autograd'
import { scope } from '../../tensor/core/scope'
import type { TrainingData } from './data'

/** The parameters by name, as float32, one after another. Each waits for the device. */
export function* weightsOf(model: Module): Generator<readonly [name: string, values: Float32Array]> {
  for (const [name, parameter] of model.namedParameters()) {
    const values = noGrad(() => scope(() => parameter.detach().to({ dtype: 'float32' }).toTypedArray()))
    yield [name, values as Float32Array]
  }
}

/** An image as bytes, [channels, height, width]. */
export interface ShownImage {
  pixels: Uint8Array
  shape: readonly [channels: number, height: number, width: number]
  /** The name of its class, or the names of its labels. */
  label: string
}

/** The first test images as the network sees them, at most `count`. */
export async function firstImages(
  { testLoader, normalization }: Pick<TrainingData, 'testLoader' | 'normalization'>,
  count: number,
): Promise<ShownImage[]> {
  const { dataset } = testLoader
  const found: ShownImage[] = []
  const batches = testLoader.epoch(0)
  try {
    for (let next = await batches.next(); !next.done; next = await batches.next()) {
      const { pixels, shape } = bytesOf(next.value, normalization)
      const [images, ...size] = shape
      const length = pixels.length / images
      for (let i = 0; i < images && found.length < count; i++) {
        const names = labelsAt(dataset, next.value.indices[i]).map((label) => dataset.classes[label])
        const label = names.join(', ') || 'no label'
        found.push({ pixels: pixels.slice(i * length, (i + 1) * length), shape: size, label })
      }
      if (found.length >= count) break
    }
  } finally {
    await batches.return?.()
  }
  return found
}

/** The pixels of a batch, 0 … 255. */
export function bytesOf(batch: Batch | ByteBatch, { mean, std }: ChannelStatistics) {
  const { images } = batch
  if (!(images instanceof Float32Array)) {
    const shape = images.shape as Batch['shape']
    return { pixels: scope(() => images.to({ device: 'cpu' }).contiguous().toTypedArray()) as Uint8Array, shape }
  }
  const { shape } = batch as Batch
  const [, channels, height, width] = shape
  const channelOf = (i: number) => Math.floor(i / (height * width)) % channels
  // The clamped array rounds, too.
  const pixels = Uint8ClampedArray.from(images, (value, i) => 255 * (value * std[channelOf(i)] + mean[channelOf(i)]))
  return { pixels: new Uint8Array(pixels.buffer), shape }
}
