/**
 * The operations of timm's policies, and the strength of each at a level. Levels go from 0 to 10, or above if a policy
 * allows it. Names and ranges are those of timm/data/auto_augment.py, which follows TensorFlow's EfficientNet.
 */
import { normal, type RandomSource, signOf, uniformIn } from './draws'
import { drawWarp, type Interpolation, type Size } from './kind'
import type { Colour, Program, Warp } from './program'

/** The level that most ranges belong to. */
const FULL = 10

/** How far translations go at level 10. */
export interface TranslationRange {
  /** Of translations in pixels. timm's default is 250. */
  pixels: number
  /** Of translations relative to the image's side. timm's default is 0.45. */
  share: number
}

/** What operations need besides their argument. */
export interface TimmSetting {
  random: RandomSource
  size: Size
  interpolation: Interpolation
  fill: Colour
  translation: TranslationRange
}

interface TimmOperation {
  /** Whether a coin decides the sign. */
  signed?: boolean
  /** The argument at a level; missing if the operation has none. */
  argument?(level: number, sign: 1 | -1, translation: TranslationRange): number
  /** Appends the operation to the program. `warp` draws the sampling. */
  add(program: Program, argument: number, setting: TimmSetting, warp: () => Warp): void
}

const limited = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value))

const enhance = (name: 'color' | 'contrast' | 'brightness' | 'sharpness'): TimmOperation => ({
  argument: (level) => (level / FULL) * 1.8 + 0.1,
  add: (program, factor) => program.add(name, factor),
})

/** Further from 1, in either direction, with the level. */
const enhanceIncreasing = (name: 'color' | 'contrast' | 'brightness' | 'sharpness'): TimmOperation => ({
  signed: true,
  argument: (level, sign) => Math.max(0.1, 1 + sign * ((level / FULL) * 0.9)),
  add: (program, factor) => program.add(name, factor),
})

const posterize = (bitsAt: (level: number) => number): TimmOperation => ({
  argument: bitsAt,
  // Levels above 10 give bits outside 0 … 8, which have the effect of the nearest end.
  add: (program, bits) => program.add('posterize', limited(bits, 0, 8)),
})

const posterizeBits = (level: number) => Math.trunc((level / FULL) * 4)
const solarizeThreshold = (level: number) => Math.min(256, Math.trunc((level / FULL) * 256))
const signedTimes = (full: number) => (level: number, sign: 1 | -1) => sign * ((level / FULL) * full)

const TIMM_OPERATIONS = {
  AutoContrast: { add: (program) => program.add('autocontrast') },
  Equalize: { add: (program) => program.add('equalize') },
  Invert: { add: (program) => program.add('invert') },
  Rotate: {
    signed: true,
    argument: signedTimes(30),
    add: (program, degrees, _, warp) => program.rotate(degrees, warp()),
  },
  // Fewer bits at a lower level, as in TensorFlow's EfficientNet.
  Posterize: posterize(posterizeBits),
  PosterizeIncreasing: posterize((level) => 4 - posterizeBits(level)),
  PosterizeOriginal: posterize((level) => posterizeBits(level) + 4),
  Solarize: { argument: solarizeThreshold, add: (program, threshold) => program.add('solarize', threshold) },
  SolarizeIncreasing: {
    argument: (level) => 256 - solarizeThreshold(level),
    add: (program, threshold) => program.add('solarize', threshold),
  },
  SolarizeAdd: {
    argument: (level) => Math.min(128, Math.trunc((level / FULL) * 110)),
    add: (program, addition) => program.add('solarizeAdd', addition, 128),
  },
  Color: enhance('color'),
  ColorIncreasing: enhanceIncreasing('color'),
  Contrast: enhance('contrast'),
  ContrastIncreasing: enhanceIncreasing('contrast'),
  Brightness: enhance('brightness'),
  BrightnessIncreasing: enhanceIncreasing('brightness'),
  Sharpness: enhance('sharpness'),
  SharpnessIncreasing: enhanceIncreasing('sharpness'),
  ShearX: {
    signed: true,
    argument: signedTimes(0.3),
    add: (program, factor, _, warp) => program.shearX(factor, warp()),
  },
  ShearY: {
    signed: true,
    argument: signedTimes(0.3),
    add: (program, factor, _, warp) => program.shearY(factor, warp()),
  },
  // timm's positive translations move the picture to the left and up.
  TranslateX: {
    signed: true,
    argument: (level, sign, { pixels }) => signedTimes(pixels)(level, sign),
    add: (program, pixels, _, warp) => program.translate(-pixels, 0, warp()),
  },
  TranslateY: {
    signed: true,
    argument: (level, sign, { pixels }) => signedTimes(pixels)(level, sign),
    add: (program, pixels, _, warp) => program.translate(0, -pixels, warp()),
  },
  TranslateXRel: {
    signed: true,
    argument: (level, sign, { share }) => signedTimes(share)(level, sign),
    add: (program, share, { size }, warp) => program.translate(-share * size.width, 0, warp()),
  },
  TranslateYRel: {
    signed: true,
    argument: (level, sign, { share }) => signedTimes(share)(level, sign),
    add: (program, share, { size }, warp) => program.translate(0, -share * size.height, warp()),
  },
  Desaturate: {
    argument: (level) => limited(0.5 + 0.5 * (level / FULL), 0.5, 1),
    add: (program, share) => program.add('color', limited(1 - share, 0, 1)),
  },
  GaussianBlurRand: {
    argument: (level) => limited(level / FULL, 0, 1),
    add: (program, share, { random }) => program.add('gaussianBlur', uniformIn(random, 0.1, 2 * share)),
  },
} satisfies Record<string, TimmOperation>

export type TimmOperationName = keyof typeof TIMM_OPERATIONS

const operationNamed = (name: TimmOperationName): TimmOperation => TIMM_OPERATIONS[name]

/** The operation's argument at a level; undefined if it has none. */
export function timmArgument(
  name: TimmOperationName,
  level: number,
  sign: 1 | -1,
  translation: TranslationRange,
): number | undefined {
  return operationNamed(name).argument?.(level, sign, translation)
}

/** How a policy chooses the level of an operation. */
export interface LevelChoice {
  /** 0 … `most`. */
  level: number
  /** Standard deviation of normal noise on the level; 'uniform': from 0 to the level. */
  deviation: number | 'uniform'
  /** Upper limit of the noisy level. */
  most: number
}

function drawLevel(random: RandomSource, { level, deviation, most }: LevelChoice): number {
  if (deviation === 'uniform') return limited(uniformIn(random, 0, level), 0, most)
  return limited(deviation > 0 ? level + deviation * normal(random) : level, 0, most)
}

/** Draws the strength of an operation and appends it to the program. */
export function addTimmOperation(
  program: Program,
  name: TimmOperationName,
  choice: LevelChoice,
  setting: TimmSetting,
): void {
  const { random, interpolation, fill, translation } = setting
  const operation = operationNamed(name)
  const level = drawLevel(random, choice)
  const sign = operation.signed === true ? signOf(random) : 1
  const argument = operation.argument?.(level, sign, translation) ?? 0
  operation.add(program, argument, setting, () => drawWarp(random, interpolation, fill))
}
