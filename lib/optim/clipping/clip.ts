/** Gradient clipping by the common norm and by value, and the choice that a configuration makes. */
import { checkOptions, checkPositive } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { native } from '../../native/addon'
import { noGrad } from '../../tensor/core/autograd'
import { scope } from '../../tensor/core/scope'
import { Tensor } from '../../tensor/core/tensor'
import { clampMax_, clampMin_ } from '../../tensor/ops/foreach'

/** Which norm is limited, and what happens when it is not finite. */
export interface ClipGradNormOptions {
  /** p of the p-norm, above 0; Infinity takes the largest element. Default 2. */
  normType?: number
  /** Refuse gradients whose norm is not finite, and leave them unchanged. Waits for the device. Default false. */
  errorIfNonfinite?: boolean
}

/**
 * Scales the gradients of all parameters together so that their common norm is at most `maxNorm`. Smaller gradients
 * stay unchanged. Does not wait for the device, so it may be part of a captured CUDA graph.
 *
 * With a {@link GradScaler} the gradients are too large by its factor until `unscale_()`, so clip after that.
 *
 * @param maxNorm above 0; with Infinity the norm is only measured
 * @returns the norm before clipping, float64, on the gradients' device; 0 without gradients
 * @throws MbconvError ERR_VALUE
 */
export function clipGradNorm(params: Tensor[] | Tensor, maxNorm: number, options: ClipGradNormOptions = {}): Tensor {
  checkOptions('clipGradNorm', options, ['normType', 'errorIfNonfinite'])
  const { normType = 2, errorIfNonfinite = false } = options
  return native().clipGradNorm(params instanceof Tensor ? [params] : params, maxNorm, normType, errorIfNonfinite)
}

/**
 * Clamps every element of the gradients to -`limit` … `limit`, as torch.nn.utils.clip_grad_value_ does. Parameters
 * without a gradient are left out. Does not wait for the device.
 *
 * @param limit above 0
 * @throws MbconvError ERR_VALUE or ERR_TYPE
 */
export function clipGradValue(params: Tensor[] | Tensor, limit: number): void {
  const op = 'clipGradValue'
  checkPositive(op, 'limit', limit)
  const list = params instanceof Tensor ? [params] : params
  if (!Array.isArray(list) || !list.every((param) => param instanceof Tensor)) {
    throw new MbconvError('ERR_TYPE', `${op}: params must be a tensor or a list of tensors`, { op })
  }
  noGrad(() =>
    scope(() => {
      const gradients = list.flatMap(({ grad }) => (grad === null ? [] : [grad]))
      if (gradients.length === 0) return
      clampMin_(gradients, -limit)
      clampMax_(gradients, limit)
    }),
  )
}

/** How a training step clips its gradients. */
export interface ClipRule {
  /** `norm`: the common norm of all; `value`: each element; `agc`: adaptively, each row by its weights. */
  by: 'norm' | 'value' | 'agc'
  limit: number
  /** The parameters whose gradients are clipped. */
  params: Tensor[]
}
