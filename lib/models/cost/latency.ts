/** Measures how long a network takes on this machine's device. */
import { checkCount, checkOneOf, checkOptions } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import type { Device, DType, MemoryFormat } from '../../native/types'
import { crossEntropy } from '../../nn/functional'
import { RMSprop } from '../../optim/rmsprop'
import { type StepParts, trainingStep } from '../../optim/step'
import { noGrad } from '../../tensor/core/autograd'
import { randint, randn } from '../../tensor/core/create'
import { seeded } from '../../tensor/core/random'
import { scope } from '../../tensor/core/scope'
import type { Arch } from '../arch/arch'
import { sidesOf } from '../arch/resolution'
import { type Backend, checkBackend, defaultBackend } from '../network/backend'
import { type CreateOptions, create } from '../network/create'
import type { Network } from '../network/network'

/** What is measured, and how often. */
export interface LatencyOptions {
  /** Time a whole training step: forward, backward and an RMSProp update. Default false: a forward pass. */
  training?: boolean
  /** Batch size. Default 1. */
  batch?: number
  /** Default float32. */
  dtype?: DType
  /** Default cpu. */
  device?: Device
  /** Default channelsLast, as in training configurations. */
  memoryFormat?: MemoryFormat
  /** Default: as in `create`. */
  profile?: CreateOptions['profile']
  /**
   * What computes the network, as `Network.backend`. `composite`: libtorch's operations, layer by layer. For a forward
   * pass, `auto` and `native` fold batch norms first, as predictions do. Default: MBCONV_BACKEND in the environment,
   * otherwise auto.
   */
  backend?: Backend
  /** Timed runs. Default 15. */
  runs?: number
  /** Untimed runs before the timed ones. Default 3. */
  warmup?: number
  /** Default 1000. */
  numClasses?: number
  /** Channels of the image. Default 3. */
  inChannels?: number
}

/** All values in seconds. */
export interface Latency {
  /** Of the timed runs. */
  readonly median: number
  /** The shortest time, s. */
  readonly min: number
  /** The longest time, s. */
  readonly max: number
  /** Interquartile range over median: half of the runs lie within a range of this relative width. */
  readonly spread: number
  /** Number of runs that were measured. */
  readonly runs: number
}

/** Median and quartiles of some durations. */
export function summarize(seconds: readonly number[]): Latency {
  const sorted = [...seconds].sort((a, b) => a - b)
  const quantile = (q: number) => {
    const at = q * (sorted.length - 1)
    const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]]
    return low + (high - low) * (at - Math.floor(at))
  }
  const median = quantile(0.5)
  const spread = (quantile(0.75) - quantile(0.25)) / median
  return Object.freeze({ median, min: sorted[0], max: sorted[sorted.length - 1], spread, runs: sorted.length })
}

/** The network that is measured: for predictions folded, unless it is to be computed layer by layer. */
function networkFor(arch: Arch, settings: CreateOptions, training: boolean): Network {
  const network = create(arch, settings)
  if (training || settings.backend === 'composite') return network.train(training)
  try {
    return network.eval().fuse()
  } finally {
    network.dispose()
  }
}

/**
 * Builds a network, runs it on random images and frees it. The calling thread is blocked meanwhile, so that nothing
 * else on it is measured. Every run ends by reading a number from the device, which waits for the computation.
 *
 * @throws MbconvError ERR_TYPE or ERR_VALUE, and what building and running a network throws: ERR_NATIVE_LOAD, ERR_OOM …
 */
export function measureLatency(arch: Arch, options: LatencyOptions = {}): Latency {
  const op = 'measureLatency'
  checkOptions(op, options, [
    'training',
    'batch',
    'dtype',
    'device',
    'memoryFormat',
    'profile',
    'backend',
    'runs',
    'warmup',
    'numClasses',
    'inChannels',
  ])
  const { training = false, batch = 1, runs = 15, warmup = 3, numClasses = 1000, inChannels = 3 } = options
  const { dtype = 'float32', device = 'cpu', memoryFormat = 'channelsLast', profile } = options
  const { backend = defaultBackend() } = options
  checkBackend(op, backend)
  checkOneOf(op, 'training', training, [true, false])
  for (const [name, value] of Object.entries({ batch, runs, numClasses, inChannels })) checkCount(op, name, value)
  checkCount(op, 'warmup', warmup, { min: 0 })
  if (typeof device !== 'string') throw new MbconvError('ERR_TYPE', `${op}: device must be a string`, { op })
  const settings = { numClasses, inChannels, ...(profile !== undefined && { profile }), dtype, device, seed: 0 }
  return seeded(0, () => {
    const network = networkFor(arch, { ...settings, backend }, training)
    const [height, width] = sidesOf(network.arch.resolution)
    let optimizer: RMSprop | undefined
    try {
      network.to({ memoryFormat })
      if (training) optimizer = new RMSprop(network.parameters(), { lr: 0 })
      const parts: StepParts | undefined = optimizer && {
        ...{ model: network, criterion: crossEntropy, optimizer, ema: null, device, memoryFormat },
        ...{ precision: 'float32', scaler: null, clip: null, mustBeFinite: 'nothing' },
      }
      const step = () =>
        scope(() => {
          const images = randn([batch, inChannels, height, width], { dtype, device }).to({ memoryFormat })
          const labels = randint(0, numClasses, [batch], { device })
          images.index(0, 0, 0, 0).item() // wait for the device: making the images does not count
          const began = performance.now()
          if (parts === undefined) {
            noGrad(() => network.forward(images))
              .index(0, 0)
              .item() // waits for the device
          } else {
            trainingStep(parts, { images, labels })
            network.parameters()[0].index(0, 0, 0, 0).item() // waits for the device
          }
          return (performance.now() - began) / 1000
        })
      for (let i = 0; i < warmup; i++) step()
      return summarize(Array.from({ length: runs }, step))
    } finally {
      optimizer?.dispose()
      network.dispose()
    }
  })
}
