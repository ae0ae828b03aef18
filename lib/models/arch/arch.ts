/**
 * What a network is, as data: a table of stages in the paper's order.
 *
 * Every family is such a table; ../families has them, with their sources. ./kinds says what each kind of block
 * contains.
 */

import type { ACTIVATIONS, GlobalPool, SQUEEZE_CHOICES } from './choices'
import type { BlockKind } from './kinds'
import type { Resolution } from './resolution'

/** The activations that a network may have. */
export type ActivationName = (typeof ACTIVATIONS)[number]

/** Blocks of one kind. The first has the stage's stride, the others stride 1. */
export interface Stage {
  /** Default `mbconv`. */
  readonly block?: BlockKind
  /** Side of the square kernel, odd. In bottlenecks and MBConv blocks: of the middle convolution. */
  readonly kernel: number
  /** Stride of the first block. */
  readonly stride: number
  /**
   * Width inside a block relative to the width of its input, or of its output in ResNet's bottlenecks. 1 for kinds of
   * blocks that have no inner width.
   */
  readonly expand: number
  /** Width inside the block in channels, for stages where no ratio gives it (MobileNetV3). Replaces `expand`. */
  readonly expanded?: number
  /** Output channels of every block. */
  readonly channels: number
  /** Number of blocks. */
  readonly layers: number
  /** Squeeze width relative to the width that the architecture's `squeeze` names. 0 means no squeeze-excitation. */
  readonly seRatio: number
  /** Default: the architecture's. */
  readonly activation?: ActivationName
}

/** How squeeze-excitation is done. */
export interface Squeeze {
  /**
   * The width that `seRatio` refers to: the block's input (EfficientNet) or the rounded expanded width (MobileNetV3).
   */
  readonly of: (typeof SQUEEZE_CHOICES.of)[number]
  /** The activation between the two layers. */
  readonly activation: (typeof SQUEEZE_CHOICES.activation)[number]
  /** The function that turns the second layer's output into factors from 0 to 1. */
  readonly gate: (typeof SQUEEZE_CHOICES.gate)[number]
}

/** A whole network: stride-2 stem, stages, 1x1 head, pooling, dropout, linear classifier. */
export interface Arch {
  /** The name of the architecture, or of the table that it was scaled from. */
  readonly name: string
  /** Channels after the stem. */
  readonly stem: number
  /** Side of the stem's kernel. Default 3. */
  readonly stemKernel?: number
  /** A 3x3 stride-2 max pooling after the stem, as in ResNet. Default false. */
  readonly stemPool?: boolean
  /** The stages between stem and head, in order. */
  readonly stages: readonly Stage[]
  /** Channels after the 1x1 head convolution; 0 for no head. */
  readonly head: number
  /** Width of a linear layer before the classifier (MobileNetV3). Default 0: no such layer. */
  readonly hidden?: number
  /** What the last feature map is reduced to: `avg` (default), `max`, `avgmax` (their mean) or `catavgmax` (both). */
  readonly globalPool?: GlobalPool
  /** Default `silu`. */
  readonly activation?: ActivationName
  /** Default: EfficientNet's, which refers to the block's input and uses SiLU and sigmoid. */
  readonly squeeze?: Squeeze
  /**
   * Width coefficient this table was scaled by; 1 for the baseline. Only a record: the channels above are what is
   * built.
   */
  readonly width: number
  /** Depth coefficient this table was scaled by, 1 for the baseline. */
  readonly depth: number
  /** Size in pixels of the input that the table is meant for: the side of a square, or [height, width]. */
  readonly resolution: Resolution
  /** Dropout rate before the classifier during training. */
  readonly dropout: number
  /** Drop path that the network is trained with unless told otherwise. Default 0. */
  readonly dropPath?: number
  /** Channels are rounded to multiples of this. */
  readonly divisor: number
  /** A rounded channel count is never below this share of the exact value. Default 0.9; 0 in EfficientNetV2. */
  readonly leastShare?: number
  /**
   * Scaling keeps the width of stem and head and the depth of the first and last stage (EfficientNet-Lite). Default
   * false.
   */
  readonly fixedEnds?: boolean
  /** Scaling never narrows the head (MobileNetV2). Default false. */
  readonly wideHead?: boolean
}
