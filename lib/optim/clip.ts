/** Limits of gradients. */
import { native } from '../native'
import { Tensor } from '../tensor/tensor'

/**
 * Scales the gradients of all parameters together so that their common 2-norm is at most `maxNorm`; smaller ones stay as
 * they are. Does not wait for the device, so it may be part of a captured CUDA graph.
 *
 * @param maxNorm above 0; Infinity only measures
 * @returns the norm before, float64, on the gradients' device; 0 where there are none
 * @throws MbconvError ERR_VALUE
 */
export function clipGradNorm(params: Tensor[] | Tensor, maxNorm: number): Tensor {
  return native().clipGradNorm(params instanceof Tensor ? [params] : params, maxNorm)
}
