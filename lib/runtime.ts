/** The native runtime of this process: versions, threads, the memory cache. */
import { native } from './native'

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

/** Bytes of CPU tensor memory handed out, held for reuse, and handed out at most so far. Blocks under 32 kB don't count. */
export function allocatorStatistics(): { live: number; cached: number; peak: number } {
  const [live, cached, peak] = native().allocatorBytes()
  return { live, cached, peak }
}

/** Gives memory held for reuse back to the system. */
export function trimMemory(): void {
  native().trimMemory()
}
