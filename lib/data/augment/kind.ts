/** An augmentation's description for the rest of the package, and the options that several of them have. */
import { z } from 'zod'
import type { CrossProblem, NamedSchema } from '../../schema/kinds'
import { oneOf, type RandomSource } from './draws'
import { type Colour, FILTERS, type Program, type Warp } from './program'

/** Of the image that is augmented, px. */
export interface Size {
  height: number
  width: number
}

/** The normalisation that follows augmentation: (value - mean) / std per channel, for values from 0 to 1. */
export interface Normalization {
  mean: readonly number[]
  std: readonly number[]
}

/** The description of an augmentation. Each is in its own file; kinds.ts lists them. */
export interface AugmentationKind {
  /** Schema of its options in a configuration, a strict object with `name`. */
  readonly schema: NamedSchema
  /** One of PURPOSE in lib/random/philox.ts. Two augmentations of one image never share random numbers. */
  readonly purpose: number
  /**
   * Draws what is to be done with one image, and appends it to the program.
   *
   * @param options checked by the schema, defaults filled in
   */
  draw(program: Program, options: never, random: RandomSource, image: Size & Normalization): void
  /** Finds problems that involve several options. Gets the raw configuration, in which anything may be wrong. */
  check?(raw: Record<string, unknown>): CrossProblem[]
}

const INTERPOLATIONS = ['nearest', 'bilinear', 'bicubic', 'random'] as const

/** How rotations and shears sample the image. */
export type Interpolation = (typeof INTERPOLATIONS)[number]

const channel = () => z.int().min(0).max(255)

export const interpolation = (usual: string) =>
  z
    .enum(INTERPOLATIONS)
    .optional()
    .describe(`how rotations, shears and translations sample; random: bilinear or bicubic; default ${usual}`)

export const fill = (usual: string) =>
  z
    .tuple([channel(), channel(), channel()])
    .optional()
    .describe(`colour of what lies outside the image: red, green, blue; default ${usual}`)

/** Grey, the colour that TensorFlow's and timm's policies fill with by default. */
export const GREY: Colour = [128, 128, 128]
/** The colour that Pillow and torchvision fill with by default. */
export const BLACK: Colour = [0, 0, 0]

/** The sampling of one operation; draws it if the interpolation is 'random'. */
export function drawWarp(random: RandomSource, interpolation: Interpolation, fill: Colour): Warp {
  const filter =
    interpolation === 'random' ? oneOf(random, [FILTERS.bilinear, FILTERS.bicubic]) : FILTERS[interpolation]
  return { filter, fill }
}

/** The problems of keys that are given but have no effect. */
export const withoutEffect = (raw: Record<string, unknown>, keys: readonly string[], beside: string): CrossProblem[] =>
  keys
    .filter((key) => raw[key] !== undefined)
    .map((key) => ({ path: [key], message: `has no effect with ${beside}`, hint: `remove ${key}` }))
