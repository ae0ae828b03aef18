/** Convolutions of one to three dimensions. */
import { checkOneOf, checkOptions } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { empty, zeros } from '../../tensor/core/create'
import type { Tensor } from '../../tensor/core/tensor'
import * as F from '../functional'
import { python } from '../modules/describe'
import { Module } from '../modules/module'
import type { Sizes } from '../sizes'
import {
  batchShape,
  checkFlag,
  checkInit,
  checkSize,
  type Init,
  spreadSize,
  type TorchInit,
  torchWeights,
} from './common'
import { initConv } from './paper-init'

/** What the padding of a convolution consists of. */
export type PaddingMode = 'zeros' | 'reflect' | 'replicate' | 'circular'
const PADDING_MODES: readonly PaddingMode[] = ['zeros', 'reflect', 'replicate', 'circular']

interface ConvNdOptions {
  /** Step of the window. */
  stride?: Sizes
  /**
   * Padding on each side; `valid` for none; or `same`: TensorFlow's rule, output side = ceil(input side / stride),
   * which at stride 1 is PyTorch's. Default 0.
   */
  padding?: Sizes | 'same' | 'valid'
  /** Distance of the elements that a kernel reads. Default 1. */
  dilation?: Sizes
  /** Channel groups. A depthwise convolution has as many groups as channels. Default 1. */
  groups?: number
  /** Whether there is a bias. Default true. */
  bias?: boolean
  /** What the padding consists of. Default zeros. */
  paddingMode?: PaddingMode
}

/** Settings of a convolution of one or three dimensions. */
export interface ConvOptions extends ConvNdOptions {
  /** Default torch. */
  init?: TorchInit
}

/** Settings of a convolution of images. */
export interface Conv2dOptions extends ConvNdOptions {
  /** Default torch. */
  init?: Init
}

/** The known options, for checks. */
export const CONV_OPTIONS = ['stride', 'padding', 'dilation', 'groups', 'bias', 'paddingMode', 'init']

export function checkGroups(op: string, groups: number, inChannels: number, outChannels: number): void {
  if (inChannels % groups === 0 && outChannels % groups === 0) return
  const message = `${op}: ${groups} groups do not divide ${inChannels} and ${outChannels}`
  throw new MbconvError('ERR_VALUE', message, { op })
}

/** Whether all elements are `value`, a layer's default, which its text leaves out. */
const areAll = (sizes: readonly number[], value: number): boolean => sizes.every((size) => size === value)

/** Settings as PyTorch shows them. */
export function convText(conv: {
  /** Channels of the input. */
  inChannels: number
  /** Channels of the output. */
  outChannels: number
  /** Size of the window in each dimension. */
  kernelSize: number[]
  /** Step of the window. */
  stride: number[]
  /** What is added around the input. */
  padding: number[] | string
  /** Distance of the elements that a window reads. */
  dilation: number[]
  /** Added to one side of the output. */
  outputPadding?: number[]
  /** Groups of channels. */
  groups: number
  /** Whether there is a bias. Default true. */
  bias: Tensor | undefined
  /** What the padding consists of. */
  paddingMode: PaddingMode
}): string {
  const { padding, dilation, outputPadding = [], groups, paddingMode } = conv
  const parts = [`${conv.inChannels}`, `${conv.outChannels}`]
  parts.push(`kernel_size=${python(conv.kernelSize)}`, `stride=${python(conv.stride)}`)
  if (typeof padding === 'string') parts.push(`padding=${padding}`)
  else if (!areAll(padding, 0)) parts.push(`padding=${python(padding)}`)
  if (!areAll(dilation, 1)) parts.push(`dilation=${python(dilation)}`)
  if (!areAll(outputPadding, 0)) parts.push(`output_padding=${python(outputPadding)}`)
  if (groups !== 1) parts.push(`groups=${groups}`)
  if (conv.bias === undefined) parts.push('bias=False')
  if (paddingMode !== 'zeros') parts.push(`padding_mode=${paddingMode}`)
  return parts.join(', ')
}

const CONVOLUTIONS = [undefined, F.conv1d, F.conv2d, F.conv3d] as const

/** What the convolutions of all dimensions share. Sizes have one element for each dimension. */
abstract class Convolution extends Module {
  /** Channels of the input. */
  readonly inChannels: number
  /** Channels of the output. */
  readonly outChannels: number
  /** Size of the window in each dimension. */
  readonly kernelSize: number[]
  /** Step of the window. */
  readonly stride: number[]
  /** What is added around the input. */
  readonly padding: number[] | 'same' | 'valid'
  /** Distance of the elements that a window reads. */
  readonly dilation: number[]
  /** Groups of channels. */
  readonly groups: number
  /** What the padding consists of. */
  readonly paddingMode: PaddingMode
  /** The trained weight, or the factors that were given. */
  declare weight: Tensor
  /** Undefined for a layer without a bias. */
  declare bias: Tensor | undefined

  protected constructor(
    op: string,
    dimensions: 1 | 2 | 3,
    inits: readonly Init[],
    inChannels: number,
    outChannels: number,
    kernelSize: Sizes,
    options: Conv2dOptions,
  ) {
    super()
    checkOptions(op, options, CONV_OPTIONS)
    const {
      stride = 1,
      padding = 0,
      dilation = 1,
      groups = 1,
      bias = true,
      paddingMode = 'zeros',
      init = 'torch',
    } = options
    checkSize(op, 'inChannels', inChannels)
    checkSize(op, 'outChannels', outChannels)
    checkSize(op, 'groups', groups)
    this.kernelSize = spreadSize(op, 'kernelSize', kernelSize, dimensions)
    this.stride = spreadSize(op, 'stride', stride, dimensions)
    this.dilation = spreadSize(op, 'dilation', dilation, dimensions)
    const isRule = padding === 'same' || padding === 'valid'
    this.padding = isRule ? padding : spreadSize(op, 'padding', padding, dimensions, 0)
    checkFlag(op, 'bias', bias)
    checkOneOf(op, 'paddingMode', paddingMode, PADDING_MODES)
    checkInit(op, init, inits)
    checkGroups(op, groups, inChannels, outChannels)
    this.inChannels = inChannels
    this.outChannels = outChannels
    this.groups = groups
    this.paddingMode = paddingMode
    const shape = [outChannels, inChannels / groups, ...this.kernelSize]
    if (init === 'torch') {
      const initial = torchWeights(shape, bias ? outChannels : 0)
      this.registerParameter('weight', initial.weight)
      this.registerParameter('bias', initial.bias)
      return
    }
    const weight = empty(shape)
    this.registerParameter('weight', init === 'none' ? weight : initConv(weight, groups))
    this.registerParameter('bias', bias ? zeros([outChannels]) : null)
  }

  forward(x: Tensor): Tensor {
    const { weight, bias, stride, padding, dilation, groups, paddingMode } = this
    const convolve = CONVOLUTIONS[this.kernelSize.length]!
    if (padding === 'same') return forwardSame(this, x)
    const amounts = padding === 'valid' ? 0 : padding
    if (paddingMode === 'zeros' || amounts === 0)
      return convolve(x, weight, { bias, stride, padding: amounts, dilation, groups })
    const sides = amounts.toReversed().flatMap((amount) => [amount, amount])
    return convolve(F.pad(x, sides, { mode: paddingMode }), weight, { bias, stride, dilation, groups })
  }

  override extraRepr(): string {
    return convText(this)
  }
}

/**
 * When the total padding is odd, TensorFlow's rule needs one row less before the image than after it. Padding the
 * image would copy it. Here the kernel gets a row of zeros in front, and the image gets the larger padding on both
 * sides: the same sums, for as little as a third of the extra time (measured on CPU).
 */
function forwardSame(conv: Convolution, x: Tensor): Tensor {
  const { weight, bias, stride, dilation, groups, kernelSize, paddingMode } = conv
  const dimensions = kernelSize.length
  const convolve = CONVOLUTIONS[dimensions]!
  const totals = batchShape(conv.constructor.name, x, dimensions)
    .slice(2)
    .map((size, i) => {
      const step = stride[i]
      return Math.max((Math.ceil(size / step) - 1) * step + dilation[i] * (kernelSize[i] - 1) + 1 - size, 0)
    })
  const odd = totals.map((total) => total % 2)
  if (paddingMode === 'zeros' && (areAll(odd, 0) || areAll(dilation, 1))) {
    const padding = totals.map((total) => Math.ceil(total / 2))
    const extended = areAll(odd, 0)
      ? weight
      : F.pad(
          weight,
          odd.toReversed().flatMap((row) => [row, 0]),
        )
    return convolve(x, extended, { bias, stride, padding, dilation, groups })
  }
  const sides = totals.toReversed().flatMap((total) => [Math.floor(total / 2), Math.ceil(total / 2)])
  const mode = paddingMode === 'zeros' ? 'constant' : paddingMode
  return convolve(F.pad(x, sides, { mode }), weight, { bias, stride, dilation, groups })
}

const TORCH_INITS: readonly Init[] = ['torch', 'none']

/** Convolution: [N, in, L] → [N, out, L']. Parameters: `weight` [out, in / groups, k], and `bias` unless switched off. */
export class Conv1d extends Convolution {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvOptions = {}) {
    super('Conv1d', 1, TORCH_INITS, inChannels, outChannels, kernelSize, options)
  }
}

/**
 * Convolution: [N, in, H, W] → [N, out, H', W']. Parameters: `weight` [out, in / groups, kh, kw], and `bias` unless
 * switched off. Sizes are one number, or [vertical, horizontal].
 */
export class Conv2d extends Convolution {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: Conv2dOptions = {}) {
    super('Conv2d', 2, [...TORCH_INITS, 'paper'], inChannels, outChannels, kernelSize, options)
  }
}

/** Convolution: [N, in, D, H, W] → [N, out, D', H', W']. Parameters: `weight`, and `bias` unless switched off. */
export class Conv3d extends Convolution {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvOptions = {}) {
    super('Conv3d', 3, TORCH_INITS, inChannels, outChannels, kernelSize, options)
  }
}
