/** Resizing of decoded images, by the addon or without it. */

import type { Sides } from '../../models/arch/resolution'
import { usesNative } from '../../native/addon'
import type { OpenImage } from './image-file'
import type { Pixels } from './pixels'
import type { Placement } from './placement'
import { nativeResizing } from './resize-native'
import { plainResizing } from './resize-plain'
import type { Corner } from './views'

export type Filter = 'bilinear' | 'bicubic'

/** The pixels of an image, as rows. */
export type ImageRows = Pick<OpenImage, 'height' | 'width' | 'rows'>

/** Some columns or rows of a result, px. */
export interface Window {
  from: number
  length: number
}

/** Filters average where they shrink. */
export interface Resizing {
  /** Rows resized to this width; some columns of the result, interleaved. In libtorch's arithmetic. */
  across(rows: Pixels, width: number, window: Window, filter: Filter): Uint8Array
  /**
   * A strip resized to this height; the planes of parts of the result, one part after the other. In libtorch's
   * arithmetic.
   *
   * @param corners of the parts, in the resized strip
   * @param size of each part
   */
  parts(strip: Pixels, height: number, corners: readonly Corner[], size: Sides, filter: Filter): Uint8Array
  /**
   * A whole image resized, as red, green and blue. In Pillow's arithmetic.
   *
   * @param rgbOf gives rows of red, green and blue
   */
  whole(
    image: ImageRows,
    size: Pick<Placement, 'height' | 'width'>,
    filter: Filter,
    rgbOf: (rows: Pixels) => Pixels,
  ): Promise<Uint8Array>
}

/** The addon is several times as fast. */
export const resizing = (): Resizing => (usesNative() ? nativeResizing : plainResizing)
