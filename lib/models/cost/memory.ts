/**
 * The tensor memory that training or running a network takes, computed from its table alone.
 *
 * The walk allocates and frees the tensors of one step in the order of this package and libtorch's autograd, and keeps
 * the peak. Each operation keeps for its gradient: a convolution its input, batch norm its input and two numbers a
 * channel, SiLU its input, the squeeze-and-excitation product both factors, dropout its mask. Pooling, adding and drop
 * path keep almost nothing.
 */
import { checkCount, checkOneOf, checkOptions, checkRate } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { cpuKernels, getNumThreads } from '../../native/runtime'
import { DEFAULT_OPTIMIZER, type OptimizerName, optimizerKind, optimizerNames } from '../../optim/kinds'
import type { Arch } from '../arch/arch'
import { checkArch } from '../arch/check'
import { defaultDropPath, featureChannels } from '../arch/plan'
import { checkResolution, type Resolution, sidesOf } from '../arch/resolution'
import { type Backend, checkBackend, defaultBackend } from '../network/backend'
import { backward, blocksOf, ELEMENT_BYTES, forward, infer, needsOf } from './memory-walk'
import type { NativeSettings } from './native-memory'
import { held, Tally } from './tally'

/** What the memory is estimated for: a forward pass or a training step, and its settings. */
export interface MemoryOptions {
  /** Estimate a training step. Default false: a forward pass without gradients. */
  training?: boolean
  /** Batch size. Default 1. */
  batch?: number
  /** Of weights, activations and optimiser state. Default float32. */
  dtype?: keyof typeof ELEMENT_BYTES
  /** The optimiser whose state is held while training; sgd with momentum. Default rmsprop. */
  optimizer?: OptimizerName
  /** Whether training keeps a moving average of the weights. Default true. */
  ema?: boolean
  /**
   * Above 0, each block with a skip connection that libtorch's operations compute holds one more tensor for a moment.
   * Default as in `create`.
   */
  dropPath?: number
  /** Dropout before the classifier. Default: the architecture's. */
  dropout?: number
  /** Memory layout of the activations. Default channelsLast, as in training configurations. */
  memoryFormat?: 'channelsLast' | 'contiguous'
  /**
   * Count the memory that oneDNN takes for a moment inside a convolution, as measured on CPUs with AVX-512. Set to
   * false for CPUs without AVX-512. Default true.
   */
  scratch?: boolean
  /**
   * What computes the network, as `Network.backend`. `auto` and `native`: in training in float32, MBConv blocks by the
   * kernels that this machine uses; everything else by libtorch's operations. For a GPU give composite. Default: auto,
   * or composite where MBCONV_BACKEND says so.
   */
  backend?: Backend
  /** Threads of native kernels, each of which has memory of its own. Default: `getNumThreads()`. */
  threads?: number
  /** Default 1000. */
  numClasses?: number
  /** Channels of the image. Default 3. */
  inChannels?: number
  /** Size of the input in pixels: a side, or [height, width]. Default: the architecture's. */
  resolution?: Resolution
}

/** All values in bytes. */
export interface MemoryEstimate {
  /** The most that is alive at one time. */
  readonly peak: number
  /** The part of the step in which the peak occurs. */
  readonly peakAt: 'forward' | 'backward' | 'update'
  /** Parameters and batch norm's statistics. */
  readonly weights: number
  /** Gradients of all parameters; 0 without training. */
  readonly gradients: number
  /** The optimiser's state, bytes. */
  readonly optimizer: number
  /** The averaged weights, bytes. */
  readonly ema: number
  /** What the forward pass keeps for the backward pass, including the images; 0 without training. */
  readonly activations: number
}

function settingsOf(op: string, arch: Arch, options: MemoryOptions) {
  checkOptions(op, options, [
    'training',
    'batch',
    'dtype',
    'optimizer',
    'ema',
    'dropPath',
    'dropout',
    'memoryFormat',
    'scratch',
    'backend',
    'threads',
    'numClasses',
    'inChannels',
    'resolution',
  ])
  const {
    batch = 1,
    dropPath = defaultDropPath(arch),
    dropout = arch.dropout,
    numClasses = 1000,
    inChannels = 3,
  } = options
  const { dtype = 'float32', optimizer = DEFAULT_OPTIMIZER, memoryFormat = 'channelsLast' } = options
  const { training = false, ema = true, scratch = true } = options
  for (const [name, value] of Object.entries({ batch, numClasses, inChannels })) checkCount(op, name, value)
  const resolution = checkResolution(op, 'resolution', options.resolution ?? arch.resolution)
  checkRate(op, 'dropPath', dropPath)
  checkRate(op, 'dropout', dropout)
  checkOneOf(op, 'dtype', dtype, Object.keys(ELEMENT_BYTES))
  checkOneOf(op, 'optimizer', optimizer, optimizerNames)
  checkOneOf(op, 'memoryFormat', memoryFormat, ['channelsLast', 'contiguous'])
  for (const [name, value] of Object.entries({ training, ema, scratch })) checkOneOf(op, name, value, [true, false])
  const native = nativeOf(op, options, { training, dtype })
  return {
    training,
    batch,
    dtype,
    optimizer,
    ema,
    dropPath,
    dropout,
    memoryFormat,
    scratch,
    numClasses,
    inChannels,
    resolution,
    native,
  }
}

/** Floats of a vector, by instruction set, and whether it has 32 registers, for panels of three vectors. */
const VECTORS: Readonly<Record<string, { lanes: number; wide: boolean }>> = Object.freeze({
  avx512: { lanes: 16, wide: true },
  avx2: { lanes: 8, wide: false },
  neon: { lanes: 4, wide: true },
  baseline: { lanes: 4, wide: process.arch === 'arm64' },
})

/** @returns null for composite training */
function nativeOf(
  op: string,
  { backend = defaultBackend() === 'composite' ? 'composite' : 'auto', threads }: MemoryOptions,
  { training, dtype }: { training: boolean; dtype: string },
): NativeSettings | null {
  checkBackend(op, backend)
  if (threads !== undefined) checkCount(op, 'threads', threads)
  const isPossible = training && dtype === 'float32'
  if (backend === 'composite' || (backend === 'auto' && !isPossible)) {
    if (threads === undefined) return null
    const message = `${op}: threads are those of native kernels, which train in float32`
    throw new MbconvError('ERR_VALUE', message, { op, hint: 'Leave threads out.' })
  }
  if (!isPossible) {
    const what = training ? `in ${dtype}` : 'of a forward pass'
    throw new MbconvError('ERR_NOT_IMPLEMENTED', `${op}: the memory ${what} is not modelled with the backend native`, {
      op,
      hint: training ? 'The kernels compute in float32.' : 'Network.nativeBytes says it after a prediction.',
    })
  }
  const { lanes, wide } = VECTORS[cpuKernels().used]
  return { lanes, panel: wide ? 3 : 2, threads: threads ?? getNumThreads() }
}

/**
 * Predicts the tensor memory of one training step, or of one forward pass, without running it. The estimate covers what
 * libtorch allocates for tensors, at the block sizes of this package's CPU allocator. It does not cover the process,
 * its libraries or the data set. Checked against `allocatorStatistics()` to within 10 %.
 *
 * @param arch a table; {@link Arch}
 * @throws MbconvError ERR_TYPE or ERR_VALUE; ERR_NOT_IMPLEMENTED for ResNets and networks with ReLU
 */
export function estimateMemory(arch: Arch, options: MemoryOptions = {}): MemoryEstimate {
  const op = 'estimateMemory'
  const table = checkArch(op, arch)
  const settings = settingsOf(op, table, options)
  const { training, batch, dtype, optimizer, ema, dropout, memoryFormat, numClasses, inChannels, resolution } = settings
  const element = ELEMENT_BYTES[dtype]
  const numbers = (count: number) => held(count * element)

  const blocks = blocksOf(op, table, settings)
  const needs = blocks.map(({ ops }) => ops.map((each) => needsOf(each, settings)))
  const all = needs.flat()
  const channels = featureChannels(table)
  const hidden = table.hidden ?? 0
  const last = hidden || channels
  const classifier =
    (hidden === 0 ? 0 : numbers(channels * hidden) + numbers(hidden)) + numbers(last * numClasses) + numbers(numClasses)
  const gradients = all.reduce((sum, { weights }) => sum + weights, classifier)
  const weights = all.reduce((sum, { statistics }) => sum + statistics, gradients)
  const { slots, lists } = optimizerKind(optimizer)
  const state = training
    ? { gradients, optimizer: slots * gradients, ema: ema ? weights : 0 }
    : { gradients: 0, optimizer: 0, ema: 0 }

  const tally = new Tally()
  const resident = weights + state.optimizer + state.ema
  tally.take(resident)
  const [height, width] = sidesOf(resolution)
  const images = numbers(batch * inChannels * height * width)
  // The loaded images stay beside their channels-last copy until the step ends.
  tally.take(memoryFormat === 'channelsLast' && inChannels > 1 ? 2 * images : images)
  const pooled = numbers(batch * last)
  const logits = numbers(batch * numClasses)
  if (!training) {
    const kinds = blocks.map(({ ops }) => ops.map(({ kind }) => kind))
    infer(tally, needs, kinds)
    tally.take(pooled + logits)
    return Object.freeze({ peak: tally.peak, peakAt: 'forward', weights, ...state, activations: 0 })
  }

  forward(tally, blocks, needs)
  const features = all[all.length - 1].output
  // Pooled features, dropout's mask and output; logits, their logarithms, and what the loss computes from them.
  const tail = (dropout > 0 ? 3 : 1) * pooled + 3 * logits
  tally.take(tail)
  tally.free(features) // pooling does not keep its input
  const activations = tally.live - resident
  const afterForward = tally.peak
  tally.take(classifier + features) // gradients of the classifier and of the pooled feature map
  backward(tally, blocks, needs, features)
  const afterBackward = tally.peak
  tally.touch((dtype === 'float32' ? lists.float32 : lists.other) * gradients)
  const peakAt = tally.peak > afterBackward ? 'update' : afterBackward > afterForward ? 'backward' : 'forward'
  return Object.freeze({ peak: tally.peak, peakAt, weights, ...state, activations })
}
