/** Writes pixels as PNG, without any package. Source: the PNG specification, https://www.w3.org/TR/png-3 */
import { crc32, deflateSync } from 'node:zlib'

/** An encoded image. */
export interface PngImage {
  width: number
  height: number
  /** 1: gray, 3: RGB. */
  channels: 1 | 3
  png: Uint8Array
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
/** The colour types of the format: gray and RGB. */
const COLOUR_TYPE = { 1: 0, 3: 2 } as const

/** A chunk: its length, its name, the data, and the checksum of both. */
function chunk(name: string, data: Uint8Array): Buffer {
  const bytes = Buffer.alloc(data.length + 12)
  bytes.writeUInt32BE(data.length)
  bytes.write(name, 4, 'latin1')
  bytes.set(data, 8)
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length)
  return bytes
}

/**
 * A PNG of 8-bit pixels that lie in planes, one a channel. Three channels are RGB; of any other number, the first is
 * shown in gray.
 *
 * @param planes channels × height × width bytes
 */
export function pngOfPlanes(
  planes: Uint8Array,
  [depth, height, width]: readonly [channels: number, height: number, width: number],
): PngImage {
  const channels = depth === 3 ? 3 : 1
  const size = height * width
  // Each row begins with the number of its filter, 0: none.
  const row = 1 + channels * width
  const pixels = Buffer.alloc(row * height)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++) pixels[y * row + 1 + x * channels + c] = planes[c * size + y * width + x]
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width)
  header.writeUInt32BE(height, 4)
  header[8] = 8
  header[9] = COLOUR_TYPE[channels]
  const png = Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(pixels)),
    chunk('IEND', Buffer.alloc(0)),
  ])
  return { width, height, channels, png }
}
