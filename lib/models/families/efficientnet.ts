/**
 * EfficientNet B0 to B8 and L2, and EfficientNet-Lite.
 *
 * Sources: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", arXiv:1905.11946,
 * Table 1; tensorflow/tpu@7dc921f models/official/efficientnet (coefficients, rounding, lite).
 */
import { type CheckedArch, checkArch } from '../arch/check'
import { scale } from '../arch/scaling'

/** EfficientNet-B0, the paper's Table 1, stages 2 to 8. */
export const BASELINE: CheckedArch = checkArch('families', {
  name: 'efficientnet_b0',
  stem: 32,
  // biome-ignore format: one row a stage, as the paper prints it
  stages: [
    { kernel: 3, stride: 1, expand: 1, channels: 16,  layers: 1, seRatio: 0.25 },
    { kernel: 3, stride: 2, expand: 6, channels: 24,  layers: 2, seRatio: 0.25 },
    { kernel: 5, stride: 2, expand: 6, channels: 40,  layers: 2, seRatio: 0.25 },
    { kernel: 3, stride: 2, expand: 6, channels: 80,  layers: 3, seRatio: 0.25 },
    { kernel: 5, stride: 1, expand: 6, channels: 112, layers: 3, seRatio: 0.25 },
    { kernel: 5, stride: 2, expand: 6, channels: 192, layers: 4, seRatio: 0.25 },
    { kernel: 3, stride: 1, expand: 6, channels: 320, layers: 1, seRatio: 0.25 },
  ],
  head: 1280,
  width: 1,
  depth: 1,
  resolution: 224,
  dropout: 0.2,
  dropPath: 0.2,
  divisor: 8,
})

/** A row of the published table: coefficients relative to B0, input side in pixels, dropout. */
export interface PublishedVariant {
  readonly width: number
  readonly depth: number
  readonly resolution: number
  readonly dropout: number
}

/**
 * The coefficients the authors released (B0–B7 with the paper, B8 and L2 with later work). They were rounded by hand
 * and match no φ, so they are never computed from α, β, γ, and α, β, γ never from them.
 */
// biome-ignore format: a table
export const PUBLISHED = Object.freeze({
  efficientnet_b0: Object.freeze({ width: 1.0, depth: 1.0, resolution: 224, dropout: 0.2 }),
  efficientnet_b1: Object.freeze({ width: 1.0, depth: 1.1, resolution: 240, dropout: 0.2 }),
  efficientnet_b2: Object.freeze({ width: 1.1, depth: 1.2, resolution: 260, dropout: 0.3 }),
  efficientnet_b3: Object.freeze({ width: 1.2, depth: 1.4, resolution: 300, dropout: 0.3 }),
  efficientnet_b4: Object.freeze({ width: 1.4, depth: 1.8, resolution: 380, dropout: 0.4 }),
  efficientnet_b5: Object.freeze({ width: 1.6, depth: 2.2, resolution: 456, dropout: 0.4 }),
  efficientnet_b6: Object.freeze({ width: 1.8, depth: 2.6, resolution: 528, dropout: 0.5 }),
  efficientnet_b7: Object.freeze({ width: 2.0, depth: 3.1, resolution: 600, dropout: 0.5 }),
  efficientnet_b8: Object.freeze({ width: 2.2, depth: 3.6, resolution: 672, dropout: 0.5 }),
  efficientnet_l2: Object.freeze({ width: 4.3, depth: 5.3, resolution: 800, dropout: 0.5 }),
}) satisfies Readonly<Record<string, PublishedVariant>>

/** EfficientNet-Lite0: no squeeze-excitation, ReLU6, fixed stem, head and outer stages in scaling. */
const LITE: CheckedArch = checkArch('families', {
  ...BASELINE,
  name: 'efficientnet_lite0',
  stages: BASELINE.stages.map((stage) => ({ ...stage, seRatio: 0 })),
  activation: 'relu6',
  fixedEnds: true,
})

// biome-ignore format: a table
const LITE_VARIANTS = {
  efficientnet_lite0: { width: 1.0, depth: 1.0, resolution: 224, dropout: 0.2 },
  efficientnet_lite1: { width: 1.0, depth: 1.1, resolution: 240, dropout: 0.2 },
  efficientnet_lite2: { width: 1.1, depth: 1.2, resolution: 260, dropout: 0.3 },
  efficientnet_lite3: { width: 1.2, depth: 1.4, resolution: 280, dropout: 0.3 },
  efficientnet_lite4: { width: 1.4, depth: 1.8, resolution: 300, dropout: 0.3 },
} satisfies Readonly<Record<string, PublishedVariant>>

/** Tables by name. The names are part of the type, for completion in editors. */
export type Tables<Name extends string> = { readonly [Each in Name]: () => CheckedArch }

export const scaledFrom = <Name extends string>(
  base: CheckedArch,
  variants: Readonly<Record<Name, PublishedVariant>>,
): Tables<Name> =>
  Object.fromEntries(
    Object.entries<PublishedVariant>(variants).map(([name, variant]) => [
      name,
      () => scale(base, { ...variant, name }),
    ]),
  ) as Tables<Name>

export const EFFICIENTNET = scaledFrom(BASELINE, PUBLISHED)
export const EFFICIENTNET_LITE = scaledFrom(LITE, LITE_VARIANTS)
