/**
 * A network as a graph of ONNX operators.
 *
 * The code walks the modules in the order of `forward`. Each class has a writer here, found by exact class. A module
 * without a writer, or one that no writer visits, is an error that names it: a graph never lacks a part of its network.
 */
import { MbconvError } from '../../errors/error'
import type { Attribute, OnnxNode, OnnxTensor } from '../../io/protobuf/onnx'
import { Hardswish, ReLU, ReLU6, Sigmoid, SiLU } from '../../nn/layers/activations'
import { Conv2d } from '../../nn/layers/convolution'
import { Dropout, DropPath } from '../../nn/layers/dropout'
import { Linear } from '../../nn/layers/linear'
import { BatchNorm2d } from '../../nn/layers/normalization'
import { SqueezeExcite } from '../../nn/layers/squeeze-excite'
import { Sequential } from '../../nn/modules/containers'
import { isPatched } from '../../nn/modules/hooks'
import type { AnyModule, Module } from '../../nn/modules/module'
import { noGrad } from '../../tensor/core/autograd'
import { scope } from '../../tensor/core/scope'
import type { Tensor } from '../../tensor/core/tensor'
import type { ActivationName } from '../arch/arch'
import { globalPoolOf } from '../arch/plan'
import { mapSides, type Resolution, type Sides, sidesOf } from '../arch/resolution'
import { activatesSum, Block } from '../network/blocks'
import { ConvNorm } from '../network/conv-norm'
import { Network } from '../network/network'

/** A computed value: its name in the graph and [height, width] of its images in px (1 and 1 after pooling). */
interface Value {
  name: string
  size: Sides
}

const POOLED: Sides = [1, 1]

/** The value with the pooled features that the classifier gets, [batch, features]. */
export const FEATURES = 'flatten'

type Writer<M> = (graph: Graph, module: M, key: string, input: Value) => Value

/** A class with any constructor. */
type Class<M> = new (...args: never[]) => M

/** By a module's prototype: matches exactly this class and no subclass. */
const writers = new Map<unknown, Writer<Module>>()

function writes<M extends Module>(type: Class<M>, writer: Writer<M>): void {
  writers.set(type.prototype, writer as Writer<Module>)
}

export interface GraphOptions {
  /** Of the input. */
  resolution: Resolution
  /** Fold batch norms into the convolutions before them. */
  fold: boolean
}

/** The nodes and tensors of a graph under construction. */
export class Graph {
  readonly nodes: OnnxNode[] = []
  readonly tensors: OnnxTensor[] = []
  readonly fold: boolean
  readonly #constants = new Map<number, string>()
  readonly #visited = new Set<AnyModule>()

  constructor(fold: boolean) {
    this.fold = fold
  }

  /** Adds a node. Its output gets the node's name. */
  add(operator: string, name: string, inputs: string[], attributes?: Record<string, Attribute>): string {
    this.nodes.push({ name, operator, inputs, output: name, ...(attributes && { attributes }) })
    return name
  }

  /** Adds a tensor under its key in the state dict. `values` is called only when the file is written. */
  tensor(name: string, shape: readonly number[], values: () => Float32Array): string {
    this.tensors.push({ name, shape, values })
    return name
  }

  /** A scalar constant. Each value is in the graph once, however often it is used. */
  constant(value: number): string {
    const known = this.#constants.get(value)
    if (known !== undefined) return known
    const name = this.tensor(`constant.${value}`, [], () => Float32Array.of(value))
    this.#constants.set(value, name)
    return name
  }

  /** Writes a module by its class. */
  module(module: AnyModule, key: string, input: Value): Value {
    if (isPatched(module)) {
      const what = `${key || 'the network'} has hooks, or a forward that was assigned, which no file holds`
      throw new MbconvError('ERR_NOT_IMPLEMENTED', `exportOnnx: ${what}`, { op: 'exportOnnx' })
    }
    const writer = writers.get(Object.getPrototypeOf(module))
    if (writer === undefined) {
      const what = `${key || 'the network'} is a ${module.constructor.name}, which has no writer`
      throw new MbconvError('ERR_NOT_IMPLEMENTED', `exportOnnx: ${what}`, { op: 'exportOnnx' })
    }
    this.visited(module)
    return writer(this, module, key, input)
  }

  /** Records that a module and its own parameters are in the graph. */
  visited(module: AnyModule): void {
    this.#visited.add(module)
  }

  /** Refuses a network if any part of it is missing in the graph. */
  checkWhole(module: AnyModule, key = ''): void {
    if (!this.#visited.has(module)) {
      const what = `${key || 'the network'} (${module.constructor.name}) was not written`
      throw new MbconvError('ERR_NOT_IMPLEMENTED', `exportOnnx: ${what}`, { op: 'exportOnnx' })
    }
    for (const [name, child] of module.namedChildren()) this.checkWhole(child, key === '' ? name : `${key}.${name}`)
  }

  activation(name: ActivationName | 'sigmoid' | 'hardsigmoid', key: string, { name: x, size }: Value): Value {
    const after = (output: string) => ({ name: output, size })
    switch (name) {
      case 'silu':
        return after(this.add('Mul', `${key}.silu`, [x, this.add('Sigmoid', `${key}.sigmoid`, [x])]))
      case 'relu':
        return after(this.add('Relu', `${key}.relu`, [x]))
      case 'relu6':
        return after(this.add('Clip', `${key}.relu6`, [x, this.constant(0), this.constant(6)]))
      case 'hardswish':
        return after(this.add('HardSwish', `${key}.hardswish`, [x]))
      case 'sigmoid':
        return after(this.add('Sigmoid', `${key}.sigmoid`, [x]))
      case 'hardsigmoid':
        // ONNX's default slope is 0.2.
        return after(
          this.add('HardSigmoid', `${key}.hardsigmoid`, [x], { alpha: { float: 1 / 6 }, beta: { float: 0.5 } }),
        )
    }
  }
}

/** A tensor's numbers as float32, whatever its device, dtype and layout. */
function numbers(tensor: Tensor): Float32Array {
  return noGrad(() => scope(() => tensor.to({ device: 'cpu', dtype: 'float32' }).toTypedArray() as Float32Array))
}

/** Padding [before, after] along side `i`, and the output side. */
function paddingOf(conv: Conv2d, side: number, i: number): { pads: [number, number]; output: number } {
  const stride = conv.stride[i]
  const window = conv.dilation[i] * (conv.kernelSize[i] - 1) + 1
  if (conv.padding === 'same') {
    const output = Math.ceil(side / stride)
    const total = Math.max((output - 1) * stride + window - side, 0)
    return { pads: [Math.floor(total / 2), Math.ceil(total / 2)], output }
  }
  const padding = conv.padding === 'valid' ? 0 : conv.padding[i]
  return { pads: [padding, padding], output: Math.floor((side + 2 * padding - window) / stride) + 1 }
}

/** Writes a convolution with the weight and bias of these names. */
function convolution(graph: Graph, conv: Conv2d, key: string, x: Value, weight: string, bias?: string): Value {
  const { kernelSize, stride, dilation, groups, paddingMode } = conv
  if (paddingMode !== 'zeros') {
    const what = `${key} pads with paddingMode '${paddingMode}', which has no writer`
    throw new MbconvError('ERR_NOT_IMPLEMENTED', `exportOnnx: ${what}`, { op: 'exportOnnx' })
  }
  const [rows, columns] = x.size.map((side, i) => paddingOf(conv, side, i))
  const inputs = [x.name, weight, ...(bias === undefined ? [] : [bias])]
  graph.add('Conv', key, inputs, {
    kernel_shape: kernelSize,
    strides: stride,
    ...(dilation.every((each) => each === 1) ? {} : { dilations: dilation }),
    pads: [rows.pads[0], columns.pads[0], rows.pads[1], columns.pads[1]],
    group: groups,
  })
  return { name: key, size: [rows.output, columns.output] }
}

writes(Conv2d, (graph, conv, key, x) => {
  const { weight, bias } = conv
  const weightName = graph.tensor(`${key}.weight`, weight.shape, () => numbers(conv.weight))
  const biasName = bias && graph.tensor(`${key}.bias`, bias.shape, () => numbers(bias))
  return convolution(graph, conv, key, x, weightName, biasName)
})

writes(BatchNorm2d, (graph, norm, key, x) => {
  const tensors = {
    weight: norm.weight,
    bias: norm.bias,
    running_mean: norm.runningMean,
    running_var: norm.runningVar,
  }
  const names = Object.entries(tensors).map(([name, tensor]) =>
    graph.tensor(`${key}.${name}`, tensor.shape, () => numbers(tensor)),
  )
  return {
    name: graph.add('BatchNormalization', key, [x.name, ...names], { epsilon: { float: norm.eps } }),
    size: x.size,
  }
})

/** Per channel, in float64: batch norm's factor and its offset. */
function scaleAndShift(norm: BatchNorm2d): { scale: Float64Array; shift: Float64Array } {
  const [weight, bias, mean, variance] = [norm.weight, norm.bias, norm.runningMean, norm.runningVar].map(numbers)
  const scale = Float64Array.from(weight, (w, c) => w / Math.sqrt(variance[c] + norm.eps))
  return { scale, shift: Float64Array.from(bias, (b, c) => b - mean[c] * scale[c]) }
}

writes(ConvNorm, (graph, pair, key, x) => {
  const { conv, norm, activation } = pair
  const [first, second] = [`${key}.0`, `${key}.1`]
  let y: Value
  if (norm === undefined) {
    y = graph.module(conv, first, x)
  } else if (graph.fold && conv.bias === undefined) {
    graph.visited(conv)
    graph.visited(norm)
    const weight = graph.tensor(`${first}.weight`, conv.weight.shape, () => {
      const { scale } = scaleAndShift(norm)
      const kernels = numbers(conv.weight)
      const each = kernels.length / scale.length
      return kernels.map((value, i) => value * scale[Math.floor(i / each)])
    })
    const bias = graph.tensor(`${first}.bias`, norm.bias.shape, () => Float32Array.from(scaleAndShift(norm).shift))
    y = convolution(graph, conv, first, x, weight, bias)
  } else {
    y = graph.module(norm, second, graph.module(conv, first, x))
  }
  return activation === null ? y : graph.activation(activation, key, y)
})

writes(SqueezeExcite, (graph, squeeze, key, x) => {
  const means = { name: graph.add('GlobalAveragePool', `${key}.avgpool`, [x.name]), size: POOLED }
  const inner = graph.activation(squeeze.activation, `${key}.fc1`, graph.module(squeeze.fc1, `${key}.fc1`, means))
  const factors = graph.activation(squeeze.gate, `${key}.fc2`, graph.module(squeeze.fc2, `${key}.fc2`, inner))
  return { name: graph.add('Mul', key, [x.name, factors.name]), size: x.size }
})

writes(Block, (graph, block, key, x) => {
  const branch = graph.module(block.block, `${key}.block`, x)
  if (block.dropPath === undefined) return branch
  graph.visited(block.dropPath) // evaluation drops nothing
  const { downsample, plan } = block
  const input = downsample === undefined ? x : graph.module(downsample, `${key}.downsample`, x)
  const sum = { name: graph.add('Add', `${key}.add`, [branch.name, input.name]), size: branch.size }
  return activatesSum(plan) ? graph.activation(plan.activation, `${key}.add`, sum) : sum
})

writes(Sequential, (graph, modules, key, x) =>
  modules.namedChildren().reduce((y, [name, module]) => graph.module(module, `${key}.${name}`, y), x),
)

writes(Linear, (graph, linear, key, x) => {
  const { weight, bias } = linear
  const names = [graph.tensor(`${key}.weight`, weight.shape, () => numbers(weight))]
  if (bias !== undefined) names.push(graph.tensor(`${key}.bias`, bias.shape, () => numbers(bias)))
  return { name: graph.add('Gemm', key, [x.name, ...names], { transB: 1 }), size: x.size }
})

// Evaluation drops nothing.
writes(Dropout, (_graph, _module, _key, x) => x)
writes(DropPath, (_graph, _module, _key, x) => x)

writes(SiLU, (graph, _, key, x) => graph.activation('silu', key, x))
writes(ReLU, (graph, _, key, x) => graph.activation('relu', key, x))
writes(ReLU6, (graph, _, key, x) => graph.activation('relu6', key, x))
writes(Sigmoid, (graph, _, key, x) => graph.activation('sigmoid', key, x))
writes(Hardswish, (graph, _, key, x) => graph.activation('hardswish', key, x))

const POOLS = {
  mean: { operator: 'GlobalAveragePool', name: 'avgpool' },
  max: { operator: 'GlobalMaxPool', name: 'maxpool.global' },
}

writes(Network, (graph, network, _key, x) => {
  const { features, classifier, arch } = network
  graph.visited(features)
  let y = x
  for (const [name, part] of features.namedChildren()) {
    y = graph.module(part, `features.${name}`, y)
    if (name !== '0' || !arch.stemPool) continue
    const attributes = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }
    const size = mapSides(y.size, (side) => Math.floor((side - 1) / 2) + 1)
    y = { name: graph.add('MaxPool', 'maxpool', [y.name], attributes), size }
  }
  const { of, joined } = globalPoolOf(arch)
  const parts = of.map((each) => graph.add(POOLS[each].operator, POOLS[each].name, [y.name]))
  let pooled = parts[0]
  if (joined === 'concatenated') pooled = graph.add('Concat', 'pool.concat', parts, { axis: 1 })
  if (joined === 'mean') pooled = graph.add('Mean', 'pool.mean', parts)
  return graph.module(classifier, 'classifier', {
    name: graph.add('Flatten', FEATURES, [pooled], { axis: 1 }),
    size: POOLED,
  })
})

/** `logits`, or `features` of a network without classes. */
export const outputName = ({ numClasses }: Network) => (numClasses === 0 ? 'features' : 'logits')

/** The graph of a network in evaluation mode, from the value called `input` to the one of the output's name. */
export function graphOf(network: Network, input: string, { resolution, fold }: GraphOptions): Graph {
  const graph = new Graph(fold)
  const { name } = graph.module(network, '', { name: input, size: sidesOf(resolution) })
  graph.checkWhole(network)
  // The last node keeps its name. Its output gets the name that users ask for.
  const last = graph.nodes[graph.nodes.length - 1]
  if (last.output !== name) throw new Error(`the last node is ${last.name}, the result ${name}`)
  last.output = outputName(network)
  return graph
}
