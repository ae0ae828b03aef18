/** How much memory a run uses, for its events. */
import { memoryReserved } from '../cuda/memory'

/**
 * Bytes of memory in use: on a GPU, what libtorch has reserved there, for this process; on the CPU, what this process
 * holds in memory.
 *
 * @param device 'cpu', 'cuda:0' …
 */
export const memoryInUse = (device: string): number =>
  device.startsWith('cuda') ? memoryReserved(device) : process.memoryUsage.rss()
