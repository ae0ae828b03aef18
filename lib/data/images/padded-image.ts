/** A whole image inside the network's input, with one colour around it: Pillow's ImageOps.pad, bit for bit. */
import { sidesOf } from '../../models/arch/resolution'
import { withChannels } from './pixels'
import type { Placement } from './placement'
import type { FileLayout } from './preprocessing'
import { type ImageRows, resizing } from './resizing'

/** The longest side that is resized, px. */
export const LONGEST_SIDE = 65_535

/**
 * @param placement of the image in the input; it shows all of it
 * @returns planes of bytes, [channels, height, width] of the input
 */
export async function paddedImage(
  image: ImageRows,
  placement: Placement,
  { channels, resolution, fill, interpolation }: FileLayout,
): Promise<Uint8Array> {
  // Of one channel: the same value three times.
  const rgb = await resizing().whole(image, placement, interpolation, (rows) =>
    withChannels(withChannels(rows, channels as 1 | 3), 3),
  )
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
