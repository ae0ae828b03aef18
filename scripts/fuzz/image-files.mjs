// Image files of every kind, and files whose headers claim 60,000 x 60,000 pixels.
import { readFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'

const GOLDEN = new URL('../../test/golden/photos.json', import.meta.url)

/** JPEG files of all codings, by kind and coding. */
export function jpegFiles() {
  const { decode, batch, large } = JSON.parse(readFileSync(GOLDEN, 'utf8'))
  return Object.fromEntries(
    [...decode, ...batch.files, ...large].map(({ name = '', file }, i) => [
      `jpeg ${i} ${name}`.trim(),
      Buffer.from(file, 'base64'),
    ]),
  )
}

/**
 * Small files of the other kinds, in several codings each.
 * @param {import('sharp')} sharp
 * @param {Buffer} jpeg the picture
 * @returns {Promise<Record<string, Buffer>>} by kind and coding
 */
export async function otherFiles(sharp, jpeg) {
  const of = () => sharp(jpeg).resize(48, 36, { fit: 'fill' })
  const pages = sharp(Buffer.alloc(40 * 60 * 3, 90), {
    raw: { width: 40, height: 60, channels: 3, pageHeight: 20 },
  })
  const pipelines = {
    'png of 8 bits': of().png(),
    'png of 16 bits': of().toColourspace('rgb16').png(),
    'png, interlaced palette': of().png({ palette: true, progressive: true }),
    'webp, lossy': of().webp(),
    'webp, lossless with opacity': of().ensureAlpha(0.5).webp({ lossless: true }),
    'webp, animated': pages.clone().webp(),
    'tiff, plain': of().tiff({ compression: 'none' }),
    'tiff, LZW tiles': of().tiff({ compression: 'lzw', tile: true, tileWidth: 16, tileHeight: 16 }),
    'tiff, deflate with predictor': of().tiff({ compression: 'deflate', predictor: 'horizontal' }),
    'tiff, JPEG': of().tiff({ compression: 'jpeg' }),
    'tiff, packbits': of().tiff({ compression: 'packbits' }),
    'gif, animated': pages.clone().gif(),
    avif: of().avif({ effort: 0 }),
  }
  const files = await Promise.all(Object.values(pipelines).map((pipeline) => pipeline.toBuffer()))
  return Object.fromEntries(Object.keys(pipelines).map((name, i) => [name, files[i]]))
}

/** Position of a text, e.g. of a chunk's name. */
function find(bytes, text) {
  const at = bytes.indexOf(text, 0, 'latin1')
  if (at < 0) throw new Error(`no ${JSON.stringify(text)}`)
  return at
}

/** What claims to be larger than it is, by the beginning of a file's name: each changes a copy. */
const ENLARGED = {
  jpeg(bytes, side) {
    const frame = bytes.findIndex((byte, i) => byte === 0xff && [0xc0, 0xc1, 0xc2].includes(bytes[i + 1]))
    bytes.writeUInt16BE(side, frame + 5)
    bytes.writeUInt16BE(side, frame + 7)
  },
  png(bytes, side) {
    const header = find(bytes, 'IHDR')
    bytes.writeUInt32BE(side, header + 4)
    bytes.writeUInt32BE(side, header + 8)
    bytes.writeUInt32BE(crc32(bytes.subarray(header, header + 17)), header + 17)
  },
  webp(bytes, side) {
    const chunk = bytes.toString('latin1', 12, 16)
    // The coded forms have 14 bits a side; the extended header has 24.
    const short = Math.min(side, 2 ** 14 - 1)
    if (chunk === 'VP8X') {
      bytes.writeUIntLE(side - 1, 24, 3)
      bytes.writeUIntLE(side - 1, 27, 3)
    } else if (chunk === 'VP8L') bytes.writeUInt32LE(((short - 1) | ((short - 1) << 14)) >>> 0, 21)
    else {
      bytes.writeUInt16LE(short, 26)
      bytes.writeUInt16LE(short, 28)
    }
  },
  tiff(bytes, side) {
    const directory = bytes.readUInt32LE(4)
    for (let i = 0, at = directory + 2; i < bytes.readUInt16LE(directory); i++, at += 12) {
      if (![256, 257].includes(bytes.readUInt16LE(at))) continue
      bytes.writeUInt16LE(4, at + 2) // a 32-bit number
      bytes.writeUInt32LE(side, at + 8)
    }
  },
  gif(bytes, side) {
    bytes.writeUInt16LE(side, 6)
    bytes.writeUInt16LE(side, 8)
    const frame = bytes.indexOf(0x2c, 13 + 3 * 2 ** (1 + (bytes[10] & 7)))
    bytes.writeUInt16LE(side, frame + 5)
    bytes.writeUInt16LE(side, frame + 7)
  },
  avif(bytes, side) {
    const extent = find(bytes, 'ispe')
    bytes.writeUInt32BE(side, extent + 8)
    bytes.writeUInt32BE(side, extent + 12)
  },
}

/** The same file with a header that claims so many pixels on each side (WebP without an extended header: 16,383). */
export function enlarged(name, bytes, side = 60_000) {
  const copy = Buffer.from(bytes)
  ENLARGED[/^\w+/.exec(name)[0]](copy, side)
  return copy
}
