/** What a session shows to loggers: weights, and images of the test set. */
import type { ImageDataset } from '../../data/sources/image-dataset'
import type { Module } from '../../nn/module'
import { noGrad } from '../../tensor/core/autograd'
import { scope } from '../../tensor/core/scope'

/** The parameters by name, as float32, one after another. Each waits for the device. */
export function* weightsOf(model: Module): Generator<readonly [name: string, values: Float32Array]> {
  for (const [name, parameter] of model.namedParameters()) {
    const values = noGrad(() => scope(() => parameter.detach().to({ dtype: 'float32' }).toTypedArray()))
    yield [name, values as Float32Array]
  }
}

/** The first images of a data set, at most `count`, with the names of their classes. */
export function firstImages({ images, labels, classes, shape, length }: ImageDataset, count: number) {
  const size = shape[0] * shape[1] * shape[2]
  return Array.from({ length: Math.min(count, length) }, (_, i) => ({
    pixels: images.subarray(i * size, (i + 1) * size),
    shape,
    label: classes[labels[i]],
  }))
}
