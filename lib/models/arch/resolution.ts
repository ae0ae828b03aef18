/** The size of a network's input. Everything that asks for it takes and gives a {@link Resolution}. */
import { checkCount, shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'

/** Height and width, px. */
export type Sides = readonly [height: number, width: number]

/** The size of an input in px: the side of a square, or [height, width]. */
export type Resolution = number | Sides

/** [height, width], px. */
export const sidesOf = (resolution: Resolution): Sides =>
  typeof resolution === 'number' ? [resolution, resolution] : resolution

/** The resolution of these sides. A square is always its side, so that equal inputs have equal resolutions. */
export const resolutionOf = ([height, width]: Sides): Resolution => (height === width ? height : [height, width])

export const isSquare = (resolution: Resolution): resolution is number => typeof resolution === 'number'

export const shorterSideOf = (resolution: Resolution): number => Math.min(...sidesOf(resolution))
export const longerSideOf = (resolution: Resolution): number => Math.max(...sidesOf(resolution))

export const sameResolution = (a: Resolution, b: Resolution): boolean => {
  const [height, width] = sidesOf(b)
  return sidesOf(a)[0] === height && sidesOf(a)[1] === width
}

/** `224`, or `96x384` for 96 px of height and 384 px of width. */
export const resolutionText = (resolution: Resolution): string =>
  isSquare(resolution) ? String(resolution) : resolution.join('x')

/** Each side changed in the same way. */
export const mapSides = ([height, width]: Sides, change: (side: number) => number): Sides => [
  change(height),
  change(width),
]

/** Output size of a layer with an odd kernel; symmetric and SAME padding give the same. */
export const strided = (size: Sides, stride: number): Sides => mapSides(size, (side) => Math.ceil(side / stride))

/**
 * Checks a resolution from a caller.
 *
 * @throws MbconvError ERR_TYPE or ERR_VALUE naming `op` and the value
 */
export function checkResolution(op: string, name: string, value: unknown): Resolution {
  if (!Array.isArray(value)) {
    checkCount(op, name, value)
    return value as number
  }
  if (value.length !== 2) {
    const text = `${op}: ${name} must be a side or [height, width], got ${shown(value)} of ${value.length}`
    throw new MbconvError('ERR_VALUE', text, { op })
  }
  const [height, width] = value
  checkCount(op, `the height of ${name}`, height)
  checkCount(op, `the width of ${name}`, width)
  return Object.freeze(resolutionOf([height, width])) as Resolution
}

/**
 * Checks for a square, where only that can be scaled.
 *
 * @param what cannot be done with a rectangle
 * @throws MbconvError ERR_VALUE
 */
export function checkSquare(op: string, resolution: Resolution, what: string): number {
  if (isSquare(resolution)) return resolution
  const text = `${op}: ${what} needs a square input, not ${resolutionText(resolution)} px`
  throw new MbconvError('ERR_VALUE', text, { op, hint: 'Scale the square network, then set the resolution.' })
}
