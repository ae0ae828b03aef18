/** Gradient clipping. */
import { checkOptions } from '../errors/check'
import { native } from '../native/addon'
import { Tensor } from '../tensor/core/tensor'

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
