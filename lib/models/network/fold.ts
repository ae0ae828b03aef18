/** Folds batch norm's evaluation-mode constants into the convolution before it. */
import { MbconvError } from '../../errors/error'
import { isPatched } from '../../nn/modules/hooks'
import type { AnyModule, Module } from '../../nn/modules/module'
import { noGrad } from '../../tensor/core/autograd'
import { scope } from '../../tensor/core/scope'
import type { Tensor } from '../../tensor/core/tensor'
import { ConvNorm } from './conv-norm'

/**
 * Copies `source` into `target`, a network of the same table without batch norms, and returns `target`: in evaluation
 * mode, on the device and in the dtype and layout of `source`, without gradients. Frees `target` on failure.
 */
export function foldedInto<Target extends Module>(op: string, source: Module, target: Target): Target {
  try {
    const weights = source.parameters()
    if (weights.some(({ isDisposed }) => isDisposed)) {
      throw new MbconvError('ERR_DISPOSED', `${op}: the network has been disposed`, { op })
    }
    for (const [path, module] of source.namedModules()) {
      if (!isPatched(module)) continue
      throw new MbconvError('ERR_VALUE', `${op}: ${path || 'the network'} has hooks, or a forward that was assigned`, {
        op,
        hint: 'A folded network has other layers. Remove the hooks first, and register them on the folded network.',
      })
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

/** Two networks of one table have the same modules in the same places, except for batch norms. */
function copy(source: AnyModule, target: AnyModule): void {
  if (source instanceof ConvNorm && target instanceof ConvNorm) {
    scope(() => fold(source, target))
    return
  }
  const own = target.children()
  // A module without children owns all its parameters.
  if (own.length === 0) target.loadStateDict(source.stateDict())
  for (const [i, child] of source.children().entries()) copy(child, own[i])
}

/** γ · (w∗x − μ) / √(σ² + ε) + β equals a convolution with weight w·γ/√(σ² + ε) and bias β − μ·γ/√(σ² + ε). */
function fold({ conv, norm }: ConvNorm, target: ConvNorm): void {
  if (norm === undefined) return
  const double = (tensor: Tensor) => tensor.detach().to({ dtype: 'float64' })
  const factor = double(norm.weight).div(double(norm.runningVar).add(norm.eps).sqrt())
  const weight = double(conv.weight)
  target.conv.weight.copy_(weight.mul(factor.view([-1, 1, 1, 1])))
  target.conv.bias?.copy_(double(norm.bias).sub(double(norm.runningMean).mul(factor)))
}
