/**
 * AugMix: a weighted sum of several variations of the image, blended with the image itself.
 *
 * Hendrycks et al., "AugMix: A Simple Data Processing Method to Improve Robustness and Uncertainty", ICLR 2020, as timm
 * computes it (`augmix-mM-wW-dD-aA-mstdS`, without `b`). Its operations include those of colour, which the paper leaves out
 * because its test images are made with them. The paper's consistency loss is not part of this.
 */
import { z } from 'zod'
import { PURPOSE } from '../../random/philox'
import { count } from '../../schema/fields'
import { dirichlet, oneOf, type RandomSource, wholeIn } from './draws'
import { type AugmentationKind, fill, GREY, interpolation, type Size } from './kind'
import type { Program } from './program'
import { addTimmOperation, type TimmOperationName } from './timm-operations'

/** timm's list. */
export const AUG_MIX_LIST: readonly TimmOperationName[] = [
  ...(['AutoContrast', 'ColorIncreasing', 'ContrastIncreasing', 'BrightnessIncreasing'] as const),
  ...(['SharpnessIncreasing', 'Equalize', 'Rotate', 'PosterizeIncreasing', 'SolarizeIncreasing'] as const),
  ...(['ShearX', 'ShearY', 'TranslateXRel', 'TranslateYRel'] as const),
]

const schema = z.strictObject({
  name: z.literal('augMix').describe('AugMix: mixes chains of random operations'),
  magnitude: z.number().min(0).max(10).default(3).describe('severity of the operations'),
  magnitudeStd: z
    .union([z.number().min(0).max(100), z.literal('uniform')])
    .default('uniform')
    .describe('normal noise on the magnitude, or uniform from 0 to it'),
  width: count().max(20).default(3).describe('variations that are summed'),
  depth: count().max(20).optional().describe('operations in a variation; default 1, 2 or 3, drawn each time'),
  alpha: z.number().min(0.01).max(100).default(1).describe('concentration of the weights; lower: more uneven'),
  interpolation: interpolation('random'),
  fill: fill('grey'),
})

function draw(program: Program, options: z.output<typeof schema>, random: RandomSource, size: Size): void {
  const { magnitude, magnitudeStd, width, depth, alpha, interpolation = 'random', fill = GREY } = options
  const choice = { level: magnitude, deviation: magnitudeStd, most: 10 }
  const setting = { random, size, interpolation, fill, translation: { pixels: 0, share: 0.3 } }
  const weights = dirichlet(random, alpha, width)
  // The beta distribution is a Dirichlet distribution of two.
  const [share] = dirichlet(random, alpha, 2)
  program.add('mixStart')
  for (const weight of weights) {
    const operations = depth ?? wholeIn(random, 1, 3)
    for (let i = 0; i < operations; i++) addTimmOperation(program, oneOf(random, AUG_MIX_LIST), choice, setting)
    program.add('mixAdd', weight)
  }
  program.add('mixEnd', share)
}

/** The entry in kinds.ts. */
export const augMixKind = { schema, purpose: PURPOSE.policy, draw } satisfies AugmentationKind
