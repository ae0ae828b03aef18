/** Adaptive gradient clipping (Brock et al., arXiv:2102.06171, section 4), as timm computes it. */
import { checkOptions, checkPositive } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { noGrad } from '../../tensor/core/autograd'
import { scope } from '../../tensor/core/scope'
import { Tensor } from '../../tensor/core/tensor'
import { where } from '../../tensor/ops/combining'

/** How gradients are clipped adaptively. */
export interface AdaptiveClipOptions {
  /** Norms of weights below this count as this, so that weights of 0 can move. Default 1e-3. */
  eps?: number
  /** p of the p-norm. Default 2. */
  normType?: number
}

/** Norms of gradients below this are not divided by. */
const SMALLEST_NORM = 1e-6

/**
 * Clips each unit's gradient to `factor` times the norm of the unit's weights. A unit is a row of a matrix, or an output
 * channel of a convolution; all elements of a vector form one unit. Does not wait for the device.
 *
 * timm leaves the classifier out, so pass the other parameters.
 *
 * @param factor largest ratio of a gradient's norm to the norm of its weights, above 0
 * @throws MbconvError ERR_TYPE, ERR_VALUE
 */
export function adaptiveClipGrad(params: Tensor[] | Tensor, factor: number, options: AdaptiveClipOptions = {}): void {
  const op = 'adaptiveClipGrad'
  checkOptions(op, options, ['eps', 'normType'])
  const { eps = 1e-3, normType = 2 } = options
  checkPositive(op, 'factor', factor)
  checkPositive(op, 'eps', eps)
  checkPositive(op, 'normType', normType)
  const list = params instanceof Tensor ? [params] : params
  if (!Array.isArray(list) || !list.every((param) => param instanceof Tensor)) {
    throw new MbconvError('ERR_TYPE', `${op}: params must be a tensor or a list of tensors`, { op })
  }
  noGrad(() => {
    for (const param of list) {
      scope(() => {
        const { grad } = param
        if (grad === null) return
        const most = unitNorms(param.detach(), normType).clampMin(eps).mul(factor)
        const norms = unitNorms(grad, normType)
        const clipped = grad.mul(most.div(norms.clampMin(SMALLEST_NORM)))
        grad.copy_(where(norms.lt(most), grad, clipped))
      })
    }
  })
}

/** The norm of each unit, in a shape that broadcasts with `x`. */
function unitNorms(x: Tensor, p: number): Tensor {
  if (x.ndim <= 1) return x.norm({ p })
  return x.norm({ p, dim: Array.from({ length: x.ndim - 1 }, (_, i) => i + 1), keepdim: true })
}
