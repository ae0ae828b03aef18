/** How an image file becomes the network's input: in evaluation, in prediction, and in a model card. */
import { checkPositive } from '../../errors/check'
import {
  checkResolution,
  checkSquare,
  mapSides,
  type Resolution,
  type Sides,
  sidesOf,
} from '../../models/arch/resolution'

/** The part of an image file that a network sees, and its size. The steps run in the order of these fields. */
export interface FileLayout {
  /** 1: gray (BT.601 luma); 3: red, green, blue. Other counts cannot be read from image files. */
  readonly channels: number
  /**
   * [height, width] in px that every file is stretched to first: the size of the training images, if that differed from
   * the input's. Null where files are resized directly to the input's size.
   */
  readonly size: readonly [number, number] | null
  /** Size of the network's input, px. */
  readonly resolution: Resolution
  /**
   * - `crop`: the image is resized so that it covers the input's sides divided by {@link cropShare}, with its aspect
   *   ratio, then the centre is cut out (timm, torchvision).
   * - `squash`: the image is resized to these sides, ignoring its aspect ratio, then the centre is cut out (timm).
   * - `stretch`: the whole image is resized to the input, ignoring its aspect ratio.
   * - `pad`: the whole image is resized to fit inside the input, with its aspect ratio, and {@link fill} fills the rest
   *   on both sides (Pillow's ImageOps.pad).
   */
  readonly fit: Fit
  /** Input's sides divided by those that the image is resized to, such as 0.875. Null with `stretch` and `pad`. */
  readonly cropShare: number | null
  /** With `pad`: the colour around the image, a byte for each channel. Null otherwise. */
  readonly fill: readonly number[] | null
  /** Interpolation of the resizing to the input. */
  readonly interpolation: 'bilinear' | 'bicubic'
  /**
   * True: a file's colour profile is applied, which gives sRGB. False: the numbers are used unchanged, and CMYK is
   * converted without a profile, as in Pillow, timm and torchvision.
   */
  readonly colorManagement: boolean
}

/** The layout, and the normalisation of its pixels. */
export interface Preprocessing extends FileLayout {
  /** Subtracted from pixels in 0 … 1, per channel. */
  readonly mean: readonly number[]
  /** The result is divided by this, per channel. */
  readonly std: readonly number[]
}

/** The ways of {@link FileLayout.fit}. */
export const FITS = ['crop', 'squash', 'stretch', 'pad'] as const
export type Fit = (typeof FITS)[number]

/** Whether a part of the image is cut out, so that {@link FileLayout.cropShare} applies. */
export const cuts = (fit: Fit): boolean => fit === 'crop' || fit === 'squash'

/** The keys of a configuration's `data` that choose which part of an image is shown. */
export const CROP_KEYS = [['cropShare'], ['augment', 'crop']] as const

/** Those of {@link CROP_KEYS} that cannot act. Stretched images may still be cropped at random for training. */
export const WITHOUT_EFFECT: Readonly<Record<Fit, readonly (typeof CROP_KEYS)[number][]>> = {
  crop: [],
  squash: [],
  stretch: [CROP_KEYS[0]],
  pad: CROP_KEYS,
}

/**
 * Whether training shows random parts of images, not whole ones.
 *
 * @param crop `augment.crop` of the configuration
 */
export const showsParts = (fit: Fit, crop: unknown): boolean => cuts(fit) || (fit === 'stretch' && crop != null)

/** The colour whose normalised value is nearest to 0: the mean as bytes, rounded, as in timm. */
export const fillOf = (mean: readonly number[]): number[] =>
  mean.map((value) => Math.min(255, Math.max(0, Math.round(255 * value))))

/**
 * The side in px that an image is resized to for a square input: the shorter side with `fit: 'crop'`, both sides with
 * `'squash'`. The rule is timm's; torchvision's sizes agree with it.
 *
 * @throws MbconvError ERR_VALUE for an input that is no square
 */
export function shorterSide(preprocessing: Pick<Preprocessing, 'resolution' | 'cropShare'>): number {
  const op = 'shorterSide'
  const { resolution, cropShare } = preprocessing ?? {}
  checkSquare(op, checkResolution(op, 'resolution', resolution), 'the shorter side')
  if (cropShare !== null) checkPositive(op, 'cropShare', cropShare)
  return scaledSides(preprocessing)[0]
}

/** The input's sides divided by the share of the crop, px. */
export function scaledSides({ resolution, cropShare }: Pick<Preprocessing, 'resolution' | 'cropShare'>): Sides {
  // 380 / 384, divided back, gives 383.99… instead of 384.
  return mapSides(sidesOf(resolution), (side) => Math.floor(side / (cropShare ?? 1) + 1e-6))
}
