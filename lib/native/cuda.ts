/** Whether CUDA can be used here and, if not, why. */
import { existsSync } from 'node:fs'
import { MbconvError } from '../errors/error'
import { native } from './addon'
import { REMEDY } from './platform.cjs'
import { setupFacts } from './setup-facts'
import type { Native } from './signatures'

/** Whether a GPU can be used; {@link whyNot} says why none can. */
export function isAvailable(): boolean {
  return native().cudaIsAvailable()
}

/** Number of GPUs that can be used; 0 without CUDA. */
export function deviceCount(): number {
  return native().cudaDeviceCount()
}

/** The reason why {@link isAvailable} is false, with the remedy; null when it is true. */
export function whyNot(): string | null {
  if (isAvailable()) return null
  if (!native().cudaIsBuilt()) {
    const facts = setupFacts().libtorch
    const where = facts?.path ? ` (${facts.path})` : ''
    const gpu = hasDriver() ? '' : '; no NVIDIA driver was found on this machine either'
    return `the addon was built against a CPU-only libtorch${where}: ${REMEDY} --cuda${gpu}`
  }
  if (!hasDriver()) return 'no NVIDIA driver is loaded (/proc/driver/nvidia/version is missing)'
  if (process.env.CUDA_VISIBLE_DEVICES === '') return 'CUDA_VISIBLE_DEVICES is empty, which hides every GPU'
  return 'the driver is loaded but libtorch finds no usable GPU: the driver may be too old for its CUDA runtime'
}

/**
 * The addon, for operations that need a GPU.
 *
 * @throws MbconvError ERR_CUDA_UNAVAILABLE with the reason, without a GPU
 */
export function requireCuda(op: string): Native {
  const why = whyNot()
  if (why === null) return native()
  throw new MbconvError('ERR_CUDA_UNAVAILABLE', `${op}: ${why}`, { op })
}

function hasDriver(): boolean {
  return existsSync('/proc/driver/nvidia/version') || process.platform === 'win32'
}
