/** Transposed convolutions of one to three dimensions. */
import { checkOptions } from '../../errors/check'
import { empty, zeros } from '../../tensor/core/create'
import type { Tensor } from '../../tensor/core/tensor'
import * as F from '../functional'
import { Module } from '../modules/module'
import type { Sizes } from '../sizes'
import { checkFlag, checkInit, checkSize, spreadSize, type TorchInit, torchWeights } from './common'
import { checkGroups, convText } from './convolution'

/** Settings beside the first arguments of the layer. */
export interface ConvTransposeOptions {
  /** Step of the window. */
  stride?: Sizes
  /** Takes that much away from each side of the output. Default 0. */
  padding?: Sizes
  /** Added to one side of the output, whose size the stride leaves ambiguous. Default 0. */
  outputPadding?: Sizes
  /** Distance of the elements that a window reads. */
  dilation?: Sizes
  /** Channel groups. Default 1. */
  groups?: number
  /** Whether there is a bias. Default true. */
  bias?: boolean
  /** Default torch. */
  init?: TorchInit
}

const OPTIONS = ['stride', 'padding', 'outputPadding', 'dilation', 'groups', 'bias', 'init']
const CONVOLUTIONS = [undefined, F.convTranspose1d, F.convTranspose2d, F.convTranspose3d] as const

/** What the transposed convolutions of all dimensions share. Sizes have one element for each dimension. */
abstract class TransposedConvolution extends Module {
  /** Channels of the input. */
  readonly inChannels: number
  /** Channels of the output. */
  readonly outChannels: number
  /** Size of the window in each dimension. */
  readonly kernelSize: number[]
  /** Step of the window. */
  readonly stride: number[]
  /** What is added around the input. */
  readonly padding: number[]
  /** Added to one side of the output. */
  readonly outputPadding: number[]
  /** Distance of the elements that a window reads. */
  readonly dilation: number[]
  /** Groups of channels. */
  readonly groups: number
  /** The trained weight, or the factors that were given. */
  declare weight: Tensor
  /** Undefined for a layer without a bias. */
  declare bias: Tensor | undefined

  protected constructor(
    op: string,
    dimensions: 1 | 2 | 3,
    inChannels: number,
    outChannels: number,
    kernelSize: Sizes,
    options: ConvTransposeOptions,
  ) {
    super()
    checkOptions(op, options, OPTIONS)
    const {
      stride = 1,
      padding = 0,
      outputPadding = 0,
      dilation = 1,
      groups = 1,
      bias = true,
      init = 'torch',
    } = options
    checkSize(op, 'inChannels', inChannels)
    checkSize(op, 'outChannels', outChannels)
    checkSize(op, 'groups', groups)
    this.kernelSize = spreadSize(op, 'kernelSize', kernelSize, dimensions)
    this.stride = spreadSize(op, 'stride', stride, dimensions)
    this.padding = spreadSize(op, 'padding', padding, dimensions, 0)
    this.outputPadding = spreadSize(op, 'outputPadding', outputPadding, dimensions, 0)
    this.dilation = spreadSize(op, 'dilation', dilation, dimensions)
    checkFlag(op, 'bias', bias)
    checkInit(op, init, ['torch', 'none'])
    checkGroups(op, groups, inChannels, outChannels)
    this.inChannels = inChannels
    this.outChannels = outChannels
    this.groups = groups
    const shape = [inChannels, outChannels / groups, ...this.kernelSize]
    const initial =
      init === 'torch'
        ? torchWeights(shape, bias ? outChannels : 0)
        : { weight: empty(shape), bias: bias ? zeros([outChannels]) : null }
    this.registerParameter('weight', initial.weight)
    this.registerParameter('bias', initial.bias)
  }

  forward(x: Tensor): Tensor {
    const { weight, bias, stride, padding, outputPadding, dilation, groups } = this
    const convolve = CONVOLUTIONS[this.kernelSize.length]!
    return convolve(x, weight, { bias, stride, padding, outputPadding, dilation, groups })
  }

  override extraRepr(): string {
    const { inChannels, outChannels, kernelSize, stride, padding, outputPadding, dilation, groups, bias } = this
    const sizes = { kernelSize, stride, padding, outputPadding, dilation }
    return convText({ inChannels, outChannels, ...sizes, groups, bias, paddingMode: 'zeros' })
  }
}

/** The gradient of a convolution as a layer: [N, in, L] → [N, out, L']. Its `weight` is [in, out / groups, k]. */
export class ConvTranspose1d extends TransposedConvolution {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvTransposeOptions = {}) {
    super('ConvTranspose1d', 1, inChannels, outChannels, kernelSize, options)
  }
}

/** The gradient of a convolution as a layer: [N, in, H, W] → [N, out, H', W']. Its `weight` is [in, out / groups, kh, kw]. */
export class ConvTranspose2d extends TransposedConvolution {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvTransposeOptions = {}) {
    super('ConvTranspose2d', 2, inChannels, outChannels, kernelSize, options)
  }
}

/** The gradient of a convolution as a layer: [N, in, D, H, W] → [N, out, D', H', W']. */
export class ConvTranspose3d extends TransposedConvolution {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvTransposeOptions = {}) {
    super('ConvTranspose3d', 3, inChannels, outChannels, kernelSize, options)
  }
}
