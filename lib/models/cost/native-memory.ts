/**
 * The tensors of an MBConv block that the operator `mbconv::block` trains, in the order in which native/block/cpu/
 * allocates and frees them. Maps are kept in blocks of as many channels as a vector has lanes; the last one is filled up.
 */
import type { BlockPlan } from '../arch/plan'
import { mapSides, type Sides, strided } from '../arch/resolution'
import { held, type Tally } from './tally'

/** The kernels that train: they decide how channels are filled up, and how much scratch memory there is. */
export interface NativeSettings {
  /** Floats of a vector. */
  lanes: number
  /** Vectors of a panel of weights. */
  panel: number
  threads: number
}

/** What one block takes, in bytes. */
export interface NativeBlock {
  /** The output as a tensor, and the gradient of the input. */
  output: number
  input: number
  /** Maps in blocks. `expanded` is 0 without an expansion. */
  maps: { expanded: number; depthwise: number; projected: number }
  /** Copies in blocks of the input and its gradient, and of the output's gradient; 0 where kernels use the tensor. */
  copies: { input: number; inputGradient: number; outputGradient: number }
  /** Batch statistics and squeeze-and-excitation, which are kept with the maps. */
  extra: number
  /** Of the threads, one after another. */
  scratch: { depthwise: number; project: number; output: number; activation: number; input: number }
  /** The gradients of the pointwise convolutions' weights, by parts of the batch. */
  partial: { project: number; expand: number }
  /** Their weights as the kernels read them, forward and backward. */
  packed: { expand: number; project: number; projectBack: number; expandBack: number }
  /** Where the depthwise convolution has a stride, the gradient of its input has a size of its own. */
  gradient: number
}

const FLOAT = 4
/** Bytes of the rows that a depthwise convolution reads (native/block/cpu/forward.cc). */
const WINDOW_BYTES = 256 * 1024
/** Pixels that are worked on at once (native/kernels/cpu/micro/training/table.h), and the floats of wide ones. */
const PIXEL_RUN = 196
const WIDE_RUN_FLOATS = (400 * 1024) / FLOAT
/** The most vectors of a panel (native/kernels/cpu/micro/table.h). */
const MOST_VECTORS = 3
/** Tasks that the work on a batch is divided into, at least (native/block/cpu/geometry.h). */
const TASKS = 48

const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high)
const areaOf = ([height, width]: Sides) => height * width

/** The pixels of the longest run (`Geometry::runs` of native/block/cpu/geometry.cc). */
function longestRun(images: number, pixels: number, group: number, longest: number): number {
  if (2 * pixels > longest) return Math.ceil(pixels / Math.ceil(pixels / longest))
  const together = Math.min(group, images)
  const runs = Math.ceil(together / Math.floor(longest / pixels))
  return Math.ceil(together / runs) * pixels
}

/** @param from size of the block's input, px */
export function nativeBlock(
  plan: BlockPlan,
  from: Sides,
  { batch, memoryFormat, lanes, panel, threads }: NativeSettings & { batch: number; memoryFormat: string },
): NativeBlock {
  const { kernel, stride, squeezed } = plan
  const to = strided(from, stride)
  const expands = plan.inner !== plan.input
  const filled = (channels: number) => Math.ceil(channels / lanes) * lanes
  const map = (channels: number, size: Sides) => held(batch * filled(channels) * areaOf(size) * FLOAT)
  const numbers = (count: number) => held(count * FLOAT)
  const tensor = (channels: number, size: Sides) => numbers(batch * channels * areaOf(size))
  const eachThread = (floats: number) => numbers(Math.ceil(floats / 16) * 16 * threads)

  /** Whether the kernels use tensors of so many channels where they are. */
  const isUsed = (channels: number) => memoryFormat === 'channelsLast' && channels % lanes === 0

  const pixels = areaOf(to)
  const group = clamp(Math.floor(PIXEL_RUN / pixels), 1, batch)
  const before = (kernel - 1) / 2
  // The input of the depthwise convolution with its padding, [height, width] for all rows.
  const padded = mapSides(from, (side) => Math.max((Math.ceil(side / stride) - 1) * stride + kernel, before + side))
  const rowFloats = padded[1] * lanes
  const fitting = Math.floor((Math.floor(WINDOW_BYTES / (rowFloats * FLOAT)) - kernel) / stride) + 1
  const chunks = Math.ceil(to[0] / clamp(fitting, 1, to[0]))
  const window = ((Math.ceil(to[0] / chunks) - 1) * stride + kernel) * rowFloats
  // The gradient of its output with padding.
  const gradientSides = mapSides(from, (side) =>
    stride === 1
      ? side + kernel - 1
      : before + Math.max(Math.floor((side - 1 + before) / 2) + 1, Math.ceil(side / stride)),
  )
  const wide = clamp(Math.floor(WIDE_RUN_FLOATS / filled(plan.inner)), 28, PIXEL_RUN)
  const outputRun = Math.ceil(pixels / Math.ceil(pixels / PIXEL_RUN))
  const parts = clamp(Math.ceil(TASKS / Math.ceil(filled(plan.inner) / lanes / panel)), 1, Math.ceil(batch / group))
  const partial = (channels: number) => numbers(parts * filled(channels) * filled(plan.inner))
  const norms = 2 * numbers(4 * filled(plan.inner)) + numbers(4 * filled(plan.output))
  const gates = squeezed === 0 ? 0 : 2 * numbers(batch * filled(plan.inner)) + numbers(batch * filled(squeezed))
  return {
    input: tensor(plan.input, from),
    output: tensor(plan.output, to),
    copies: {
      input: isUsed(plan.input) ? 0 : map(plan.input, from),
      inputGradient: isUsed(plan.input) || !expands ? 0 : map(plan.input, from),
      outputGradient: isUsed(plan.output) ? 0 : map(plan.output, to),
    },
    maps: {
      expanded: expands ? map(plan.inner, from) : 0,
      depthwise: map(plan.inner, to),
      projected: map(plan.output, to),
    },
    extra: norms + gates,
    scratch: {
      depthwise: eachThread(window),
      project: eachThread(longestRun(batch, pixels, group, wide) * filled(plan.inner)),
      output: eachThread(((isUsed(plan.output) ? 0 : outputRun) + 2) * filled(plan.output)),
      activation: eachThread(PIXEL_RUN * lanes * MOST_VECTORS),
      input: eachThread((areaOf(padded) + areaOf(gradientSides) + 2 * areaOf(from)) * lanes),
    },
    partial: { project: partial(plan.output), expand: expands ? partial(plan.input) : 0 },
    packed: {
      expand: expands ? numbers(filled(plan.inner) * plan.input) : 0,
      project: numbers(filled(plan.output) * plan.inner),
      projectBack: numbers(filled(plan.inner) * plan.output),
      expandBack: expands ? numbers(filled(plan.input) * plan.inner) : 0,
    },
    gradient: stride === 1 ? 0 : map(plan.inner, from),
  }
}

/** The forward pass: leaves alive what the backward pass needs, and the output. */
export function nativeForward(tally: Tally, { maps, copies, extra, scratch, packed, output }: NativeBlock): void {
  tally.take(copies.input + maps.expanded)
  tally.touch(packed.expand)
  tally.take(maps.depthwise)
  tally.touch(scratch.depthwise)
  tally.take(extra + maps.projected)
  tally.touch(scratch.project + packed.project)
  tally.take(output)
  tally.touch(scratch.output)
  tally.free(copies.input)
}

/**
 * The backward pass: frees what the forward pass left and the block's input, and leaves alive the gradients of the input
 * and the parameters.
 *
 * @param weights bytes of the parameters' gradients
 */
export function nativeBackward(tally: Tally, block: NativeBlock, weights: number): void {
  const { maps, copies, extra, scratch, partial, packed, input, gradient } = block
  const made = copies.input + copies.outputGradient + maps.projected + maps.depthwise + gradient
  tally.take(copies.input + copies.outputGradient + maps.projected + maps.depthwise)
  tally.touch(packed.projectBack + partial.project + scratch.activation)
  tally.take(gradient)
  tally.touch(scratch.input)
  tally.take(weights + copies.inputGradient + input)
  tally.touch(packed.expandBack + partial.expand)
  tally.free(made + copies.inputGradient)
  tally.free(maps.expanded + maps.depthwise + maps.projected + extra + input)
}
