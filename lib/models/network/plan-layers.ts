/**
 * A network as the list of layers that a native plan computes (native/plan/layers.h), or the reason why it is none.
 *
 * Only what the network consists of now counts: layers may have been replaced, hooked or given another `forward`.
 */
import { Hardswish } from '../../nn/layers/activations'
import { Conv2d } from '../../nn/layers/convolution'
import { Dropout, DropPath } from '../../nn/layers/dropout'
import { Linear } from '../../nn/layers/linear'
import { SqueezeExcite } from '../../nn/layers/squeeze-excite'
import { Sequential } from '../../nn/modules/containers'
import { isPatched } from '../../nn/modules/hooks'
import type { AnyModule } from '../../nn/modules/module'
import type { Tensor } from '../../tensor/core/tensor'
import type { ActivationName, Arch } from '../arch/arch'
import { globalPoolOf } from '../arch/plan'
import { NATIVE_KERNELS } from './backend'
import { activatesSum, Block } from './blocks'
import { ConvNorm } from './conv-norm'
import { Features } from './features'

/** Positions in native/plan/layers.h's Op. */
const OPS = { conv: 0, depthwise: 1, squeezeExcite: 2, maxPool: 3, globalPool: 4, linear: 5 }
/** Positions in native/kernels/cpu/micro/table.h's Activation. */
const ACTIVATIONS = { none: 0, silu: 1, relu: 2, relu6: 3, hardswish: 4, sigmoid: 5, hardsigmoid: 6 }
const POOLS = { mean: 0, max: 1 }
/** The largest kernel of native/plan/layers.cc. */
const MOST_KERNEL = 31

/** One layer. Values are numbered: 0 is the image, i + 1 the output of layer i; -1 is none. */
interface Layer {
  op: keyof typeof OPS
  input: number
  residual?: number
  gate?: number
  inputs: number
  outputs: number
  kernel?: number
  stride?: number
  /** TensorFlow's padding. */
  same?: boolean
  activation?: keyof typeof ACTIVATIONS
  activatesSum?: boolean
  squeezed?: number
  gateActivation?: keyof typeof ACTIVATIONS
  pool?: keyof typeof POOLS
  tensors?: (Tensor | null | undefined)[]
}

/** What the addon makes a plan of. */
export interface PlanLayers {
  numbers: number[]
  tensors: Tensor[]
}

/** What a network consists of, as far as a plan is concerned. */
export interface Planned {
  features: AnyModule
  classifier: AnyModule
  arch: Arch
}

/** Thrown and caught here: why a network cannot be planned. */
class Unplannable extends Error {}

/**
 * The layers of a network of folded convolutions.
 *
 * @returns the layers, or why there are none
 */
export function planLayers(network: Planned): PlanLayers | string {
  try {
    return new Writer().network(network)
  } catch (error) {
    if (error instanceof Unplannable) return error.message
    throw error
  }
}

class Writer {
  readonly numbers: number[] = []
  readonly tensors: Tensor[] = []
  /** Of each value; the image's channels were checked before. */
  readonly #values: { channels: number | undefined; stride: number }[] = [{ channels: undefined, stride: 1 }]

  network({ features, classifier, arch }: Planned): PlanLayers {
    if (!(features instanceof Features)) throw new Unplannable('features has been replaced')
    plain(features, Features, 'features')
    let x = 0
    for (const [index, part] of [...features].entries()) {
      const path = `features.${index}`
      x = this.#part(part, x, path)
      if (index === 0 && features.stemPool) {
        const channels = this.#values[x].channels as number
        x = this.#add({ op: 'maxPool', input: x, inputs: channels, outputs: channels, kernel: 3, stride: 2 })
      }
    }
    const { of } = globalPoolOf(arch)
    if (of.length !== 1) throw new Unplannable(`the pooling ${arch.globalPool} has no native step`)
    const channels = this.#values[x].channels as number
    x = this.#add({ op: 'globalPool', input: x, inputs: channels, outputs: channels, pool: of[0] })
    this.#classifier(classifier, x)
    return { numbers: this.numbers, tensors: this.tensors }
  }

  #part(part: AnyModule, x: number, path: string): number {
    if (part instanceof ConvNorm) return this.#conv(part, path, { input: x })
    if (part instanceof Block) return this.#block(part, x, path)
    if (!(part instanceof Sequential)) throw new Unplannable(`${path} has been replaced`)
    plain(part, Sequential, path)
    return [...part].reduce((input, block, index) => this.#part(block, input, `${path}.${index}`), x)
  }

  #block(block: Block, x: number, path: string): number {
    plain(block, Block, path)
    plain(block.block, Sequential, `${path}.block`)
    const { dropPath } = block
    if (dropPath !== undefined) plain(dropPath, DropPath, `${path}.dropPath`)
    if (dropPath?.training && dropPath.p > 0) throw new Unplannable(`${path}.dropPath drops branches`)
    const layers = [...block.block]
    if (layers.length === 0) throw new Unplannable(`${path}.block is empty`)
    let residual = dropPath === undefined ? undefined : x
    if (block.downsample !== undefined && residual !== undefined)
      residual = this.#conv(block.downsample, `${path}.downsample`, { input: x })
    let gate: number | undefined
    let input = x
    for (const [index, layer] of layers.entries()) {
      const where = `${path}.block.${index}`
      const isLast = index === layers.length - 1
      if (layer instanceof SqueezeExcite) {
        if (isLast) throw new Unplannable(`${where} comes last in its block`)
        if (gate !== undefined) throw new Unplannable(`${where} follows another squeeze-and-excitation`)
        gate = this.#squeezeExcite(layer, input, where)
        continue
      }
      if (!(layer instanceof ConvNorm)) throw new Unplannable(`${where} has been replaced`)
      const more: Partial<Layer> = { input, gate }
      if (isLast && residual !== undefined) more.residual = residual
      if (isLast && residual !== undefined && activatesSum(block.plan))
        Object.assign(more, { activatesSum: true, activation: block.plan.activation })
      input = this.#conv(layer, where, more)
      gate = undefined
    }
    return input
  }

  #conv(layer: ConvNorm, path: string, more: Partial<Layer> & { input?: number }): number {
    plain(layer, ConvNorm, path)
    if (layer.norm !== undefined) throw new Unplannable('its batch norms are not folded: fuse() does that')
    const { conv } = layer
    plain(conv, Conv2d, `${path}.0`)
    const { inChannels, outChannels, kernelSize, stride, padding, dilation, groups, paddingMode } = conv
    const [kernel] = kernelSize
    const same = padding === 'same'
    const isDepthwise = groups > 1 && groups === inChannels && groups === outChannels
    const isKnown =
      kernelSize.every((size) => size === kernel) &&
      stride.every((step) => step === stride[0] && step <= 2) &&
      dilation.every((step) => step === 1) &&
      paddingMode === 'zeros' &&
      (same || (typeof padding !== 'string' && padding.every((size) => size === (kernel - 1) / 2)))
    if (!isKnown) throw new Unplannable(`${path}.0 is a convolution that has no native step`)
    if (groups !== 1 && !isDepthwise) throw new Unplannable(`${path}.0 is a convolution in ${groups} groups`)
    if (isDepthwise ? !NATIVE_KERNELS.includes(kernel) : kernel > MOST_KERNEL)
      throw new Unplannable(`${path}.0 has a kernel of ${kernel} px`)
    if (isDepthwise && (more.gate !== undefined || more.residual !== undefined))
      throw new Unplannable(`${path} is a depthwise convolution where its block has another`)
    return this.#add({
      op: isDepthwise ? 'depthwise' : 'conv',
      inputs: inChannels,
      outputs: outChannels,
      kernel,
      stride: stride[0],
      same,
      activation: layer.activation ?? 'none',
      tensors: [conv.weight, conv.bias],
      input: 0,
      ...more,
    })
  }

  #squeezeExcite(layer: SqueezeExcite, input: number, path: string): number {
    plain(layer, SqueezeExcite, path)
    const { fc1, fc2 } = layer
    for (const [name, fc] of Object.entries({ fc1, fc2 })) plain(fc, Conv2d, `${path}.${name}`)
    const channels = fc1.inChannels
    return this.#add({
      op: 'squeezeExcite',
      input,
      inputs: channels,
      outputs: channels,
      squeezed: fc1.outChannels,
      activation: layer.activation,
      gateActivation: layer.gate,
      tensors: [fc1.weight, fc1.bias, fc2.weight, fc2.bias],
    })
  }

  #classifier(classifier: AnyModule, pooled: number): void {
    if (!(classifier instanceof Sequential)) throw new Unplannable('classifier has been replaced')
    plain(classifier, Sequential, 'classifier')
    const layers = [...classifier].filter((layer) => !isIdle(layer))
    let x = pooled
    for (let i = 0; i < layers.length; i++) {
      const linear = layers[i]
      if (!(linear instanceof Linear)) throw new Unplannable('classifier has layers that have no native step')
      plain(linear, Linear, `classifier's linear layer`)
      const activation: ActivationName | 'none' = layers[i + 1] instanceof Hardswish ? 'hardswish' : 'none'
      if (activation !== 'none') plain(layers[++i], Hardswish, `classifier's activation`)
      const [outputs, inputs] = linear.weight.shape
      x = this.#add({ op: 'linear', input: x, inputs, outputs, activation, tensors: [linear.weight, linear.bias] })
    }
  }

  #add(layer: Layer): number {
    const stride = this.#check(layer)
    const first = this.tensors.length
    for (const tensor of layer.tensors ?? []) {
      if (tensor === null || tensor === undefined) throw new Unplannable(`a ${layer.op} layer has no bias`)
      this.tensors.push(tensor)
    }
    this.numbers.push(
      OPS[layer.op],
      layer.input,
      layer.residual ?? -1,
      layer.gate ?? -1,
      layer.inputs,
      layer.outputs,
      layer.kernel ?? 1,
      layer.stride ?? 1,
      layer.same ? 1 : 0,
      ACTIVATIONS[layer.activation ?? 'none'],
      layer.activatesSum ? 1 : 0,
      layer.squeezed ?? 0,
      ACTIVATIONS[layer.gateActivation ?? 'sigmoid'],
      POOLS[layer.pool ?? 'mean'],
      first,
    )
    this.#values.push({ channels: layer.outputs, stride })
    return this.#values.length - 1
  }

  /**
   * Layers that have been replaced or changed may not fit together: libtorch's operations then say so. Returns the
   * stride of the output.
   */
  #check({ op, input, residual, gate, inputs, outputs, stride = 1, activation = 'none' }: Layer): number {
    if (!Object.hasOwn(ACTIVATIONS, activation)) throw new Unplannable(`${activation} is no activation`)
    const { channels = inputs, stride: before } = this.#values[input]
    if (channels !== inputs) throw new Unplannable(`a ${op} layer has ${inputs} inputs and gets ${channels}`)
    const after = before * stride
    // Paddings are such that the size of a map follows from its stride.
    const added = residual === undefined ? undefined : this.#values[residual]
    if (added !== undefined && (added.channels !== outputs || added.stride !== after))
      throw new Unplannable('a residual has another shape than what it is added to')
    if (gate !== undefined && this.#values[gate].channels !== inputs)
      throw new Unplannable('a squeeze-and-excitation has other channels than the map behind it')
    return after
  }
}

/** Whether a layer passes its input on. */
function isIdle(layer: AnyModule): boolean {
  return layer instanceof Dropout && !isPatched(layer) && !(layer.training && layer.p > 0)
}

/** Only the class's own `forward` is known to compute what the class computes. */
function plain(module: AnyModule, type: { prototype: { forward: unknown } }, path: string): void {
  if (isPatched(module)) throw new Unplannable(`${path} has hooks, or a forward that was assigned`)
  if (module.forward !== type.prototype.forward) throw new Unplannable(`${path} is a class of its own`)
}
