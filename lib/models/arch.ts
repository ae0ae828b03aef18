/**
 * What an EfficientNet is, as data: the B0 stage table, the published scaling coefficients, and the models by name.
 *
 * Sources: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", arXiv:1905.11946,
 * Table 1; tensorflow/tpu@7dc921f models/official/efficientnet (coefficients and rounding).
 */

import { MbconvError } from '../errors'
import { freezeArch } from './check'
import { scale } from './scaling'

/** One stage of MBConv blocks. The first block has the stage's stride, the others stride 1. */
export interface Stage {
  /** Side of the square depthwise kernel, odd. */
  readonly kernel: number
  /** Stride of the first block's depthwise convolution. */
  readonly stride: number
  /** Expanded width over the block's input width; 1 leaves the expansion convolution out. */
  readonly expand: number
  /** Output channels of every block. */
  readonly channels: number
  /** Number of blocks. */
  readonly layers: number
  /** Squeeze width over the block's input width (not over the expanded width). */
  readonly seRatio: number
}

/** A whole network: 3x3 stride-2 stem, MBConv stages, 1x1 head, pooling, dropout, linear classifier. */
export interface Arch {
  readonly name: string
  /** Channels after the stem. */
  readonly stem: number
  readonly stages: readonly Stage[]
  /** Channels after the 1x1 head convolution, the classifier's input. */
  readonly head: number
  /** Width coefficient this table was scaled by, 1 for the baseline. A record of its making; the channels rule. */
  readonly width: number
  /** Depth coefficient this table was scaled by, 1 for the baseline. */
  readonly depth: number
  /** Side of the square input image in pixels that the table is meant for. */
  readonly resolution: number
  /** Dropout before the classifier while training. */
  readonly dropout: number
  /** Channels are rounded to multiples of this. */
  readonly divisor: number
}

/** EfficientNet-B0, the paper's Table 1, stages 2 to 8. */
export const BASELINE: Arch = freezeArch({
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
 * The coefficients the authors released (B0–B7 with the paper, B8 and L2 with later work). They were rounded by hand:
 * no φ gives them back, so they are never computed from α, β, γ, nor the other way round.
 */
// biome-ignore format: a table
export const PUBLISHED: Readonly<Record<string, PublishedVariant>> = Object.freeze({
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
})

/** Names that {@link arch} knows, smallest model first. */
export function list(): string[] {
  return Object.keys(PUBLISHED)
}

/**
 * The architecture of a published model, as frozen data.
 *
 * @param name one of {@link list}, `efficientnet_b0` say.
 * @throws MbconvError ERR_TYPE, or ERR_VALUE listing the known names.
 */
export function arch(name: string): Arch {
  const op = 'arch'
  if (typeof name !== 'string') throw new MbconvError('ERR_TYPE', 'arch: name must be a string', { op })
  if (!Object.hasOwn(PUBLISHED, name)) {
    throw new MbconvError('ERR_VALUE', `arch: no model is called ${JSON.stringify(name)}`, {
      op,
      hint: `Known models: ${list().join(', ')}.`,
    })
  }
  return scale(BASELINE, { ...PUBLISHED[name], name })
}
