/** The available GPUs, the current one, and waiting for one. */
import { MbconvError } from '../errors/error'
import { requireCuda } from '../native/cuda'

/** A GPU by number or name ('cuda:1'). 'cuda' or undefined means the current GPU. */
export type DeviceLike = number | string | null

/** The device number for the addon; undefined for the current device. */
export function deviceIndex(device: DeviceLike | undefined, op: string): number | undefined {
  if (device === undefined || device === null || device === 'cuda') return undefined
  const index = typeof device === 'string' ? /^cuda:(\d+)$/.exec(device)?.[1] : device
  if (index !== undefined && Number.isSafeInteger(Number(index)) && Number(index) >= 0) return Number(index)
  throw new MbconvError('ERR_VALUE', `${op}: device must be a number, 'cuda' or 'cuda:N', got ${String(device)}`, {
    op,
  })
}

/** What a GPU is, as its driver reports it. */
export interface DeviceProperties {
  /** The product's name: `NVIDIA H200`. */
  name: string
  /** Compute capability. */
  major: number
  /** Minor number of the compute capability: the 0 of 9.0. */
  minor: number
  /** Number of streaming multiprocessors. */
  multiProcessorCount: number
  /** Bytes. */
  totalMemory: number
}

/** The properties of a GPU. Default: the current one. Throws ERR_CUDA_UNAVAILABLE without CUDA. */
export function getDeviceProperties(device?: DeviceLike): DeviceProperties {
  const op = 'getDeviceProperties'
  const [name, major, minor, multiProcessorCount, totalMemory] = requireCuda(op).cudaDeviceProperties(
    deviceIndex(device, op),
  )
  return { name, major, minor, multiProcessorCount, totalMemory }
}

/** The number of this thread's current device, which 'cuda' stands for. */
export function currentDevice(): number {
  return requireCuda('currentDevice').cudaCurrentDevice()
}

/** Makes `device` this thread's current device, which 'cuda' stands for. */
export function setDevice(device: number | string): void {
  const addon = requireCuda('setDevice')
  const index = deviceIndex(device, 'setDevice')
  if (index !== undefined) addon.cudaSetDevice(index)
}

/** Waits until the device has finished all its work, from all threads. */
export function synchronize(device?: DeviceLike): void {
  requireCuda('synchronize').cudaSynchronize(deviceIndex(device, 'synchronize'))
}

/**
 * Like {@link synchronize}, without blocking the JavaScript thread. It must not be pending during the capture of a
 * graph.
 */
export async function synchronizeAsync(device?: DeviceLike): Promise<void> {
  await requireCuda('synchronizeAsync').cudaSynchronizeAsync(deviceIndex(device, 'synchronizeAsync'))
}
