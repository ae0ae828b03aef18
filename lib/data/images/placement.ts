/** Where an image lies in the network's input: the size that it is resized to, and what of that is shown. */
import { mapSides, type Sides, sidesOf } from '../../models/arch/resolution'
import type { Pixels } from './pixels'
import { type FileLayout, scaledSides } from './preprocessing'

type Size = Pick<Pixels, 'width' | 'height'>
type Fitting = Pick<FileLayout, 'fit' | 'resolution' | 'cropShare'>

/**
 * The size that an image is resized to, and where the input begins in the resized image, px. A negative position is the
 * padding before the image.
 */
export interface Placement extends Size {
  top: number
  left: number
}

/** The part of an image that a network sees, as fractions of its width and height. */
export interface Region {
  /** Distance of the region from the left edge, px. */
  left: number
  /** Distance of the region from the upper edge, px. */
  top: number
  /** Width of the region, px. */
  width: number
  /** Height of the region, px. */
  height: number
}

export function placementOf(image: Size, layout: Fitting): Placement {
  const input = sidesOf(layout.resolution)
  const [height, width] = resizedSides(image, layout, input)
  const [top, left] = [height - input[0], width - input[1]].map((excess) => roundHalfToEven(excess / 2))
  return { height, width, top, left }
}

function resizedSides(image: Size, layout: Fitting, input: Sides): Sides {
  switch (layout.fit) {
    case 'stretch':
      return input
    case 'squash':
      return scaledSides(layout)
    case 'crop':
      return covering(scaledSides(layout), image)
    case 'pad':
      return containedIn(input, image)
  }
}

/** The least size with the image's aspect ratio that covers these sides. */
function covering([height, width]: Sides, image: Size): Sides {
  const sides: Sides = [image.height, image.width]
  // torchvision's Resize: the shorter side is exact, the longer one is rounded down.
  if (height === width) return mapSides(sides, (side) => Math.floor((height * side) / Math.min(...sides)))
  // timm's ResizeKeepRatio, for inputs that are no square.
  const ratio = Math.min(image.height / height, image.width / width)
  return mapSides(sides, (side) => roundHalfToEven(side / ratio))
}

/**
 * The greatest size with the image's aspect ratio that fits into these sides: Pillow's ImageOps.contain. One side is
 * exact, the other is rounded to the nearest, halves to the even number. At least 1 px is left of a side, where Pillow
 * would leave none.
 */
function containedIn([height, width]: Sides, image: Size): Sides {
  const [own, wanted] = [image.width / image.height, width / height]
  if (own > wanted) return [Math.max(1, roundHalfToEven((image.height / image.width) * width)), width]
  if (own < wanted) return [height, Math.max(1, roundHalfToEven((image.width / image.height) * height))]
  return [height, width]
}

/**
 * The part of an image of this size that the input shows. With `pad` it is larger than the image: a fraction below 0 or
 * above 1 lies in the padding.
 */
export function regionOf(image: Size, layout: Fitting & Pick<FileLayout, 'size'>): Region {
  const { size } = layout
  const [inputHeight, inputWidth] = sidesOf(layout.resolution)
  const from = size === null ? image : { height: size[0], width: size[1] }
  const { height, width, top, left } = placementOf(from, layout)
  return { top: top / height, left: left / width, width: inputWidth / width, height: inputHeight / height }
}

/** Python's round(), which torchvision, timm and Pillow use. */
function roundHalfToEven(value: number): number {
  const floor = Math.floor(value)
  if (value - floor !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}
