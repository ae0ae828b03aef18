/**
 * Turns stored bytes into network input: resize, augment and normalise in one pass.
 *
 * Resizing first and warping the result would blur twice. So the affine map of the augmentation includes the change of
 * size, and each output pixel is sampled from the source once, with bilinear weights.
 *
 * Coordinates are PyTorch's with align_corners=False: pixel centres lie at half pixels, and an image spans -1 … 1 in
 * both directions whatever its size. Without augmentation the result is that of
 * torch.nn.functional.interpolate(mode='bilinear', align_corners=False, antialias=False); an affine map with
 * fill 'edge' is affine_grid followed by grid_sample(padding_mode='border').
 */
import { MbconvError } from '../errors/error'
import { type Resolution, sidesOf } from '../models/arch/resolution'
import { KeyedRandom, PURPOSE } from '../random/philox'
import type { Seed } from '../random/seed'

/** How far training images are varied. Every value is a limit: the variation is uniform up to it in both directions. */
export interface Augment {
  /** Degrees, 0 … 180. */
  rotate?: number
  /** Fraction of the side, 0 … 1, horizontally and vertically. */
  translate?: number
  /** Fraction of the size, 0 … below 1: .1 gives factors from .9 to 1.1. */
  scale?: number
  /** Degrees, 0 … below 90; horizontal. */
  shear?: number
  /** Mirror left and right, for half of the images on average. */
  flip?: boolean
}

/**
 * What fills the area outside the source image.
 *
 * - 'zero': black (before normalisation). The image's area reaches half a pixel beyond the outer centres. A pixel on
 * its border is black in proportion, so that borders have no steps.
 * - 'edge': the nearest pixel of the image.
 *
 * Without augmentation nothing outside is visible, and both give the same.
 */
export type Fill = 'zero' | 'edge'

/**
 * [a, b, tx, c, d, ty]: output point (x, y) shows source point (a x + b y + tx, c x + d y + ty), both from -1 to 1,
 * y downwards. The rows are those of torch's affine_grid.
 */
export type Affine = readonly [number, number, number, number, number, number]

export const IDENTITY: Affine = [1, 0, 0, 0, 1, 0]

/** One drawn variation, described as movement of the picture's content. */
export interface Variation {
  /** Degrees clockwise. */
  angle: number
  /** Right and down, in fractions of the side. */
  translate: readonly [number, number]
  scale: number
  /** Degrees; torchvision's sign. */
  shear: number
  flip: boolean
}

/** Throws ERR_VALUE naming the setting if a limit is not a number in its range. */
export function checkAugment(augment: Augment): void {
  const below90 = 90 - Number.EPSILON * 64
  const limits = { rotate: 180, translate: 1, scale: 1 - Number.EPSILON, shear: below90 }
  for (const [key, limit] of Object.entries(limits)) {
    const value = augment[key as keyof typeof limits] ?? 0
    if (!(typeof value === 'number' && value >= 0 && value <= limit)) {
      throw new MbconvError('ERR_VALUE', `augment.${key} must be a number from 0 to ${Math.round(limit)}, not ${value}`)
    }
  }
}

/** Whether any setting is active. */
export function augments(augment: Augment): boolean {
  return Boolean(augment.rotate || augment.translate || augment.scale || augment.shear || augment.flip)
}

/**
 * The variation of one sample in one epoch. Each setting has its own random number, so disabling one does not affect
 * others.
 */
export function drawVariation(augment: Augment, seed: Seed, epoch: number, sample: number): Variation {
  const random = new KeyedRandom(seed, PURPOSE.augment, epoch, sample)
  const within = (limit = 0) => (2 * random.uniform() - 1) * limit
  return {
    angle: within(augment.rotate),
    translate: [within(augment.translate), within(augment.translate)],
    scale: 1 + within(augment.scale),
    shear: within(augment.shear),
    flip: random.uniform() < 0.5 && augment.flip === true,
  }
}

/**
 * The map from output to source for content that is flipped, then sheared, scaled and rotated about its centre, then
 * moved.
 *
 * @param aspect width divided by height of the output, so that a rotation turns and does not slant
 */
export function affineOf({ angle, translate, scale, shear, flip }: Variation, aspect = 1): Affine {
  const turn = (angle * Math.PI) / 180
  const cos = Math.cos(turn)
  const sin = Math.sin(turn)
  const slant = Math.tan((shear * Math.PI) / 180)
  const mirror = flip ? -1 : 1
  // Forward: x' = s R(turn) [[1, -slant], [0, 1]] diag(mirror, 1) x + 2 translate. This is the inverse, factor by factor.
  const a = (mirror * (cos - slant * sin)) / scale
  // Coordinates go from -1 to 1 in both directions, whatever the shape.
  const b = (mirror * (sin + slant * cos)) / scale / aspect
  const c = (-sin / scale) * aspect
  const d = cos / scale
  const [tx, ty] = [2 * translate[0], 2 * translate[1]]
  return [a, b, -(a * tx + b * ty), c, d, -(c * tx + d * ty)]
}

/** Turns a stored byte into network input: byte × scale + shift, with one pair per channel. */
export interface Normalizer {
  scale: Float64Array
  shift: Float64Array
}

/** (byte / 255 - mean) / std, for each channel. */
export function normalizer(mean: readonly number[], std: readonly number[]): Normalizer {
  return {
    scale: Float64Array.from(std, (s) => 1 / (255 * s)),
    shift: Float64Array.from(mean, (m, c) => -m / std[c]),
  }
}

/** Source and target of resampling one image. */
export interface ResampleJob {
  source: Uint8Array
  /** Offset of the image in `source`: C planes of H × W bytes. */
  sourceOffset: number
  /** [channels, height, width] of the source. */
  shape: readonly [number, number, number]
  target: Float32Array
  /** Offset of the result in `target`: C planes of the output's size. */
  targetOffset: number
  /** Size of the output, px. A source of another shape is stretched. */
  size: Resolution
  normalizer: Normalizer
}

/** Share of an output pixel that lies within 0 … `length`, for a pixel of width `footprint` around `at`. */
function coverage(at: number, length: number, footprint: number): number {
  const inside = 0.5 + Math.min(at, length - at) / footprint
  return Math.min(1, Math.max(0, inside))
}

/** Writes the resized, warped and normalised image into the target. */
export function resample(job: ResampleJob, affine: Affine = IDENTITY, fill: Fill = 'zero'): void {
  const { source, sourceOffset, target, targetOffset } = job
  const [rows, columns] = sidesOf(job.size)
  const [channels, height, width] = job.shape
  const { scale, shift } = job.normalizer
  const [a, b, tx, c, d, ty] = affine
  // In source pixels: the steps to the next output column and row, and the centre of the first output pixel.
  const xPerColumn = (a * width) / columns
  const xPerRow = (b * width) / rows
  const yPerColumn = (c * height) / columns
  const yPerRow = (d * height) / rows
  const [firstX, firstY] = [1 / columns - 1, 1 / rows - 1]
  // For a square, one product of the sum: rounding must not depend on whether other shapes exist.
  const from = (x: number, y: number) => (rows === columns ? (x + y) * firstX : x * firstX + y * firstY)
  const xFirst = ((from(a, b) + tx + 1) * width - 1) / 2
  const yFirst = ((from(c, d) + ty + 1) * height - 1) / 2
  const xFootprint = Math.abs(xPerColumn) + Math.abs(xPerRow)
  const yFootprint = Math.abs(yPerColumn) + Math.abs(yPerRow)
  // The identity shows nothing outside. Skipping the test also avoids that rounding dims the image's border.
  const fades = fill === 'zero' && affine !== IDENTITY
  const plane = height * width
  const area = rows * columns

  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const x = xFirst + column * xPerColumn + row * xPerRow
      const y = yFirst + column * yPerColumn + row * yPerRow
      const left = Math.floor(x)
      const top = Math.floor(y)
      const wx = x - left
      const wy = y - top
      const x0 = left < 0 ? 0 : left >= width ? width - 1 : left
      const x1 = left < -1 ? 0 : left >= width - 1 ? width - 1 : left + 1
      const y0 = (top < 0 ? 0 : top >= height ? height - 1 : top) * width
      const y1 = (top < -1 ? 0 : top >= height - 1 ? height - 1 : top + 1) * width
      const light = fades ? coverage(x + 0.5, width, xFootprint) * coverage(y + 0.5, height, yFootprint) : 1
      let from = sourceOffset
      let to = targetOffset + row * columns + column
      for (let channel = 0; channel < channels; channel++) {
        const upper = source[from + y0 + x0] * (1 - wx) + source[from + y0 + x1] * wx
        const lower = source[from + y1 + x0] * (1 - wx) + source[from + y1 + x1] * wx
        target[to] = (upper * (1 - wy) + lower * wy) * light * scale[channel] + shift[channel]
        from += plane
        to += area
      }
    }
  }
}

/** Network input, N × C × height × width, from consecutive images of C × H × W bytes, without augmentation. */
export function resizeImages(
  images: Uint8Array,
  shape: readonly [number, number, number],
  size: Resolution,
  pixels: Normalizer,
): Float32Array {
  const [channels, height, width] = shape
  const bytes = channels * height * width
  const count = images.length / bytes
  if (!Number.isInteger(count)) {
    throw new MbconvError('ERR_SHAPE', `${images.length} bytes are no whole number of ${shape.join(' x ')} images`)
  }
  const [rows, columns] = sidesOf(size)
  const floats = channels * rows * columns
  const target = new Float32Array(count * floats)
  for (let i = 0; i < count; i++) {
    const targetOffset = i * floats
    resample({ source: images, sourceOffset: i * bytes, shape, target, targetOffset, size, normalizer: pixels })
  }
  return target
}
