/**
 * Progressive resizing: training begins with small images, which are fast, and ends with those of the network's resolution
 * (Tan & Le, EfficientNetV2, arXiv:2104.00298, section 4.2).
 */
import { isSquare, mapSides, type Resolution, shorterSideOf } from '../models/arch/resolution'
import type { Batch, BatchLoader, ByteBatch } from './batches/batch'
import type { Dataset } from './dataset/image-dataset'

export interface Progression {
  /** Side of the first images, px; of rectangles the shorter one. */
  from: number
  /** Number of sizes, at least 2: the first is `from`, the last the network's resolution. */
  stages: number
  /** Epochs of the whole run, which are divided evenly among the stages. */
  epochs: number
}

/** The stage of an epoch, from 0. */
export const stageIn = ({ stages, epochs }: Omit<Progression, 'from'>, epoch: number): number =>
  Math.min(stages - 1, Math.floor((epoch * stages) / epochs))

/** The value in a stage, of those that go evenly from the first stage's to the last stage's. */
export const grown = (first: number, last: number, { stages }: Pick<Progression, 'stages'>, stage: number): number =>
  // Exactly the last value, which rounding could miss by a little, and with it a limit.
  stage === stages - 1 ? last : first + ((last - first) * stage) / (stages - 1)

/** The size of the images in a stage, px. Rectangles keep their aspect ratio, rounded. */
export function sizeOf(progression: Progression, resolution: Resolution, stage: number): Resolution {
  const shorter = shorterSideOf(resolution)
  const side = Math.round(grown(progression.from, shorter, progression, stage))
  if (isSquare(resolution)) return side
  return mapSides(resolution, (each) => Math.round((each * side) / shorter))
}

/** A loader for each stage. They have the same batches, so a position in an epoch means the same images in each. */
export class ProgressiveLoader implements BatchLoader {
  readonly dataset: Dataset
  readonly batchesPerEpoch: number
  readonly #progression: Progression
  readonly #make: (stage: number) => BatchLoader
  #loader: BatchLoader
  #stage = 0

  /** @param make the loader of a stage, whose images have the size {@link sizeOf} */
  constructor(progression: Progression, make: (stage: number) => BatchLoader) {
    this.#progression = progression
    this.#make = make
    this.#loader = make(0)
    this.dataset = this.#loader.dataset
    this.batchesPerEpoch = this.#loader.batchesPerEpoch
  }

  /** As {@link BatchLoader.epoch}. Only one epoch may be read at a time: the loader of another stage is disposed. */
  epoch(epoch: number, fromBatch = 0, signal?: AbortSignal): Iterator<Batch> | AsyncIterator<Batch | ByteBatch> {
    const stage = stageIn(this.#progression, epoch)
    if (stage !== this.#stage) {
      this.#loader.dispose?.()
      this.#loader = this.#make(stage)
      this.#stage = stage
    }
    return this.#loader.epoch(epoch, fromBatch, signal)
  }

  dispose(): void {
    this.#loader.dispose?.()
  }
}
