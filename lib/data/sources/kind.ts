/** What the rest of the package knows of a data set. */
import type { z } from 'zod'
import type { StoredSeed } from '../../random/seed'
import type { ImageDataset } from './image-dataset'

/** The two parts of a data set. */
export interface TrainAndTest {
  train: ImageDataset
  test: ImageDataset
}

/** What can be told of a data set before it is opened. */
export interface Announced {
  classes: number
  channels: number
  /** Training images. */
  train: number
  /** Test images. */
  test: number
}

/**
 * A data set's description. Each stands beside its loader; kinds.ts lists them. The methods take `data` of a
 * configuration, checked by the schema.
 */
export interface DatasetKind {
  /** What `data.dataset` picks it by. */
  readonly name: string
  /** For the description of `data.dataset`: the name is put before it. */
  readonly summary: string
  /** What an experiment's report calls it. */
  readonly reported: string
  /** What an experiment's report has to say of every result on it. */
  readonly caveat?: string
  /** The keys of `data` that are its own. Each has a default, or is listed in `files`. */
  readonly keys: z.ZodRawShape
  /**
   * Those of its keys that name files. They must be given with this data set and not with others; relative ones are
   * relative to the configuration's folder.
   */
  readonly files: readonly string[]
  /**
   * Loads or draws the images.
   *
   * @param resolution of the model's input, px
   * @throws MbconvError ERR_DATA when a file cannot be used or the two parts do not fit each other
   */
  open(data: never, resolution: number): TrainAndTest
  /** What is known before; without it, a plan opens the data set to count its classes. */
  announced?(data: never): Announced
  /**
   * Refuses what this machine's memory cannot hold.
   *
   * @throws MbconvError ERR_CONFIG
   */
  checkMemory?(data: never, resolution: number): void
  /** The same kind of images, but only so many: enough to time a step. Without it, all of them are opened. */
  shortened?(data: never, images: { train: number; test: number }): unknown
  /** Other images of the same kind for each seed of an experiment. Without it, all seeds see the same images. */
  reseeded?(data: never, seed: StoredSeed): unknown
}
