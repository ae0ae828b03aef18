/**
 * RandAugment: some operations for each image, drawn from one list, all at one magnitude.
 *
 * Cubuk et al., "RandAugment: Practical automated data augmentation with a reduced search space", NeurIPS 2020. With
 * `ranges: timm`, the keys are those of timm's `rand-mM-nN-mstdS-incI-mmaxX-pP`. With `ranges: torchvision`, the
 * magnitude is one of 31 bins, and each operation is applied.
 */
import { z } from 'zod'
import { PURPOSE } from '../../random/philox'
import { count } from '../../schema/fields'
import { happens, oneOf, type RandomSource } from './draws'
import { type AugmentationKind, BLACK, fill, GREY, interpolation, type Size, withoutEffect } from './kind'
import type { Program } from './program'
import { addTimmOperation, type TimmOperationName } from './timm-operations'
import { addTorchvisionOperation, NARROW, UNIFORM_OPERATIONS } from './torchvision-operations'

/** timm's list. */
export const TIMM_LIST: readonly TimmOperationName[] = [
  ...(['AutoContrast', 'Equalize', 'Invert', 'Rotate', 'Posterize', 'Solarize', 'SolarizeAdd'] as const),
  ...(['Color', 'Contrast', 'Brightness', 'Sharpness'] as const),
  ...(['ShearX', 'ShearY', 'TranslateXRel', 'TranslateYRel'] as const),
]

/** timm's list with `increasing`: all operations become stronger with the magnitude. */
export const TIMM_INCREASING_LIST: readonly TimmOperationName[] = [
  ...(['AutoContrast', 'Equalize', 'Invert', 'Rotate', 'PosterizeIncreasing', 'SolarizeIncreasing'] as const),
  ...(['SolarizeAdd', 'ColorIncreasing', 'ContrastIncreasing', 'BrightnessIncreasing'] as const),
  ...(['SharpnessIncreasing', 'ShearX', 'ShearY', 'TranslateXRel', 'TranslateYRel'] as const),
]

const TIMM_KEYS = ['magnitudeStd', 'magnitudeMax', 'increasing', 'probability']

const schema = z.strictObject({
  name: z.literal('randAugment').describe('RandAugment: random operations of one strength'),
  ranges: z.enum(['timm', 'torchvision']).default('timm').describe('whose operations and ranges'),
  layers: count().max(20).default(2).describe('operations for an image'),
  magnitude: z.number().min(0).max(100).default(9).describe("timm: 0 to magnitudeMax; torchvision: a bin's number"),
  magnitudeStd: z
    .union([z.number().min(0).max(100), z.literal('uniform')])
    .optional()
    .describe('timm: normal noise on the magnitude, or uniform from 0 to it; default 0.5'),
  magnitudeMax: z.number().positive().max(100).optional().describe('timm: limit of the noisy magnitude; default 10'),
  increasing: z.boolean().optional().describe('timm: whether all operations become stronger with the magnitude'),
  probability: z.number().min(0).max(1).optional().describe('timm: of each operation that was drawn; default 0.5'),
  bins: count().min(2).max(1000).optional().describe('torchvision: number of magnitudes; default 31'),
  interpolation: interpolation('random with timm, nearest with torchvision'),
  fill: fill('grey with timm, black with torchvision'),
})

type Options = z.output<typeof schema>

function drawTimm(program: Program, options: Options, random: RandomSource, size: Size): void {
  const { layers, magnitude, magnitudeStd = 0.5, magnitudeMax = 10, increasing = false, probability = 0.5 } = options
  const { interpolation = 'random', fill = GREY } = options
  const list = increasing ? TIMM_INCREASING_LIST : TIMM_LIST
  const choice = { level: magnitude, deviation: magnitudeStd, most: magnitudeMax }
  // Its translations are relative.
  const setting = { random, size, interpolation, fill, translation: { pixels: 0, share: 0.45 } }
  for (let layer = 0; layer < layers; layer++) {
    const name = oneOf(random, list)
    if (happens(random, probability)) addTimmOperation(program, name, choice, setting)
  }
}

function drawTorchvision(program: Program, options: Options, random: RandomSource, size: Size): void {
  const { layers, magnitude, bins = 31, interpolation = 'nearest', fill = BLACK } = options
  const setting = { random, size, interpolation, fill, ranges: NARROW, bins, bin: magnitude }
  for (let layer = 0; layer < layers; layer++)
    addTorchvisionOperation(program, oneOf(random, UNIFORM_OPERATIONS), setting)
}

/** The entry in kinds.ts. */
export const randAugmentKind = {
  schema,
  purpose: PURPOSE.policy,
  draw(program: Program, options: Options, random: RandomSource, size: Size) {
    const drawOf = options.ranges === 'timm' ? drawTimm : drawTorchvision
    drawOf(program, options, random, size)
  },
  check(raw: Record<string, unknown>) {
    const { ranges = 'timm', magnitude = 9, magnitudeMax = 10, bins = 31 } = raw
    if (ranges === 'timm') {
      const problems = withoutEffect(raw, ['bins'], 'ranges: timm')
      if (!(Number(magnitude) > Number(magnitudeMax))) return problems
      const message = `must be at most magnitudeMax, ${String(magnitudeMax)}`
      return [...problems, { path: ['magnitude'], message, hint: 'raise magnitudeMax for a stronger magnitude' }]
    }
    if (ranges !== 'torchvision') return []
    const problems = withoutEffect(raw, TIMM_KEYS, 'ranges: torchvision')
    const isBin = Number.isInteger(magnitude) && Number(magnitude) < Number(bins)
    if (isBin || typeof magnitude !== 'number' || typeof bins !== 'number') return problems
    return [...problems, { path: ['magnitude'], message: `must be a bin, a whole number from 0 to ${bins - 1}` }]
  },
} satisfies AugmentationKind
