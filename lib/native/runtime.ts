/** The native runtime of this process: versions, threads, the memory cache. */
import { native } from './addon'

/** The versions of libtorch, and what it uses. */
export interface Versions {
  /** The libtorch that the addon was compiled against. */
  libtorch: string
  /** The libtorch that is loaded. */
  loaded: string
  /** The instructions that libtorch uses: `AVX2`, `AVX512` … */
  cpuCapability: string
}

/** The libtorch version compiled against, the version loaded, and the CPU instructions that its kernels use. */
export function versions(): Versions {
  const addon = native()
  return { libtorch: addon.compiledVersion(), loaded: addon.loadedVersion(), cpuCapability: addon.cpuCapability() }
}

/**
 * Threads that one operation may use when this JavaScript thread calls it. libtorch also gives the number to threads of
 * this process that have not computed yet, such as those of trainings and predictors that start later.
 */
export function setNumThreads(threads: number): void {
  native().setNumThreads(threads)
}

/** CPU threads that one operation may use. */
export function getNumThreads(): number {
  return native().getNumThreads()
}

/**
 * Whether operations may only use algorithms that give the same bits for the same input every time. Then an operation
 * without such an algorithm throws ERR_NOT_IMPLEMENTED, and `empty()` gives NaN (the largest number for integers) in
 * place of the old memory contents. Applies to the whole process, all threads. On GPUs cuBLAS also needs
 * `CUBLAS_WORKSPACE_CONFIG=:4096:8` in the environment; its error says so.
 */
export function setDeterministic(on: boolean): void {
  native().setDeterministic(on)
}

/** Whether {@link setDeterministic} has allowed only deterministic algorithms. */
export function isDeterministic(): boolean {
  return native().isDeterministic()
}

/** CPU tensor memory of this process, all threads together, in bytes. */
export interface AllocatorStatistics {
  /** Bytes handed out now. */
  live: number
  /** Bytes held for reuse. */
  cached: number
  /** Most bytes handed out at once so far. */
  peak: number
  /** How often the system was asked for memory. A training loop that has settled asks no more. */
  requests: number
}

/** What the CPU's caching allocator holds, in bytes. */
export function allocatorStatistics(): AllocatorStatistics {
  const [live, cached, peak, requests] = native().allocatorBytes()
  return { live, cached, peak, requests }
}

/** Returns memory held for reuse to the system. */
export function trimMemory(): void {
  native().trimMemory()
}
