/** Decodes image files through sharp, for training: all kinds that libjpeg-turbo does not decode. */
import { readPart, readWhole } from '../../files/data-file'
import type { EncodedImage } from '../dataset/image-dataset'
import { type DecodeOptions, type NamedBytes, withImage } from '../images/image-file'
import type { Pixels } from '../images/pixels'
import { release } from '../images/release'

/** A path, or the bytes of a part of a file or stream. */
export function sourceOf({ name, file, part, bytes }: EncodedImage): string | NamedBytes {
  if (bytes !== undefined) return { name, bytes }
  if (part !== undefined) return { name, bytes: readPart(file, part.offset, part.length) }
  return typeof file === 'string' ? file : { name, bytes: readWhole(file) }
}

/** The pixels of an image in a cache; undefined for all others. @throws MbconvError ERR_DATA */
export function storedPixels({ file, part, pixels }: EncodedImage): Pixels | undefined {
  if (part === undefined || pixels === undefined) return undefined
  return { data: readPart(file, part.offset, part.length), ...pixels, channels: 3 }
}

/**
 * Decodes a whole image, upright, to 1 or 3 bytes a pixel, as for a prediction: transparency is laid on white, 16 bits are
 * cut to 8. A large image is alone in memory until `use` ends.
 *
 * @throws MbconvError ERR_DATA naming the file; ERR_ENVIRONMENT without sharp; what `use` throws
 */
export async function withPixels<T>(
  image: EncodedImage,
  options: DecodeOptions,
  use: (pixels: Pixels) => Promise<T>,
): Promise<T> {
  const stored = storedPixels(image)
  if (stored !== undefined) return use(stored)
  return withImage(sourceOf(image), options, async ({ width, height, rows }) => {
    let pixels: Pixels | undefined
    let filled = 0
    for await (const { data, channels } of rows()) {
      pixels ??= { data: new Uint8Array(width * height * channels), width, height, channels }
      pixels.data.set(data, filled)
      filled += data.length
    }
    if (pixels === undefined) throw new Error(`${image.name} has no rows`) // an image has at least one
    try {
      return await use(pixels)
    } finally {
      await release([pixels.data])
    }
  })
}
