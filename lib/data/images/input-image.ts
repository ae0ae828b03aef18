/** Turns an image file into the network's input, as a layout describes: in evaluation and in prediction. */

import { MbconvError } from '../../errors/error'
import { dataError } from '../../files/data-file'
import { interpolate } from '../../nn/resampling'
import { noGrad } from '../../tensor/core/autograd'
import { fromTypedArray } from '../../tensor/core/create'
import { scope } from '../../tensor/core/scope'
import type { Tensor } from '../../tensor/core/tensor'
import { type DecodeOptions, type NamedBytes, type OpenImage, readImageFile, withImage } from './image-file'
import { mostPixels } from './image-limits'
import { type Pixels, planes, withChannels } from './pixels'
import { type FileLayout, shorterSide } from './preprocessing'

type Sides = Pick<Pixels, 'width' | 'height'>

/** The part of an image that a network sees, as fractions of its width and height. */
export interface Region {
  left: number
  top: number
  width: number
  height: number
}

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
  const [height, width] = (fit === 'stretch' && interpolation === 'bilinear' && size) || [resolution, resolution]
  return [channelsOf(layout), height, width]
}

/**
 * Reads an image file as planes of bytes, of {@link inputImageShape}.
 *
 * With `stretch` and bilinear interpolation the result has the size of the training images; {@link Loader} then resizes
 * it to the input, as in training. Otherwise the image is decoded at its full size and resized as in Pillow, with a
 * filter that averages when shrinking. With `crop` and `squash` the centre is cut out, as in timm and torchvision.
 *
 * @param decoding its colour settings take precedence over the card's
 * @throws MbconvError as {@link readImageFile}; ERR_DATA for a model of other than 1 or 3 channels
 */
export async function readInputImage(
  source: string | NamedBytes,
  layout: FileLayout,
  { colorManagement = layout.colorManagement, ...rest }: DecodeOptions = {},
): Promise<Uint8Array> {
  const decoding = { colorManagement, ...rest }
  const { fit, interpolation, size, resolution } = layout
  const channels = channelsOf(layout)
  const [, height, width] = inputImageShape(layout)
  if (fit === 'stretch' && interpolation === 'bilinear')
    return readImageFile(source, { channels, height, width, ...decoding })
  return withImage(source, decoding, async (file) => {
    const image = size === null ? file : await stretched(size, file)
    const cut = cutOf(image, layout)
    // Rows are resized first, so the height is still the image's here.
    if (Math.max(cut.height * cut.width, image.height * resolution) > mostPixels(decoding)) {
      const name = typeof source === 'string' ? source : source.name
      throw dataError(name, `is too long for its width (${image.width} x ${image.height} px)`, 'Cut it.')
    }
    return inputOf(image, layout)
  })
}

/** Resizes an image as the layout says and cuts the input out. */
async function inputOf(image: Sides & Pick<OpenImage, 'rows'>, layout: FileLayout): Promise<Uint8Array> {
  const { interpolation, resolution } = layout
  const channels = channelsOf(layout)
  const cut = cutOf(image, layout)
  const narrow = new Uint8Array(image.height * resolution * channels)
  let filled = 0
  for await (const some of image.rows()) {
    const rows = withChannels(some, channels)
    const part = bytesOf(() => {
      const all = interpolated(rows, [rows.height, cut.width], interpolation)
      return all.narrow(3, cut.left, resolution).permute([0, 2, 3, 1])
    })
    narrow.set(part, filled)
    filled += part.length
  }
  const columns = { data: narrow, width: resolution, height: image.height, channels }
  return bytesOf(() => interpolated(columns, [cut.height, resolution], interpolation).narrow(2, cut.top, resolution))
}

/**
 * As {@link readInputImage}, from the pixels of an image that has been decoded and resized before. Where they have the
 * size that the layout resizes to, the input is cut out of them unchanged.
 */
export async function inputOfPixels(pixels: Pixels, layout: FileLayout): Promise<Uint8Array> {
  const { width, height, channels } = pixels
  const cut = cutOf(pixels, layout)
  if (channelsOf(layout) !== 3 || channels !== 3 || cut.width !== width || cut.height !== height)
    return inputOf({ width, height, rows: () => single(pixels) }, layout)
  const { resolution } = layout
  const line = 3 * resolution
  const part = new Uint8Array(line * resolution)
  for (let y = 0; y < resolution; y++) {
    const from = 3 * ((cut.top + y) * width + cut.left)
    part.set(pixels.data.subarray(from, from + line), y * line)
  }
  return planes(part, 3)
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

/** The size an image is resized to, and the position of the input's square in it. */
function cutOf(image: Sides, layout: FileLayout): Sides & { left: number; top: number } {
  const { fit, resolution } = layout
  if (fit === 'stretch') return { height: resolution, width: resolution, top: 0, left: 0 }
  const short = shorterSide(layout)
  const long = (side: number) => Math.floor((short * side) / Math.min(image.width, image.height))
  // The shorter side is exact; the longer one is rounded down, as in torchvision.
  const [height, width] = fit === 'crop' ? [long(image.height), long(image.width)] : [short, short]
  const [top, left] = [height, width].map((side) => roundHalfToEven((side - resolution) / 2))
  return { height, width, top, left }
}

/** The part of an image of this size that a network with a crop sees. */
export function regionOf(image: Sides, layout: FileLayout): Region {
  const { size, resolution } = layout
  const { height, width, top, left } = cutOf(size === null ? image : { height: size[0], width: size[1] }, layout)
  return { top: top / height, left: left / width, width: resolution / width, height: resolution / height }
}

/** Python's round(), which torchvision uses to centre. */
function roundHalfToEven(value: number): number {
  const floor = Math.floor(value)
  if (value - floor !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}

/** Resizes as Pillow does, in integer arithmetic: rows of pixels to [1, C, height, width]. */
function interpolated(
  { data, width, height, channels }: Pixels,
  size: [number, number],
  mode: 'bilinear' | 'bicubic',
): Tensor {
  const pixels = fromTypedArray(data, [1, height, width, channels]).permute([0, 3, 1, 2])
  return interpolate(pixels, size, { mode, antialias: true })
}

const bytesOf = (work: () => Tensor): Uint8Array =>
  noGrad(() => scope(() => work().contiguous().toTypedArray() as Uint8Array))
