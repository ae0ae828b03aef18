/** The registry of augmentations, which configurations read, and the drawing of an image's program. */
import type { z } from 'zod'
import { checkObject } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { KeyedRandom } from '../../random/philox'
import type { Seed } from '../../random/seed'
import { type CrossProblem, kindNamed, nameOf, namesOf } from '../../schema/kinds'
import { augMixKind } from './aug-mix'
import { autoAugmentKind } from './auto-augment'
import { colorJitterKind } from './color-jitter'
import type { AugmentationKind, Normalization, Size } from './kind'
import { Program } from './program'
import { randAugmentKind } from './rand-augment'
import { randomErasingKind } from './random-erasing'
import { trivialAugmentKind } from './trivial-augment'

/** Every augmentation that a configuration can name. */
export const AUGMENTATIONS = [
  autoAugmentKind,
  randAugmentKind,
  trivialAugmentKind,
  augMixKind,
  colorJitterKind,
  randomErasingKind,
] as const

type Schema = (typeof AUGMENTATIONS)[number]['schema']

/** An augmentation's options in a complete configuration: checked, with every default filled in. */
export type AugmentationConfig = z.output<Schema>

/** An augmentation's options; keys with a default may be missing. */
export type AugmentationOptions = z.input<Schema>

/** Which image of which epoch is augmented, and its size in pixels. */
export interface Sample extends Size {
  seed: Seed
  /** From 0. */
  epoch: number
  /** Position in the data set. */
  sample: number
}

/** @throws MbconvError ERR_VALUE for an unknown name */
export function augmentationKind(name: string): AugmentationKind {
  const kind: AugmentationKind | undefined = kindNamed<AugmentationKind>(AUGMENTATIONS, name)
  if (kind !== undefined) return kind
  throw new MbconvError('ERR_VALUE', `there is no augmentation ${JSON.stringify(name)}`, {
    hint: `there are ${namesOf(AUGMENTATIONS).join(', ')}`,
  })
}

/** ImageNet's usual normalisation. */
const IMAGENET: Normalization = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }

/** Options with defaults filled in. Throws ERR_TYPE or ERR_VALUE, which names the augmentation and the option. */
function complete(options: unknown): { kind: AugmentationKind; config: never } {
  checkObject('augmenter', 'augmentation', options)
  const raw = options as Record<string, unknown>
  const kind = augmentationKind(String(raw.name))
  const { data, error } = kind.schema.safeParse(raw)
  const problems = error?.issues ?? kind.check?.(raw) ?? []
  if (problems.length === 0) return { kind, config: data as never }
  const [{ path, message, ...rest }] = problems
  const where = [`augmentation ${nameOf(kind)}`, ...(path.length > 0 ? [path.join('.')] : [])].join(': ')
  throw new MbconvError('ERR_VALUE', `${where}: ${message}`, { hint: (rest as Partial<CrossProblem>).hint })
}

/**
 * A function that draws the program of a sample. Augmentations are applied in the order of the list. A program depends
 * only on the arguments, the seed, the epoch, the sample and the size. What one augmentation draws does not depend on the
 * others.
 *
 * @param normalization what the images are normalised with afterwards; it decides the colours of erased areas. Default:
 *   ImageNet's mean and standard deviation
 * @throws MbconvError ERR_TYPE or ERR_VALUE for wrong arguments, or for two augmentations of one kind (all policies are one
 *   kind)
 */
export function augmenter(
  options: AugmentationOptions | readonly AugmentationOptions[],
  { mean, std }: Normalization = IMAGENET,
): (at: Sample) => Float64Array {
  if (mean.length !== 3 || std.length !== 3)
    throw new MbconvError('ERR_VALUE', `augmenter: mean and std need 3 numbers, not ${mean.length} and ${std.length}`)
  const parts = [options].flat().map(complete)
  for (const [i, { kind }] of parts.entries()) {
    // With the same purpose they would draw the same numbers.
    const before = parts.slice(0, i).find((part) => part.kind.purpose === kind.purpose)
    if (before === undefined) continue
    const [first, second] = [nameOf(before.kind), nameOf(kind)]
    throw new MbconvError('ERR_VALUE', `augmentations ${first} and ${second} cannot be combined`, {
      hint: 'Give at most one policy, one colorJitter and one randomErasing.',
    })
  }
  return ({ seed, epoch, sample, height, width }) => {
    const program = new Program()
    for (const { config, kind } of parts)
      kind.draw(program, config, new KeyedRandom(seed, kind.purpose, epoch, sample), { height, width, mean, std })
    return program.toArray()
  }
}

/** The program of one sample; see {@link augmenter}, which is faster for many. */
export function drawProgram(
  options: AugmentationOptions | readonly AugmentationOptions[],
  at: Sample,
  normalization: Normalization = IMAGENET,
): Float64Array {
  return augmenter(options, normalization)(at)
}
