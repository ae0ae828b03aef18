/**
 * PNG, JPEG and the like, for prediction, through the optional package `sharp`.
 *
 * sharp is not loaded before the first image is read, and nothing else here needs it.
 */
import { MbconvError } from '../errors'
import { dataError, readWhole } from './files'

// The part of sharp's interface in use. Its own types are not imported: the package compiles without it.
interface Pipeline {
  metadata(): Promise<{ format?: string }>
  autoOrient(): Pipeline
  flatten(options: { background: string }): Pipeline
  toColourspace(space: string): Pipeline
  resize(options: { width: number; height: number; fit: 'fill' | 'inside'; kernel?: 'linear' }): Pipeline
  raw(options: { depth: 'uchar' }): Pipeline
  png(): Pipeline
  toBuffer(options: { resolveWithObject: true }): Promise<{
    data: Uint8Array
    info: { width: number; height: number; channels: number }
  }>
}
interface Sharp {
  (input: Uint8Array, options: { failOn: 'truncated'; limitInputPixels: number }): Pipeline
  (input: Uint8Array, options: { raw: { width: number; height: number; channels: number } }): Pipeline
  cache(on: boolean): void
  concurrency(threads: number): void
}

/** What is read. Vector formats are not: how large to draw them is not in the file. */
const FORMATS = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'heif']
/** Pixels; beyond this a small file could claim all memory. */
const LIMIT_INPUT_PIXELS = 1e8

let loaded: Promise<Sharp> | undefined

async function loadSharp(): Promise<Sharp> {
  // A variable, so that the compiler does not look for the package.
  const name: string = 'sharp'
  try {
    const sharp: Sharp = (await import(name)).default
    // One image at a time is decoded, and none twice; sharp's own threads would compete with libtorch's.
    sharp.cache(false)
    sharp.concurrency(1)
    return sharp
  } catch (cause) {
    throw new MbconvError('ERR_ENVIRONMENT', 'reading image files needs the package sharp, which cannot be loaded', {
      hint: 'npm install sharp',
      cause,
    })
  }
}

export interface ImageFileOptions {
  /** 1 for gray, 3 for red, green, blue. */
  channels: 1 | 3
  /** px */
  height: number
  /** px */
  width: number
}

/** An image that is given as bytes, with what errors are to call it. */
export interface NamedBytes {
  name: string
  bytes: Uint8Array
}

/** Rows of pixels, top to bottom; a pixel is red, green, blue, or one gray value. */
export interface Pixels {
  data: Uint8Array
  width: number
  height: number
  channels: number
}

/**
 * Reads an image file at the given size, as a data set stores images: C planes of H × W bytes.
 *
 * The picture is turned upright as its EXIF data say, laid on white where it is transparent, and stretched to the size
 * with a linear filter that averages when it shrinks. To feed a network, ask for the size of the images it was trained
 * on, then resize as training did.
 *
 * @param source a path, or the file's bytes
 * @throws MbconvError ERR_DATA naming the file: missing, truncated, not an image, too large; ERR_ENVIRONMENT without sharp
 */
export async function readImageFile(source: string | NamedBytes, options: ImageFileOptions): Promise<Uint8Array> {
  const { channels, height, width } = options
  const pixels = await decodeImage(source, { width, height, fit: 'fill' })
  return channels === 1 ? gray(pixels.data, pixels.channels) : planes(pixels.data, pixels.channels)
}

/**
 * Reads an image file upright, on white where it is transparent, in sRGB.
 *
 * @param size stretches it with a linear filter (`fill`), or makes it fit into a box (`inside`); its own size when left out
 * @throws MbconvError as {@link readImageFile}
 */
export async function decodeImage(
  source: string | NamedBytes,
  size?: { width: number; height: number; fit: 'fill' | 'inside' },
): Promise<Pixels> {
  const { name, bytes } = typeof source === 'string' ? { name: source, bytes: readWhole(source) } : source
  loaded ??= loadSharp()
  const sharp = await loaded
  const refused = (problem: string, cause?: unknown) => {
    const hint = `Images are read from ${FORMATS.join(', ')} files of at most ${LIMIT_INPUT_PIXELS / 1e6} million pixels.`
    return dataError(name, problem, hint, cause)
  }

  try {
    const image = sharp(bytes, { failOn: 'truncated', limitInputPixels: LIMIT_INPUT_PIXELS })
    const { format } = await image.metadata()
    if (!FORMATS.includes(format ?? '')) throw refused(`cannot be used as an image (${format ?? 'unknown'} format)`)
    const upright = image.autoOrient().flatten({ background: '#ffffff' })
    const sized = size === undefined ? upright : upright.resize({ ...size, kernel: 'linear' })
    const { data, info } = await sized
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    const { width, height, channels } = info
    const other = size?.fit === 'fill' && (width !== size.width || height !== size.height)
    if (other) throw refused(`came out as ${width} x ${height} px`)
    return { data, width, height, channels }
  } catch (cause) {
    if (cause instanceof MbconvError) throw cause
    // libvips adds a line for each thing it stumbled over; the first tells enough.
    throw refused(`cannot be read as an image (${(cause as Error).message.split('\n')[0]})`, cause)
  }
}

/** Interleaved red, green and blue (or one gray value) as three planes. */
function planes(pixels: Uint8Array, present: number): Uint8Array {
  const area = pixels.length / present
  const result = new Uint8Array(3 * area)
  for (let channel = 0; channel < 3; channel++) {
    const from = Math.min(channel, present - 1)
    for (let p = 0; p < area; p++) result[channel * area + p] = pixels[p * present + from]
  }
  return result
}

/** Pixels, of 1, 3 or (with opacity) 4 channels, as a PNG file. */
export async function encodePng({ data, width, height, channels }: Pixels): Promise<Uint8Array> {
  loaded ??= loadSharp()
  const sharp = await loaded
  const png = sharp(data, { raw: { width, height, channels } }).png()
  return (await png.toBuffer({ resolveWithObject: true })).data
}

/** The same picture with as many channels as asked for: its luma, or the gray value three times. */
export function withChannels({ data, width, height, channels }: Pixels, wanted: 1 | 3): Pixels {
  if (channels === wanted) return { data, width, height, channels }
  const result = new Uint8Array(width * height * wanted)
  if (wanted === 1) return { data: gray(data, channels), width, height, channels: 1 }
  for (let i = 0; i < result.length; i++) result[i] = data[Math.floor(i / 3) * channels + Math.min(i % 3, channels - 1)]
  return { data: result, width, height, channels: 3 }
}

/** ITU-R BT.601 luma in 16-bit fixed point, what Pillow's mode L and torchvision's Grayscale compute. */
function gray(pixels: Uint8Array, present: number): Uint8Array {
  if (present < 3) return planes(pixels, present).subarray(0, pixels.length / present)
  const result = new Uint8Array(pixels.length / present)
  for (let p = 0, from = 0; p < result.length; p++, from += present) {
    const luma = 19595 * pixels[from] + 38470 * pixels[from + 1] + 7471 * pixels[from + 2]
    result[p] = (luma + 32768) >> 16
  }
  return result
}
