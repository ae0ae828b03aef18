/**
 * TrivialAugment: one operation for each image, at any strength, each equally likely.
 *
 * Müller and Hutter, "TrivialAugment: Tuning-free yet State-of-the-Art Data Augmentation", ICCV 2021, with the ranges of
 * torchvision's TrivialAugmentWide.
 */
import { z } from 'zod'
import { PURPOSE } from '../../random/philox'
import { count } from '../../schema/fields'
import { oneOf, type RandomSource } from './draws'
import { type AugmentationKind, BLACK, fill, interpolation, type Size } from './kind'
import type { Program } from './program'
import { addTorchvisionOperation, UNIFORM_OPERATIONS, WIDE } from './torchvision-operations'

const schema = z.strictObject({
  name: z.literal('trivialAugmentWide').describe('TrivialAugment: one random operation of random strength'),
  bins: count().min(2).max(1000).default(31).describe('number of magnitudes'),
  interpolation: interpolation('nearest'),
  fill: fill('black'),
})

function draw(program: Program, options: z.output<typeof schema>, random: RandomSource, size: Size): void {
  const { bins, interpolation = 'nearest', fill = BLACK } = options
  const setting = { random, size, interpolation, fill, ranges: WIDE, bins, bin: 'uniform' } as const
  addTorchvisionOperation(program, oneOf(random, UNIFORM_OPERATIONS), setting)
}

/** The entry in kinds.ts. */
export const trivialAugmentKind = { schema, purpose: PURPOSE.policy, draw } satisfies AugmentationKind
