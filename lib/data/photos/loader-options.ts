/** The options of {@link PhotoLoader}, checked. */
import { availableParallelism } from 'node:os'
import { checkFunction, checkNumber, checkObject, checkOneOf, checkOptions, shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { type Resolution, type Sides, sidesOf } from '../../models/arch/resolution'
import { type Seed, seedBits } from '../../random/seed'
import { checkRepeats, MOST_REPEATS, SAMPLERS, type Sampler } from '../batches/order'
import type { Fit } from '../images/preprocessing'
import type { UnreadableImages } from './unreadable'

/** A part of random area and shape, as RandomResizedCrop of torchvision and timm. */
export interface RandomCrop {
  /** Least and greatest area, as shares of the image. Default [0.08, 1]. */
  scale?: readonly [number, number]
  /** Least and greatest quotient of width and height. Default [3/4, 4/3]. */
  ratio?: readonly [number, number]
}

/** Which sample of which epoch a program of augmentation is drawn for. */
export interface DrawnFor {
  seed: Seed
  epoch: number
  sample: number
  /** Size of the image that it changes, px. */
  height: number
  width: number
}

export interface PhotoLoaderOptions {
  batchSize: number
  /** Size of the images of a batch, px: a side, or [height, width]. */
  size: Resolution
  /** Seed of the order and of all variation. Default 0. */
  seed?: Seed
  /** Whether each epoch has a new order. Default false: the data set's order. */
  shuffle?: boolean
  /** With `shuffle`: 'balanced' draws from all classes equally often. Default 'shuffle': every image once. */
  sampler?: Exclude<Sampler, 'none'>
  /** Repeated augmentation: how often each image of an epoch comes. Default 1. */
  repeats?: number
  /** Leave out the last batch if it is incomplete. Default false. */
  dropLast?: boolean
  /** `crop`: a random part, resized to the batch's size. `pad`, `stretch`: all of it, as in evaluation. Default 'crop'. */
  fit?: Exclude<Fit, 'squash'>
  /** Which part, with `fit: 'crop'`. */
  crop?: RandomCrop
  /** With `fit: 'pad'`: red, green and blue around the image, bytes. */
  fill?: readonly number[]
  /** `random` chooses one of the two for each sample. Default 'bicubic'. */
  interpolation?: 'bilinear' | 'bicubic' | 'random'
  /** Probability of mirroring left and right. Default 0.5. */
  flip?: number
  /** Draws what else is done with an image, as a program of lib/data/augment. Default null: nothing. */
  augment?: ((sample: DrawnFor) => Float64Array) | null
  /** Whether colour profiles are applied. Default false. Such files are decoded through sharp, which is slower. */
  colorManagement?: boolean
  /** Threads that decode. 0: none, and Node's own threads work. Default: one less than the machine has, at least 1. */
  threads?: number
  /** Batches that are made while the consumer works. Default 2. */
  ahead?: number
  /** Whether batches are in pinned memory, which a GPU copies faster. Needs a GPU. Default false. */
  pin?: boolean
  /** Told of every image that cannot be read. */
  unreadable: UnreadableImages
}

export type CheckedOptions = Required<Omit<PhotoLoaderOptions, 'crop' | 'size'>> & {
  size: Sides
  crop: Required<RandomCrop>
}

const OP = 'PhotoLoader'

/** The longest side of a batch's images, px. */
const LONGEST = 4096

const OPTIONS = [
  'batchSize',
  'size',
  'seed',
  'shuffle',
  'sampler',
  'repeats',
  'dropLast',
  'fit',
  'crop',
  'fill',
  'interpolation',
  'flip',
  'augment',
  'colorManagement',
  'threads',
  'ahead',
  'pin',
  'unreadable',
]

/** @throws MbconvError ERR_TYPE, ERR_VALUE */
export function checkWhole(name: string, value: unknown, least: number, most: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most) return value as number
  throw wrong(name, `a whole number from ${least} to ${most}`, value)
}

const wrong = (name: string, wanted: string, value: unknown) =>
  new MbconvError(
    typeof value === 'number' || Array.isArray(value) ? 'ERR_VALUE' : 'ERR_TYPE',
    textOf(name, wanted, value),
    {
      op: OP,
    },
  )

const textOf = (name: string, wanted: string, value: unknown): string => {
  const got = Array.isArray(value) ? `[${value.map(shown).join(', ')}]` : shown(value)
  return `${OP}: ${name} must be ${wanted}, got ${got}`
}

function checkRising(name: string, value: unknown, most: number): [number, number] {
  const list: unknown[] = Array.isArray(value) ? value : []
  const [low, high] = list as number[]
  const numbers = list.length === 2 && list.every(Number.isFinite)
  if (numbers && low > 0 && low <= high && high <= most) return [low, high]
  throw wrong(name, `two rising numbers above 0${most < Number.MAX_VALUE ? ` and up to ${most}` : ''}`, value)
}

function checkSize(size: unknown): Sides {
  if (!Array.isArray(size)) return sidesOf(checkWhole('size', size, 1, LONGEST))
  if (size.length !== 2) throw wrong('size', 'a side or [height, width]', size)
  return [checkWhole('the height of size', size[0], 1, LONGEST), checkWhole('the width of size', size[1], 1, LONGEST)]
}

function checkFill(fill: readonly unknown[]): number[] {
  if (!Array.isArray(fill) || fill.length !== 3) throw wrong('fill', '[red, green, blue]', fill)
  return fill.map((value) => checkWhole('a value of fill', value, 0, 255))
}

const noEffect = (name: string, fit: string) =>
  new MbconvError('ERR_VALUE', `${OP}: ${name} has no effect with fit: ${fit}`, { op: OP })

function checkShare(name: string, value: unknown): number {
  checkNumber(OP, name, value)
  if (value >= 0 && value <= 1) return value
  throw wrong(name, 'a number from 0 to 1', value)
}

function checkFlag(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw wrong(name, 'true or false', value)
}

/** The options with all defaults. @throws MbconvError ERR_TYPE, ERR_VALUE */
export function checkedOptions(options: PhotoLoaderOptions): CheckedOptions {
  checkOptions(OP, options, OPTIONS)
  const { seed = 0, shuffle = false, sampler = 'shuffle', repeats = 1, dropLast = false } = options
  const { fit = 'crop', crop = {}, fill = [], interpolation = 'bicubic', flip = 0.5, augment = null } = options
  const { colorManagement = false, ahead = 2, pin = false, unreadable } = options
  const { threads = Math.max(1, availableParallelism() - 1) } = options
  seedBits(OP, seed)
  checkOneOf(OP, 'fit', fit, ['crop', 'pad', 'stretch'])
  if (options.crop !== undefined && fit !== 'crop') throw noEffect('crop', fit)
  if (options.fill !== undefined && fit !== 'pad') throw noEffect('fill', fit)
  checkOptions(`${OP}: crop`, crop, ['scale', 'ratio'])
  const { scale = [0.08, 1], ratio = [3 / 4, 4 / 3] } = crop
  checkOneOf(OP, 'interpolation', interpolation, ['bilinear', 'bicubic', 'random'])
  checkOneOf(OP, 'sampler', sampler, SAMPLERS)
  const isVaried = fit === 'crop' || flip !== 0 || augment !== null || interpolation === 'random'
  checkRepeats(OP, checkWhole('repeats', repeats, 1, MOST_REPEATS), shuffle ? sampler : 'none', isVaried)
  if (augment !== null) checkFunction(OP, 'augment', augment)
  checkObject(OP, 'unreadable', unreadable)
  return {
    batchSize: checkWhole('batchSize', options.batchSize, 1, 65536),
    size: checkSize(options.size),
    seed,
    shuffle: checkFlag('shuffle', shuffle),
    sampler,
    repeats,
    dropLast: checkFlag('dropLast', dropLast),
    crop: {
      scale: checkRising('crop.scale', scale, 1),
      ratio: checkRising('crop.ratio', ratio, Number.MAX_VALUE),
    },
    fit,
    fill: fit === 'pad' ? checkFill(fill) : [],
    interpolation,
    flip: checkShare('flip', flip),
    augment,
    colorManagement: checkFlag('colorManagement', colorManagement),
    threads: checkWhole('threads', threads, 0, 256),
    ahead: checkWhole('ahead', ahead, 1, 64),
    pin: checkFlag('pin', pin),
    unreadable,
  }
}
