/**
 * Writes programs of augmentation: what native code does with one image, as a list of numbers.
 *
 * A program is a sequence of operations, each an opcode and its operands. native/data/program.cc applies it to an RGB
 * image of bytes. All random choices are made before: a program always has the same effect on the same image.
 */

/** The operations in the order of their opcodes, which count from 1: name and operands. The order must not change. */
export const OPERATIONS = [
  ['flip'],
  ['invert'],
  ['autocontrast'],
  ['equalize'],
  ['posterize', 'bits'],
  ['solarize', 'threshold'],
  ['solarizeAdd', 'addition', 'threshold'],
  ['color', 'factor'],
  ['contrast', 'factor'],
  ['brightness', 'factor'],
  ['sharpness', 'factor'],
  ['grayscale'],
  ['hue', 'shift'],
  ['gaussianBlur', 'radius'],
  ['rotate', 'degrees', 'filter', 'red', 'green', 'blue'],
  ['affine', 'a', 'b', 'c', 'd', 'e', 'f', 'filter', 'red', 'green', 'blue'],
  ['erase', 'top', 'left', 'height', 'width', 'red', 'green', 'blue'],
  [
    'eraseNoise',
    ...(['top', 'left', 'height', 'width'] as const),
    ...(['redMean', 'greenMean', 'blueMean'] as const),
    ...(['redDeviation', 'greenDeviation', 'blueDeviation'] as const),
    ...(['lowKey', 'highKey'] as const),
  ],
  ['mixStart'],
  ['mixAdd', 'weight'],
  ['mixEnd', 'share'],
] as const

type Operation = (typeof OPERATIONS)[number]

/** An operation by its name. */
export type OperationName = Operation[0]

type OperandsOf<Name extends OperationName> =
  Extract<Operation, readonly [Name, ...string[]]> extends readonly [Name, ...infer Names]
    ? { [I in keyof Names]: number }
    : never

const OPCODES = new Map<OperationName, number>(OPERATIONS.map(([name], i) => [name, i + 1]))

/** Red, green and blue, 0 … 255. */
export type Colour = readonly [number, number, number]

/** How an operation samples the image between its pixels, with Pillow's numbers. */
export const FILTERS = { nearest: 0, bilinear: 2, bicubic: 3 } as const

/** The sampling of a geometric operation, and the colour of what lies outside the image. */
export interface Warp {
  filter: (typeof FILTERS)[keyof typeof FILTERS]
  fill: Colour
}

/** A program while it is being written. */
export class Program {
  private readonly numbers: number[] = []

  /** Appends an operation. Native code checks the operands' ranges when the program is applied. */
  add<Name extends OperationName>(name: Name, ...operands: OperandsOf<Name>): void {
    this.numbers.push(OPCODES.get(name) as number, ...(operands as number[]))
  }

  /** Turns the picture counter-clockwise about its centre, in degrees. */
  rotate(degrees: number, { filter, fill }: Warp): void {
    this.add('rotate', degrees, filter, ...fill)
  }

  /** Pixel (x, y) shows the source's (x + factor · y, y). */
  shearX(factor: number, { filter, fill }: Warp): void {
    this.add('affine', 1, factor, 0, 0, 1, 0, filter, ...fill)
  }

  /** Pixel (x, y) shows the source's (x, y + factor · x). */
  shearY(factor: number, { filter, fill }: Warp): void {
    this.add('affine', 1, 0, 0, factor, 1, 0, filter, ...fill)
  }

  /** Moves the picture to the right and down, in pixels. */
  translate(right: number, down: number, { filter, fill }: Warp): void {
    this.add('affine', 1, 0, -right, 0, 1, -down, filter, ...fill)
  }

  /** The program so far. */
  toArray(): Float64Array {
    return Float64Array.from(this.numbers)
  }
}
