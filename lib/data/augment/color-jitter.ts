/**
 * Colour jitter: brightness, contrast, saturation and hue are varied in a random order, as by torchvision's ColorJitter.
 * Some images can be made grey afterwards, as in timm.
 */
import { z } from 'zod'
import { PURPOSE } from '../../random/philox'
import { happens, type RandomSource, uniformIn } from './draws'
import type { AugmentationKind } from './kind'
import type { Program } from './program'

const strength = (what: string) =>
  z.number().min(0).max(10).default(0.4).describe(`${what}: the factor lies between 1 minus and 1 plus this, from 0`)

const schema = z.strictObject({
  name: z.literal('colorJitter').describe('random brightness, contrast, saturation and hue'),
  brightness: strength('brightness'),
  contrast: strength('contrast'),
  saturation: strength('saturation'),
  hue: z.number().min(0).max(0.5).default(0).describe('share of the colour circle, in both directions'),
  probability: z.number().min(0).max(1).default(1).describe('of the jitter'),
  grayscale: z.number().min(0).max(1).default(0).describe('probability of making the image grey'),
})

function draw(program: Program, options: z.output<typeof schema>, random: RandomSource): void {
  const { probability, grayscale, hue } = options
  const jittered = happens(random, probability)
  const grey = happens(random, grayscale)
  if (jittered) {
    const parts = [
      ['brightness', options.brightness],
      ['contrast', options.contrast],
      ['color', options.saturation],
      ['hue', hue],
    ] as const
    for (const at of random.permutation(parts.length)) {
      const [name, limit] = parts[at]
      if (limit === 0) continue
      if (name === 'hue') program.add('hue', uniformIn(random, -hue, hue))
      else program.add(name, uniformIn(random, Math.max(0, 1 - limit), 1 + limit))
    }
  }
  if (grey) program.add('grayscale')
}

/** The entry in kinds.ts. */
export const colorJitterKind = { schema, purpose: PURPOSE.colorJitter, draw } satisfies AugmentationKind
