/**
 * What a network is, as data: a table of stages in the paper's order.
 *
 * Every family is such a table (../families, with their sources); one rule scales them all (./scaling), one walk counts
 * them (../cost/count), one builder makes them (../network).
 */

/**
 * - `mbconv`: expand 1x1, depthwise, squeeze-excitation, project 1x1; the input added where stride and channels allow.
 * - `fused`: Fused-MBConv, a full convolution that expands, then project 1x1; a single convolution where it does not expand.
 * - `separable`: depthwise, then 1x1, both activated; nothing is added.
 * - `basic`: ResNet's two 3x3 convolutions with the input, projected where it has to be, added.
 * - `bottleneck`: ResNet's 1x1, 3x3, 1x1, likewise.
 */
export type BlockKind = 'mbconv' | 'fused' | 'separable' | 'basic' | 'bottleneck'

export type ActivationName = 'silu' | 'relu' | 'relu6' | 'hardswish'

/** Blocks of one kind. The first has the stage's stride, the others stride 1. */
export interface Stage {
  /** Default `mbconv`. */
  readonly block?: BlockKind
  /** Side of the square kernel, odd; of a bottleneck's and an MBConv's middle convolution. */
  readonly kernel: number
  /** Stride of the first block. */
  readonly stride: number
  /**
   * Width inside a block: over its input's (`mbconv`, `fused`), over its output's (`bottleneck`); 1 leaves the expansion
   * out. The others have none: 1.
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
  readonly of: 'input' | 'expanded'
  readonly activation: 'silu' | 'relu'
  readonly gate: 'sigmoid' | 'hardsigmoid'
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
  /** Rounded channels are never below this share of the exact value. Default 0.9; 0 in EfficientNetV2. */
  readonly leastShare?: number
  /** Scaling leaves stem and head as wide, first and last stage as deep as they are (EfficientNet-Lite). Default false. */
  readonly fixedEnds?: boolean
  /** Scaling never narrows the head (MobileNetV2). Default false. */
  readonly wideHead?: boolean
}
