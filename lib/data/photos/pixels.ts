/** Decoding and resizing of images as in Pillow, on tensors of bytes. */
import { shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { native } from '../../native/addon'
import type { Tensor } from '../../tensor/core/tensor'
import { requireJpegLibrary } from './jpeg-library'

/**
 * Decodes a JPEG file as Pillow does: accurate cosine transform, smooth enlargement of subsampled colours, gray and CMYK
 * converted to RGB, turned upright by its EXIF data. Damaged data give wrong pixels, as in Pillow.
 *
 * @returns uint8 [height, width, 3]
 * @throws MbconvError ERR_DATA: no JPEG, truncated, more than 50 million pixels; ERR_ENVIRONMENT without libjpeg-turbo
 */
export async function decodeJpeg(bytes: Uint8Array): Promise<Tensor> {
  const library = requireJpegLibrary('decodeJpeg')
  return native().decodeJpeg(library, bytes)
}

/** How {@link resizePixels} resizes. */
export interface ResizeOptions {
  /** Default 'bilinear'. */
  interpolation?: 'bilinear' | 'bicubic'
  /** The part that is stretched: left, top, right, bottom, px, also between pixels. Default: all. */
  box?: readonly [number, number, number, number]
}

/**
 * Resizes an image as Pillow's `Image.resize`, bit for bit: with a filter that averages when it shrinks.
 *
 * @param image uint8 [height, width, 3] on the CPU
 * @param size [height, width], px
 * @returns uint8 [...size, 3]
 * @throws MbconvError ERR_SHAPE, ERR_TYPE, ERR_VALUE
 */
export function resizePixels(image: Tensor, size: readonly [number, number], options: ResizeOptions = {}): Tensor {
  const { interpolation = 'bilinear', box } = options
  const [height, width] = image.shape
  const whole = [0, 0, width, height]
  if (!Array.isArray(size))
    throw new MbconvError('ERR_TYPE', `resizePixels: size must be [height, width], got ${shown(size)}`)
  return native().resizePixels(image, [...size], interpolation, [...(box ?? whole)])
}
