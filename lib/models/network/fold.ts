/** Batch norm's constants in evaluation mode, folded into the convolution before it. */
import { MbconvError } from '../../errors/error'
import type { Module } from '../../nn/module'
import { noGrad } from '../../tensor/core/autograd'
import { scope } from '../../tensor/core/scope'
import type { Tensor } from '../../tensor/core/tensor'
import { ConvNorm } from './blocks'

/**
 * Copies `source` into `target`, a network of the same table without batch norms, and gives that: in evaluation mode, on
 * the device, in the dtype and layout of `source`, without gradients. Where that fails `target` is freed.
 */
export function foldedInto<Target extends Module>(op: string, source: Module, target: Target): Target {
  try {
    const weights = source.parameters()
    if (weights.some(({ isDisposed }) => isDisposed)) {
      throw new MbconvError('ERR_DISPOSED', `${op}: the network has been disposed`, { op })
    }
    const [{ device, dtype }] = weights
    const memoryFormat = weights.some((each) => each.memoryFormat === 'channelsLast') ? 'channelsLast' : 'contiguous'
    target.to({ device, dtype, memoryFormat })
    for (const parameter of target.parameters()) parameter.requiresGrad_(false)
    noGrad(() => copy(source, target))
    return target.eval()
  } catch (error) {
    target.dispose()
    throw error
  }
}

/** Two networks of one table have the same modules in the same places, but for batch norms. */
function copy(source: Module, target: Module): void {
  if (source instanceof ConvNorm && target instanceof ConvNorm) {
    scope(() => fold(source, target))
    return
  }
  const own = target.children()
  // The parameters of a module that has no children are all its own.
  if (own.length === 0) target.loadStateDict(source.stateDict())
  for (const [i, child] of source.children().entries()) copy(child, own[i])
}

/** γ · (w∗x − μ) / √(σ² + ε) + β is a convolution with w·γ/√(σ² + ε) and the bias β − μ·γ/√(σ² + ε). */
function fold({ conv, norm }: ConvNorm, target: ConvNorm): void {
  if (norm === undefined) return
  const double = (tensor: Tensor) => tensor.detach().to({ dtype: 'float64' })
  const factor = double(norm.weight).div(double(norm.runningVar).add(norm.eps).sqrt())
  const weight = double(conv.weight)
  target.conv.weight.copy_(weight.mul(factor.view([-1, 1, 1, 1])))
  target.conv.bias?.copy_(double(norm.bias).sub(double(norm.runningMean).mul(factor)))
}
