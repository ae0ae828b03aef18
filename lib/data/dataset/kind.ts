/** The interface between a data set and the rest of the package. */
import type { z } from 'zod'
import type { StoredSeed } from '../../random/seed'
import type { Dataset } from './image-dataset'

/** The parts of a data set. */
export interface DataParts {
  /** The images to train on. */
  train: Dataset
  /** Evaluated during training if there is no validation part, and at its end. */
  test: Dataset
  /** Evaluated during training, to choose the best checkpoint without looking at the test images. */
  validation?: Dataset
  /** What was left out, and what may be a mistake: warnings for the user. */
  notes?: readonly string[]
}

/** Facts about a data set that are known before it is opened. */
export interface Announced {
  classes: number
  channels: number
  /** Number of training images. */
  train: number
  /** Number of test images. */
  test: number
}

/**
 * A data set's description. Each is defined beside its loader and listed in ../sources/kinds.ts. The methods take the
 * `data` section of a configuration, checked by the schema.
 */
export interface DatasetKind {
  /** The value of `data.dataset` that selects it. */
  readonly name: string
  /** For the description of `data.dataset`, after the name. */
  readonly summary: string
  /** Its name in an experiment's report. */
  readonly reported: string
  /** A caveat that an experiment's report states for every result on it. */
  readonly caveat?: string
  /**
   * Whether its images are files of any size, which are cut, varied and decoded as the keys for files say. Default: they
   * have one size.
   */
  readonly hasFiles?: boolean
  /**
   * The key in `data`, with a dot where it lies inside a mapping, that says whether an image may have any number of
   * labels. It follows from a configuration's `task`. Data sets without it have one class an image.
   */
  readonly multiLabelKey?: string
  /** Whether its images themselves say if they may have several labels. */
  readonly saysMultiLabel?: boolean
  /** Its own keys in `data`. Each has a default, or is or contains a key listed in `files`. */
  readonly keys: z.ZodRawShape
  /**
   * The keys that name files or folders, with a dot where one lies inside a mapping: `folder.path`. They are required
   * for this data set and refused for others. Relative paths start at the configuration's folder. A value may be a list
   * of paths.
   */
  readonly files: readonly string[]
  /** Such keys that may be left out. */
  readonly optionalFiles?: readonly string[]
  /**
   * Opens, loads or generates the images.
   *
   * @param side of the model's input, px, the longer one of a rectangle: images that are drawn for it have this side
   * @throws MbconvError ERR_DATA if a file cannot be used or the two parts do not match
   */
  open(data: never, side: number): DataParts
  /**
   * What must be done before the images can be opened, and takes long: reading compressed archives once.
   *
   * @throws MbconvError ERR_DATA, ERR_IO
   */
  prepare?(data: never): Promise<void>
  /** Facts known in advance. Without this method, a plan opens the data set to count its classes. */
  announced?(data: never): Announced
  /**
   * Refuses a data set that does not fit this machine's memory.
   *
   * @throws MbconvError ERR_CONFIG
   */
  checkMemory?(data: never, side: number): void
  /** A smaller data set of the same kind, enough to time a step. Without this method, all images are opened. */
  shortened?(data: never, images: { train: number; test: number }): unknown
  /**
   * Other images of the same kind for each seed of an experiment. Without this method, all seeds use the same images.
   */
  reseeded?(data: never, seed: StoredSeed): unknown
}
