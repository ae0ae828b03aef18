/** Reduces a feature map to one number or two for each channel. */
import { adaptiveAvgPool2d, adaptiveMaxPool2d } from '../../nn/pooling'
import type { Tensor } from '../../tensor/core/tensor'
import { cat } from '../../tensor/ops/combining'
import type { Arch } from '../arch/arch'
import { globalPoolOf } from '../arch/plan'

const REDUCE = {
  mean: (features: Tensor) => adaptiveAvgPool2d(features, 1).flatten(1),
  max: (features: Tensor) => adaptiveMaxPool2d(features, 1).flatten(1),
}

/**
 * Pools the last feature map as the table says.
 *
 * @param features [N, C, H, W]
 * @returns [N, C], or [N, 2C] for `catavgmax`
 */
export function pooled(features: Tensor, arch: Pick<Arch, 'globalPool'>): Tensor {
  const { of, joined } = globalPoolOf(arch)
  const [first, ...others] = of.map((each) => REDUCE[each](features))
  if (joined === 'concatenated') return cat([first, ...others], 1)
  return others.reduce((sum, each) => sum.add(each), first).mul(others.length === 0 ? 1 : 1 / of.length)
}
