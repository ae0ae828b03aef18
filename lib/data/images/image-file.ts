/**
 * PNG, JPEG and the like, for prediction, through the optional package `sharp`.
 *
 * sharp is loaded with the first image, and nothing else here needs it. It only gets bytes that begin like a supported
 * kind of image: libvips would also draw SVG, and has readers for many other formats.
 */

import { checkCount, checkOptions, shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { optionalPackage } from '../../errors/optional-package'
import { dataError, readWhole } from '../../files/data-file'
import { statOf } from '../../files/folders'
import { decoderMemory, type Header } from './decoder-memory'
import { inTurn, LARGE, ROOM } from './decoding-queue'
import { IMAGE_KINDS, type ImageKind, imageKind, isReadable } from './image-kind'
import { checkJpegSize, LEAST_PART, MAX_PIXELS, mostBytes, pixelsAllowed } from './image-limits'
import {
  type Box,
  fromCmyk,
  gray,
  type Orientation,
  type Pixels,
  planes,
  storedBox,
  swapsSides,
  uprightRows,
} from './pixels'
import { release } from './release'

// The part of sharp's interface that is used here. sharp's own types are not imported, so the package compiles without
// it.
interface Pipeline {
  metadata(): Promise<Metadata>
  flatten(options: { background: string }): Pipeline
  pipelineColourspace(space: 'cmyk'): Pipeline
  toColourspace(space: 'srgb' | 'cmyk'): Pipeline
  withIccProfile(profile: 'srgb', options: { attach: false }): Pipeline
  resize(options: Size & { kernel: 'linear' }): Pipeline
  extract(box: Box): Pipeline
  raw(options: { depth: 'uchar' }): Pipeline
  png(): Pipeline
  toBuffer(options: { resolveWithObject: true }): Promise<{
    data: Uint8Array
    info: { width: number; height: number; channels: number }
  }>
}
interface Metadata extends Header {
  format: string
  space: string
  compression?: string
  hasProfile: boolean
  gainMap?: object
  orientation?: number
}
interface Sharp {
  (input: Uint8Array, options: { failOn: 'truncated'; limitInputPixels: number | false; ignoreIcc?: boolean }): Pipeline
  (input: Uint8Array, options: { raw: { width: number; height: number; channels: number } }): Pipeline
  cache(on: boolean): void
  concurrency(threads: number): void
}

/** A file up to this many bytes is kept in memory while it waits for its turn; a longer one is read again. */
const SHORT = 2 ** 20

let loaded: Promise<Sharp> | undefined

async function loadSharp(): Promise<Sharp> {
  // A variable, so that the compiler does not resolve the package.
  const name: string = 'sharp'
  return optionalPackage(name, 'reading image files', async () => {
    const sharp: Sharp = (await import(name)).default
    // No image is decoded twice, so the cache is useless; sharp's own threads would compete with libtorch's.
    sharp.cache(false)
    sharp.concurrency(1)
    return sharp
  })
}

/** How to decode an image file. */
export interface DecodeOptions {
  /**
   * Whether to apply the file's colour profile, which gives sRGB. Default false: the numbers are used unchanged, and
   * CMYK is converted by a formula, as in Pillow.
   */
  colorManagement?: boolean
  /**
   * Pixels of the largest image that is decoded in full: larger JPEG and lossy WebP files are decoded at a smaller
   * size, other kinds are refused. Default 50 million, or fewer for kinds whose decoders hold the whole picture. A
   * given number applies to all kinds.
   */
  maxPixels?: number
}

/** How an image file becomes pixels. */
export interface ImageFileOptions extends DecodeOptions {
  /** 1 for gray, 3 for red, green, blue. */
  channels: 1 | 3
  /** px */
  height: number
  /** px */
  width: number
}

/** An image given as bytes, and its name in error messages. */
export interface NamedBytes {
  /** What results and messages call the image. */
  name: string
  /** The bytes of an encoded image file, JPEG or PNG say. They are copied. */
  bytes: Uint8Array
}

/** `fill` stretches the image to a size; `inside` shrinks a larger image to fit into it. */
interface Size {
  width: number
  height: number
  fit: 'fill' | 'inside'
  withoutEnlargement?: boolean
}

/** What the header of an image file says. */
export interface ImageFacts {
  kind: ImageKind
  /** px, as stored: before the picture is turned upright. */
  width: number
  height: number
  orientation: Orientation
  /** libvips's name of the colour space: `srgb`, `b-w`, `cmyk`, `rgb16` … */
  space: string
  /** libvips's name of a value's type: `uchar`, `ushort` … */
  depth: string
}

/**
 * An image file whose header has been read. Its pixels are upright, in sRGB (or gray), with transparency laid on white.
 */
export interface OpenImage {
  /** What the file's header says. */
  readonly facts: ImageFacts
  /** px. If the image has too many pixels: the smaller size that it is decoded at. */
  readonly width: number
  readonly height: number
  /** The image at another size, resized with a linear filter that averages when it shrinks. */
  resized(size: Size): Promise<Pixels>
  /** The image unresized, a few rows at a time. The rows are valid until the next ones are requested. */
  rows(): AsyncGenerator<Pixels, void, undefined>
}

/**
 * Reads an image file at the given size, as a data set stores images: C planes of H × W bytes.
 *
 * The picture is turned upright according to its EXIF data, transparency is laid on white, and the result is stretched
 * to the size with a linear filter that averages when it shrinks. To feed a network, read at the size of its training
 * images, then resize as in training.
 *
 * @param source a path, or the file's bytes; JPEG, PNG, WebP, GIF, TIFF or AVIF, whatever the file's name
 * @throws MbconvError ERR_DATA naming the file: missing, truncated, not an image, too large; ERR_TYPE, ERR_VALUE for
 *   options; ERR_ENVIRONMENT without sharp
 */
export async function readImageFile(source: string | NamedBytes, options: ImageFileOptions): Promise<Uint8Array> {
  const op = 'readImageFile'
  checkOptions(op, options, ['channels', 'height', 'width', ...DECODE_OPTIONS])
  const { channels, height, width, ...decoding } = options
  if (channels !== 1 && channels !== 3)
    throw new MbconvError('ERR_VALUE', `${op}: channels must be 1 or 3, got ${shown(channels)}`, { op })
  for (const [name, side] of Object.entries({ height, width })) checkCount(op, name, side)
  checkDecoding(op, decoding)
  const pixels = await withImage(source, decoding, (image) => image.resized({ width, height, fit: 'fill' }))
  return channels === 1 ? gray(pixels.data, pixels.channels) : planes(pixels.data, pixels.channels)
}

export const DECODE_OPTIONS = ['colorManagement', 'maxPixels'] as const

/** @throws MbconvError ERR_TYPE, ERR_VALUE */
export function checkDecoding(op: string, { colorManagement = false, maxPixels = MAX_PIXELS }: DecodeOptions): void {
  if (typeof colorManagement !== 'boolean') {
    const text = `${op}: colorManagement must be true or false, got ${shown(colorManagement)}`
    throw new MbconvError('ERR_TYPE', text, { op })
  }
  checkCount(op, 'maxPixels', maxPixels, { max: Number.MAX_SAFE_INTEGER })
}

/**
 * Opens an image file and passes it to `use` when the decoding queue allows. A large image is alone in memory until
 * `use` ends.
 *
 * @throws MbconvError as {@link readImageFile}, and what `use` throws
 */
export async function withImage<T>(
  source: string | NamedBytes,
  options: DecodeOptions,
  use: (image: OpenImage) => Promise<T>,
): Promise<T> {
  const [name, , size] = typeof source === 'string' ? [source, undefined, sizeOf(source)] : bytesOf(source)
  if (size <= SHORT) {
    const file = await opened(source, options)
    return inTurn(file.cost, () => used(file, use))
  }
  // The cost of decoding is known once the file is read. The bytes are not kept until there is room to decode.
  const cost = await inTurn(size, async () => {
    const file = await opened(source, options)
    await file.close()
    return file.cost
  })
  return inTurn(cost, async () => {
    const file = await opened(source, options)
    return used(file, async (image) => {
      if (file.cost > cost) throw dataError(name, 'changed while it was read', 'Read it again.')
      return use(image)
    })
  })
}

async function used<T>(file: OpenFile, use: (image: OpenImage) => Promise<T>): Promise<T> {
  try {
    return await use(file.image)
  } finally {
    await file.close()
  }
}

/** The file's size; 0 if it cannot be read, since reading will report the error. */
function sizeOf(path: string): number {
  try {
    return statOf(path)?.size ?? 0
  } catch {
    return 0
  }
}

const HINT = `Images are read from ${IMAGE_KINDS.join(', ')} files.`
const HEVC = 'is a HEIC image: HEVC, its coding, is not supported by the prebuilt sharp'
const HEVC_HINT = 'Convert it: heif-convert a.heic a.jpg, or on macOS: sips -s format jpeg a.heic --out a.jpg.'

interface OpenFile {
  image: OpenImage
  /** Bytes that decoding takes out of {@link ROOM}. */
  cost: number
  /** Frees the file's bytes once nothing decodes them any more. */
  close(): Promise<void>
}

/** Reads a file and its header, which determine the cost of decoding. */
async function opened(source: string | NamedBytes, options: DecodeOptions): Promise<OpenFile> {
  const [name, given, size] = typeof source === 'string' ? [source, undefined, sizeOf(source)] : bytesOf(source)
  const most = mostBytes(options)
  if (size > most) throw tooLong(name, most)
  // Copy the bytes: the caller could transfer them away while the decoders' threads read them.
  const bytes = given === undefined ? readWhole(name, most) : copyOf(given)
  const free = () => release([bytes])
  try {
    return await decoderOf(name, bytes, options, free)
  } catch (error) {
    await free()
    throw error
  }
}

function bytesOf({ name, bytes }: NamedBytes): [string, Uint8Array, number] {
  if (bytes instanceof Uint8Array) return [name, bytes, bytes.length]
  throw new MbconvError('ERR_TYPE', `${name}: the bytes of an image must be a Uint8Array, got ${shown(bytes)}`)
}

/** A copy of the bytes; empty if they have been transferred. */
const copyOf = (bytes: Uint8Array): Uint8Array => (bytes.length === 0 ? new Uint8Array(0) : new Uint8Array(bytes))

const tooLong = (name: string, most: number) =>
  dataError(
    name,
    `has more than the ${most} bytes allowed`,
    'Make it smaller, or allow more pixels: maxPixels, --max-pixels.',
  )

/** @param free frees the bytes at the end */
async function decoderOf(
  name: string,
  bytes: Uint8Array,
  { colorManagement = false, maxPixels }: DecodeOptions,
  free: () => Promise<void>,
): Promise<OpenFile> {
  const refused = (problem: string, hint = HINT, cause?: unknown) => dataError(name, problem, hint, cause)
  const kind = imageKind(bytes)
  if (kind === 'HEIC') throw refused(HEVC, HEVC_HINT)
  if (!isReadable(kind)) throw refused(`cannot be read as an image (${kind ?? 'unknown'} format)`)

  loaded ??= loadSharp()
  const sharp = await loaded
  // The bytes are in use as long as one of these promises is pending.
  const underWay = new Set<Promise<unknown>>()
  async function data<D>(decoding: Promise<D>): Promise<D> {
    underWay.add(decoding)
    try {
      return await decoding
    } catch (cause) {
      // libvips collects its messages for all threads in one place: what it says here can be about another file. The
      // cause holds it; the message has only what is certain.
      throw refused(`cannot be read as an image (its ${kind} data is damaged, or of an unsupported kind)`, HINT, cause)
    } finally {
      underWay.delete(decoding)
    }
  }
  const header = await data(sharp(bytes, { failOn: 'truncated', limitInputPixels: false }).metadata())
  if (header.compression === 'hevc') throw refused(HEVC, HEVC_HINT)
  if (header.format !== (kind === 'avif' ? 'heif' : kind))
    throw refused(`is a ${kind} file that reads as ${header.format}`)
  const plain = header.space === 'cmyk' && !colorManagement
  const pixels = header.width * header.height
  const memory = decoderMemory(kind, bytes, header)
  const least = bytes.length + memory.rows + memory.whole
  if (kind === 'jpeg') checkJpegSize(bytes, header, { maxPixels, refused })
  const share = Math.min(1, pixelsAllowed({ kind, header, memory, least, plain, maxPixels, refused }) / pixels)

  const orientation = ((header.orientation ?? 0) in TURNS ? header.orientation : 1) as Orientation
  const stored =
    share < 1
      ? { width: scaled(header.width, share), height: scaled(header.height, share) }
      : { width: header.width, height: header.height }
  const [width, height] = swapsSides(orientation) ? [stored.height, stored.width] : [stored.width, stored.height]
  const held = least + memory.each * width * height

  const { space, depth = 'uchar' } = header
  const facts = { kind, width: header.width, height: header.height, orientation, space, depth }

  function pipeline(): Pipeline {
    const input = sharp(bytes, { failOn: 'truncated', limitInputPixels: pixels, ignoreIcc: !colorManagement })
    if (plain) return input.pipelineColourspace('cmyk').toColourspace('cmyk')
    const colours = input.flatten({ background: '#ffffff' }).toColourspace('srgb')
    // sharp converts 16-bit colours to the wider P3 space first.
    const wide = header.depth === 'ushort' && header.hasProfile && colorManagement
    return wide ? colours.withIccProfile('srgb', { attach: false }) : colours
  }
  async function raw(from: Pipeline): Promise<Pixels> {
    const { data: values, info } = await data(from.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true }))
    return { data: values, width: info.width, height: info.height, channels: info.channels }
  }
  /** Decodes a part of the stored picture. */
  async function decoded(box: Box): Promise<Pixels> {
    const whole = box.width === stored.width && box.height === stored.height
    const sized = share < 1 ? pipeline().resize({ ...stored, fit: 'fill', kernel: 'linear' }) : pipeline()
    const part = await raw(whole ? sized : sized.extract(box))
    return plain ? fromCmyk(part) : part
  }
  async function resized(size: Size): Promise<Pixels> {
    const turned = swapsSides(orientation) ? { ...size, width: size.height, height: size.width } : size
    // CMYK is converted before pixels are mixed by resizing.
    const converted = plain ? await decoded({ left: 0, top: 0, ...stored }) : undefined
    const input = converted === undefined ? pipeline() : sharp(converted.data, { raw: rawOf(converted) })
    let small: Pixels
    try {
      small = await raw(input.resize({ ...turned, kernel: 'linear' }))
    } finally {
      if (converted !== undefined) await release([converted.data])
    }
    return uprightRows(small, orientation, 0, swapsSides(orientation) ? small.width : small.height)
  }
  async function* rows(): AsyncGenerator<Pixels, void, undefined> {
    // Decode as many rows at a time as there is room for; each part is decoded from the beginning. If the caller has
    // allowed more than the room, a quarter more does not matter.
    const room = Math.max(LEAST_PART, held > ROOM ? held / 4 : ROOM - held)
    // libvips writes the pixels of a JPEG with a gain map twice.
    const bytesOfPixel = header.gainMap !== undefined ? 6 : plain ? 4 : 3
    const parts = Math.ceil((width * height * bytesOfPixel) / room)
    const part = Math.ceil(height / parts)
    const step = Math.max(1, Math.floor(2 ** 20 / width))
    for (let top = 0; top < height; top += part) {
      const bottom = Math.min(top + part, height)
      const pixels = await decoded(storedBox(stored, orientation, top, bottom))
      try {
        for (let row = 0; row < bottom - top; row += step) {
          const some = uprightRows(pixels, orientation, row, Math.min(row + step, bottom - top))
          yield some
          if (some.data.buffer !== pixels.data.buffer) await release([some.data])
        }
      } finally {
        await release([pixels.data])
      }
    }
  }
  return {
    image: { facts, width, height, resized, rows },
    cost: pixels > LARGE ? ROOM : held + 4 * width * height,
    async close() {
      await Promise.allSettled(underWay)
      await free()
    },
  }
}

const TURNS: Record<Orientation, true> = { 1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 7: true, 8: true }

const scaled = (side: number, share: number) => Math.max(1, Math.floor(side * Math.sqrt(share)))

const rawOf = ({ width, height, channels }: Pixels) => ({ width, height, channels })

/** Encodes pixels of 1, 3 or (with opacity) 4 channels as a PNG file. */
export async function encodePng(pixels: Pixels): Promise<Uint8Array> {
  loaded ??= loadSharp()
  const sharp = await loaded
  const png = sharp(pixels.data, { raw: rawOf(pixels) }).png()
  return (await png.toBuffer({ resolveWithObject: true })).data
}
