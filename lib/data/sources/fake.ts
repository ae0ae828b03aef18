/**
 * Fake images: drawn when they are read, so that a data set of any size opens at once and needs no files. They are for
 * measuring and testing, and can be learned: each class has its own colour and waves, and each image its own shift and
 * noise.
 */
import { z } from 'zod'
import { MbconvError } from '../../errors/error'
import { hostMemory } from '../../process/host-memory'
import { KeyedRandom, PURPOSE } from '../../random/philox'
import { type StoredSeed, seedAfter } from '../../random/seed'
import { seedSchema } from '../../schema/fields'
import { optionsOf } from '../../schema/options'
import { gibibytes, whole } from '../../text/figures'
import type { ImageDataset } from '../dataset/image-dataset'
import type { DatasetKind } from '../dataset/kind'
import { MOST_CLASSES } from '../listing/class-names'

/** Samples of a part: their number is a 32-bit word of the random numbers' key. */
const MOST_IMAGES = 2 ** 31

const images = () => z.int().min(1).max(MOST_IMAGES)

const schema = z.strictObject({
  classes: z.int().min(1).max(MOST_CLASSES).default(1000).describe('number of classes'),
  size: z.int().min(1).max(4096).nullable().default(null).describe("side of the images, px; null: the model's input"),
  channels: z
    .union([z.literal(1), z.literal(3)])
    .default(3)
    .describe('1: gray; 3: red, green, blue'),
  train: images().default(10_000).describe('training images'),
  test: images().default(1000).describe('test images'),
  seed: seedSchema.prefault(0).describe('which images'),
})

export type FakeOptions = z.input<typeof schema>
type Options = z.output<typeof schema>

/** The parts, as keys of random numbers. Classes have keys of their own. */
const PART = { classes: 0, train: 1, test: 2 } as const

/** Largest value of the noise, and height of the waves, in levels of 255. */
const NOISE = 32
const WAVE = 48

/** How the images of a class look. */
interface Look {
  /** Mean level of each channel. */
  levels: number[]
  /** Waves across an image, in x and y. */
  waves: [number, number]
}

/** An image data set that draws an image when it is read. */
class FakeDataset implements ImageDataset {
  readonly name: string
  readonly shape: readonly [number, number, number]
  readonly length: number
  readonly classes: readonly string[]
  readonly #options: Options
  readonly #part: number
  #labels: Int32Array | undefined

  constructor(part: 'train' | 'test', options: Options, size: number, classes: readonly string[]) {
    this.name = `fake/${part}`
    this.shape = [options.channels, size, size]
    this.length = options[part]
    this.classes = classes
    this.#options = options
    this.#part = PART[part]
  }

  /** The classes take turns. */
  get labels(): Int32Array {
    if (this.#labels !== undefined) return this.#labels
    const { length, classes } = this
    try {
      this.#labels = new Int32Array(length)
    } catch (cause) {
      throw new MbconvError('ERR_OOM', `${this.name}: no memory for ${whole(length)} labels`, { cause })
    }
    for (let i = 0; i < length; i++) this.#labels[i] = i % classes.length
    return this.#labels
  }

  read(index: number): Uint8Array {
    if (!Number.isInteger(index) || index < 0 || index >= this.length)
      throw new MbconvError('ERR_INDEX', `${this.name} has images 0 to ${this.length - 1}, not ${index}`)
    const [channels, height, width] = this.shape
    const random = new KeyedRandom(this.#options.seed, PURPOSE.fake, this.#part, index)
    const { levels, waves } = this.#look(index % this.classes.length)
    const [shiftX, shiftY] = [random.uniform(), random.uniform()]
    const [sinX, cosX] = waveTables(width, waves[0], shiftX)
    const [sinY, cosY] = waveTables(height, waves[1], shiftY)
    const image = new Uint8Array(channels * height * width)
    let at = 0
    let word = 0
    for (let c = 0; c < channels; c++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++, at++) {
          // Four bytes of noise from each word. The wave is the sine of the sum of two angles.
          word = at % 4 === 0 ? random.uint32() : word >>> 8
          const wave = sinX[x] * cosY[y] + cosX[x] * sinY[y]
          image[at] = levels[c] + WAVE * wave + ((word & 0xff) * NOISE) / 255
        }
    return image
  }

  /** Drawn anew for each image: a table of all classes would be larger than the work is long. */
  #look(label: number): Look {
    const random = new KeyedRandom(this.#options.seed, PURPOSE.fake, PART.classes, label)
    // With waves and noise added, levels stay within 0 … 255.
    const level = () => WAVE + random.uniform() * (255 - 2 * WAVE - NOISE)
    return {
      levels: Array.from({ length: this.shape[0] }, level),
      waves: [1 + random.below(6), 1 + random.below(6)],
    }
  }

  fingerprint(): string {
    const { seed, classes, train, test, channels } = this.#options
    return ['fake', seed, classes, train, test, channels, this.shape[1]].join('-')
  }
}

/** Sine and cosine of waves along a side, shifted by a share of one. */
function waveTables(length: number, waves: number, shift: number): [sin: Float64Array, cos: Float64Array] {
  const angle = (i: number) => 2 * Math.PI * ((waves * i) / length + shift)
  return [
    Float64Array.from({ length }, (_, i) => Math.sin(angle(i))),
    Float64Array.from({ length }, (_, i) => Math.cos(angle(i))),
  ]
}

/**
 * Makes training and test images that are drawn when they are read, [channels, size, size].
 *
 * @param size side of the images unless the options set one, px
 * @throws MbconvError ERR_CONFIG for an option out of range
 */
export function openFake(given: FakeOptions, size: number): { train: ImageDataset; test: ImageDataset } {
  const options = optionsOf('fake', schema, given)
  const classes = Array.from({ length: options.classes }, (_, i) => `class ${i}`)
  const part = (name: 'train' | 'test') => new FakeDataset(name, options, options.size ?? size, classes)
  return { train: part('train'), test: part('test') }
}

/** The part of a configuration's `data` that concerns fake images. Defaults may not be filled in. */
export interface FakeData {
  fake?: FakeOptions
}

/** For the registry in kinds.ts. */
export const fakeKind = {
  name: 'fake',
  summary: 'any number of made-up images, for measuring',
  reported: 'made-up images',
  caveat: 'The images are made up: accuracy on them says nothing about photographs.',
  keys: { fake: schema.optional().describe('which images, with dataset: fake') },
  files: [],
  open: ({ fake }: FakeData, resolution: number) => openFake(fake ?? {}, resolution),
  announced(data: FakeData) {
    const { classes, channels, train, test } = optionsOf('fake', schema, data.fake)
    return { classes, channels, train, test }
  },
  checkMemory(data: FakeData) {
    const { train, test } = optionsOf('fake', schema, data.fake)
    // Labels and the order of an epoch are in memory, four bytes an image each.
    const bytes = 8 * (train + test)
    if (bytes <= hostMemory()) return
    const text = `labels and order of ${whole(train + test)} images take ${gibibytes(bytes)}`
    throw new MbconvError('ERR_CONFIG', `data.fake.train: ${text}; this machine has ${gibibytes(hostMemory())}`, {
      hint: 'fewer images',
    })
  },
  shortened: (data: FakeData, { train, test }: { train: number; test: number }) => ({
    ...data,
    fake: { ...data.fake, train, test },
  }),
  reseeded: (data: FakeData, seed: StoredSeed) => ({
    ...data,
    fake: { ...data.fake, seed: seedAfter('jobConfig', data.fake?.seed ?? 0, seed) },
  }),
} satisfies DatasetKind
