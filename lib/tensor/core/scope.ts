/** Scopes: which scope frees a tensor, and how many tensors there are. */
import { checkFunction } from '../../errors/check'
import { refusePromise } from '../../errors/promise'
import { native } from '../../native/addon'
import type { Device, Synchronous } from '../../native/types'
import { Tensor } from './tensor'

/**
 * Runs `fn` and frees every tensor made in it, except those it returns (also inside arrays, plain objects, maps and
 * sets) and those passed to {@link keep}. Scopes nest: tensors that an inner scope returns belong to the outer one. If
 * `fn` throws, everything is freed and the error is rethrown.
 *
 * @throws MbconvError ERR_SCOPE when `fn` returns a promise: tensors it makes later could not be told from those of
 *   other work. Await first, then enter a scope for the synchronous part; or `keep()` and `dispose()` by hand.
 */
export function scope<T>(fn: () => Synchronous<T>): T {
  checkFunction('scope', 'fn', fn)
  const addon = native()
  addon.enterScope()
  let survivors: Tensor[] = []
  try {
    const result = fn()
    refusePromise(result, 'scope')
    survivors = collectTensors(result)
    return result
  } finally {
    addon.exitScope(survivors)
  }
}

const kept = new WeakSet<Tensor>()

/** Takes a tensor out of its scope, so that it lives until `dispose()`. Returns the tensor. */
export function keep<T extends Tensor>(t: T): T {
  native().keep(t)
  kept.add(t)
  return t
}

/** Frees a tensor before its scope ends, unless someone has kept it meanwhile, such as a hook. */
export function disposeUnlessKept(t: Tensor): void {
  if (!kept.has(t)) t.dispose()
}

/**
 * Makes one tensor for each item and takes them all out of their scope. When `make` throws, those made until then are
 * freed: nobody holds them yet.
 */
export function keepEach<T>(items: readonly T[], make: (item: T) => Tensor): Tensor[] {
  const made: Tensor[] = []
  try {
    for (const item of items) made.push(keep(make(item)))
    return made
  } catch (error) {
    for (const tensor of made) tensor.dispose()
    throw error
  }
}

/** What live tensors hold, and what is in use. */
export interface MemoryUsage {
  /** Live tensors of this thread. */
  tensors: number
  /** Bytes of the distinct memory behind them. */
  bytes: number
  /**
   * Bytes that libtorch's allocators have handed out on these devices, in this process. What exceeds `bytes` is what
   * graphs keep for backward(), gradients, and tensors of other threads. Null where nothing counts the CPU's: the
   * environment variable MBCONV_NO_CACHING_ALLOCATOR switches off the allocator that does.
   */
  allocated: number | null
}

/**
 * Live tensors, their memory, and all memory in use.
 *
 * @param device Count only this device; `cuda` means all GPUs together. Default: everywhere.
 */
export function memory(device?: Device): MemoryUsage {
  const [tensors, bytes] = native().memoryUsage(device)
  return { tensors, bytes, allocated: allocatedOn(device) }
}

/** The addon has checked the name of the device. */
function allocatedOn(device: Device | undefined): number | null {
  const addon = native()
  const isOfCpu = device === undefined || device.startsWith('cpu')
  if (isOfCpu && !addon.countsCpuMemory()) return null
  let bytes = isOfCpu ? addon.allocatorBytes()[0] : 0
  if (device?.startsWith('cpu') || !addon.cudaIsAvailable()) return bytes
  const gpus = Array.from({ length: addon.cudaDeviceCount() }, (_, number) => number)
  const chosen = device?.includes(':') ? [Number(device.slice('cuda:'.length))] : gpus
  for (const gpu of chosen) bytes += addon.cudaMemoryStats(gpu)[0]
  return bytes
}

/** The tensors in `value`, also inside arrays, plain objects, maps and sets. */
export function collectTensors(value: unknown, found: Tensor[] = [], seen = new Set<unknown>()): Tensor[] {
  if (typeof value !== 'object' || value === null || seen.has(value)) return found
  seen.add(value)
  if (value instanceof Tensor) {
    found.push(value)
  } else if (Array.isArray(value) || value instanceof Set) {
    for (const element of value) collectTensors(element, found, seen)
  } else if (value instanceof Map) {
    for (const element of value.values()) collectTensors(element, found, seen)
  } else {
    const prototype = Object.getPrototypeOf(value)
    if (prototype === Object.prototype || prototype === null) {
      for (const element of Object.values(value)) collectTensors(element, found, seen)
    }
  }
  return found
}
