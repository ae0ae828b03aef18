/**
 * Streams: queues of work on a GPU. Within a stream, work runs in order; between streams in any, unless one waits. Each
 * thread has a current stream for every device, to which operations go; at first that is the device's default stream.
 */

import { requireCuda } from '../native/cuda'
import type { CudaEvent, CudaStream } from '../native/signatures'
import { refusePromise } from '../tensor/core/scope'
import type { Tensor } from '../tensor/core/tensor'
import { type DeviceLike, deviceIndex } from './devices'

/**
 * A tensor's memory belongs to the stream that was current when it was made, and is given to later work of that stream
 * as soon as it is freed. Whoever uses it in another stream has to tell: {@link Stream.record}.
 */
export class Stream {
  /** @internal */
  readonly handle: CudaStream
  /** Number of its device. */
  readonly device: number

  /**
   * One of libtorch's pool of 32 a device and priority, which hands the same ones out in turn. Where several streams
   * have work, the device prefers the one of high priority.
   */
  constructor(options: { device?: DeviceLike; highPriority?: boolean } = {}, handle?: CudaStream) {
    const addon = requireCuda('Stream')
    this.handle = handle ?? addon.cudaStream(deviceIndex(options.device, 'Stream'), options.highPriority ?? false)
    this.device = addon.cudaStreamDevice(this.handle)
  }

  /** Whether both are the same queue. */
  equals(other: Stream): boolean {
    return requireCuda('Stream.equals').cudaStreamEquals(this.handle, other.handle)
  }

  /** Whether it has done all that it was given. */
  query(): boolean {
    return requireCuda('Stream.query').cudaStreamQuery(this.handle)
  }

  /** Waits until it has done what it was given so far. */
  synchronize(): void {
    requireCuda('Stream.synchronize').cudaStreamSynchronize(this.handle)
  }
  async synchronizeAsync(): Promise<void> {
    await requireCuda('Stream.synchronizeAsync').cudaStreamSynchronizeAsync(this.handle)
  }

  /** What it is given from here on waits for the event, or for what the other stream was given so far; the host doesn't. */
  wait(other: Event | Stream): void {
    const addon = requireCuda('Stream.wait')
    if (other instanceof Stream) addon.cudaStreamWaitStream(this.handle, other.handle)
    else addon.cudaStreamWaitEvent(this.handle, other.handle)
  }

  /** Says that this stream uses `t`, made in another: its memory stays until this stream has done what it has by then. */
  record(t: Tensor): void {
    requireCuda('Stream.record').cudaRecordStream(t, this.handle)
  }
}

/** The stream that operations of this thread go to on `device`. */
export function currentStream(device?: DeviceLike): Stream {
  const handle = requireCuda('currentStream').cudaCurrentStream(deviceIndex(device, 'currentStream'))
  return new Stream({}, handle)
}

/** The stream that is current until another is made so. */
export function defaultStream(device?: DeviceLike): Stream {
  const handle = requireCuda('defaultStream').cudaDefaultStream(deviceIndex(device, 'defaultStream'))
  return new Stream({}, handle)
}

/**
 * Runs `fn` with `chosen` as the current stream and its device as the current one, then puts back what was there; also
 * when `fn` throws. Nothing waits: not the streams for each other, nor the host.
 *
 * @throws MbconvError ERR_SCOPE when `fn` returns a promise
 */
export function stream<T>(chosen: Stream, fn: () => T): T {
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

/** A mark in a stream, to be waited for, and with `timing` to measure from. */
export class Event {
  /** @internal */
  readonly handle: CudaEvent

  constructor({ timing = false }: { timing?: boolean } = {}) {
    this.handle = requireCuda('Event').cudaEvent(timing)
  }

  /** Puts the mark behind what the stream (the current one, where none is given) has been given so far. */
  record(where?: Stream): void {
    requireCuda('Event.record').cudaEventRecord(this.handle, where?.handle)
  }

  /** Whether it has been reached; true as well while it has not been recorded. */
  query(): boolean {
    return requireCuda('Event.query').cudaEventQuery(this.handle)
  }

  /** Waits until it is reached. */
  synchronize(): void {
    requireCuda('Event.synchronize').cudaEventSynchronize(this.handle)
  }
  async synchronizeAsync(): Promise<void> {
    await requireCuda('Event.synchronizeAsync').cudaEventSynchronizeAsync(this.handle)
  }

  /** Milliseconds on the device from this mark to a later one. Both need `timing`, and must have been reached. */
  elapsedTime(end: Event): number {
    return requireCuda('Event.elapsedTime').cudaEventElapsed(this.handle, end.handle)
  }

  /** Frees it now; otherwise garbage collection does. */
  dispose(): void {
    requireCuda('Event.dispose').cudaEventDispose(this.handle)
  }
  [Symbol.dispose](): void {
    this.dispose()
  }
}
