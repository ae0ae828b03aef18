/**
 * Random erasing: covers a rectangle of some images.
 *
 * Zhong et al., "Random Erasing Data Augmentation", AAAI 2020, as timm computes it. torchvision's RandomErasing is the
 * same with `mode: const`, `area: [0.02, 0.33]` and `aspect: [0.3, 3.3]`. Both erase after normalisation, in which 0 is the
 * mean. Here the image still consists of bytes: colours and noise are those of the normalisation's mean and standard
 * deviation, rounded and cut off at 0 and 255.
 */
import { z } from 'zod'
import { PURPOSE } from '../../random/philox'
import { count } from '../../schema/fields'
import { happens, normal, type RandomSource, uniformIn, wholeIn } from './draws'
import type { AugmentationKind, Normalization, Size } from './kind'
import type { Colour, Program } from './program'

const schema = z.strictObject({
  name: z.literal('randomErasing').describe('overwrites random rectangles'),
  probability: z.number().min(0).max(1).default(0.25).describe('share of the images'),
  mode: z
    .enum(['const', 'rand', 'pixel'])
    .default('const')
    .describe('const: the mean colour; rand: one random colour; pixel: random pixels'),
  area: z
    .tuple([z.number().positive().max(1), z.number().positive().max(1)])
    .default([0.02, 1 / 3])
    .describe('least and largest share of the area, of all rectangles together'),
  aspect: z
    .tuple([z.number().min(0.01).max(100), z.number().min(0.01).max(100)])
    .default([0.3, 1 / 0.3])
    .describe('least and largest ratio of height to width'),
  maxCount: count().max(100).default(1).describe('most rectangles in an image; the number is drawn'),
})

type Options = z.output<typeof schema>

/** How often a rectangle that does not fit is drawn again. */
const ATTEMPTS = 10

/** A rectangle [top, left, height, width] in pixels; undefined if none fits. */
function drawRectangle(random: RandomSource, { area, aspect }: Options, count: number, { height, width }: Size) {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const pixels = (uniformIn(random, ...area) * height * width) / count
    const ratio = Math.exp(uniformIn(random, Math.log(aspect[0]), Math.log(aspect[1])))
    const h = Math.round(Math.sqrt(pixels * ratio))
    const w = Math.round(Math.sqrt(pixels / ratio))
    if (h < height && w < width) return [wholeIn(random, 0, height - h), wholeIn(random, 0, width - w), h, w] as const
  }
  return undefined
}

const byte = (value: number) => Math.min(255, Math.max(0, Math.round(255 * value)))

/** The colour that normalisation turns into the values that are drawn. */
const colourOf = ({ mean, std }: Normalization, value: () => number): Colour => [
  byte(mean[0] + std[0] * value()),
  byte(mean[1] + std[1] * value()),
  byte(mean[2] + std[2] * value()),
]

const scaled = (channels: readonly number[]) => [255 * channels[0], 255 * channels[1], 255 * channels[2]] as const

function draw(program: Program, options: Options, random: RandomSource, image: Size & Normalization): void {
  const { probability, mode, maxCount } = options
  if (!happens(random, probability)) return
  const count = wholeIn(random, 1, maxCount)
  for (let i = 0; i < count; i++) {
    const rectangle = drawRectangle(random, options, count, image)
    if (rectangle === undefined || rectangle[2] === 0 || rectangle[3] === 0) continue
    if (mode === 'pixel') {
      const key = [random.uint32(), random.uint32()] as const
      program.add('eraseNoise', ...rectangle, ...scaled(image.mean), ...scaled(image.std), ...key)
    } else {
      const value = mode === 'rand' ? () => normal(random) : () => 0
      program.add('erase', ...rectangle, ...colourOf(image, value))
    }
  }
}

/** The entry in kinds.ts. */
export const randomErasingKind = {
  schema,
  purpose: PURPOSE.erasing,
  draw,
  check(raw: Record<string, unknown>) {
    const falls = (key: string) => {
      const range = raw[key]
      return Array.isArray(range) && range[0] > range[1]
    }
    return ['area', 'aspect']
      .filter(falls)
      .map((key) => ({ path: [key], message: 'must not fall: least, then largest' }))
  },
} satisfies AugmentationKind
