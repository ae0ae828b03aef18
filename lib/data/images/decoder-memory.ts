/**
 * The memory that image decoders hold besides the rows they output, measured with sharp 0.35.5 (libvips 8.18.7). Some
 * decoders hold the whole picture; the file's kind and header determine how much that takes.
 */
import type { ImageKind } from './image-kind'

/** The fields of sharp's metadata that are used here. */
export interface Header {
  /** px */
  width: number
  height: number
  channels: number
  /** Type of a sample: uchar, ushort, float … */
  depth: string
  isProgressive: boolean
  bitsPerSample?: number
}

/** Memory held by decoding, in bytes. */
export interface DecoderMemory {
  /** For rows in transit from the decoder. */
  rows: number
  /** For the whole picture, whatever size it is decoded at. */
  whole: number
  /** Per pixel of the decoded size. */
  each: number
  /** Whether it can be decoded at a smaller size. */
  scales: boolean
}

/** Rows that libvips buffers behind the decoder. */
const ROWS = 640

/** Bytes per pixel: libwebp's frame and canvas, and a pixel's opacity while it is unpacked. */
const WEBP = 8.2
const WEBP_OPACITY = 1.2

/** Bytes per pixel: libnsgif's canvas, and libvips' copy of it. */
const GIF = 4.4

/** Bytes per pixel: libaom's modes and frames and libheif's planes, for 8 bits and for 10 or 12. */
const AVIF = 18.5
const AVIF_DEEP = 25.5

/**
 * The memory that decoding an image holds.
 *
 * @param bytes the file's bytes; the header must be readable
 */
export function decoderMemory(kind: ImageKind, bytes: Uint8Array, header: Header): DecoderMemory {
  const { width, height, channels, depth, isProgressive, bitsPerSample = 8 } = header
  const sample = SAMPLES[depth] ?? 16
  const pixels = width * height
  const rows = Math.min(height, ROWS) * width * channels * sample
  // Decoders that hold the whole picture buffer no rows in addition.
  const memory = { rows: ['webp', 'gif', 'avif'].includes(kind) ? 0 : rows, whole: 0, each: 0, scales: false }
  switch (kind) {
    case 'jpeg':
      return { ...memory, whole: coefficients(bytes), scales: true }
    case 'png':
      return { ...memory, whole: isProgressive ? pixels * channels * sample : 0 }
    case 'gif':
      return { ...memory, whole: GIF * pixels }
    case 'avif':
      return { ...memory, whole: (bitsPerSample > 8 ? AVIF_DEEP : AVIF) * pixels }
    case 'tiff':
      return { ...memory, whole: tiffBlock(bytes, header, sample) }
    case 'webp':
      if (isLossless(bytes)) return { ...memory, whole: WEBP * pixels }
      return { ...memory, whole: channels === 4 ? WEBP_OPACITY * pixels : 0, each: WEBP, scales: true }
  }
}

/** Bytes per sample; other types take at most 16. */
const SAMPLES: Record<string, number> = { uchar: 1, char: 1, ushort: 2, short: 2, uint: 4, int: 4, float: 4, double: 8 }

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const textAt = (bytes: Uint8Array, at: number) => Buffer.from(bytes.subarray(at, at + 4)).toString('latin1')

/**
 * Bytes of a JPEG's coefficients, two each. A decoder holds all of them if they come in several scans: in progressive
 * files, and in files whose first scan does not have all components.
 */
function coefficients(bytes: Uint8Array): number {
  const frame = jpegFrame(bytes)
  if (frame === undefined) return 0
  const { progressive, components, scanned, samples } = frame
  return progressive || scanned < components ? 2 * samples : 0
}

/** What a JPEG says about its coding. */
interface JpegFrame {
  progressive: boolean
  /** Arithmetic coding in place of Huffman's. */
  arithmetic: boolean
  components: number
  /** Components of the first scan. */
  scanned: number
  /** Samples of all components. */
  samples: number
}

/** The frame of a JPEG, by its segments up to the first scan; undefined if there is none. */
export function jpegFrame(bytes: Uint8Array): JpegFrame | undefined {
  const view = viewOf(bytes)
  let frame: Omit<JpegFrame, 'scanned'> | undefined
  for (let at = 2; at + 4 < bytes.length; ) {
    const marker = bytes[at + 1]
    // Skip bytes between segments, as decoders do. Some markers have no segment.
    if (bytes[at] !== 0xff || marker === 0xff || marker === 0) at++
    else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd9)) at += 2
    else {
      if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker) && at + 10 < bytes.length) {
        const components = bytes[at + 9]
        const factors = Array.from({ length: components }, (_, i) => bytes[at + 11 + 3 * i] ?? 0x11)
        const [across, down] = [factors.map((factor) => factor >> 4), factors.map((factor) => factor & 15)]
        const share = factors.reduce((sum, _, i) => sum + across[i] * down[i], 0)
        const pixels = view.getUint16(at + 5) * view.getUint16(at + 7)
        const samples = (pixels * share) / (Math.max(...across) * Math.max(...down) || 1)
        frame = { progressive: (marker & 3) === 2, arithmetic: marker > 0xc8, components, samples }
      }
      if (marker === 0xda) return frame && { ...frame, scanned: bytes[at + 4] }
      at += 2 + view.getUint16(at + 2)
    }
  }
  return undefined
}

/** Whether the first picture of a WebP file is lossless. */
function isLossless(bytes: Uint8Array): boolean {
  const view = viewOf(bytes)
  for (let at = 12; at + 8 <= bytes.length; ) {
    const name = textAt(bytes, at)
    if (name === 'VP8L' || name === 'VP8 ') return name === 'VP8L'
    const size = view.getUint32(at + 4, true)
    // An animation's frame begins with position and duration, followed by its own chunks.
    at += name === 'ANMF' ? 24 : 8 + size + (size % 2)
  }
  return true
}

/**
 * Bytes of the parts of a TIFF that are unpacked as a whole: two rows of tiles; or strips, if they have one channel
 * each or subsampled colours. Other strips are read a row at a time.
 */
function tiffBlock(bytes: Uint8Array, { width, height, channels }: Header, sample: number): number {
  const tags = tiffTags(bytes)
  const whole = 2 * width * height * channels * sample
  if (tags === undefined) return whole
  const [across, down] = [tags.get(TILE_WIDTH), tags.get(TILE_LENGTH)]
  if (across !== undefined && down !== undefined)
    return 2.1 * Math.ceil(width / Math.max(1, across)) * across * down * channels * sample
  const strip = width * Math.min(height, tags.get(ROWS_PER_STRIP) ?? height) * sample
  if (channels > 1 && tags.get(PLANES) === 2) return (channels + 1) * strip
  return tags.get(COMPRESSION) === JPEG_IN_TIFF ? 2 * channels * strip : 0
}

const [COMPRESSION, ROWS_PER_STRIP, PLANES, TILE_WIDTH, TILE_LENGTH] = [259, 278, 284, 322, 323]
const JPEG_IN_TIFF = 7

/** The single-valued tags of a TIFF's first directory; undefined if there is no directory. */
function tiffTags(bytes: Uint8Array): Map<number, number> | undefined {
  const view = viewOf(bytes)
  const little = bytes[0] === 0x49
  const short = (at: number) => view.getUint16(at, little)
  const long = (at: number) => view.getUint32(at, little)
  const long8 = (at: number) => Number(view.getBigUint64(at, little))
  const tags = new Map<number, number>()
  try {
    const big = short(2) === 43
    const start = big ? long8(8) : long(4)
    const [count, first, step, value] = big ? [long8(start), start + 8, 20, 12] : [short(start), start + 2, 12, 8]
    for (let i = 0, at = first; i < count; i++, at += step) {
      const read = { 3: short, 4: long, 16: long8 }[short(at + 2)]
      if (read !== undefined) tags.set(short(at), read(at + value))
    }
    return tags
  } catch (error) {
    if (error instanceof RangeError) return undefined // a position beyond the file's end
    throw error
  }
}
