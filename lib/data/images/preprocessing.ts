/** How an image file becomes the network's input: in evaluation, in prediction, and in a model card. */
import { checkCount, checkPositive } from '../../errors/check'

/** The part of an image file that a network sees, and its size. The steps run in the order of these fields. */
export interface FileLayout {
  /** 1: gray (BT.601 luma); 3: red, green, blue. Other counts cannot be read from image files. */
  readonly channels: number
  /**
   * [height, width] in px that every file is stretched to first: the size of the training images, if that differed from
   * the input's. Null where files are resized directly to the input's size.
   */
  readonly size: readonly [number, number] | null
  /** Side of the network's square input, px. */
  readonly resolution: number
  /**
   * `stretch`: the image is resized to the input, ignoring its aspect ratio (training in this package). `crop`: the
   * shorter side is resized to {@link shorterSide}, then the centre is cut out (timm, torchvision). `squash`: both
   * sides are resized to {@link shorterSide}, ignoring the aspect ratio, then the centre is cut out (timm).
   */
  readonly fit: 'stretch' | 'crop' | 'squash'
  /** Input side divided by the side that the image is resized to, such as 0.875. Null with `stretch`. */
  readonly cropShare: number | null
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

/**
 * The side in px that an image is resized to: the shorter side with `fit: 'crop'`, both sides with `'squash'`. The rule
 * is timm's; torchvision's sizes agree with it.
 */
export function shorterSide(preprocessing: Pick<Preprocessing, 'resolution' | 'cropShare'>): number {
  const op = 'shorterSide'
  const { resolution, cropShare } = preprocessing ?? {}
  checkCount(op, 'resolution', resolution)
  if (cropShare !== null) checkPositive(op, 'cropShare', cropShare)
  // 380 / 384, divided back, gives 383.99… instead of 384.
  return Math.floor(resolution / (cropShare ?? 1) + 1e-6)
}
