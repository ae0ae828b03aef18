/** Switches of NVIDIA's libraries, for the whole process. */
import { MbconvError } from '../errors/error'
import { requireCuda } from '../native/cuda'

export interface CudaFlags {
  /** Products of float32 matrices may round their factors to TF32's 10 bits of mantissa. Off at first, as in PyTorch. */
  matmulTF32: boolean
  /** The same for cuDNN's convolutions. On at first, as in PyTorch. */
  cudnnTF32: boolean
  /** Whether convolutions may go to cuDNN at all. On at first. */
  cudnnEnabled: boolean
  /** The first convolution of every shape tries cuDNN's algorithms and keeps the fastest. Off at first. */
  cudnnBenchmark: boolean
  /** Only algorithms of cuDNN that give the same bits every time. Off at first. */
  cudnnDeterministic: boolean
}

const NAMES = ['matmulTF32', 'cudnnTF32', 'cudnnEnabled', 'cudnnBenchmark', 'cudnnDeterministic'] as const

export function flags(): CudaFlags {
  const addon = requireCuda('flags')
  return Object.fromEntries(NAMES.map((name) => [name, addon.cudaGetFlag(name)])) as unknown as CudaFlags
}

/** Sets those that are given; returns all as they were, to be set again later. */
export function setFlags(wanted: Partial<CudaFlags>): CudaFlags {
  const addon = requireCuda('setFlags')
  const before = flags()
  for (const [name, on] of Object.entries(wanted)) {
    if (!Object.hasOwn(before, name) || typeof on !== 'boolean') {
      throw new MbconvError(
        'ERR_VALUE',
        `setFlags: ${name}: ${String(on)}; known: ${NAMES.join(', ')}, true or false`,
        {
          op: 'setFlags',
        },
      )
    }
  }
  for (const [name, on] of Object.entries(wanted)) addon.cudaSetFlag(name, on)
  return before
}
