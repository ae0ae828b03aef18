/**
 * What a network is, as data: a table of stages in the paper's order.
 *
 * Every family is such a table (../families, with their sources). What a kind of block is made of stands in ./kinds.
 */

import type { ACTIVATIONS, SQUEEZE_CHOICES } from './choices'
import type { BlockKind } from './kinds'

export type ActivationName = (typeof ACTIVATIONS)[number]

/** Blocks of one kind. The first has the stage's stride, the others stride 1. */
export interface Stage {
  /** Default `mbconv`. */
  readonly block?: BlockKind
  /** Side of the square kernel, odd; of a bottleneck's and an MBConv's middle convolution. */
  readonly kernel: number
  /** Stride of the first block. */
  readonly stride: number
  /**
   * Width inside a block, relative to its input's, or in ResNet's bottlenecks to its output's. 1 in blocks of a kind
   * that has no such width.
   */
  readonly expand: number
  /** The width inside itself, in channels, where it follows no ratio (MobileNetV3); `expand` does not count then. */
  readonly expanded?: number
  /** Output channels of every block. */
  readonly channels: number
  /** Number of blocks. */
  readonly layers: number
  /** Squeeze width over the width that the architecture's `squeeze` names; 0 for no squeeze-excitation. */
  readonly seRatio: number
  /** Default: the architecture's. */
  readonly activation?: ActivationName
}

/** How squeeze-excitation is done. */
export interface Squeeze {
  /** What `seRatio` is a share of: the block's input (EfficientNet), or the expanded width, rounded (MobileNetV3). */
  readonly of: (typeof SQUEEZE_CHOICES.of)[number]
  readonly activation: (typeof SQUEEZE_CHOICES.activation)[number]
  readonly gate: (typeof SQUEEZE_CHOICES.gate)[number]
}

/** A whole network: stride-2 stem, stages, 1x1 head, pooling, dropout, linear classifier. */
export interface Arch {
  readonly name: string
  /** Channels after the stem. */
  readonly stem: number
  /** Side of the stem's kernel. Default 3. */
  readonly stemKernel?: number
  /** A 3x3 stride-2 maximum behind the stem, as ResNet has it. Default false. */
  readonly stemPool?: boolean
  readonly stages: readonly Stage[]
  /** Channels after the 1x1 head convolution; 0 for none. */
  readonly head: number
  /** Width of a linear layer before the classifier (MobileNetV3); 0 for none, the default. */
  readonly hidden?: number
  /** Default `silu`. */
  readonly activation?: ActivationName
  /** Default: EfficientNet's, of the input with SiLU and sigmoid. */
  readonly squeeze?: Squeeze
  /** Width coefficient this table was scaled by, 1 for the baseline. A record only: the channels in the table count. */
  readonly width: number
  /** Depth coefficient this table was scaled by, 1 for the baseline. */
  readonly depth: number
  /** Side of the square input image in pixels that the table is meant for. */
  readonly resolution: number
  /** Dropout before the classifier while training. */
  readonly dropout: number
  /** Drop path that the network is trained with unless told otherwise. Default 0. */
  readonly dropPath?: number
  /** Channels are rounded to multiples of this. */
  readonly divisor: number
  /** Rounded channels are never below this share of the exact value. Default 0.9; 0 in EfficientNetV2. */
  readonly leastShare?: number
  /** Scaling leaves stem and head as wide, first and last stage as deep as they are (EfficientNet-Lite). Default false. */
  readonly fixedEnds?: boolean
  /** Scaling never narrows the head (MobileNetV2). Default false. */
  readonly wideHead?: boolean
}
