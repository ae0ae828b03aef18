/** Pixels in memory: orientation, channels and colours. */

/** Rows of pixels, from top to bottom. A pixel is red, green, blue, or one gray value. */
export interface Pixels {
  data: Uint8Array
  width: number
  height: number
  channels: number
}

/** Converts interleaved red, green and blue (or one gray value) to planes. */
export function planes(pixels: Uint8Array, present: number): Uint8Array {
  const area = pixels.length / present
  const result = new Uint8Array(3 * area)
  for (let channel = 0; channel < 3; channel++) {
    const from = Math.min(channel, present - 1)
    for (let p = 0; p < area; p++) result[channel * area + p] = pixels[p * present + from]
  }
  return result
}

/** The picture with the requested number of channels: its luma, or the gray value three times. */
export function withChannels({ data, width, height, channels }: Pixels, wanted: 1 | 3): Pixels {
  if (channels === wanted) return { data, width, height, channels }
  if (wanted === 1) return { data: gray(data, channels), width, height, channels: 1 }
  const result = new Uint8Array(width * height * 3)
  for (let i = 0; i < result.length; i++) result[i] = data[Math.floor(i / 3) * channels + Math.min(i % 3, channels - 1)]
  return { data: result, width, height, channels: 3 }
}

/** ITU-R BT.601 luma in 16-bit fixed point, like Pillow's mode L and torchvision's Grayscale. */
export function gray(pixels: Uint8Array, present: number): Uint8Array {
  const result = new Uint8Array(pixels.length / present)
  for (let p = 0, from = 0; p < result.length; p++, from += present) {
    const luma = 19595 * pixels[from] + 38470 * pixels[from + 1] + 7471 * pixels[from + 2]
    result[p] = present < 3 ? pixels[from] : (luma + 32768) >> 16
  }
  return result
}

/** Converts CMYK (255: full ink) to red, green and blue with Pillow's formula, in place. */
export function fromCmyk({ data, width, height }: Pixels): Pixels {
  for (let from = 0, to = 0; from < data.length; from += 4) {
    const light = 255 - data[from + 3]
    for (let c = 0; c < 3; c++) {
      const product = data[from + c] * light + 128
      data[to++] = light - (((product >> 8) + product) >> 8)
    }
  }
  return { data: data.subarray(0, width * height * 3), width, height, channels: 3 }
}

/** The eight values of EXIF's Orientation tag: how to turn the stored picture upright. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8

/** Whether the rows of the upright picture are columns of the stored one. */
export const swapsSides = (orientation: Orientation): boolean => orientation > 4
const reversesRows = (o: Orientation) => o === 3 || o === 4 || o === 7 || o === 8
const reversesColumns = (o: Orientation) => o === 2 || o === 3 || o === 6 || o === 7

/** A part of a picture, px. */
export interface Box {
  left: number
  top: number
  width: number
  height: number
}

/** The part of the stored picture that contains rows `from` to `to` (exclusive) of the upright picture. */
export function storedBox(
  stored: { width: number; height: number },
  orientation: Orientation,
  from: number,
  to: number,
) {
  const { width, height } = stored
  const length = swapsSides(orientation) ? width : height
  const [start, end] = reversesRows(orientation) ? [length - to, length - from] : [from, to]
  return swapsSides(orientation)
    ? { left: start, top: 0, width: end - start, height }
    : { left: 0, top: start, width, height: end - start }
}

/** Rows `from` to `to` (exclusive) of the upright picture. */
export function uprightRows(stored: Pixels, orientation: Orientation, from: number, to: number): Pixels {
  const { data, channels } = stored
  const box = storedBox(stored, orientation, from, to)
  const line = stored.width * channels
  const first = box.top * line + box.left * channels
  const [width, height] = swapsSides(orientation) ? [box.height, box.width] : [box.width, box.height]
  if (orientation === 1) return { data: data.subarray(first, first + height * line), width, height, channels }
  const result = new Uint8Array(width * height * channels)
  // Offsets in the stored picture for a step right and a step down in the upright one.
  const [across, down] = swapsSides(orientation) ? [line, channels] : [channels, line]
  const [right, below] = [reversesColumns(orientation) ? -across : across, reversesRows(orientation) ? -down : down]
  const start = first + (right < 0 ? (width - 1) * across : 0) + (below < 0 ? (height - 1) * down : 0)
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0, at = start + y * below; x < width; x++, at += right) {
      for (let c = 0; c < channels; c++) result[i++] = data[at + c]
    }
  }
  return { data: result, width, height, channels }
}
