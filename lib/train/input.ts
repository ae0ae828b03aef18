/** From a batch to the network's input on its device. */
import type { Batch, ByteBatch } from '../data/batches/batch'
import type { ChannelStatistics } from '../data/dataset/statistics'
import { fromTypedArray } from '../tensor/core/create'
import { keep, scope } from '../tensor/core/scope'
import type { Tensor } from '../tensor/core/tensor'

/** Moves batches to a device, and normalises there those that are bytes: they are a quarter of the floats' size. */
export class InputNormalizer {
  readonly #device: string
  /** [1, C, 1, 1] on the device. */
  readonly #mean: Tensor
  readonly #std: Tensor

  constructor({ device, normalization }: { device: string; normalization: ChannelStatistics }) {
    this.#device = device
    const perChannel = (values: readonly number[]) =>
      scope(() => {
        const bytes = Float32Array.from(values, (value) => 255 * value)
        return keep(fromTypedArray(bytes, [1, values.length, 1, 1]).to({ device }))
      })
    this.#mean = perChannel(normalization.mean)
    this.#std = perChannel(normalization.std)
  }

  /** float32 [N, C, H, W], normalised. The caller, or its scope, owns it. */
  tensorOf(batch: Batch | ByteBatch): Tensor {
    const device = this.#device
    if (batch.images instanceof Float32Array) return fromTypedArray(batch.images, (batch as Batch).shape).to({ device })
    return scope(() => {
      const bytes = (batch as ByteBatch).images.to({ device })
      return bytes.to({ dtype: 'float32' }).sub(this.#mean).div(this.#std)
    })
  }

  dispose(): void {
    this.#mean.dispose()
    this.#std.dispose()
  }
}
