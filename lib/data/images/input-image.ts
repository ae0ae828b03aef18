/** Turns an image file into the network's input, as a layout describes: in evaluation and in prediction. */

import { MbconvError } from '../../errors/error'
import { dataError } from '../../files/data-file'
import { sidesOf } from '../../models/arch/resolution'
import { type DecodeOptions, type NamedBytes, type OpenImage, readImageFile, withImage } from './image-file'
import { mostPixels } from './image-limits'
import { LONGEST_SIDE, paddedImage } from './padded-image'
import { type Pixels, planes, withChannels } from './pixels'
import { type Placement, placementOf } from './placement'
import type { FileLayout } from './preprocessing'
import { type ImageRows, resizing } from './resizing'
import { cornersOf, type Views } from './views'

function channelsOf({ channels }: FileLayout): 1 | 3 {
  if (channels === 1 || channels === 3) return channels
  throw new MbconvError('ERR_DATA', `the model takes images of ${channels} channels; files give 1 or 3`)
}

/**
 * [channels, height, width] of the result of {@link readInputImage}: the input's, unless a loader still has to stretch
 * it.
 */
export function inputImageShape(layout: FileLayout): [number, number, number] {
  const { fit, interpolation, size, resolution } = layout
  const [height, width] = (fit === 'stretch' && interpolation === 'bilinear' && size) || sidesOf(resolution)
  return [channelsOf(layout), height, width]
}

/**
 * Reads an image file as planes of bytes, of {@link inputImageShape}.
 *
 * With `stretch` and bilinear interpolation the result has the size of the training images; {@link Loader} then resizes
 * it to the input, as in training. Otherwise the image is decoded at its full size and resized as in Pillow, with a
 * filter that averages when shrinking. With `crop` and `squash` the centre is cut out, as in timm and torchvision; with
 * `pad` the rest of the input gets the layout's colour, as in Pillow.
 *
 * @param decoding its colour settings take precedence over the card's
 * @param views parts to cut out; the planes of one follow those of another
 * @throws MbconvError as {@link readImageFile}; ERR_DATA for a model of other than 1 or 3 channels
 */
export async function readInputImage(
  source: string | NamedBytes,
  layout: FileLayout,
  { colorManagement = layout.colorManagement, ...rest }: DecodeOptions = {},
  views: Views = 'one',
): Promise<Uint8Array> {
  const decoding = { colorManagement, ...rest }
  const { fit, interpolation, size } = layout
  const channels = channelsOf(layout)
  const [, height, width] = inputImageShape(layout)
  if (fit === 'stretch' && interpolation === 'bilinear')
    return readImageFile(source, { channels, height, width, ...decoding })
  return withImage(source, decoding, async (file) => {
    const image = size === null ? file : await stretched(size, file)
    const placement = placementOf(image, layout)
    const { columns } = partsOf(views, placement, layout)
    // Rows are resized first, so the height is still the image's here.
    const most = Math.max(placement.height * placement.width, image.height * Math.min(columns, placement.width))
    const isTooLong = fit === 'pad' && Math.max(image.height, image.width) > LONGEST_SIDE
    if (most > mostPixels(decoding) || isTooLong) {
      const name = typeof source === 'string' ? source : source.name
      throw dataError(name, `is too long for its width (${image.width} x ${image.height} px)`, 'Cut it.')
    }
    return inputOf(image, layout, views)
  })
}

/** Where the parts of a resized image begin, and the columns that they lie in. */
function partsOf(views: Views, placement: Placement, { resolution }: FileLayout) {
  const input = sidesOf(resolution)
  const corners = cornersOf(views, placement, input)
  const lefts = corners.map(({ left }) => left)
  const first = Math.min(...lefts)
  return { corners, first, columns: Math.max(...lefts) + input[1] - first }
}

/** Resizes an image as the layout says, and cuts the parts out. */
async function inputOf(image: ImageRows, layout: FileLayout, views: Views): Promise<Uint8Array> {
  const placement = placementOf(image, layout)
  if (layout.fit === 'pad') return paddedImage(image, placement, layout)
  const { interpolation, resolution } = layout
  const channels = channelsOf(layout)
  const [height, width] = sidesOf(resolution)
  const { corners, first, columns } = partsOf(views, placement, layout)
  const narrow = new Uint8Array(image.height * columns * channels)
  let filled = 0
  for await (const some of image.rows()) {
    const rows = withChannels(some, channels)
    const part = resizing().across(rows, placement.width, { from: first, length: columns }, interpolation)
    narrow.set(part, filled)
    filled += part.length
  }
  const strip = { data: narrow, width: columns, height: image.height, channels }
  const inStrip = corners.map(({ top, left }) => ({ top, left: left - first }))
  return resizing().parts(strip, placement.height, inStrip, [height, width], interpolation)
}

/**
 * As {@link readInputImage}, from the pixels of an image that has been decoded and resized before. Where they have the
 * size that the layout resizes to, the input is cut out of them unchanged.
 */
export async function inputOfPixels(pixels: Pixels, layout: FileLayout, views: Views = 'one'): Promise<Uint8Array> {
  const { width, height, channels } = pixels
  const placement = placementOf(pixels, layout)
  const isResized = placement.width !== width || placement.height !== height
  if (isResized || layout.fit === 'pad' || channelsOf(layout) !== 3 || channels !== 3)
    return inputOf({ width, height, rows: () => single(pixels) }, layout, views)
  const [inputHeight, inputWidth] = sidesOf(layout.resolution)
  const line = 3 * inputWidth
  const parts = partsOf(views, placement, layout).corners.map(({ top, left }) => {
    const part = new Uint8Array(line * inputHeight)
    for (let y = 0; y < inputHeight; y++) {
      const from = 3 * ((top + y) * width + left)
      part.set(pixels.data.subarray(from, from + line), y * line)
    }
    return planes(part, 3)
  })
  return parts.length === 1 ? parts[0] : Buffer.concat(parts)
}

async function* single(pixels: Pixels): AsyncGenerator<Pixels, void, undefined> {
  yield pixels
}

/** The image resized. */
async function stretched([height, width]: readonly [number, number], file: OpenImage): Promise<OpenImage> {
  const pixels = await file.resized({ height, width, fit: 'fill' })
  return {
    ...file,
    height,
    width,
    rows: () => single(pixels),
  }
}
