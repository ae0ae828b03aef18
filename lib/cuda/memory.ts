/**
 * Memory of a GPU. libtorch keeps freed memory for later tensors: `allocated` is the memory of tensors, `reserved` is
 * what libtorch has from the driver. All figures are in bytes, for the whole process.
 */
import { requireCuda } from '../native/cuda'
import { type DeviceLike, deviceIndex } from './devices'

export interface MemoryStats {
  allocated: number
  reserved: number
  /** The maximum so far, or since {@link resetPeakMemoryStats}. */
  maxAllocated: number
  maxReserved: number
  /** Free memory of the device, for this process and others. */
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

/** Resets the maxima to the current values. */
export function resetPeakMemoryStats(device?: DeviceLike): void {
  requireCuda('resetPeakMemoryStats').cudaResetPeakMemory(deviceIndex(device, 'resetPeakMemoryStats'))
}

/** Returns unused reserved memory to the driver, on every device. Memory of tensors is not affected. */
export function emptyCache(): void {
  requireCuda('emptyCache').cudaEmptyCache()
}

function read(device: DeviceLike | undefined, op: string): MemoryStats {
  const [allocated, reserved, maxAllocated, maxReserved, free, total] = requireCuda(op).cudaMemoryStats(
    deviceIndex(device, op),
  )
  return { allocated, reserved, maxAllocated, maxReserved, free, total }
}
