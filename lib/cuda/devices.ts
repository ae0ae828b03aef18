/** Which GPUs there are, which one is meant, and waiting for one. */
import { MbconvError } from '../errors/error'
import { requireCuda } from '../native/cuda'

/** A GPU by its number or name ('cuda:1'); 'cuda', or leaving it out, means the current one. */
export type DeviceLike = number | string | null

/** The number that the addon takes; undefined for the current device. */
export function deviceIndex(device: DeviceLike | undefined, op: string): number | undefined {
  if (device === undefined || device === null || device === 'cuda') return undefined
  const index = typeof device === 'string' ? /^cuda:(\d+)$/.exec(device)?.[1] : device
  if (index !== undefined && Number.isSafeInteger(Number(index)) && Number(index) >= 0) return Number(index)
  throw new MbconvError('ERR_VALUE', `${op}: device must be a number, 'cuda' or 'cuda:N', got ${String(device)}`, {
    op,
  })
}

export interface DeviceProperties {
  name: string
  /** Compute capability. */
  major: number
  minor: number
  multiProcessorCount: number
  /** Bytes. */
  totalMemory: number
}

export function getDeviceProperties(device?: DeviceLike): DeviceProperties {
  const op = 'getDeviceProperties'
  const [name, major, minor, multiProcessorCount, totalMemory] = requireCuda(op).cudaDeviceProperties(
    deviceIndex(device, op),
  )
  return { name, major, minor, multiProcessorCount, totalMemory }
}

/** The number of the device that 'cuda' means in this thread. */
export function currentDevice(): number {
  return requireCuda('currentDevice').cudaCurrentDevice()
}

/** Makes `device` what 'cuda' means in this thread from here on. */
export function setDevice(device: number | string): void {
  const addon = requireCuda('setDevice')
  const index = deviceIndex(device, 'setDevice')
  if (index !== undefined) addon.cudaSetDevice(index)
}

/** Waits until the device has done all that it was given, by whatever thread. */
export function synchronize(device?: DeviceLike): void {
  requireCuda('synchronize').cudaSynchronize(deviceIndex(device, 'synchronize'))
}

/** As {@link synchronize}, waiting off the JavaScript thread. Not to be pending while a graph is captured. */
export async function synchronizeAsync(device?: DeviceLike): Promise<void> {
  await requireCuda('synchronizeAsync').cudaSynchronizeAsync(deviceIndex(device, 'synchronizeAsync'))
}
