/** The native runtime of this process: versions, threads, the memory cache. */
import { native } from './addon'

/** libtorch's version as compiled against and as loaded, and the CPU instructions its kernels use. */
export function versions(): { libtorch: string; loaded: string; cpuCapability: string } {
  const addon = native()
  return { libtorch: addon.compiledVersion(), loaded: addon.loadedVersion(), cpuCapability: addon.cpuCapability() }
}

/** Threads that one operation may use, for the calling JavaScript thread. */
export function setNumThreads(threads: number): void {
  native().setNumThreads(threads)
}

export function getNumThreads(): number {
  return native().getNumThreads()
}

/**
 * Whether operations may only use algorithms that give the same bits for the same input every time. One that has none
 * throws ERR_NOT_IMPLEMENTED then, and `empty()` gives NaN (the largest number for integers) instead of whatever lay in
 * memory. For the whole process, all threads. On GPUs cuBLAS wants `CUBLAS_WORKSPACE_CONFIG=:4096:8` in the environment
 * besides, and says so.
 */
export function setDeterministic(on: boolean): void {
  native().setDeterministic(on)
}

export function isDeterministic(): boolean {
  return native().isDeterministic()
}

/** CPU tensor memory of this process, all threads together, in bytes. */
export interface AllocatorStatistics {
  /** Handed out. */
  live: number
  /** Held for reuse. */
  cached: number
  /** Handed out at most so far. */
  peak: number
  /** How often the system was asked for memory; a training loop that has settled asks no more. */
  requests: number
}

export function allocatorStatistics(): AllocatorStatistics {
  const [live, cached, peak, requests] = native().allocatorBytes()
  return { live, cached, peak, requests }
}

/** Gives memory held for reuse back to the system. */
export function trimMemory(): void {
  native().trimMemory()
}
