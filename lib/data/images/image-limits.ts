/** How large an image may be: by its pixels, and by what its decoder would hold. */
import type { MbconvError } from '../../errors/error'
import { whole as digits } from '../../text/figures'
import type { DecoderMemory, Header } from './decoder-memory'
import { ROOM } from './decoding-queue'
import type { DecodeOptions } from './image-file'
import type { ImageKind } from './image-kind'

/** Pixels of an image unless the caller says otherwise; beyond this a small file could claim all memory. */
export const MAX_PIXELS = 50e6

/** Bytes of the rows that are decoded in one piece, where there is room for no more. */
export const LEAST_PART = 20e6

/** Bytes that a file and its decoder may hold unless the caller allows a number of pixels. */
export const MAX_HELD = ROOM - LEAST_PART

/** Pixels below which an image is not decoded smaller for want of memory. */
const LEAST_PIXELS = 4e6

/** The largest image that options allow, in pixels. */
export const mostPixels = ({ maxPixels = MAX_PIXELS }: DecodeOptions): number => maxPixels

/** The longest file: what may be held, or what uncompressed pixels of 16 bits take, and room for what else files hold. */
export const mostBytes = ({ maxPixels }: DecodeOptions): number =>
  maxPixels === undefined ? MAX_HELD : Math.min(8 * maxPixels + 2 ** 24, 2 ** 31 - 1)

/** An image whose header has been read. */
interface Candidate {
  kind: ImageKind
  header: Header
  memory: DecoderMemory
  /** Bytes that are held whatever size it is decoded at, those of the file included. */
  least: number
  /** Whether it is CMYK that is converted as a whole, four bytes a pixel, before it is resized. */
  plain: boolean
  maxPixels: number | undefined
  refused: (problem: string, hint: string) => MbconvError
}

/**
 * The pixels that an image may be decoded at.
 *
 * @returns more than it has, or fewer where it can be decoded smaller
 * @throws what `refused` makes
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
  // What is held to make it smaller is in no proportion to what comes out.
  const tooMuch = whole > 6 * most
  if (most >= pixels || (scales && !tooMuch)) return most
  const millions = (count: number) => (count < 1e5 ? digits(count) : `${Math.round(count / 1e5) / 10} million`)
  const why = `, and as a ${kind === 'jpeg' ? 'progressive JPEG' : 'WebP with opacity'} it cannot be decoded smaller`
  throw refused(
    `has ${size}, ${millions(pixels)} pixels, more than the ${millions(most)} allowed${scales ? why : ''}`,
    'Make it smaller, or allow more pixels: maxPixels, --max-pixels.',
  )
}
