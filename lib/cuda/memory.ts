/**
 * Memory of a GPU. libtorch keeps what is freed for later tensors: `allocated` is what tensors have, `reserved` what it
 * has from the driver. Bytes throughout, of the whole process.
 */
import { requireCuda } from '../native/cuda'
import { type DeviceLike, deviceIndex } from './devices'

export interface MemoryStats {
  allocated: number
  reserved: number
  /** The most so far, or since {@link resetPeakMemoryStats}. */
  maxAllocated: number
  maxReserved: number
  /** What the driver has left, for this process and others. */
  free: number
  total: number
}

export function memoryStats(device?: DeviceLike): MemoryStats {
  return read(device, 'memoryStats')
}

export function memoryAllocated(device?: DeviceLike): number {
  return read(device, 'memoryAllocated').allocated
}

export function memoryReserved(device?: DeviceLike): number {
  return read(device, 'memoryReserved').reserved
}

export function maxMemoryAllocated(device?: DeviceLike): number {
  return read(device, 'maxMemoryAllocated').maxAllocated
}

export function maxMemoryReserved(device?: DeviceLike): number {
  return read(device, 'maxMemoryReserved').maxReserved
}

/** Makes the highest values so far start again at the present ones. */
export function resetPeakMemoryStats(device?: DeviceLike): void {
  requireCuda('resetPeakMemoryStats').cudaResetPeakMemory(deviceIndex(device, 'resetPeakMemoryStats'))
}

/** Gives the driver back, on every device, what is reserved and not in use. What tensors have stays. */
export function emptyCache(): void {
  requireCuda('emptyCache').cudaEmptyCache()
}

function read(device: DeviceLike | undefined, op: string): MemoryStats {
  const [allocated, reserved, maxAllocated, maxReserved, free, total] = requireCuda(op).cudaMemoryStats(
    deviceIndex(device, op),
  )
  return { allocated, reserved, maxAllocated, maxReserved, free, total }
}
