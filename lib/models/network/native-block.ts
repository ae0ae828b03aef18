/**
 * The training of a whole MBConv block by one operator, `mbconv::block` (native/block/), which computes it with kernels of
 * this package and saves less for the gradient than its layers one by one.
 */
import { native } from '../../native/addon'
import * as F from '../../nn/functional'
import { Conv2d } from '../../nn/layers/convolution'
import { DropPath } from '../../nn/layers/dropout'
import { BatchNorm2d } from '../../nn/layers/normalization'
import { SqueezeExcite } from '../../nn/layers/squeeze-excite'
import { Sequential } from '../../nn/modules/containers'
import { isPatched } from '../../nn/modules/hooks'
import type { AnyModule } from '../../nn/modules/module'
import { isAutocastEnabled } from '../../tensor/core/autocast'
import { ones } from '../../tensor/core/create'
import { isRecomputing } from '../../tensor/core/recompute'
import { scope } from '../../tensor/core/scope'
import type { Tensor } from '../../tensor/core/tensor'
import { NATIVE_KERNELS } from './backend'
import type { Block } from './blocks'
import { ConvNorm } from './conv-norm'

/** The layers of an MBConv block, none of them replaced. */
interface Layers {
  expand: ConvNorm | undefined
  depthwise: ConvNorm
  squeezeExcite: SqueezeExcite | undefined
  project: ConvNorm
}

/**
 * Why the operator does not train a block as it is now, in words.
 *
 * @returns the block's layers where it does
 */
export function nativeLayers(block: Block): Layers | string {
  if (block.plan.kind !== 'mbconv') return `blocks of kind ${block.plan.kind} have no native training`
  if (!isPlain(block.block, Sequential)) return 'its layers have hooks, or a forward that was assigned'
  if (block.dropPath !== undefined && !isPlain(block.dropPath, DropPath)) return 'its drop path has been changed'
  const layers = [...block.block]
  const project = layers.pop()
  const squeezeExcite = layers.at(-1) instanceof SqueezeExcite ? (layers.pop() as SqueezeExcite) : undefined
  const depthwise = layers.pop()
  const expand = layers.pop()
  if (layers.length > 0 || !isConvNorm(project) || !isConvNorm(depthwise)) return 'its layers have been replaced'
  if (expand !== undefined && !isConvNorm(expand)) return 'its layers have been replaced'
  const { activation } = depthwise
  const isActivated = activation !== null && project.activation === null
  if (!isActivated || (expand !== undefined && expand.activation !== activation)) return 'its activations were changed'
  const [kernel] = depthwise.conv.kernelSize
  const isKnown =
    isKernel(project.conv, 1, 1) &&
    (expand === undefined || isKernel(expand.conv, 1, 1)) &&
    isKernel(depthwise.conv, kernel, depthwise.conv.outChannels) &&
    NATIVE_KERNELS.includes(kernel)
  if (!isKnown) return 'it has convolutions without a native kernel'
  const norms = [expand, depthwise, project].flatMap((layer) => (layer?.norm === undefined ? [] : [layer.norm]))
  if (norms.length !== (expand === undefined ? 2 : 3)) return 'its batch norms are folded'
  const [{ eps, momentum }] = norms
  for (const norm of norms) {
    if (!norm.training) return 'a batch norm is in evaluation mode'
    if (norm.eps !== eps || norm.momentum !== momentum || momentum === null || !norm.affine || !norm.trackRunningStats)
      return 'its batch norms have settings of their own'
  }
  if (squeezeExcite !== undefined) {
    const { fc1, fc2 } = squeezeExcite
    if (!isPlain(squeezeExcite, SqueezeExcite) || !isPlain(fc1, Conv2d) || !isPlain(fc2, Conv2d))
      return 'its squeeze-and-excitation has hooks, or a forward that was assigned'
    if (fc1.bias === null || fc2.bias === null) return 'its squeeze-and-excitation has no bias'
  }
  return { expand, depthwise, squeezeExcite, project }
}

/** Why the operator cannot compute this input; undefined if it can. */
function reasonOf({ plan }: Block, x: Tensor): string | undefined {
  const [images, , ...sides] = x.shape
  // Batch norm has the words for it.
  if (sides.reduce((values, side) => values * Math.ceil(side / plan.stride), images) === 1)
    return 'a channel has a single value, which has no variance'
  if (isAutocastEnabled('cpu')) return 'autocast is on'
  if (x.device !== 'cpu') return `the input is on ${x.device}: the kernels are for the CPU`
  if (x.dtype !== 'float32') return `the input is ${x.dtype}: the kernels compute in float32`
  return undefined
}

/**
 * The output of a block in training mode. Running statistics are updated.
 *
 * @returns the reason where the operator does not compute it
 */
export function trainNatively(block: Block, x: Tensor): Tensor | string {
  const reason = reasonOf(block, x)
  if (reason !== undefined) return reason
  const layers = nativeLayers(block)
  if (typeof layers === 'string') return layers
  const { expand, depthwise, squeezeExcite, project } = layers
  const { conv, norm } = depthwise as ConvNorm & { norm: BatchNorm2d }
  // A batch that is computed again has been counted.
  const isCounted = !isRecomputing()
  const normed = (layer: ConvNorm | undefined) => {
    if (layer?.norm === undefined) return [null, null, null, null, null]
    const { weight, bias, runningMean, runningVar } = layer.norm
    return [layer.conv.weight, weight, bias, ...(isCounted ? [runningMean, runningVar] : [null, null])]
  }
  const squeezed =
    squeezeExcite === undefined
      ? [null, null, null, null]
      : [squeezeExcite.fc1, squeezeExcite.fc2].flatMap(({ weight, bias }) => [weight, bias])
  return scope(() => {
    const rate = block.dropPath?.training ? block.dropPath.p : 0
    const scale = rate > 0 ? F.dropPath(ones([x.shape[0]]), rate) : null
    const args = [x, ...normed(expand), ...normed(depthwise), ...squeezed, ...normed(project), scale]
    const y = native().callOp('mbconv::block', args, {
      stride: conv.stride[0],
      padding: conv.padding === 'same' ? 'same' : 'symmetric',
      activation: depthwise.activation,
      squeeze_activation: squeezeExcite?.activation ?? 'silu',
      gate: squeezeExcite?.gate ?? 'sigmoid',
      residual: block.plan.residual,
      eps: norm.eps,
      momentum: norm.momentum,
    }) as Tensor
    // After the operator, so that a refused batch is not counted.
    if (isCounted) for (const layer of [expand, depthwise, project]) layer?.norm?.numBatchesTracked.add_(1)
    return y
  })
}

const isPlain = (module: AnyModule, type: { prototype: { forward: unknown } }) =>
  !isPatched(module) && module.forward === type.prototype.forward

function isConvNorm(layer: AnyModule | undefined): layer is ConvNorm {
  return (
    layer instanceof ConvNorm &&
    isPlain(layer, ConvNorm) &&
    isPlain(layer.conv, Conv2d) &&
    (layer.norm === undefined || isPlain(layer.norm, BatchNorm2d))
  )
}

/** Whether a convolution is one of a block: square, padded around, without bias. */
function isKernel(conv: Conv2d, kernel: number, groups: number): boolean {
  const { kernelSize, stride, padding, dilation, paddingMode } = conv
  const isPadded =
    padding === 'same' ? kernel > 1 : typeof padding !== 'string' && padding.every((size) => size === (kernel - 1) / 2)
  return (
    conv.groups === groups &&
    kernelSize.every((size) => size === kernel) &&
    stride.every((step) => step === stride[0] && (kernel > 1 ? step <= 2 : step === 1)) &&
    dilation.every((step) => step === 1) &&
    paddingMode === 'zeros' &&
    isPadded &&
    (conv.bias === null || conv.bias === undefined)
  )
}
