/** A whole image inside the network's input, with one colour around it: Pillow's ImageOps.pad, bit for bit. */
import { type Sides, sidesOf } from '../../models/arch/resolution'
import { native } from '../../native/addon'
import { empty, fromTypedArray } from '../../tensor/core/create'
import { keep, scope } from '../../tensor/core/scope'
import type { Tensor } from '../../tensor/core/tensor'
import type { OpenImage } from './image-file'
import { type Pixels, withChannels } from './pixels'
import type { Placement } from './placement'
import type { FileLayout } from './preprocessing'

/** The pixels of an image, as rows. */
export type ImageRows = Pick<OpenImage, 'height' | 'width' | 'rows'>

/** The longest side that is resized, px. */
export const LONGEST_SIDE = 65_535

/** Pixels that are resized downwards at once. */
const STRIP = 2 ** 20

/**
 * @param placement of the image in the input; it shows all of it
 * @returns planes of bytes, [channels, height, width] of the input
 */
export async function paddedImage(
  image: ImageRows,
  placement: Placement,
  { channels, resolution, fill, interpolation }: FileLayout,
): Promise<Uint8Array> {
  const rgb = await resizedExactly(image, placement, { channels: channels as 1 | 3, filter: interpolation })
  const [height, width] = sidesOf(resolution)
  const area = height * width
  const planes = new Uint8Array(channels * area)
  for (let channel = 0; channel < channels; channel++) {
    planes.fill((fill as readonly number[])[channel], channel * area, (channel + 1) * area)
    for (let y = 0, from = channel; y < placement.height; y++) {
      let to = channel * area + (y - placement.top) * width - placement.left
      for (let x = 0; x < placement.width; x++, from += 3) planes[to++] = rgb[from]
    }
  }
  return planes
}

interface Resizing {
  channels: 1 | 3
  filter: 'bilinear' | 'bicubic'
}

/** Rows of red, green and blue; of one channel: the same value three times. */
async function resizedExactly(
  image: ImageRows,
  { height, width }: Pick<Placement, 'height' | 'width'>,
  { channels, filter }: Resizing,
): Promise<Uint8Array> {
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
        const pixels = tensorOf(withChannels(withChannels(some, channels), 3))
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
