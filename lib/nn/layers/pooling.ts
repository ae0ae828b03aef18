/** Pooling of one to three dimensions. */
import { checkOptions } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import type { Tensor } from '../../tensor/core/tensor'
import * as F from '../functional'
import { python } from '../modules/describe'
import { Module } from '../modules/module'
import type { Sizes } from '../sizes'
import { batchShape, checkFlag, checkSize, givenSize } from './common'

/** Settings beside the first arguments of the layer. */
export interface MaxPoolLayerOptions {
  /** Default: the kernel size. */
  stride?: Sizes
  /** Elements of −∞ on each side. Default 0. */
  padding?: Sizes
  /** Distance of the elements that a window reads. */
  dilation?: Sizes
  /** Whether windows that extend over the edge count too. Default false. */
  ceilMode?: boolean
}

abstract class MaxPool extends Module {
  /** Size of the window in each dimension. */
  readonly kernelSize: Sizes
  /** Step of the window. */
  readonly stride: Sizes
  /** What is added around the input. */
  readonly padding: Sizes
  /** Distance of the elements that a window reads. */
  readonly dilation: Sizes
  /** Whether windows over the edge count. */
  readonly ceilMode: boolean

  protected constructor(op: string, dimensions: number, kernelSize: Sizes, options: MaxPoolLayerOptions) {
    super()
    checkOptions(op, options, ['stride', 'padding', 'dilation', 'ceilMode'])
    const { stride = kernelSize, padding = 0, dilation = 1, ceilMode = false } = options
    this.kernelSize = givenSize(op, 'kernelSize', kernelSize, dimensions)
    this.stride = givenSize(op, 'stride', stride, dimensions)
    this.padding = givenSize(op, 'padding', padding, dimensions, 0)
    this.dilation = givenSize(op, 'dilation', dilation, dimensions)
    checkFlag(op, 'ceilMode', ceilMode)
    this.ceilMode = ceilMode
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding, dilation, ceilMode } = this
    const sizes = `kernel_size=${python(kernelSize)}, stride=${python(stride)}, padding=${python(padding)}`
    return `${sizes}, dilation=${python(dilation)}, ceil_mode=${python(ceilMode)}`
  }
}

/** Largest element of each window of [N, C, L]. */
export class MaxPool1d extends MaxPool {
  constructor(kernelSize: Sizes, options: MaxPoolLayerOptions = {}) {
    super('MaxPool1d', 1, kernelSize, options)
  }
  forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding, dilation, ceilMode } = this
    return F.maxPool1d(x, kernelSize, { stride, padding, dilation, ceilMode })
  }
}
/** Largest element of each window of [N, C, H, W]. */
export class MaxPool2d extends MaxPool {
  constructor(kernelSize: Sizes, options: MaxPoolLayerOptions = {}) {
    super('MaxPool2d', 2, kernelSize, options)
  }
  forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding, dilation, ceilMode } = this
    return F.maxPool2d(x, kernelSize, { stride, padding, dilation, ceilMode })
  }
}
/** Largest element of each window of [N, C, D, H, W]. */
export class MaxPool3d extends MaxPool {
  constructor(kernelSize: Sizes, options: MaxPoolLayerOptions = {}) {
    super('MaxPool3d', 3, kernelSize, options)
  }
  forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding, dilation, ceilMode } = this
    return F.maxPool3d(x, kernelSize, { stride, padding, dilation, ceilMode })
  }
}

/** Settings beside the first arguments of the layer. */
export interface AvgPoolLayerOptions {
  /** Default: the kernel size. */
  stride?: Sizes
  /** Zeros on each side. Default 0. */
  padding?: Sizes
  /** Whether windows that extend over the edge count too. Default false. */
  ceilMode?: boolean
  /** Whether a mean counts padding among its elements. Default true. */
  countIncludePad?: boolean
}

abstract class AvgPool extends Module {
  /** Size of the window in each dimension. */
  readonly kernelSize: Sizes
  /** Step of the window. */
  readonly stride: Sizes
  /** What is added around the input. */
  readonly padding: Sizes
  /** Whether windows over the edge count. */
  readonly ceilMode: boolean
  /** Whether a mean counts padding. */
  readonly countIncludePad: boolean

  protected constructor(op: string, dimensions: number, kernelSize: Sizes, options: AvgPoolLayerOptions) {
    super()
    checkOptions(op, options, ['stride', 'padding', 'ceilMode', 'countIncludePad'])
    const { stride = kernelSize, padding = 0, ceilMode = false, countIncludePad = true } = options
    // PyTorch shows the sizes of one dimension as lists, of two and three as they were given.
    const size = (value: Sizes) => (dimensions === 1 && !Array.isArray(value) ? [value] : value)
    this.kernelSize = givenSize(op, 'kernelSize', size(kernelSize), dimensions)
    this.stride = givenSize(op, 'stride', size(stride), dimensions)
    this.padding = givenSize(op, 'padding', size(padding), dimensions, 0)
    checkFlag(op, 'ceilMode', ceilMode)
    checkFlag(op, 'countIncludePad', countIncludePad)
    this.ceilMode = ceilMode
    this.countIncludePad = countIncludePad
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding } = this
    return `kernel_size=${python(kernelSize)}, stride=${python(stride)}, padding=${python(padding)}`
  }
}

/** Mean of each window of [N, C, L]. */
export class AvgPool1d extends AvgPool {
  constructor(kernelSize: Sizes, options: AvgPoolLayerOptions = {}) {
    super('AvgPool1d', 1, kernelSize, options)
  }
  forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding, ceilMode, countIncludePad } = this
    return F.avgPool1d(x, kernelSize, { stride, padding, ceilMode, countIncludePad })
  }
}
/** Mean of each window of [N, C, H, W]. */
export class AvgPool2d extends AvgPool {
  constructor(kernelSize: Sizes, options: AvgPoolLayerOptions = {}) {
    super('AvgPool2d', 2, kernelSize, options)
  }
  forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding, ceilMode, countIncludePad } = this
    return F.avgPool2d(x, kernelSize, { stride, padding, ceilMode, countIncludePad })
  }
}
/** Mean of each window of [N, C, D, H, W]. */
export class AvgPool3d extends AvgPool {
  constructor(kernelSize: Sizes, options: AvgPoolLayerOptions = {}) {
    super('AvgPool3d', 3, kernelSize, options)
  }
  forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding, ceilMode, countIncludePad } = this
    return F.avgPool3d(x, kernelSize, { stride, padding, ceilMode, countIncludePad })
  }
}

/** A size of the output: one number for every dimension, or a number for each. null: the input's. */
export type OutputSize = number | null | (number | null)[]

abstract class AdaptivePool extends Module {
  /** As it was given. */
  readonly outputSize: OutputSize

  protected constructor(op: string, dimensions: number, outputSize: OutputSize) {
    super()
    const list = Array.isArray(outputSize) ? outputSize : new Array(dimensions).fill(outputSize)
    if (list.length !== dimensions) {
      const message = `${op}: outputSize must be a number or ${dimensions} numbers, got ${list.length}`
      throw new MbconvError('ERR_VALUE', message, { op })
    }
    for (const size of list) if (size !== null) checkSize(op, 'outputSize', size)
    this.outputSize = Array.isArray(outputSize) ? [...outputSize] : outputSize
  }

  override extraRepr(): string {
    return `output_size=${python(this.outputSize)}`
  }
}

/** The sizes of the output for an input [N, C, …] or [C, …]. */
function outputSizes(op: string, { outputSize }: AdaptivePool, x: Tensor, dimensions: number): number[] {
  const list = Array.isArray(outputSize) ? outputSize : new Array<number | null>(dimensions).fill(outputSize)
  if (!list.includes(null)) return list as number[]
  const sides = batchShape(op, x, dimensions).slice(2)
  return list.map((size, i) => size ?? sides[i])
}

/** Means over a grid of the given output size, of [N, C, L]. Size 1 gives the global average. */
export class AdaptiveAvgPool1d extends AdaptivePool {
  constructor(outputSize: OutputSize) {
    super('AdaptiveAvgPool1d', 1, outputSize)
  }
  forward(x: Tensor): Tensor {
    return F.adaptiveAvgPool1d(x, outputSizes('AdaptiveAvgPool1d', this, x, 1))
  }
}
/** Means over a grid of the given output size, of [N, C, H, W]. Size 1 gives the global average. */
export class AdaptiveAvgPool2d extends AdaptivePool {
  constructor(outputSize: OutputSize) {
    super('AdaptiveAvgPool2d', 2, outputSize)
  }
  forward(x: Tensor): Tensor {
    return F.adaptiveAvgPool2d(x, outputSizes('AdaptiveAvgPool2d', this, x, 2))
  }
}
/** Means over a grid of the given output size, of [N, C, D, H, W]. Size 1 gives the global average. */
export class AdaptiveAvgPool3d extends AdaptivePool {
  constructor(outputSize: OutputSize) {
    super('AdaptiveAvgPool3d', 3, outputSize)
  }
  forward(x: Tensor): Tensor {
    return F.adaptiveAvgPool3d(x, outputSizes('AdaptiveAvgPool3d', this, x, 3))
  }
}
/** Largest elements over a grid of the given output size, of [N, C, L]. */
export class AdaptiveMaxPool1d extends AdaptivePool {
  constructor(outputSize: OutputSize) {
    super('AdaptiveMaxPool1d', 1, outputSize)
  }
  forward(x: Tensor): Tensor {
    return F.adaptiveMaxPool1d(x, outputSizes('AdaptiveMaxPool1d', this, x, 1))
  }
}
/** Largest elements over a grid of the given output size, of [N, C, H, W]. */
export class AdaptiveMaxPool2d extends AdaptivePool {
  constructor(outputSize: OutputSize) {
    super('AdaptiveMaxPool2d', 2, outputSize)
  }
  forward(x: Tensor): Tensor {
    return F.adaptiveMaxPool2d(x, outputSizes('AdaptiveMaxPool2d', this, x, 2))
  }
}
/** Largest elements over a grid of the given output size, of [N, C, D, H, W]. */
export class AdaptiveMaxPool3d extends AdaptivePool {
  constructor(outputSize: OutputSize) {
    super('AdaptiveMaxPool3d', 3, outputSize)
  }
  forward(x: Tensor): Tensor {
    return F.adaptiveMaxPool3d(x, outputSizes('AdaptiveMaxPool3d', this, x, 3))
  }
}
