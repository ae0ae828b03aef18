/**
 * Resizing in JavaScript, for threads that do without the addon. It has the same arithmetic as ./resize-native, and gives
 * the same bytes.
 *
 * Both directions are separate: a pixel of the result is a weighted sum of the source's pixels in a row or a column.
 * Weights are whole numbers of some binary places. Pillow's have 22 places whatever their size; libtorch's have as many
 * as fit into 16 bits.
 */
import type { Sides } from '../../models/arch/resolution'
import type { Pixels } from './pixels'
import type { Placement } from './placement'
import type { Filter, Resizing, Window } from './resizing'
import type { Corner } from './views'

/** Which pixels of the source make each pixel of the result, and with what weights. */
interface Axis {
  /** Per pixel of the result: the first pixel of the source. */
  readonly first: Int32Array
  readonly count: Int32Array
  /** `stride` of them per pixel of the result. */
  readonly weights: Int32Array
  readonly stride: number
  /** Binary places of the weights. */
  readonly places: number
}

/** Whose rounding of the weights: see the top of the file. */
type Arithmetic = 'pillow' | 'libtorch'

const PILLOW_PLACES = 22
/** A weight of libtorch is less than this. */
const MOST_16 = 2 ** 15

/** Half the width of a filter, in pixels of the source where it is enlarged. */
const SUPPORT: Record<Filter, number> = { bilinear: 1, bicubic: 2 }

function weightOf(filter: Filter, distance: number): number {
  const x = Math.abs(distance)
  if (filter === 'bilinear') return x < 1 ? 1 - x : 0
  // Keys' cubic convolution with a = -1/2.
  const a = -0.5
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a
  return 0
}

function axisOf(source: number, size: number, filter: Filter, arithmetic: Arithmetic): Axis {
  const scale = source / size
  const stretch = Math.max(scale, 1)
  const support = SUPPORT[filter] * stretch
  const stride = Math.ceil(support) * 2 + 1
  const [first, count] = [new Int32Array(size), new Int32Array(size)]
  const exact = new Float64Array(size * stride)
  let largest = 0
  for (let i = 0; i < size; i++) {
    const centre = (i + 0.5) * scale
    const from = Math.max(Math.trunc(centre - support + 0.5), 0)
    const length = Math.min(Math.min(Math.trunc(centre + support + 0.5), source) - from, stride)
    let sum = 0
    for (let k = 0; k < length; k++) {
      const weight = weightOf(filter, (k + from - centre + 0.5) * (1 / stretch))
      exact[i * stride + k] = weight
      sum += weight
    }
    for (let k = i * stride; k < i * stride + length; k++) {
      if (sum !== 0) exact[k] /= sum
      largest = Math.max(largest, exact[k])
    }
    first[i] = from
    count[i] = length
  }
  const places = arithmetic === 'pillow' ? PILLOW_PLACES : placesFor(largest)
  const weights = Int32Array.from(exact, (weight) => Math.trunc(weight * 2 ** places + (weight < 0 ? -0.5 : 0.5)))
  return { first, count, weights, stride, places }
}

/** As many binary places as 16 bits have room for. */
function placesFor(largest: number): number {
  let places = 0
  while (places < PILLOW_PLACES && Math.trunc(0.5 + largest * 2 ** (places + 1)) < MOST_16) places++
  return places
}

/** Resizes rows across; gives some columns of the result. */
function across(rows: Pixels, axis: Axis, { from, length }: Window): Uint8Array {
  const { data, width, height, channels } = rows
  const { first, count, weights, stride, places } = axis
  const half = 1 << (places - 1)
  const result = new Uint8ClampedArray(height * length * channels)
  let to = 0
  for (let y = 0; y < height; y++) {
    const row = y * width * channels
    for (let x = from; x < from + length; x++) {
      const start = row + first[x] * channels
      const last = x * stride + count[x]
      for (let c = 0; c < channels; c++) {
        let sum = half
        for (let k = x * stride, at = start + c; k < last; k++, at += channels) sum += data[at] * weights[k]
        result[to++] = sum >> places
      }
    }
  }
  return bytesOf(result)
}

/** Resizes columns downwards; gives some rows of the result. */
function down(pixels: Pixels, axis: Axis, { from, length }: Window): Uint8Array {
  const { data, width, channels } = pixels
  const { first, count, weights, stride, places } = axis
  const line = width * channels
  const sums = new Int32Array(line)
  const result = new Uint8ClampedArray(length * line)
  for (let y = from, to = 0; y < from + length; y++) {
    sums.fill(1 << (places - 1))
    for (let k = 0, at = first[y] * line; k < count[y]; k++) {
      const weight = weights[y * stride + k]
      for (let x = 0; x < line; x++) sums[x] += data[at++] * weight
    }
    for (let x = 0; x < line; x++) result[to++] = sums[x] >> places
  }
  return bytesOf(result)
}

const bytesOf = ({ buffer, byteOffset, length }: Uint8ClampedArray) => new Uint8Array(buffer, byteOffset, length)

const all = (length: number): Window => ({ from: 0, length })

/** Collects rows, as they are or resized across. */
async function collected(rows: AsyncIterable<Pixels>, line: number, height: number, of: (rows: Pixels) => Uint8Array) {
  const result = new Uint8Array(height * line)
  let filled = 0
  for await (const some of rows) {
    const part = of(some)
    result.set(part, filled)
    filled += part.length
  }
  return result
}

export const plainResizing: Resizing = {
  across(rows, width, window, filter) {
    if (rows.width === width) return columnsOf(rows, window)
    return across(rows, axisOf(rows.width, width, filter, 'libtorch'), window)
  },

  parts(strip, height, corners, size, filter) {
    const { width, channels } = strip
    const window = rowsOf(corners, size)
    const data =
      strip.height === height
        ? strip.data.subarray(window.from * width * channels)
        : down(strip, axisOf(strip.height, height, filter, 'libtorch'), window)
    const planes = new Uint8Array(corners.length * channels * size[0] * size[1])
    let to = 0
    for (const { top, left } of corners) {
      for (let c = 0; c < channels; c++) {
        for (let y = top - window.from; y < top - window.from + size[0]; y++) {
          for (let x = left, at = (y * width + left) * channels + c; x < left + size[1]; x++, at += channels)
            planes[to++] = data[at]
        }
      }
    }
    return planes
  },

  async whole(image, { height, width }: Pick<Placement, 'height' | 'width'>, filter, rgbOf) {
    const columns = image.width === width ? undefined : axisOf(image.width, width, filter, 'pillow')
    const rows = image.height === height ? undefined : axisOf(image.height, height, filter, 'pillow')
    const lower = image.height - height
    // Pillow resizes downwards first where the height shrinks by more than twice what the width does.
    const isDownFirst = lower > 0 && lower > 2 * (image.width - width)
    const wide = (pixels: Pixels) => (columns === undefined ? pixels.data : across(pixels, columns, all(width)))
    const high = (pixels: Pixels) => (rows === undefined ? pixels.data : down(pixels, rows, all(height)))
    const line = 3 * (isDownFirst ? image.width : width)
    const before = await collected(image.rows(), line, image.height, (some) => {
      const pixels = rgbOf(some)
      return isDownFirst ? pixels.data : wide(pixels)
    })
    if (!isDownFirst) return high({ data: before, width, height: image.height, channels: 3 })
    const low = high({ data: before, width: image.width, height: image.height, channels: 3 })
    return wide({ data: low, width: image.width, height, channels: 3 })
  },
}

/** The rows that the parts lie in. */
function rowsOf(corners: readonly Corner[], [height]: Sides): Window {
  const tops = corners.map(({ top }) => top)
  const from = Math.min(...tops)
  return { from, length: Math.max(...tops) + height - from }
}

function columnsOf({ data, width, height, channels }: Pixels, { from, length }: Window): Uint8Array {
  const result = new Uint8Array(height * length * channels)
  for (let y = 0; y < height; y++) {
    const start = (y * width + from) * channels
    result.set(data.subarray(start, start + length * channels), y * length * channels)
  }
  return result
}
