/** Resolves the device of a configuration. */

import { MbconvError } from '../errors/error'
import { deviceCount, whyNot } from './index'

/**
 * The device to compute on.
 *
 * @param wanted 'cpu', 'cuda', 'cuda:N', or 'auto': the first GPU if libtorch can use one, otherwise the CPU
 * @throws MbconvError ERR_CUDA_UNAVAILABLE, with the reason, if a GPU is named and does not exist
 */
export function resolveDevice(wanted: string): string {
  if (wanted === 'cpu') return wanted
  const devices = deviceCount()
  if (wanted === 'auto') return devices > 0 ? 'cuda:0' : 'cpu'
  const index = Number(wanted.split(':')[1] ?? 0)
  if (index < devices) return `cuda:${index}`
  const why = whyNot() ?? `libtorch finds ${devices} GPU(s), numbered from 0`
  throw new MbconvError('ERR_CUDA_UNAVAILABLE', `device ${wanted}: ${why}`, {
    hint: 'Use device: cpu, or auto.',
  })
}
