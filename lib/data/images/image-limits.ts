/** Limits on the size of an image: its pixels, and the memory that its decoder would hold. */
import type { MbconvError } from '../../errors/error'
import { whole as digits } from '../../text/figures'
import { type DecoderMemory, type Header, jpegFrame } from './decoder-memory'
import { ROOM } from './decoding-queue'
import type { DecodeOptions } from './image-file'
import type { ImageKind } from './image-kind'

/** Default limit of an image's pixels. Without a limit, a small file could claim all memory. */
export const MAX_PIXELS = 50e6

/** Least bytes of the rows that are decoded in one part, even if there is room for fewer. */
export const LEAST_PART = 20e6

/** Bytes that a file and its decoder may hold unless the caller sets a number of pixels. */
export const MAX_HELD = ROOM - LEAST_PART

/** Lack of memory never reduces the decoded size below this many pixels. */
const LEAST_PIXELS = 4e6

/**
 * Least pixels of a JPEG that take a byte, as in native/decode/jpeg.cc: each block of 8 × 8 pixels has at least one bit.
 * Arithmetic coding takes less than a bit.
 */
const JPEG_PIXELS_OF_BYTE = 8 * 64

/** JPEG files are decoded at an eighth of their size at least. */
const JPEG_SHRINK = 8

/** The largest image that the options allow, in pixels. */
export const mostPixels = ({ maxPixels = MAX_PIXELS }: DecodeOptions): number => maxPixels

/** The longest file: the limit of held bytes, or the size of uncompressed 16-bit pixels plus room for other content. */
export const mostBytes = ({ maxPixels }: DecodeOptions): number =>
  maxPixels === undefined ? MAX_HELD : Math.min(8 * maxPixels + 2 ** 24, 2 ** 31 - 1)

/** An image whose header has been read, to be checked against the limits. */
interface Candidate {
  kind: ImageKind
  header: Header
  memory: DecoderMemory
  /** Bytes that are held whatever size it is decoded at, including the file's own. */
  least: number
  /**
   * Whether it is CMYK without colour management, which is converted as a whole (four bytes a pixel) before resizing.
   */
  plain: boolean
  maxPixels: number | undefined
  refused: (problem: string, hint: string) => MbconvError
}

/**
 * Refuses a JPEG whose header claims more pixels than its bytes can hold, or so many that even decoding at its smallest
 * size would take minutes. Decoders fill with gray what is missing.
 *
 * @throws the error that `refused` makes
 */
export function checkJpegSize(
  bytes: Uint8Array,
  { width, height }: Header,
  { maxPixels, refused }: Pick<Candidate, 'maxPixels' | 'refused'>,
): void {
  const most = Math.max(MAX_PIXELS, maxPixels ?? 0)
  if (Math.ceil(width / JPEG_SHRINK) * Math.ceil(height / JPEG_SHRINK) > most) {
    throw refused(
      `has ${width} x ${height} px, and even at an eighth of that more pixels than the ${digits(most)} allowed`,
      'Make it smaller, or allow more pixels: maxPixels, --max-pixels.',
    )
  }
  const isHeld = (width * height) / JPEG_PIXELS_OF_BYTE <= bytes.length
  if (isHeld || jpegFrame(bytes)?.arithmetic) return
  throw refused(
    `has ${width} x ${height} px by its header, which ${digits(bytes.length)} bytes cannot hold`,
    'The file is damaged or was not copied whole: get it again.',
  )
}

/**
 * The number of pixels at which an image may be decoded.
 *
 * @returns more than the image has, or fewer if it can be decoded at a smaller size
 * @throws the error that `refused` makes
 */
export function pixelsAllowed({ kind, header, memory, least, plain, maxPixels, refused }: Candidate): number {
  const { width, height } = header
  const { each, whole, scales } = memory
  const pixels = width * height
  const size = `${width} x ${height} px`
  if (maxPixels === undefined && (scales || pixels <= MAX_PIXELS)) {
    const room = MAX_HELD - least
    const limits = [each > 0 ? room / each : MAX_PIXELS, plain ? (room + LEAST_PART) / 4 : MAX_PIXELS]
    const most = room < 0 ? 0 : Math.min(MAX_PIXELS, ...limits)
    if (most >= pixels || (scales && most >= LEAST_PIXELS)) return most
    const held = least + (each + (plain ? 4 : 0)) * Math.min(pixels, MAX_PIXELS)
    const megabytes = (bytes: number) => Math.ceil(bytes / 1e6)
    throw refused(
      `has ${size}, and its decoder would hold ${megabytes(held)} MB, more than the ${megabytes(MAX_HELD)} allowed`,
      `Convert it to PNG or baseline JPEG, make it smaller, or allow it: maxPixels, --max-pixels ${pixels}.`,
    )
  }
  const most = maxPixels ?? MAX_PIXELS
  // Shrinking would hold far more memory than the result is worth.
  const tooMuch = whole > 6 * most
  if (most >= pixels || (scales && !tooMuch)) return most
  const millions = (count: number) => (count < 1e5 ? digits(count) : `${Math.round(count / 1e5) / 10} million`)
  const why = `, and as a ${kind === 'jpeg' ? 'progressive JPEG' : 'WebP with opacity'} it cannot be decoded smaller`
  throw refused(
    `has ${size}, ${millions(pixels)} pixels, more than the ${millions(most)} allowed${scales ? why : ''}`,
    'Make it smaller, or allow more pixels: maxPixels, --max-pixels.',
  )
}
