/** A batch, and what loaders have in common. */
import type { Tensor } from '../../tensor/core/tensor'
import type { Dataset } from '../dataset/image-dataset'

export interface Labelled {
  /** The class of each image; of a multi-label data set its first label, or -1 without one. */
  labels: BigInt64Array
  /** Only of a multi-label data set: N × classes, 1 for labels that an image has, 0 for others. */
  targets?: Float32Array
  /** The position of each image in the data set. */
  indices: Int32Array
}

/** A batch of normalised images. The arrays belong to the caller: the loader does not write to them again. */
export interface Batch extends Labelled {
  /** Normalised pixels, N × C × size × size. */
  images: Float32Array
  /** The images' shape: [images, channels, height, width]. */
  shape: [number, number, number, number]
}

/** A batch of bytes, which the step normalises on its device. */
export interface ByteBatch extends Labelled {
  /** uint8 [N, C, H, W]. It belongs to the loader, which writes to it again once the next batch is asked for. */
  images: Tensor
}

/** A loader of either kind. */
export interface BatchLoader {
  readonly dataset: Dataset
  readonly batchesPerEpoch: number
  /**
   * The batches of an epoch in order.
   *
   * @param epoch counted from 0
   * @param fromBatch the first one, counted from 0
   * @param signal ends the reading of a stream at once: the next batch is then an error
   */
  epoch(epoch: number, fromBatch?: number, signal?: AbortSignal): Iterator<Batch> | AsyncIterator<Batch | ByteBatch>
  /** Frees threads and memory. */
  dispose?(): void
}
