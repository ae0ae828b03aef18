/** From an image file to the pixels that a network takes, as a model card describes the way. */
import { dataError } from '../data/files'
import { decodeImage, type NamedBytes, type Pixels, readImageFile, withChannels } from '../data/image-file'
import { MbconvError } from '../errors'
import { type Preprocessing, shorterSide } from '../models/card'
import { interpolate } from '../nn/resampling'
import { noGrad } from '../tensor/autograd'
import { fromTypedArray } from '../tensor/create'
import { scope } from '../tensor/scope'

/** Pixels that an image may have after resizing: a line of one pixel's width would grow without end. */
const LARGEST = 1e8

/** The part of an image that a network sees, in shares of its width and height. */
export interface Region {
  left: number
  top: number
  width: number
  height: number
}

function channelsOf({ channels }: Preprocessing): 1 | 3 {
  if (channels === 1 || channels === 3) return channels
  throw new MbconvError('ERR_DATA', `the model takes images of ${channels} channels; files give 1 or 3`)
}

/** [channels, height, width] of what {@link readInputImage} gives: the input's, but where a loader has to stretch it yet. */
export function inputImageShape(preprocessing: Preprocessing): [number, number, number] {
  const { fit, interpolation, size, resolution } = preprocessing
  const [height, width] = (fit === 'stretch' && interpolation === 'bilinear' && size) || [resolution, resolution]
  return [channelsOf(preprocessing), height, width]
}

/**
 * Reads an image file as planes of bytes, of {@link inputImageShape}.
 *
 * With `stretch` and bilinear interpolation it has the size of the training images afterwards: {@link Loader} brings it to
 * the input as in training. Otherwise it is decoded at its full size and resized as Pillow does, with a filter that averages
 * when it shrinks; with `crop` the middle is cut out, as timm and torchvision do.
 *
 * @throws MbconvError as {@link readImageFile}; ERR_DATA for a model of other than 1 or 3 channels
 */
export async function readInputImage(source: string | NamedBytes, preprocessing: Preprocessing): Promise<Uint8Array> {
  const { fit, interpolation, size, resolution } = preprocessing
  const channels = channelsOf(preprocessing)
  const [, height, width] = inputImageShape(preprocessing)
  if (fit === 'stretch' && interpolation === 'bilinear') return readImageFile(source, { channels, height, width })
  const box = size === null ? undefined : ({ height: size[0], width: size[1], fit: 'fill' } as const)
  const image = withChannels(await decodeImage(source, box), channels)
  if (fit === 'stretch') return resized(image, [resolution, resolution], preprocessing)
  const to = resizedSize(image, preprocessing)
  if (to[0] * to[1] > LARGEST) {
    const name = typeof source === 'string' ? source : source.name
    throw dataError(name, `is too long for its width (${image.width} x ${image.height} px)`, 'Cut it.')
  }
  const [top, left] = to.map((side) => roundHalfToEven((side - resolution) / 2))
  return resized(image, to, preprocessing, [top, left])
}

/** [height, width]: the shorter side as the card says, the longer one in proportion, rounded down (torchvision's rule). */
function resizedSize({ width, height }: Pick<Pixels, 'width' | 'height'>, preprocessing: Preprocessing) {
  const short = shorterSide(preprocessing)
  const long = Math.floor((short * Math.max(width, height)) / Math.min(width, height))
  return width < height ? ([long, short] as const) : ([short, long] as const)
}

/** Where a network that crops looks, of an image of that size. */
export function regionOf(image: Pick<Pixels, 'width' | 'height'>, preprocessing: Preprocessing): Region {
  if (preprocessing.fit === 'stretch') return { left: 0, top: 0, width: 1, height: 1 }
  const { size, resolution } = preprocessing
  const [height, width] = resizedSize(size === null ? image : { height: size[0], width: size[1] }, preprocessing)
  const [top, left] = [height, width].map((side) => roundHalfToEven((side - resolution) / 2) / side)
  return { top, left, width: resolution / width, height: resolution / height }
}

/** Python's round(), by which torchvision centres. */
function roundHalfToEven(value: number): number {
  const floor = Math.floor(value)
  if (value - floor !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}

/**
 * Resizes, in whole numbers as Pillow does, and cuts the input's square out.
 *
 * @returns planes of bytes
 */
function resized(
  { data, width, height, channels }: Pixels,
  size: readonly [number, number],
  { interpolation, resolution }: Preprocessing,
  [top, left]: readonly number[] = [0, 0],
): Uint8Array {
  return scope(() =>
    noGrad(() => {
      const pixels = fromTypedArray(data, [1, height, width, channels]).permute([0, 3, 1, 2])
      const mode = interpolation === 'bicubic' ? 'bicubic' : 'bilinear'
      const image = interpolate(pixels, [...size], { mode, antialias: true })
      const square = image.narrow(2, top, resolution).narrow(3, left, resolution)
      return square.contiguous().toTypedArray() as Uint8Array
    }),
  )
}
