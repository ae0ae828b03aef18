/**
 * Streams: queues of work on a GPU. Work within a stream runs in order. Work in different streams runs in any order,
 * unless one stream waits for another. Each thread has a current stream for every device, which receives the thread's
 * operations. Initially it is the device's default stream.
 */

import { refusePromise } from '../errors/promise'
import { requireCuda } from '../native/cuda'
import type { CudaEvent, CudaStream } from '../native/signatures'
import type { Synchronous } from '../native/types'
import type { Tensor } from '../tensor/core/tensor'
import { type DeviceLike, deviceIndex } from './devices'

/** The options of {@link Stream}. */
export interface StreamOptions {
  /** The GPU it queues work for. Default: the current device. */
  device?: DeviceLike
  /** Whether the device prefers its work to that of other streams. Default false. */
  highPriority?: boolean
}

/**
 * A tensor's memory belongs to the stream that was current when the tensor was made. As soon as it is freed, later work
 * in that stream may reuse it. If another stream uses the tensor, say so with {@link Stream.record}.
 */
export class Stream {
  /** @internal */
  readonly handle: CudaStream
  /** Number of the stream's device. */
  readonly device: number

  /**
   * The stream comes from libtorch's pool of 32 streams per device and priority, which are handed out in turn. If several
   * streams have work, the device prefers those with high priority.
   */
  constructor(options: StreamOptions = {}, handle?: CudaStream) {
    const addon = requireCuda('Stream')
    this.handle = handle ?? addon.cudaStream(deviceIndex(options.device, 'Stream'), options.highPriority ?? false)
    this.device = addon.cudaStreamDevice(this.handle)
  }

  /** Whether both are the same stream. */
  equals(other: Stream): boolean {
    return requireCuda('Stream.equals').cudaStreamEquals(this.handle, other.handle)
  }

  /** Whether the stream has finished all its work. */
  query(): boolean {
    return requireCuda('Stream.query').cudaStreamQuery(this.handle)
  }

  /** Waits until the stream has finished its work so far. */
  synchronize(): void {
    requireCuda('Stream.synchronize').cudaStreamSynchronize(this.handle)
  }
  /** As {@link Stream.synchronize}, without blocking the thread. */
  async synchronizeAsync(): Promise<void> {
    await requireCuda('Stream.synchronizeAsync').cudaStreamSynchronizeAsync(this.handle)
  }

  /**
   * Makes later work in this stream wait for the event, or for the other stream's work so far. The host does not wait.
   */
  wait(other: Event | Stream): void {
    const addon = requireCuda('Stream.wait')
    if (other instanceof Stream) addon.cudaStreamWaitStream(this.handle, other.handle)
    else addon.cudaStreamWaitEvent(this.handle, other.handle)
  }

  /**
   * Declares that this stream uses `t`, which another stream made. The memory of `t` is then kept until this stream has
   * finished the work it has when `t` is freed.
   */
  record(t: Tensor): void {
    requireCuda('Stream.record').cudaRecordStream(t, this.handle)
  }
}

/** The stream that receives this thread's operations on `device`. */
export function currentStream(device?: DeviceLike): Stream {
  const handle = requireCuda('currentStream').cudaCurrentStream(deviceIndex(device, 'currentStream'))
  return new Stream({}, handle)
}

/** The device's default stream, which is current initially. */
export function defaultStream(device?: DeviceLike): Stream {
  const handle = requireCuda('defaultStream').cudaDefaultStream(deviceIndex(device, 'defaultStream'))
  return new Stream({}, handle)
}

/**
 * Runs `fn` with `chosen` as the current stream and its device as the current device. Both are restored afterwards,
 * even if `fn` throws. Neither the streams nor the host wait.
 *
 * @throws MbconvError ERR_SCOPE when `fn` returns a promise
 */
export function stream<T>(chosen: Stream, fn: () => Synchronous<T>): T {
  const addon = requireCuda('stream')
  const device = addon.cudaCurrentDevice()
  const before = addon.cudaCurrentStream(chosen.device)
  addon.cudaSetStream(chosen.handle)
  try {
    const result = fn()
    refusePromise(result, 'stream')
    return result
  } finally {
    addon.cudaSetStream(before)
    addon.cudaSetDevice(device)
  }
}

/** The options of {@link Event}. */
export interface EventOptions {
  /** Whether the event notes its time, for {@link Event.elapsedTime}. Default false. */
  timing?: boolean
}

/** A mark in a stream that can be waited for and, with `timing`, used to measure time. */
export class Event {
  /** @internal */
  readonly handle: CudaEvent

  constructor({ timing = false }: EventOptions = {}) {
    this.handle = requireCuda('Event').cudaEvent(timing)
  }

  /** Places the mark after the work so far of a stream, by default the current one. */
  record(where?: Stream): void {
    requireCuda('Event.record').cudaEventRecord(this.handle, where?.handle)
  }

  /** Whether the mark has been reached; also true before it has been recorded. */
  query(): boolean {
    return requireCuda('Event.query').cudaEventQuery(this.handle)
  }

  /** Waits until the mark is reached. */
  synchronize(): void {
    requireCuda('Event.synchronize').cudaEventSynchronize(this.handle)
  }
  /** As {@link Event.synchronize}, without blocking the thread. */
  async synchronizeAsync(): Promise<void> {
    await requireCuda('Event.synchronizeAsync').cudaEventSynchronizeAsync(this.handle)
  }

  /** Milliseconds on the device from this mark to a later one. Both must have `timing` and must have been reached. */
  elapsedTime(end: Event): number {
    return requireCuda('Event.elapsedTime').cudaEventElapsed(this.handle, end.handle)
  }

  /** Frees the event now instead of at garbage collection. */
  dispose(): void {
    requireCuda('Event.dispose').cudaEventDispose(this.handle)
  }
  [Symbol.dispose](): void {
    this.dispose()
  }
}
