/**
 * The kinds of blocks, each described once.
 *
 * Everything that depends on the kind reads this table: building, counting, the memory model, ONNX export, layer names
 * of other libraries, stages as text, checks, scaling, searches. To add a kind made of the layers below, add an entry
 * here. A new type of layer also has to be built, counted, exported and named: docs/architecture.md lists where.
 */
import type { ActivationName, Stage } from './arch'

/** A layer of a block: a convolution with its batch norm and activation, or squeeze-and-excitation. */
export interface LayerPlan {
  readonly op: 'conv' | 'depthwise' | 'squeezeExcite'
  /** Its role in the block. `downsample` is applied to the block's input; the others run in sequence. */
  readonly part: 'expand' | 'middle' | 'squeeze' | 'project' | 'downsample'
  /** timm's name for the convolution or the squeeze-and-excitation. */
  readonly timm: string
  readonly input: number
  readonly output: number
  /** Side of the square kernel. */
  readonly kernel: number
  readonly stride: number
  readonly groups: number
  /** After the batch norm; null for none. */
  readonly activation: ActivationName | null
  /** Channels between the two layers of squeeze-and-excitation; 0 in convolutions. */
  readonly squeezed: number
}

/** What determines the layers of a block. */
export interface BlockShape {
  /** Input channels. */
  readonly input: number
  /** Channels inside. */
  readonly inner: number
  /** Channels between the two layers of squeeze-and-excitation; 0 for none. */
  readonly squeezed: number
  /** Output channels. */
  readonly output: number
  /** Side of the kernel, px. */
  readonly kernel: number
  /** Stride of the block. */
  readonly stride: number
  /** The activation inside the block. */
  readonly activation: ActivationName
  /** Whether the shortcut projects the input before adding it. */
  readonly projected: boolean
}

/** A kind of block. */
export interface KindDescription {
  /** First part of a stage's text. */
  readonly code: string
  /** Its name in tables. */
  readonly title: string
  /** Whether `expand` multiplies the channels of the block's input or of its output. */
  readonly width: 'input' | 'output'
  /** Whether a stage may set the width inside: `expand` other than 1, or `expanded`. */
  readonly expands: boolean
  /** Whether a stage may have squeeze-and-excitation. */
  readonly squeezes: boolean
  /**
   * When the input is added to the output. `matching`: where stride and channels allow adding it unchanged. `always`:
   * everywhere, projected where they do not allow it. `never`: nowhere.
   */
  readonly residual: 'matching' | 'always' | 'never'
  /** Whether an activation follows the sum of input and output. */
  readonly activatesSum: boolean
  /** Scaling divides the output channels by this and rounds the result. */
  readonly channelsPerPlane: number
  /** The naming scheme that other libraries use for the layers of such networks. */
  readonly names: 'efficientnet' | 'resnet'
  /** Whether a search over stages tries this kind by default. */
  readonly searched: boolean
  /** The layers in the order of the state dict. */
  layers(shape: BlockShape): LayerPlan[]
}

type Activation = ActivationName | null

/** Positional parameters are faster than an object here: searches count thousands of networks. */
function conv(
  part: LayerPlan['part'],
  timm: string,
  input: number,
  output: number,
  kernel: number,
  stride: number,
  activation: Activation,
): LayerPlan {
  return { op: 'conv', part, timm, input, output, kernel, stride, groups: 1, activation, squeezed: 0 }
}

function depthwise(channels: number, { kernel, stride, activation }: BlockShape): LayerPlan {
  const rest = { input: channels, output: channels, kernel, stride, groups: channels, activation, squeezed: 0 }
  return { op: 'depthwise', part: 'middle', timm: 'conv_dw', ...rest }
}

function squeezeExcite(channels: number, squeezed: number): LayerPlan {
  const rest = { input: channels, output: channels, kernel: 1, stride: 1, groups: 1, activation: null, squeezed }
  return { op: 'squeezeExcite', part: 'squeeze', timm: 'se', ...rest }
}

/** ResNet's projection of the block's input. */
function downsample({ input, output, stride, projected }: BlockShape): LayerPlan[] {
  return projected ? [conv('downsample', 'downsample', input, output, 1, stride, null)] : []
}

/** What all of EfficientNet's own kinds share. */
const EFFICIENT = {
  width: 'input',
  expands: true,
  squeezes: true,
  residual: 'matching',
  activatesSum: false,
  channelsPerPlane: 1,
  names: 'efficientnet',
  searched: true,
} as const

/** What ResNet's kinds share. */
const RESIDUAL = {
  width: 'output',
  squeezes: false,
  residual: 'always',
  activatesSum: true,
  names: 'resnet',
  searched: false,
} as const

export const KINDS = Object.freeze({
  /** Expand 1x1, depthwise, squeeze-and-excitation, project 1x1. */
  mbconv: {
    ...EFFICIENT,
    code: 'mb',
    title: 'MBConv',
    layers(shape) {
      const { input, inner, squeezed, output, activation } = shape
      const layers: LayerPlan[] = []
      if (inner !== input) layers.push(conv('expand', 'conv_pw', input, inner, 1, 1, activation))
      layers.push(depthwise(inner, shape))
      if (squeezed > 0) layers.push(squeezeExcite(inner, squeezed))
      layers.push(conv('project', inner === input ? 'conv_pw' : 'conv_pwl', inner, output, 1, 1, null))
      return layers
    },
  },
  /**
   * Fused-MBConv: a full convolution that expands, squeeze-and-excitation, project 1x1. At expand 1, the full
   * convolution also does the projection and has an activation (google/automl@6a54c87
   * efficientnetv2/effnetv2_model.py).
   */
  fused: {
    ...EFFICIENT,
    code: 'fmb',
    title: 'Fused-MBConv',
    layers({ input, inner, squeezed, output, kernel, stride, activation }) {
      const layers: LayerPlan[] = []
      if (inner !== input) layers.push(conv('expand', 'conv_exp', input, inner, kernel, stride, activation))
      if (squeezed > 0) layers.push(squeezeExcite(inner, squeezed))
      layers.push(
        inner === input
          ? conv('project', 'conv', input, output, kernel, stride, activation)
          : conv('project', 'conv_pwl', inner, output, 1, 1, null),
      )
      return layers
    },
  },
  /** timm's EdgeResidual: a Fused-MBConv that keeps both convolutions at expand 1. */
  edge: {
    ...EFFICIENT,
    code: 'er',
    title: 'EdgeResidual',
    searched: false, // differs from Fused-MBConv only at expand 1
    layers({ input, inner, squeezed, output, kernel, stride, activation }) {
      const layers = [conv('expand', 'conv_exp', input, inner, kernel, stride, activation)]
      if (squeezed > 0) layers.push(squeezeExcite(inner, squeezed))
      layers.push(conv('project', 'conv_pwl', inner, output, 1, 1, null))
      return layers
    },
  },
  /** Depthwise, then 1x1, each with an activation (MobileNetV1). */
  separable: {
    ...EFFICIENT,
    code: 'ds',
    title: 'separable',
    expands: false,
    squeezes: false,
    residual: 'never',
    searched: false,
    layers(shape) {
      const { input, output, activation } = shape
      return [depthwise(input, shape), conv('project', 'conv_pw', input, output, 1, 1, activation)]
    },
  },
  /** ResNet's block of two 3x3 convolutions. */
  basic: {
    ...RESIDUAL,
    code: 'rb',
    title: 'basic',
    expands: false,
    channelsPerPlane: 1,
    layers(shape) {
      const { input, output, kernel, stride, activation } = shape
      return [
        conv('expand', 'conv1', input, output, kernel, stride, activation),
        conv('project', 'conv2', output, output, kernel, 1, null),
        ...downsample(shape),
      ]
    },
  },
  /**
   * ResNet's block of 1x1, 3x3, 1x1. Its output has four times as many channels as its planes; scaling rounds the
   * planes.
   */
  bottleneck: {
    ...RESIDUAL,
    code: 'rbn',
    title: 'bottleneck',
    expands: true,
    channelsPerPlane: 4,
    layers(shape) {
      const { input, inner, output, kernel, stride, activation } = shape
      return [
        conv('expand', 'conv1', input, inner, 1, 1, activation),
        conv('middle', 'conv2', inner, inner, kernel, stride, activation),
        conv('project', 'conv3', inner, output, 1, 1, null),
        ...downsample(shape),
      ]
    },
  },
} satisfies Record<string, KindDescription>)

/** The kinds of blocks that a stage may have: `mbconv`, `fused` … */
export type BlockKind = keyof typeof KINDS

export const BLOCK_KINDS = Object.freeze(Object.keys(KINDS)) as readonly [BlockKind, ...BlockKind[]]

/** The kind of a stage that names none. */
export const DEFAULT_KIND: BlockKind = 'mbconv'

/** The description of a stage's kind. */
export function kindOf({ block = DEFAULT_KIND }: Pick<Stage, 'block'>): KindDescription {
  return KINDS[block]
}
