/**
 * Views of an image at test time: a network sees several of them, and what it computes is averaged. That costs as many
 * times more, and is usually a little more accurate.
 */
import { checkOneOf } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import type { Sides } from '../../models/arch/resolution'
import type { Tensor } from '../../tensor/core/tensor'
import type { Placement } from './placement'
import type { FileLayout } from './preprocessing'

/**
 * - `one`: the image as the layout says.
 * - `flip`: that, and its mirror image.
 * - `five`: the four corners and the centre of the resized image, as torchvision's FiveCrop.
 * - `ten`: these five, and their mirror images, as torchvision's TenCrop.
 */
export const VIEWS = ['one', 'flip', 'five', 'ten'] as const

/**
 * What a network sees of an image: the image; `flip` adds its mirror image; `five` takes corners and centre; `ten`
 * both.
 */
export type Views = (typeof VIEWS)[number]

/** Number of parts that are cut out of an image. */
export const cutsOf = (views: Views): 1 | 5 => (views === 'five' || views === 'ten' ? 5 : 1)

/**
 * Refuses unknown views, and corners of whole images.
 *
 * @param layout of image files; undefined: the images have one size, and nothing is cut off
 * @throws MbconvError ERR_VALUE
 */
export function checkViews(op: string, views: unknown, layout?: Pick<FileLayout, 'fit'>): asserts views is Views {
  checkOneOf(op, 'views', views, VIEWS)
  if (cutsOf(views as Views) === 1) return
  const whole = layout === undefined ? 'images of one size' : `fit: ${layout.fit}`
  if (layout?.fit === 'crop' || layout?.fit === 'squash') return
  throw new MbconvError('ERR_VALUE', `${op}: views ${String(views)} needs images that are cut, not ${whole}`, {
    op,
    hint: 'views flip works with whole images.',
  })
}

/** Where the input begins in a resized image, px. */
export type Corner = Pick<Placement, 'top' | 'left'>

/** Where each part begins, in torchvision's order: top left, top right, bottom left, bottom right, centre. */
export function cornersOf(views: Views, placement: Placement, input: Sides): Corner[] {
  if (cutsOf(views) === 1) return [placement]
  const [bottom, right] = [placement.height - input[0], placement.width - input[1]]
  const corners = [0, bottom].flatMap((top) => [0, right].map((left) => ({ top, left })))
  return [...corners, placement]
}

/**
 * The mean over an image's views of what a network computes: of logits, as in timm, or of features.
 *
 * @param x [N × cuts, C, H, W], the parts of an image side by side
 * @param compute [M, C, H, W] to [M, K]
 * @returns [N, K]
 */
export function overViews(views: Views, x: Tensor, compute: (x: Tensor) => Tensor): Tensor {
  const mirrored = views === 'flip' || views === 'ten'
  const seen = mirrored
    ? compute(x)
        .add(compute(x.flip([3])))
        .mul(0.5)
    : compute(x)
  const cuts = cutsOf(views)
  return cuts === 1 ? seen : seen.reshape([-1, cuts, seen.shape[1]]).mean({ dim: 1 })
}
