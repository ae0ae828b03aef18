/** Resizing by the addon: see ./resizing. */
import type { Sides } from '../../models/arch/resolution'
import { native } from '../../native/addon'
import { interpolate } from '../../nn/resampling'
import { noGrad } from '../../tensor/core/autograd'
import { empty, fromTypedArray } from '../../tensor/core/create'
import { keep, scope } from '../../tensor/core/scope'
import type { Tensor } from '../../tensor/core/tensor'
import { cat } from '../../tensor/ops/combining'
import type { Pixels } from './pixels'
import type { Filter, Resizing } from './resizing'

/** Pixels that are resized downwards at once. */
const STRIP = 2 ** 20

export const nativeResizing: Resizing = {
  across: (rows, width, { from, length }, filter) =>
    bytesOf(() => {
      const all = interpolated(rows, [rows.height, width], filter)
      return all.narrow(3, from, length).permute([0, 2, 3, 1])
    }),

  parts: (strip, height, corners, size, filter) =>
    bytesOf(() => {
      const resized = interpolated(strip, [height, strip.width], filter)
      return cat(corners.map(({ top, left }) => resized.narrow(2, top, size[0]).narrow(3, left, size[1])))
    }),

  async whole(image, { height, width }, filter, rgbOf) {
    const resized = (pixels: Tensor, size: Sides) => {
      const [rows, columns] = pixels.shape
      return native().resizePixels(pixels, [...size], filter, [0, 0, columns, rows])
    }
    // Pillow resizes downwards first where the height shrinks by more than twice what the width does.
    const lower = image.height - height
    const isDownFirst = lower > 0 && lower > 2 * (image.width - width)
    const before = keep(empty([image.height, isDownFirst ? image.width : width, 3], { dtype: 'uint8' }))
    try {
      let filled = 0
      for await (const some of image.rows()) {
        const rows = some.height
        scope(() => {
          const pixels = tensorOf(rgbOf(some))
          before.narrow(0, filled, rows).copy_(isDownFirst ? pixels : resized(pixels, [rows, width]))
        })
        filled += rows
      }
      return scope(() => {
        const low = isDownFirst ? strips(before, height, resized) : before
        return resized(low, [height, width]).toTypedArray() as Uint8Array
      })
    } finally {
      before.dispose()
    }
  },
}

/** Rows of pixels to [1, C, height, width]. */
function interpolated({ data, width, height, channels }: Pixels, size: [number, number], mode: Filter): Tensor {
  const pixels = fromTypedArray(data, [1, height, width, channels]).permute([0, 3, 1, 2])
  return interpolate(pixels, size, { mode, antialias: true })
}

/** The pixels resized downwards only, some columns at a time, which bounds the memory for it. */
function strips(pixels: Tensor, height: number, resized: (pixels: Tensor, size: Sides) => Tensor): Tensor {
  const [rows, columns] = pixels.shape
  const low = empty([height, columns, 3], { dtype: 'uint8' })
  const step = Math.max(1, Math.floor(STRIP / rows))
  for (let left = 0; left < columns; left += step) {
    const some = Math.min(step, columns - left)
    scope(() => low.narrow(1, left, some).copy_(resized(pixels.narrow(1, left, some), [height, some])))
  }
  return low
}

const tensorOf = ({ data, height, width }: Pixels): Tensor => fromTypedArray(data, [height, width, 3])

const bytesOf = (work: () => Tensor): Uint8Array =>
  noGrad(() => scope(() => work().contiguous().toTypedArray() as Uint8Array))
