/**
 * Scenes: a procedural data set that can show the benefit of each of the three dimensions of scaling.
 *
 * A scene shows five discs with a texture among five without. Its class is the combination of the texture and the
 * arrangement of the five. Some textures are coarse and others too fine for the pixels of a small image, so resolution
 * helps. The arrangement depends on the whole image, so depth may help. Each additional texture needs its own features,
 * so width may help. Every scene is drawn at the requested resolution from the same description: nothing is resized.
 * `docs/scenes.png` shows examples.
 */
import { z } from 'zod'
import { checkOptions } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { native } from '../../native/addon'
import { hostMemory } from '../../process/host-memory'
import { type Seed, type StoredSeed, seedAfter, seedBits } from '../../random/seed'
import { count, seedSchema } from '../../schema/fields'
import { gibibytes, whole } from '../../text/figures'
import { inMemory, type MemoryDataset } from '../dataset/image-dataset'
import type { DatasetKind } from '../dataset/kind'

/** Textures and arrangements for each number of classes, which is their product. */
const KINDS: Readonly<Record<number, { textures: number; arrangements: number }>> = Object.freeze({
  10: { textures: 5, arrangements: 2 },
  100: { textures: 10, arrangements: 10 },
})

/** The names of the textures that the discs of scenes have. */
export const TEXTURES: readonly string[] = Object.freeze([
  ...['lines', 'squares', 'hexagons', 'lines-in-pairs', 'bricks'],
  ...['rhombs', 'eightfold', 'lines-in-threes', 'slanted-bricks', 'tenfold'],
])

/** The names of the arrangements that the discs of scenes have. */
export const ARRANGEMENTS: readonly string[] = Object.freeze([
  ...['ring', 'row', 'cross', 'vee', 'ell', 'tee', 'zigzag', 'two-groups', 'quincunx', 'three-over-two'],
])

/** How many scenes are drawn, of how many classes, and how. */
export interface SceneOptions {
  /** 10 or 100. Default 10. */
  classes?: number
  /** Side of the square images, px. Default 64. */
  size?: number
  /** Default 5000. */
  train?: number
  /** Default 2000. */
  test?: number
  /**
   * Selects the set of scenes. Training and test scenes differ from each other under every seed. Only the lower 63 of
   * the 64 bits count. Default 0.
   */
  seed?: Seed
  /** Standard deviation of the noise at 64 px, for values in 0 … 1. Default 0.06. */
  noise?: number
}

/** Bytes of all images, training and test. */
const bytesOfScenes = ({ size, train, test }: { size: number; train: number; test: number }): number =>
  3 * size ** 2 * (train + test)

/** The two parts of the scenes. */
export interface SceneParts {
  /** The scenes to train on, drawn from `seed`. */
  train: MemoryDataset
  /** The scenes for the evaluation, drawn from another seed. */
  test: MemoryDataset
}

/**
 * Draws the training and test images, [3, size, size]. The classes alternate and are equally frequent.
 *
 * @throws MbconvError ERR_TYPE, ERR_VALUE for an option out of range, ERR_OOM if the images do not fit this machine's
 *   memory, ERR_NATIVE_LOAD
 */
export function loadScenes(options: SceneOptions = {}): SceneParts {
  const op = 'loadScenes'
  checkOptions(op, options, ['classes', 'size', 'train', 'test', 'seed', 'noise'])
  const { classes = 10, size = 64, train = 5000, test = 2000, seed = 0, noise = 0.06 } = options
  const kinds = KINDS[classes]
  if (kinds === undefined) {
    throw new MbconvError('ERR_VALUE', `${op}: classes must be 10 or 100, not ${classes}`, { op })
  }
  for (const [name, value, least, most] of [
    ['size', size, 8, 1024],
    ['train', train, 1, 2 ** 24],
    ['test', test, 1, 2 ** 24],
  ] as const) {
    if (Number.isSafeInteger(value) && value >= least && value <= most) continue
    throw new MbconvError('ERR_VALUE', `${op}: ${name} must be a whole number from ${least} to ${most}, not ${value}`, {
      op,
    })
  }
  const bytes = bytesOfScenes({ size, train, test })
  if (bytes > hostMemory()) {
    const has = `this machine has ${gibibytes(hostMemory())}`
    throw new MbconvError('ERR_OOM', `${op}: ${train + test} images of ${size} px take ${gibibytes(bytes)}; ${has}`, {
      op,
    })
  }
  const first = 2n * seedBits(op, seed)
  const names = Array.from({ length: classes }, (_, label) => {
    const { texture, arrangement } = kindOf(label, kinds.textures)
    return `${TEXTURES[texture]}/${ARRANGEMENTS[arrangement]}`
  })
  const part = (name: string, length: number, key: bigint): MemoryDataset => {
    const images = new Uint8Array(length * 3 * size * size)
    const labels = Uint8Array.from({ length }, (_, i) => i % classes)
    const drawn = new Uint8Array(2 * length)
    labels.forEach((label, i) => {
      const { texture, arrangement } = kindOf(label, kinds.textures)
      drawn.set([texture, arrangement], 2 * i)
    })
    native().renderScenes(images, drawn, BigInt.asIntN(64, key), 0, size, noise)
    return inMemory({ name: `scenes/${name}`, classes: names, shape: [3, size, size], images, labels })
  }
  return { train: part('train', train, first), test: part('test', test, first + 1n) }
}

function kindOf(label: number, textures: number): { texture: number; arrangement: number } {
  return { texture: label % textures, arrangement: Math.floor(label / textures) }
}

const schema = z.strictObject({
  classes: z
    .union([z.literal(10), z.literal(100)])
    .default(10)
    .describe('10: five textures in two arrangements; 100: ten in ten'),
  size: z
    .int()
    .min(8)
    .max(1024)
    .nullable()
    .default(null)
    .describe("side they are drawn at, px; null: the model's input"),
  train: count()
    .max(2 ** 24)
    .default(5000)
    .describe('training images'),
  test: count()
    .max(2 ** 24)
    .default(2000)
    .describe('test images'),
  seed: seedSchema.prefault(0).describe('which scenes; training and test images always differ'),
  noise: z.number().min(0).max(1).default(0.06).describe('standard deviation at 64 px, in 0..1'),
})

export interface SceneData {
  scenes: z.output<typeof schema>
}

/** For the registry in kinds.ts. */
export const scenesKind = {
  name: 'scenes',
  summary: 'drawn by mbconv',
  reported: 'procedural scenes',
  keys: { scenes: schema.prefault({}).describe('which scenes, with dataset: scenes') },
  files: [],
  // Unlike a configuration, a caller of datasetOf may omit anything.
  open: ({ scenes }: { scenes?: Partial<SceneData['scenes']> }, resolution) =>
    loadScenes({ ...scenes, size: scenes?.size ?? resolution }),
  announced: ({ scenes: { classes, train, test } }: SceneData) => ({ classes, channels: 3, train, test }),
  checkMemory({ scenes: { train, test, size } }: SceneData, resolution) {
    const side = size ?? resolution
    const bytes = bytesOfScenes({ size: side, train, test })
    if (bytes <= hostMemory()) return
    const key = train >= test ? 'data.scenes.train' : 'data.scenes.test'
    const images = `${whole(train + test)} images of ${side} px take ${gibibytes(bytes)}`
    throw new MbconvError('ERR_CONFIG', `${key}: ${images}; this machine has ${gibibytes(hostMemory())}`, {
      hint: 'fewer images, or a smaller data.scenes.size',
    })
  },
  shortened: (data: SceneData, { train, test }) => ({ ...data, scenes: { ...data.scenes, train, test } }),
  // `data` as written in an arm; its defaults may not be filled in.
  reseeded: (data: { scenes?: { seed?: Seed } }, seed: StoredSeed) => ({
    ...data,
    scenes: { ...data.scenes, seed: seedAfter('jobConfig', data.scenes?.seed ?? 0, seed) },
  }),
} satisfies DatasetKind
