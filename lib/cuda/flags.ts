/** Settings of NVIDIA's libraries, for the whole process. */
import { MbconvError } from '../errors/error'
import { requireCuda } from '../native/cuda'

/** How libtorch computes on GPUs. The flags hold for the whole process. */
export interface CudaFlags {
  /** Matrix products in float32 may round their factors to TF32's 10 bits of mantissa. Off by default, as in PyTorch. */
  matmulTF32: boolean
  /** The same for cuDNN's convolutions. On by default, as in PyTorch. */
  cudnnTF32: boolean
  /** Whether convolutions may use cuDNN at all. On by default. */
  cudnnEnabled: boolean
  /** The first convolution of every shape tries cuDNN's algorithms and keeps the fastest. Off by default. */
  cudnnBenchmark: boolean
  /** Use only those algorithms of cuDNN that give the same bits every time. Off by default. */
  cudnnDeterministic: boolean
}

const NAMES = ['matmulTF32', 'cudnnTF32', 'cudnnEnabled', 'cudnnBenchmark', 'cudnnDeterministic'] as const

/** The flags as they are now; {@link setFlags} changes them. */
export function flags(): CudaFlags {
  const addon = requireCuda('flags')
  return Object.fromEntries(NAMES.map((name) => [name, addon.cudaGetFlag(name)])) as unknown as CudaFlags
}

/** Sets the given flags and returns the previous values of all, so that they can be restored. */
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
