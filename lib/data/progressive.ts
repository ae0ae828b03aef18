/**
 * Progressive resizing: training begins with small images, which are fast, and ends with those of the network's resolution
 * (Tan & Le, EfficientNetV2, arXiv:2104.00298, section 4.2).
 */
import { isSquare, mapSides, type Resolution, sameResolution, shorterSideOf } from '../models/arch/resolution'
import type { Batch, BatchLoader, ByteBatch } from './batches/batch'
import type { Dataset } from './sources/image-dataset'

export interface Progression {
  /** Side of the first images, px; of rectangles the shorter one. */
  from: number
  /** Number of sizes, at least 2: the first is `from`, the last the network's resolution. */
  stages: number
  /** Epochs of the whole run, which are divided evenly among the stages. */
  epochs: number
}

/** The size of the images in an epoch, px. Rectangles keep their aspect ratio, rounded. */
export function sizeIn({ from, stages, epochs }: Progression, resolution: Resolution, epoch: number): Resolution {
  const stage = Math.min(stages - 1, Math.floor((epoch * stages) / epochs))
  const shorter = shorterSideOf(resolution)
  const side = Math.round(from + ((shorter - from) * stage) / (stages - 1))
  if (isSquare(resolution)) return side
  return mapSides(resolution, (each) => Math.round((each * side) / shorter))
}

/** A loader for each size. They have the same batches, so a position in an epoch means the same images in each. */
export class ProgressiveLoader implements BatchLoader {
  readonly dataset: Dataset
  readonly batchesPerEpoch: number
  readonly #sizeOf: (epoch: number) => Resolution
  readonly #make: (size: Resolution) => BatchLoader
  #loader: BatchLoader
  #size: Resolution

  /** @param make a loader of images of a size, px */
  constructor(progression: Progression, resolution: Resolution, make: (size: Resolution) => BatchLoader) {
    this.#sizeOf = (epoch) => sizeIn(progression, resolution, epoch)
    this.#make = make
    this.#size = this.#sizeOf(0)
    this.#loader = make(this.#size)
    this.dataset = this.#loader.dataset
    this.batchesPerEpoch = this.#loader.batchesPerEpoch
  }

  /** As {@link BatchLoader.epoch}. Only one epoch may be read at a time: the loader of another size is disposed. */
  epoch(epoch: number, fromBatch = 0): Iterator<Batch> | AsyncIterator<Batch | ByteBatch> {
    const size = this.#sizeOf(epoch)
    if (!sameResolution(size, this.#size)) {
      this.#loader.dispose?.()
      this.#loader = this.#make(size)
      this.#size = size
    }
    return this.#loader.epoch(epoch, fromBatch)
  }

  dispose(): void {
    this.#loader.dispose?.()
  }
}
