/**
 * AutoAugment: one of several sub-policies for each image, each equally likely. Its operations follow one another, each
 * with its own probability.
 *
 * Cubuk et al., "AutoAugment: Learning Augmentation Strategies from Data", CVPR 2019. The policies v0, v0r,
 * original, originalr and 3a have the ranges of timm, and imagenet, cifar10 and svhn those of torchvision.
 */
import { z } from 'zod'
import { PURPOSE } from '../../random/philox'
import { CIFAR10, IMAGENET, type SubPolicy, SVHN, THREE_AUGMENT, V0 } from './auto-augment-tables'
import { happens, oneOf, type RandomSource } from './draws'
import { type AugmentationKind, BLACK, fill, GREY, interpolation, type Size, withoutEffect } from './kind'
import type { Program } from './program'
import { addTimmOperation, type TimmOperationName } from './timm-operations'
import { addTorchvisionOperation, NARROW, type TorchvisionOperationName } from './torchvision-operations'

type TimmPolicy = { source: 'timm'; table: readonly SubPolicy<TimmOperationName>[] }
type TorchvisionPolicy = { source: 'torchvision'; table: readonly SubPolicy<TorchvisionOperationName>[] }

/** The table with another kind of Posterize. timm's variants of a policy differ in it. */
const posterizing = <Name extends string>(
  table: readonly SubPolicy<Name>[],
  kind: 'PosterizeIncreasing' | 'PosterizeOriginal',
) =>
  table.map((steps) =>
    steps.map(([name, ...rest]) => [name === 'Posterize' ? kind : name, ...rest]),
  ) as unknown as SubPolicy<Exclude<Name, 'Posterize'> | typeof kind>[]

const POLICIES = {
  v0: { source: 'timm', table: V0 },
  v0r: { source: 'timm', table: posterizing<TimmOperationName>(V0, 'PosterizeIncreasing') },
  original: { source: 'timm', table: posterizing<TimmOperationName>(IMAGENET, 'PosterizeOriginal') },
  originalr: { source: 'timm', table: posterizing<TimmOperationName>(IMAGENET, 'PosterizeIncreasing') },
  '3a': { source: 'timm', table: THREE_AUGMENT },
  imagenet: { source: 'torchvision', table: IMAGENET },
  cifar10: { source: 'torchvision', table: CIFAR10 },
  svhn: { source: 'torchvision', table: SVHN },
} as const satisfies Record<string, TimmPolicy | TorchvisionPolicy>

type PolicyName = keyof typeof POLICIES

const policyNames = Object.keys(POLICIES) as [PolicyName, ...PolicyName[]]

/** A policy by its name: whose ranges it has, and its sub-policies. */
export const autoAugmentPolicy = (name: PolicyName): TimmPolicy | TorchvisionPolicy => POLICIES[name]

const schema = z.strictObject({
  name: z.literal('autoAugment').describe('AutoAugment: pairs of operations that a search found'),
  policy: z.enum(policyNames).default('v0').describe("v0: EfficientNet's; also timm's and torchvision's others"),
  magnitudeStd: z.number().min(0).max(10).optional().describe('normal noise on the level; default 0, as in the paper'),
  translatePixels: z
    .number()
    .positive()
    .max(10000)
    .optional()
    .describe("translation at level 10 in pixels; TensorFlow's is 250; default 0.45 of the side, as in timm"),
  interpolation: interpolation("random with timm's policies, nearest with torchvision's"),
  fill: fill("grey with timm's policies, black with torchvision's"),
})

/** torchvision's policies have ten bins, one a level. */
const BINS = 10

function draw(program: Program, options: z.output<typeof schema>, random: RandomSource, size: Size): void {
  const policy = autoAugmentPolicy(options.policy)
  if (policy.source === 'timm') {
    const { magnitudeStd = 0, translatePixels, interpolation = 'random', fill = GREY } = options
    const translation = { pixels: translatePixels ?? 0, share: 0.45 }
    for (const [name, probability, level] of oneOf(random, policy.table)) {
      if (!happens(random, probability)) continue
      const known = translatePixels !== undefined && name === 'TranslateYRel' ? 'TranslateY' : name
      const choice = { level, deviation: magnitudeStd, most: 10 }
      addTimmOperation(program, known, choice, { random, size, interpolation, fill, translation })
    }
    return
  }
  const { interpolation = 'nearest', fill = BLACK } = options
  for (const [name, probability, bin] of oneOf(random, policy.table)) {
    if (!happens(random, probability)) continue
    addTorchvisionOperation(program, name, { random, size, interpolation, fill, ranges: NARROW, bins: BINS, bin })
  }
}

/** The entry in kinds.ts. */
export const autoAugmentKind = {
  schema,
  purpose: PURPOSE.policy,
  draw,
  check(raw: Record<string, unknown>) {
    const { policy = 'v0' } = raw
    if (!policyNames.includes(policy as PolicyName)) return []
    const { source, table } = autoAugmentPolicy(policy as PolicyName)
    const translates = table.some((steps) => steps.some(([name]) => name === 'TranslateYRel'))
    const keys = [...(source === 'timm' ? [] : ['magnitudeStd']), ...(translates ? [] : ['translatePixels'])]
    return withoutEffect(raw, keys, `policy: ${String(policy)}`)
  },
} satisfies AugmentationKind
