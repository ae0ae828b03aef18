/** Augments images in memory. */
import { native } from '../native/addon'
import type { Tensor } from '../tensor/core/tensor'

/**
 * Applies a program to each image, in place.
 *
 * @param images uint8 [N, H, W, 3] in host memory
 * @param programs one per image, from `drawProgram` of augment/kinds.ts
 * @throws MbconvError ERR_TYPE, ERR_SHAPE, or ERR_VALUE for a program that is wrong; images may have been changed then
 */
export function augmentImages(images: Tensor, programs: readonly Float64Array[]): void {
  const offsets = new Int32Array(programs.length + 1)
  for (const [i, { length }] of programs.entries()) offsets[i + 1] = offsets[i] + length
  const numbers = new Float64Array(offsets[programs.length])
  for (const [i, program] of programs.entries()) numbers.set(program, offsets[i])
  native().augmentImages(images, numbers, offsets)
}
