/** The native runtime of this process: versions, threads, the memory cache. */
import { isMainThread } from 'node:worker_threads'
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

/** The kernels of this package for the CPU. */
export interface CpuKernels {
  /** The instruction set of those in use: `avx512`, `avx2`, `neon` or `baseline`. */
  used: string
  /** Those that this processor runs, the fastest first. */
  available: string[]
}

/**
 * The instruction sets that the package's own kernels use on this processor. The fastest one is used, unless
 * MBCONV_CPU_KERNELS in the environment names another.
 *
 * @throws MbconvError ERR_VALUE if MBCONV_CPU_KERNELS names none of them; ERR_NATIVE_LOAD
 */
export function cpuKernels(): CpuKernels {
  const addon = native()
  return { used: addon.cpuKernels(), available: addon.availableCpuKernels() }
}

/**
 * Sets how many CPU threads an operation may use when this JavaScript thread calls it.
 *
 * In the main thread it is also the default of the process, as in PyTorch: worker threads that have not computed yet begin
 * with it, among them those of trainings and predictors that start later. A worker thread sets its own number alone.
 */
export function setNumThreads(threads: number): void {
  if (isMainThread) native().setNumThreads(threads)
  else setOwnNumThreads(threads)
}

/** {@link setNumThreads} for this JavaScript thread alone, even if it is the main thread. */
export function setOwnNumThreads(threads: number): void {
  native().setOwnNumThreads(threads)
}

/** CPU threads that one operation may use when this JavaScript thread calls it. */
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
