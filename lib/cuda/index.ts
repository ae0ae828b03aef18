/**
 * NVIDIA GPUs. Without a usable GPU, everything except the first export line throws ERR_CUDA_UNAVAILABLE with the
 * reason.
 */
export { deviceCount, isAvailable, whyNot } from '../native/cuda'
export {
  currentDevice,
  type DeviceLike,
  type DeviceProperties,
  getDeviceProperties,
  setDevice,
  synchronize,
  synchronizeAsync,
} from './devices'
export { type CudaFlags, flags, setFlags } from './flags'
export { Graph, type GraphOptions, graph } from './graph'
export {
  emptyCache,
  type MemoryStats,
  maxMemoryAllocated,
  maxMemoryReserved,
  memoryAllocated,
  memoryReserved,
  memoryStats,
  resetPeakMemoryStats,
} from './memory'
export { currentStream, defaultStream, Event, Stream, stream } from './streams'
