/**
 * The tensors of one step of a network, in the order in which they are allocated and freed. `estimateMemory` adds them
 * up.
 */
import { MbconvError } from '../../errors/error'
import type { CheckedArch } from '../arch/check'
import { KINDS } from '../arch/kinds'
import { type BlockPlan, layersOf, blocksOf as planOf } from '../arch/plan'
import { mapSides, type Resolution, type Sides, sidesOf, strided } from '../arch/resolution'
import { NATIVE_KERNELS } from '../network/backend'
import { type NativeBlock, type NativeSettings, nativeBackward, nativeBlock, nativeForward } from './native-memory'
import { held, type Tally } from './tally'

/** Bytes per number. */
export const ELEMENT_BYTES = Object.freeze({ float64: 8, float32: 4, bfloat16: 2, float16: 2 })

/** The options of `estimateMemory` that decide how large the tensors of a step are. */
export interface StepSettings {
  batch: number
  dtype: keyof typeof ELEMENT_BYTES
  dropPath: number
  memoryFormat: 'channelsLast' | 'contiguous'
  scratch: boolean
  inChannels: number
  resolution: Resolution
  /** The kernels that train the blocks which have native training; null to train layer by layer. */
  native: NativeSettings | null
}

/** An operation on images: their size before and after, px, and fields that only some operations have. */
export interface Op {
  kind: 'conv' | 'norm' | 'activation' | 'squeezeExcite' | 'dropPath'
  inputs: number
  outputs: number
  from: Sides
  to: Sides
  kernel: number
  groups: number
  /** Channels between the two layers of squeeze-and-excitation. */
  squeezed: number
}

/** A block runs in one scope: its intermediate tensors live until the scope ends. */
export interface Block {
  ops: Op[]
  /** Whether the block's input is added to its output. */
  skip: boolean
  /** Where one operator trains the whole block. */
  native?: NativeBlock
}

/** The memory that an operation takes, in bytes. */
export interface Needs {
  input: number
  output: number
  /** Kept for the gradient besides the input. */
  extra: number
  keepsInput: boolean
  /** Parameter tensors. Their gradients take as much again. */
  weights: number
  /** Running statistics. */
  statistics: number
  /** Allocated for a moment: beside the output in the forward pass, beside the gradients in the backward pass. */
  scratch: { forward: number; backward: number }
}

/**
 * @throws MbconvError ERR_NOT_IMPLEMENTED for ResNets and for networks with ReLU: they keep tensors that this walk does
 *   not count
 */
export function blocksOf(op: string, arch: CheckedArch, settings: StepSettings): Block[] {
  const { resolution, inChannels, dropPath, batch, memoryFormat, native } = settings
  const input = sidesOf(resolution)
  const halved = strided(input, 2)
  const kernel = arch.stemKernel ?? 3
  const stem = convNorm({ inputs: inChannels, outputs: arch.stem, kernel, from: input, to: halved })
  const blocks: Block[] = [{ ops: stem, skip: false }]
  let [from, channels]: [Sides, number] = [halved, arch.stem]
  for (const plan of planOf(arch)) {
    if (KINDS[plan.kind].activatesSum || plan.activation === 'relu') {
      const message = `${op}: the memory of ${arch.name} is not modelled: of ResNets, and of networks with ReLU`
      throw new MbconvError('ERR_NOT_IMPLEMENTED', message, {
        op,
        hint: 'Give a budget of multiply-adds or parameters.',
      })
    }
    const block: Block = { ops: opsOf(plan, from), skip: plan.residual }
    // The first block of the network is never dropped.
    const dropped = block.skip && dropPath > 0 && blocks.length > 1
    if (native !== null && plan.kind === 'mbconv' && NATIVE_KERNELS.includes(plan.kernel)) {
      block.native = nativeBlock(plan, from, { ...native, batch, memoryFormat })
    } else if (dropped) {
      const last = block.ops[block.ops.length - 1]
      block.ops.push({ ...last, kind: 'dropPath' })
    }
    blocks.push(block)
    from = block.ops[block.ops.length - 1].to
    channels = plan.output
  }
  if (arch.head > 0) {
    blocks.push({ ops: convNorm({ inputs: channels, outputs: arch.head, from, to: from }), skip: false })
  }
  return blocks
}

/** @param size of the block's input */
function opsOf(plan: BlockPlan, size: Sides): Op[] {
  const ops: Op[] = []
  let from = size
  for (const { op, input: inputs, output: outputs, kernel, stride, groups, activation, squeezed } of layersOf(plan)) {
    const to = strided(from, stride)
    const layer = { inputs, outputs, from, to, kernel, groups }
    if (op === 'squeezeExcite') ops.push({ ...layer, kind: 'squeezeExcite', squeezed })
    else ops.push(...convNorm(layer).slice(0, activation === null ? 2 : 3))
    from = to
  }
  return ops
}

const areaOf = ([height, width]: Sides): number => height * width

const PLAIN = { kernel: 1, groups: 1, squeezed: 0 }

type Convolution = Pick<Op, 'inputs' | 'outputs' | 'from' | 'to'> & Partial<Op>

/** Convolution, batch norm, and an activation that keeps its input. */
function convNorm(convolution: Convolution): Op[] {
  const { outputs, to } = convolution
  const after = { ...PLAIN, inputs: outputs, outputs, from: to, to }
  return [
    { ...PLAIN, ...convolution, kind: 'conv' },
    { ...after, kind: 'norm' },
    { ...after, kind: 'activation' },
  ]
}

export function needsOf(op: Op, settings: StepSettings): Needs {
  const { batch, dtype } = settings
  const element = ELEMENT_BYTES[dtype]
  const image = (channels: number, size: Sides) => held(batch * channels * areaOf(size) * element)
  const numbers = (count: number) => held(count * element)
  const { inputs, outputs, from, to, kernel, groups, squeezed } = op
  const needs: Needs = {
    input: image(inputs, from),
    output: image(outputs, to),
    extra: 0,
    keepsInput: true,
    weights: 0,
    statistics: 0,
    scratch: { forward: 0, backward: 0 },
  }
  switch (op.kind) {
    case 'conv':
      return {
        ...needs,
        weights: numbers((inputs / groups) * outputs * kernel * kernel),
        scratch: scratchOf(op, settings),
      }
    case 'norm': {
      const channels = numbers(outputs)
      return { ...needs, extra: 2 * channels, weights: 2 * channels, statistics: 2 * channels + held(8) }
    }
    case 'activation':
      return needs
    case 'squeezeExcite':
      return {
        ...needs,
        extra: 3 * numbers(batch * inputs) + 2 * numbers(batch * squeezed),
        weights: 2 * numbers(inputs * squeezed) + numbers(inputs) + numbers(squeezed),
        // The gate's gradient is a product of image size before it is summed. The gradient of the means is spread over
        // an image.
        scratch: { forward: 0, backward: needs.input },
      }
    case 'dropPath':
      return { ...needs, keepsInput: false }
  }
}

/**
 * Scratch memory of oneDNN 3 on AVX-512 (measured, libtorch 2.13). For the weight gradient of a depthwise convolution
 * whose kernel is large or larger than its image, it pads every group to a vector of 16 channels in and out. In 16 bits
 * it adds a float32 copy, and one padded and transposed image. It copies contiguous images to its own layout and back.
 */
function scratchOf(op: Op, { scratch, batch, memoryFormat, dtype }: StepSettings): Needs['scratch'] {
  const { inputs, outputs, kernel, groups, from, to } = op
  // oneDNN does not run float64.
  if (!scratch || kernel === 1 || dtype === 'float64') return { forward: 0, backward: 0 }
  const element = ELEMENT_BYTES[dtype]
  const [input, output] = [batch * inputs * areaOf(from) * element, batch * outputs * areaOf(to) * element]
  if (memoryFormat === 'contiguous') return { forward: Math.max(input, output), backward: input + output }
  if (groups === 1 || (kernel < 5 && Math.min(...from) >= kernel)) return { forward: 0, backward: 0 }
  const lanes = 16
  const padded = groups * lanes * lanes * kernel * kernel
  if (element !== 2) return { forward: 0, backward: padded * element }
  const turned = groups * lanes * (areaOf(mapSides(from, (side) => side + kernel - 1)) + areaOf(to))
  return { forward: 0, backward: padded * (4 + element) + turned * element }
}

/** The forward pass without gradients: adds its tensors to the tally. */
export function infer(tally: Tally, blocks: Needs[][], kinds: Op['kind'][][]): void {
  let before = 0 // output of the previous block; the images belong to the caller
  for (const [i, block] of blocks.entries()) {
    let made = 0
    for (const [j, { output, scratch }] of block.entries()) {
      // dropPath does nothing here; the activation works in place
      if (kinds[i][j] === 'dropPath' || kinds[i][j] === 'activation') continue
      tally.touch(output + scratch.forward)
      tally.take(output)
      made += output
    }
    const { output } = block[block.length - 1]
    tally.free(made - output + before)
    before = output
  }
}

/** The forward pass for training: leaves alive what the backward pass needs. */
export function forward(tally: Tally, blocks: readonly Block[], needs: Needs[][]): void {
  for (const [i, ops] of needs.entries()) {
    const { native } = blocks[i]
    if (native !== undefined) {
      nativeForward(tally, native)
      continue
    }
    let unkept = 0
    for (const [j, { output, extra, scratch }] of ops.entries()) {
      tally.touch(output + scratch.forward)
      tally.take(output + extra)
      if (ops[j + 1]?.keepsInput === false) unkept += output
    }
    tally.free(unkept)
  }
}

/** The backward pass, starting from the gradient of the last block's output. Leaves the parameters' gradients alive. */
export function backward(tally: Tally, blocks: readonly Block[], needs: Needs[][], output: number): void {
  let gradient = output
  for (let i = blocks.length - 1; i >= 0; i--) {
    const { native, skip } = blocks[i]
    if (native !== undefined) {
      const weights = needs[i].reduce((sum, each) => sum + each.weights, 0)
      nativeBackward(tally, native, weights)
      tally.free(gradient)
      gradient = native.input
      continue
    }
    const past = gradient // the skip connection's gradient stays alive until the block is done
    for (const [j, op] of [...needs[i].entries()].reverse()) {
      const first = i === 0 && j === 0 // the images need no gradient
      tally.take(op.weights + (first ? 0 : op.input))
      tally.touch(op.scratch.backward)
      tally.free(op.extra + (op.keepsInput && !first ? op.input : 0))
      if (!(skip && j === needs[i].length - 1)) tally.free(gradient)
      gradient = op.input
    }
    if (skip) tally.free(past) // added in place
  }
}
