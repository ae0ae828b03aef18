/** Padding and resampling. */
import { checkNumber, checkOptions } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { Tensor } from '../../tensor/core/tensor'
import * as F from '../functional'
import { python, pythonFloat } from '../modules/describe'
import { Module } from '../modules/module'
import type { Sizes } from '../sizes'
import { batchShape, checkFlag, checkSize } from './common'

/** One amount for every side, or [left, right], [left, right, top, bottom], [left, right, top, bottom, front, back]. */
export type PaddingAmounts = number | number[]

abstract class Padding extends Module {
  /** An amount for each side. */
  readonly padding: number[]

  protected constructor(op: string, dimensions: number, padding: PaddingAmounts) {
    super()
    const sides = 2 * dimensions
    const list = Array.isArray(padding) ? [...padding] : new Array<number>(sides).fill(padding)
    if (list.length !== sides) {
      throw new MbconvError('ERR_VALUE', `${op}: padding must be a number or ${sides} numbers, got ${list.length}`, {
        op,
      })
    }
    for (const amount of list) checkNumber(op, 'padding', amount)
    this.padding = list
  }

  /** Refuses an input that is neither [N, C, …] nor [C, …] of the layer's dimensions. */
  protected checked(x: Tensor): Tensor {
    const dimensions = this.padding.length / 2
    if (!(x instanceof Tensor) || x.ndim !== dimensions + 1) batchShape(this.constructor.name, x, dimensions)
    return x
  }

  override extraRepr(): string {
    return python(this.padding)
  }
}

/** Pads [N, C, L] with zeros. Negative amounts crop. */
export class ZeroPad1d extends Padding {
  constructor(padding: PaddingAmounts) {
    super('ZeroPad1d', 1, padding)
  }
  forward(x: Tensor): Tensor {
    return F.pad(this.checked(x), this.padding)
  }
}
/** Pads [N, C, H, W] with zeros. Negative amounts crop. */
export class ZeroPad2d extends Padding {
  constructor(padding: PaddingAmounts) {
    super('ZeroPad2d', 2, padding)
  }
  forward(x: Tensor): Tensor {
    return F.pad(this.checked(x), this.padding)
  }
}
/** Pads [N, C, D, H, W] with zeros. Negative amounts crop. */
export class ZeroPad3d extends Padding {
  constructor(padding: PaddingAmounts) {
    super('ZeroPad3d', 3, padding)
  }
  forward(x: Tensor): Tensor {
    return F.pad(this.checked(x), this.padding)
  }
}
/** Pads [N, C, L] with the input, mirrored at its edges. Negative amounts crop. */
export class ReflectionPad1d extends Padding {
  constructor(padding: PaddingAmounts) {
    super('ReflectionPad1d', 1, padding)
  }
  forward(x: Tensor): Tensor {
    return F.pad(this.checked(x), this.padding, { mode: 'reflect' })
  }
}
/** Pads [N, C, H, W] with the input, mirrored at its edges. Negative amounts crop. */
export class ReflectionPad2d extends Padding {
  constructor(padding: PaddingAmounts) {
    super('ReflectionPad2d', 2, padding)
  }
  forward(x: Tensor): Tensor {
    return F.pad(this.checked(x), this.padding, { mode: 'reflect' })
  }
}
/** Pads [N, C, D, H, W] with the input, mirrored at its edges. Negative amounts crop. */
export class ReflectionPad3d extends Padding {
  constructor(padding: PaddingAmounts) {
    super('ReflectionPad3d', 3, padding)
  }
  forward(x: Tensor): Tensor {
    return F.pad(this.checked(x), this.padding, { mode: 'reflect' })
  }
}
/** Pads [N, C, L] with the elements at its edges. Negative amounts crop. */
export class ReplicationPad1d extends Padding {
  constructor(padding: PaddingAmounts) {
    super('ReplicationPad1d', 1, padding)
  }
  forward(x: Tensor): Tensor {
    return F.pad(this.checked(x), this.padding, { mode: 'replicate' })
  }
}
/** Pads [N, C, H, W] with the elements at its edges. Negative amounts crop. */
export class ReplicationPad2d extends Padding {
  constructor(padding: PaddingAmounts) {
    super('ReplicationPad2d', 2, padding)
  }
  forward(x: Tensor): Tensor {
    return F.pad(this.checked(x), this.padding, { mode: 'replicate' })
  }
}
/** Pads [N, C, D, H, W] with the elements at its edges. Negative amounts crop. */
export class ReplicationPad3d extends Padding {
  constructor(padding: PaddingAmounts) {
    super('ReplicationPad3d', 3, padding)
  }
  forward(x: Tensor): Tensor {
    return F.pad(this.checked(x), this.padding, { mode: 'replicate' })
  }
}
/** Pads [N, C, L] with the input, repeated. Negative amounts crop. */
export class CircularPad1d extends Padding {
  constructor(padding: PaddingAmounts) {
    super('CircularPad1d', 1, padding)
  }
  forward(x: Tensor): Tensor {
    return F.pad(this.checked(x), this.padding, { mode: 'circular' })
  }
}
/** Pads [N, C, H, W] with the input, repeated. Negative amounts crop. */
export class CircularPad2d extends Padding {
  constructor(padding: PaddingAmounts) {
    super('CircularPad2d', 2, padding)
  }
  forward(x: Tensor): Tensor {
    return F.pad(this.checked(x), this.padding, { mode: 'circular' })
  }
}
/** Pads [N, C, D, H, W] with the input, repeated. Negative amounts crop. */
export class CircularPad3d extends Padding {
  constructor(padding: PaddingAmounts) {
    super('CircularPad3d', 3, padding)
  }
  forward(x: Tensor): Tensor {
    return F.pad(this.checked(x), this.padding, { mode: 'circular' })
  }
}

abstract class ConstantPad extends Padding {
  /** What takes the place of other values. */
  readonly value: number

  protected constructor(op: string, dimensions: number, padding: PaddingAmounts, value: number) {
    super(op, dimensions, padding)
    checkNumber(op, 'value', value)
    this.value = value
  }
  forward(x: Tensor): Tensor {
    return F.pad(this.checked(x), this.padding, { value: this.value })
  }
  override extraRepr(): string {
    return `padding=${python(this.padding)}, value=${pythonFloat(this.value)}`
  }
}
/** Pads [N, C, L] with a value. Negative amounts crop. */
export class ConstantPad1d extends ConstantPad {
  constructor(padding: PaddingAmounts, value: number) {
    super('ConstantPad1d', 1, padding, value)
  }
}
/** Pads [N, C, H, W] with a value. Negative amounts crop. */
export class ConstantPad2d extends ConstantPad {
  constructor(padding: PaddingAmounts, value: number) {
    super('ConstantPad2d', 2, padding, value)
  }
}
/** Pads [N, C, D, H, W] with a value. Negative amounts crop. */
export class ConstantPad3d extends ConstantPad {
  constructor(padding: PaddingAmounts, value: number) {
    super('ConstantPad3d', 3, padding, value)
  }
}

/** Settings beside the first arguments of the layer. */
export interface UpsampleOptions {
  /** The size of the output. Give either this or a scale factor. */
  size?: Sizes | null
  /** Factors in place of a size. */
  scaleFactor?: Sizes | null
  /** Default nearest. */
  mode?: F.InterpolateMode
  /** Keep corner pixels in place; for the linear modes and bicubic. Default false. */
  alignCorners?: boolean
}

/** Resamples [N, C, …] to a size, or by factors. */
export class Upsample extends Module {
  /** As it was given. */
  readonly size: Sizes | undefined
  /** Factors in place of a size. */
  readonly scaleFactor: Sizes | undefined
  /** How values between pixels are computed. */
  readonly mode: F.InterpolateMode
  /** Whether corner pixels stay in place. */
  readonly alignCorners: boolean

  constructor(options: UpsampleOptions) {
    super()
    const op = 'Upsample'
    checkOptions(op, options, ['size', 'scaleFactor', 'mode', 'alignCorners'])
    const { size, scaleFactor, mode = 'nearest', alignCorners = false } = options
    checkFlag(op, 'alignCorners', alignCorners)
    if ((size ?? undefined) === undefined && (scaleFactor ?? undefined) === undefined) {
      throw new MbconvError('ERR_VALUE', `${op}: give either size or scaleFactor`, { op })
    }
    for (const [name, value] of Object.entries({ size, scaleFactor })) {
      if (value === null || value === undefined) continue
      for (const each of Array.isArray(value) ? value : [value]) checkNumber(op, name, each)
    }
    this.size = size ?? undefined
    this.scaleFactor = scaleFactor ?? undefined
    this.mode = mode
    this.alignCorners = alignCorners
  }
  forward(x: Tensor): Tensor {
    const { size, scaleFactor, mode, alignCorners } = this
    return F.interpolate(x, size, { scaleFactor, mode, alignCorners })
  }
  override extraRepr(): string {
    const { size, scaleFactor, mode } = this
    const float = (value: Sizes) =>
      Array.isArray(value) ? `(${value.map(pythonFloat).join(', ')})` : pythonFloat(value)
    const by = scaleFactor === undefined ? `size=${python(size)}` : `scale_factor=${float(scaleFactor)}`
    return `${by}, mode='${mode}'`
  }
}

/** [N, C·f², H, W] to [N, C, H·f, W·f]. */
export class PixelShuffle extends Module {
  /** Factor of height and width. */
  readonly upscaleFactor: number

  constructor(upscaleFactor: number) {
    super()
    checkSize('PixelShuffle', 'upscaleFactor', upscaleFactor)
    this.upscaleFactor = upscaleFactor
  }
  forward(x: Tensor): Tensor {
    return F.pixelShuffle(x, this.upscaleFactor)
  }
  override extraRepr(): string {
    return `upscale_factor=${this.upscaleFactor}`
  }
}

/** The reverse of {@link PixelShuffle}. */
export class PixelUnshuffle extends Module {
  /** Divisor of height and width. */
  readonly downscaleFactor: number

  constructor(downscaleFactor: number) {
    super()
    checkSize('PixelUnshuffle', 'downscaleFactor', downscaleFactor)
    this.downscaleFactor = downscaleFactor
  }
  forward(x: Tensor): Tensor {
    return F.pixelUnshuffle(x, this.downscaleFactor)
  }
  override extraRepr(): string {
    return `downscale_factor=${this.downscaleFactor}`
  }
}

/** Interleaves groups of channels of [N, C, …]. */
export class ChannelShuffle extends Module {
  /** Groups of channels. */
  readonly groups: number

  constructor(groups: number) {
    super()
    checkSize('ChannelShuffle', 'groups', groups)
    this.groups = groups
  }
  forward(x: Tensor): Tensor {
    return F.channelShuffle(x, this.groups)
  }
  override extraRepr(): string {
    return `groups=${this.groups}`
  }
}
