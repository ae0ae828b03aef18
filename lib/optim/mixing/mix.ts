/**
 * Mixup (Zhang et al., arXiv:1710.09412) and CutMix (Yun et al., arXiv:1905.04899) of a batch with itself in reverse
 * order, as timm's Mixup computes them in its mode `batch`.
 *
 * What is drawn depends only on (seed, step, batch), so a resumed run mixes as a run that never stopped.
 */
import { z } from 'zod'
import { KeyedRandom, PURPOSE } from '../../random/philox'
import type { Seed } from '../../random/seed'
import { noGrad } from '../../tensor/core/autograd'
import { scope } from '../../tensor/core/scope'
import type { Tensor } from '../../tensor/core/tensor'
import { oneHot } from '../../tensor/ops/combining'
import { drawBeta } from './beta'

/** Below it, a drawn share would be a number that no float can hold. */
const LEAST_ALPHA = 0.001

/** The schema of an α. */
export const alpha = () =>
  z
    .number()
    .min(0)
    .max(1000)
    .refine((value) => value <= 0 || value >= LEAST_ALPHA, `must be 0 or at least ${LEAST_ALPHA}`)
const probability = (value: number) => z.number().min(0).max(1).default(value)

/** The schema of the options, for a configuration. */
export const mixSchema = z.strictObject({
  mixup: alpha().default(0).describe('α of mixup, which blends two images; 0: off; the papers have 0.2 to 1'),
  cutmix: alpha().default(0).describe('α of CutMix, which pastes a part of one image into another; 0: off'),
  switchProb: probability(0.5).describe('share of the batches that get CutMix where both are on'),
  prob: probability(1).describe('share of the batches that are mixed'),
})

export type MixOptions = z.output<typeof mixSchema>

/** Whether any batch is mixed. */
export const mixes = ({ mixup, cutmix, prob }: MixOptions): boolean => (mixup > 0 || cutmix > 0) && prob > 0

/** What happens to a batch. */
export interface Mix {
  kind: 'none' | 'mixup' | 'cutmix'
  /** Share of an image that is its own. */
  lam: number
  /** CutMix only: rows and columns that come from the other image, px; the ends are excluded. */
  box?: { top: number; bottom: number; left: number; right: number }
}

/** The batch that a draw is for. */
export interface MixKey {
  seed: Seed
  /** Updates done before. */
  step: number
  /** The batch within the update, from 0. */
  batch: number
}

/** Draws what happens to a batch of images of a size. */
export function drawMix(options: MixOptions, { seed, step, batch }: MixKey, height: number, width: number): Mix {
  const { mixup, cutmix, switchProb, prob } = options
  const random = new KeyedRandom(seed, PURPOSE.mix, step, batch)
  const isMixed = random.uniform() < prob
  const isCut = random.uniform() < switchProb
  if (!isMixed || !mixes(options)) return { kind: 'none', lam: 1 }
  if (mixup > 0 && (cutmix === 0 || !isCut)) return { kind: 'mixup', lam: drawBeta(random, mixup) }
  return cutMix(drawBeta(random, cutmix), random.below(height), random.below(width), height, width)
}

/**
 * CutMix with a box around a point. Its sides have the share √(1 - lam) of the image's. What lies outside the image is
 * cut off, and `lam` follows the area that is left.
 */
export function cutMix(lam: number, row: number, column: number, height: number, width: number): Mix {
  const share = Math.sqrt(1 - lam)
  const [top, bottom] = around(row, Math.floor(height * share), height)
  const [left, right] = around(column, Math.floor(width * share), width)
  const area = (bottom - top) * (right - left)
  return { kind: 'cutmix', lam: 1 - area / (height * width), box: { top, bottom, left, right } }
}

function around(centre: number, length: number, side: number): [number, number] {
  return [Math.max(0, centre - Math.floor(length / 2)), Math.min(side, centre + Math.ceil(length / 2))]
}

/**
 * Mixes a batch with itself in reverse order. With an odd number of images, the middle one stays as it is.
 *
 * @param images [N, C, H, W]; unchanged
 * @param labels classes [N], int64, or targets [N, K]
 * @returns the mixed images, and the mixed targets [N, K] in the images' dtype. Of images with one class they are
 *   distributions over the classes; of images with several labels, each label has the share of the images that have it
 */
export function mixBatch(
  images: Tensor,
  labels: Tensor,
  { kind, lam, box }: Mix,
  numClasses: number,
): { images: Tensor; labels: Tensor } {
  return noGrad(() =>
    scope(() => {
      const own = (labels.ndim === 1 ? oneHot(labels, numClasses) : labels).to({ dtype: images.dtype })
      if (kind === 'none') return { images, labels: own }
      const targets = own.mul(lam).add(own.flip([0]).mul(1 - lam))
      if (kind === 'mixup') return { images: images.mul(lam).add(images.flip([0]).mul(1 - lam)), labels: targets }
      const { top, bottom, left, right } = box as NonNullable<typeof box>
      const cut = (x: Tensor) => x.narrow(2, top, bottom - top).narrow(3, left, right - left)
      const mixed = images.clone()
      cut(mixed).copy_(cut(images.flip([0])))
      return { images: mixed, labels: targets }
    }),
  )
}
