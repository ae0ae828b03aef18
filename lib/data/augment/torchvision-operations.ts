/**
 * The operations of torchvision's policies (torchvision/transforms/autoaugment.py). Each has a list of magnitudes, its
 * bins, of which a policy picks one.
 */
import { type RandomSource, signOf } from './draws'
import { drawWarp, type Interpolation, type Size } from './kind'
import type { Colour, Program, Warp } from './program'

/** Half goes to the even neighbour, as in torch.round. */
function roundHalfToEven(value: number): number {
  const rounded = Math.round(value)
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
}

/** torch.linspace in float32, which counts from the nearer end. */
export function linspace(start: number, end: number, count: number): number[] {
  const { fround } = Math
  const step = fround(fround(fround(end) - fround(start)) / (count - 1))
  return Array.from({ length: count }, (_, i) =>
    i < Math.floor(count / 2) ? fround(fround(start) + step * i) : fround(fround(end) - step * (count - 1 - i)),
  )
}

/** Bits that remain, from 8 down. */
const posterizeBins = (count: number, most: number): number[] =>
  Array.from({ length: count }, (_, i) => 8 - roundHalfToEven(Math.fround(i / ((count - 1) / most))))

/** The magnitudes of a policy at the last of its bins. */
interface Ranges {
  shear: number
  /** Pixels along a side of an image. */
  translate(side: number): number
  /** Degrees. */
  rotate: number
  /** The factor's distance from 1. */
  enhance: number
  /** Bits that are lost. */
  posterize: number
}

/** Of AutoAugment and RandAugment. The translation is the paper's, for its images of 331 px. */
export const NARROW: Ranges = {
  shear: 0.3,
  translate: (side) => (150 / 331) * side,
  rotate: 30,
  enhance: 0.9,
  posterize: 4,
}
/** Of TrivialAugmentWide. */
export const WIDE: Ranges = { shear: 0.99, translate: () => 32, rotate: 135, enhance: 0.99, posterize: 6 }

interface TorchvisionOperation {
  /** Whether a coin decides the sign of the magnitude. */
  signed?: boolean
  /** Missing if the operation has no magnitude. */
  bins?(count: number, ranges: Ranges, size: Size): number[]
  /** Appends the operation to the program. `warp` draws the sampling. */
  add(program: Program, magnitude: number, warp: () => Warp): void
}

const enhance = (name: 'color' | 'contrast' | 'brightness' | 'sharpness'): TorchvisionOperation => ({
  signed: true,
  bins: (count, ranges) => linspace(0, ranges.enhance, count),
  add: (program, magnitude) => program.add(name, 1 + magnitude),
})

const TORCHVISION_OPERATIONS = {
  Identity: { add: () => {} },
  ShearX: {
    signed: true,
    bins: (count, { shear }) => linspace(0, shear, count),
    add: (program, factor, warp) => program.shearX(factor, warp()),
  },
  ShearY: {
    signed: true,
    bins: (count, { shear }) => linspace(0, shear, count),
    add: (program, factor, warp) => program.shearY(factor, warp()),
  },
  TranslateX: {
    signed: true,
    bins: (count, { translate }, { width }) => linspace(0, translate(width), count),
    add: (program, pixels, warp) => program.translate(Math.trunc(pixels), 0, warp()),
  },
  TranslateY: {
    signed: true,
    bins: (count, { translate }, { height }) => linspace(0, translate(height), count),
    add: (program, pixels, warp) => program.translate(0, Math.trunc(pixels), warp()),
  },
  Rotate: {
    signed: true,
    bins: (count, { rotate }) => linspace(0, rotate, count),
    add: (program, degrees, warp) => program.rotate(degrees, warp()),
  },
  Brightness: enhance('brightness'),
  Color: enhance('color'),
  Contrast: enhance('contrast'),
  Sharpness: enhance('sharpness'),
  Posterize: {
    bins: (count, ranges) => posterizeBins(count, ranges.posterize),
    add: (program, bits) => program.add('posterize', bits),
  },
  Solarize: {
    bins: (count) => linspace(255, 0, count),
    add: (program, threshold) => program.add('solarize', threshold),
  },
  AutoContrast: { add: (program) => program.add('autocontrast') },
  Equalize: { add: (program) => program.add('equalize') },
  Invert: { add: (program) => program.add('invert') },
} satisfies Record<string, TorchvisionOperation>

export type TorchvisionOperationName = keyof typeof TORCHVISION_OPERATIONS

const operationNamed = (name: TorchvisionOperationName): TorchvisionOperation => TORCHVISION_OPERATIONS[name]

/** The operations of RandAugment and TrivialAugmentWide: all but Invert. */
export const UNIFORM_OPERATIONS = (Object.keys(TORCHVISION_OPERATIONS) as TorchvisionOperationName[]).filter(
  (name) => name !== 'Invert',
)

/** The operation's magnitudes, and whether a coin decides their sign; no magnitudes if it has none. */
export function torchvisionBins(
  name: TorchvisionOperationName,
  count: number,
  ranges: Ranges,
  size: Size,
): { magnitudes: number[] | undefined; signed: boolean } {
  const { bins, signed = false } = operationNamed(name)
  return { magnitudes: bins?.(count, ranges, size), signed }
}

/** What a policy decides for an operation besides its name. */
export interface TorchvisionSetting {
  random: RandomSource
  size: Size
  interpolation: Interpolation
  fill: Colour
  ranges: Ranges
  /** Number of bins. */
  bins: number
  /** The bin to take, from 0; 'uniform': any, each equally likely. */
  bin: number | 'uniform'
}

/** Draws the magnitude of an operation and appends it to the program. */
export function addTorchvisionOperation(
  program: Program,
  name: TorchvisionOperationName,
  { random, size, interpolation, fill, ranges, bins, bin }: TorchvisionSetting,
): void {
  const { magnitudes, signed } = torchvisionBins(name, bins, ranges, size)
  const at = bin === 'uniform' && magnitudes !== undefined ? random.below(bins) : Number(bin)
  const magnitude = (magnitudes?.[at] ?? 0) * (signed ? signOf(random) : 1)
  operationNamed(name).add(program, magnitude, () => drawWarp(random, interpolation, fill))
}
