/**
 * Parameters, multiply-adds and activations of an architecture, from its table alone.
 *
 * One walk over the layers feeds every figure, so that totals and the table of stages cannot disagree.
 */

import { checkCount, checkOptions } from '../../errors/check'
import type { Arch, Stage } from '../arch/arch'
import { type CheckedArch, checkArch } from '../arch/check'
import { kindOf, type LayerPlan } from '../arch/kinds'
import { type BlockPlan, blocksOf, featureChannels, layersOf } from '../arch/plan'
import { checkResolution, type Resolution, resolutionOf, type Sides, sidesOf, strided } from '../arch/resolution'

/** The rule of every multiply-add figure here; the paper calls them "FLOPS". Print it beside the figures. */
export const COUNTING_RULE =
  'multiply-adds of convolutions and linear layers, squeeze-excitation included, for one image; ' +
  'batch norm, activations, pooling and the squeeze-excitation product are not counted'

/** What a network is counted for. */
export interface CountOptions {
  /** Classes of the classifier. Default 1000; 0: no linear layer for them. */
  numClasses?: number
  /** Size of the input in pixels: a side, or [height, width]. Default: the architecture's. */
  resolution?: Resolution
  /** Channels of the image. Default 3. */
  inChannels?: number
}

/** What a network costs, counted from its table. */
export interface Counts {
  /** The counted size of the input, px: the side of a square, or [height, width]. */
  readonly resolution: Resolution
  /** The counted number of classes. */
  readonly numClasses: number
  /** The counted channels of the image. */
  readonly inChannels: number
  /** Number of trainable parameters. */
  readonly params: number
  /** Multiply-adds per image, see {@link COUNTING_RULE}; equals `macsConv + macsFc`. */
  readonly macs: number
  /** All convolutions, including depthwise and squeeze-excitation. */
  readonly macsConv: number
  /** The part of `macsConv` in depthwise convolutions. */
  readonly macsDepthwise: number
  /** The part of `macsConv` in squeeze-and-excitation. */
  readonly macsSe: number
  /** Multiply-adds of linear layers, the classifier included. */
  readonly macsFc: number
  /** Number of values that all convolutions together output for one image. */
  readonly activations: number
  /** Number of values in running means and variances. */
  readonly floatBuffers: number
  /** Number of parameter tensors. */
  readonly paramTensors: number
  /** Parameters, running statistics and batch counters: the number of entries in the state dict. */
  readonly stateDictEntries: number
  /** Number of convolutions. */
  readonly convLayers: number
  /** Number of blocks in all stages. */
  readonly blocks: number
}

/** A row of the table of stages. */
export interface StageRow {
  /** `stem`, `1` … `7`, `head` if there is one, `classifier` if it has a linear layer. */
  readonly stage: string
  /** `conv 3x3`, `MBConv6 5x5`, `linear`. */
  readonly operator: string
  /** Size of the input in pixels: the side of a square, or [height, width]. */
  readonly inputSize: Resolution
  /** Stride of the stage's first layer. */
  readonly stride: number
  /** Output channels; the classes for the classifier. */
  readonly channels: number
  /** [channels, height, width] of the output; [classes] for the classifier. */
  readonly outputShape: readonly number[]
  /** Number of blocks or layers. */
  readonly layers: number
  /** Trainable parameters of the stage. */
  readonly params: number
  /** Multiply-adds of the stage for one image. */
  readonly macs: number
}

type Role = 'conv' | 'depthwise' | 'se' | 'linear'

/** A convolution or linear layer, with the batch norm that follows it if there is one. */
interface Layer {
  /** Index of the {@link StageRow} it belongs to. */
  row: number
  role: Role
  weights: number
  biases: number
  /** Channels of the batch norm after it; 0 for none. */
  norm: number
  /** Output positions: height times width, 1 after pooling. */
  positions: number
  outputs: number
}

function conv(row: number, role: Role, inputs: number, outputs: number, kernel: number, [height, width]: Sides): Layer {
  return {
    row,
    role,
    weights: inputs * outputs * kernel * kernel,
    biases: 0,
    norm: outputs,
    positions: height * width,
    outputs,
  }
}

function dense(row: number, role: Role, inputs: number, outputs: number): Layer {
  return { row, role, weights: inputs * outputs, biases: outputs, norm: 0, positions: 1, outputs }
}

/** All layers in the order of the state dict. */
function allLayers(arch: CheckedArch, resolution: Resolution, numClasses: number, inChannels: number): Layer[] {
  let size = strided(sidesOf(resolution), 2)
  const layers = [conv(0, 'conv', inChannels, arch.stem, arch.stemKernel ?? 3, size)]
  if (arch.stemPool) size = strided(size, 2)
  let [known, plans]: [BlockPlan | undefined, LayerPlan[]] = [undefined, []]
  for (const block of blocksOf(arch)) {
    const before = size
    if (block !== known) [known, plans] = [block, layersOf(block)]
    for (const layer of plans) {
      if (layer.part !== 'downsample') size = strided(size, layer.stride)
      addLayer(layers, block.stage + 1, layer, layer.part === 'downsample' ? strided(before, layer.stride) : size)
    }
  }
  const head = arch.stages.length + 1
  let channels = arch.stages[arch.stages.length - 1].channels
  if (arch.head > 0) layers.push(conv(head, 'conv', channels, arch.head, 1, size))
  channels = featureChannels(arch)
  const classifier = arch.head > 0 ? head + 1 : head
  if (arch.hidden) {
    layers.push(dense(classifier, 'linear', channels, arch.hidden))
    channels = arch.hidden
  }
  if (numClasses > 0) layers.push(dense(classifier, 'linear', channels, numClasses))
  return layers
}

/** @param size of the layer's output */
function addLayer(layers: Layer[], row: number, layer: LayerPlan, size: Sides): void {
  const { op, input, output, kernel, groups, squeezed } = layer
  if (op !== 'squeezeExcite') {
    layers.push(conv(row, op, input / groups, output, kernel, size))
    return
  }
  layers.push(dense(row, 'se', input, squeezed), dense(row, 'se', squeezed, output))
}

/** `MBConv6 5x5`, `bottleneck 3x3`. */
function operatorOf(stage: Stage, input: number): string {
  const { kernel, expand, expanded } = stage
  const { title, expands, width } = kindOf(stage)
  const ratio = expanded === undefined ? expand : Number((expanded / input).toFixed(2))
  return `${title}${expands && width === 'input' ? ratio : ''} ${kernel}x${kernel}`
}

function resolved(op: string, value: Arch, options: CountOptions) {
  const arch = checkArch(op, value)
  checkOptions(op, options, ['numClasses', 'resolution', 'inChannels'])
  const { numClasses = 1000, inChannels = 3 } = options
  checkCount(op, 'numClasses', numClasses, { min: 0 })
  const resolution = checkResolution(op, 'resolution', options.resolution ?? arch.resolution)
  checkCount(op, 'inChannels', inChannels)
  return { arch, numClasses, resolution, inChannels }
}

/**
 * Counts a network without building it. Exact: all figures are whole numbers below 2^53 for any network that could run.
 *
 * @throws MbconvError ERR_TYPE or ERR_VALUE.
 */
export function count(arch: Arch, options: CountOptions = {}): Counts {
  const { arch: table, numClasses, resolution, inChannels } = resolved('count', arch, options)
  const macs: Record<Role, number> = { conv: 0, depthwise: 0, se: 0, linear: 0 }
  let [params, activations, floatBuffers, paramTensors, norms, convLayers] = [0, 0, 0, 0, 0, 0]
  for (const layer of allLayers(table, resolution, numClasses, inChannels)) {
    macs[layer.role] += layer.weights * layer.positions
    params += layer.weights + layer.biases + 2 * layer.norm
    floatBuffers += 2 * layer.norm
    paramTensors += 1 + (layer.biases > 0 ? 1 : 0) + (layer.norm > 0 ? 2 : 0)
    if (layer.norm > 0) norms++
    if (layer.role !== 'linear') {
      convLayers++
      activations += layer.outputs * layer.positions
    }
  }
  const macsConv = macs.conv + macs.depthwise + macs.se
  return Object.freeze({
    resolution,
    numClasses,
    inChannels,
    params,
    macs: macsConv + macs.linear,
    macsConv,
    macsDepthwise: macs.depthwise,
    macsSe: macs.se,
    macsFc: macs.linear,
    activations,
    floatBuffers,
    paramTensors,
    stateDictEntries: paramTensors + 3 * norms,
    convLayers,
    blocks: table.stages.reduce((sum, stage) => sum + stage.layers, 0),
  })
}

/**
 * Pixels of the smallest feature map that a batch norm normalises, for one image. At batch size 1 a channel's mean is
 * taken over this many values.
 */
export function smallestNormalizedMap(arch: CheckedArch, resolution: Resolution): number {
  const normalized = allLayers(arch, resolution, 1, 1).filter(({ norm }) => norm > 0)
  return Math.min(...normalized.map(({ positions }) => positions))
}

/**
 * The network stage by stage, in the paper's order: what `mbconv models NAME` prints.
 *
 * @throws MbconvError ERR_TYPE or ERR_VALUE.
 */
export function stageTable(arch: Arch, options: CountOptions = {}): StageRow[] {
  const { arch: table, numClasses, resolution, inChannels } = resolved('stageTable', arch, options)
  const rows: { -readonly [K in keyof StageRow]: StageRow[K] }[] = []
  let size = sidesOf(resolution)
  const add = (stage: string, operator: string, stride: number, channels: number, layers: number) => {
    const inputSize = resolutionOf(size)
    size = strided(size, stride)
    if (stage === 'stem' && table.stemPool) size = strided(size, 2)
    const outputShape = stage === 'classifier' ? [channels] : [channels, ...size]
    rows.push({ stage, operator, inputSize, stride, channels, outputShape, layers, params: 0, macs: 0 })
  }
  const kernel = table.stemKernel ?? 3
  add('stem', `conv ${kernel}x${kernel}${table.stemPool ? ', max pool' : ''}`, 2, table.stem, 1)
  let input = table.stem
  for (const [i, stage] of table.stages.entries()) {
    add(String(i + 1), operatorOf(stage, input), stage.stride, stage.channels, stage.layers)
    input = stage.channels
  }
  if (table.head > 0) add('head', 'conv 1x1', 1, table.head, 1)
  size = [1, 1]
  const linear = [...(table.hidden ? [`linear ${table.hidden}`] : []), ...(numClasses > 0 ? ['linear'] : [])]
  if (linear.length > 0) add('classifier', linear.join(', '), 1, numClasses || (table.hidden as number), 1)
  for (const layer of allLayers(table, resolution, numClasses, inChannels)) {
    rows[layer.row].params += layer.weights + layer.biases + 2 * layer.norm
    rows[layer.row].macs += layer.weights * layer.positions
  }
  return rows
}
