/**
 * Memory of a GPU. libtorch keeps freed memory for later tensors: `allocated` is the memory of tensors, `reserved` is
 * what libtorch has from the driver. All figures are in bytes, for the whole process.
 */
import { requireCuda } from '../native/cuda'
import { type DeviceLike, deviceIndex } from './devices'

/** The memory of one GPU, in bytes, for this process unless a figure says otherwise. */
export interface MemoryStats {
  /** Memory of tensors, bytes. */
  allocated: number
  /** Memory that libtorch has from the driver, that of freed tensors included, bytes. */
  reserved: number
  /** The maximum so far, or since {@link resetPeakMemoryStats}. */
  maxAllocated: number
  /** The maximum of `reserved` so far, or since {@link resetPeakMemoryStats}, bytes. */
  maxReserved: number
  /** Free memory of the device, for this process and others. */
  free: number
  /** All memory of the device, bytes. */
  total: number
}

/** All figures of a GPU's memory at once. Default: the current device. */
export function memoryStats(device?: DeviceLike): MemoryStats {
  return read(device, 'memoryStats')
}

/** Memory of tensors on a GPU, bytes. Default: the current device. */
export function memoryAllocated(device?: DeviceLike): number {
  return read(device, 'memoryAllocated').allocated
}

/** Memory that libtorch has from the driver of a GPU, bytes. Default: the current device. */
export function memoryReserved(device?: DeviceLike): number {
  return read(device, 'memoryReserved').reserved
}

/** The most memory of tensors so far, or since {@link resetPeakMemoryStats}, bytes. */
export function maxMemoryAllocated(device?: DeviceLike): number {
  return read(device, 'maxMemoryAllocated').maxAllocated
}

/** The most memory from the driver so far, or since {@link resetPeakMemoryStats}, bytes. */
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
