/** Memory that is taken and freed in the course of a step. */

/**
 * Size of a block in the CPU allocator: a 64-byte header, and whole pages from 32 KiB on (native/device/allocator.cc).
 */
export function held(bytes: number): number {
  const unit = bytes + 64 < 32 * 1024 ? 64 : 4096
  return bytes === 0 ? 0 : Math.ceil((bytes + 64) / unit) * unit
}

/** Bytes that are alive now, and the peak so far. */
export class Tally {
  live = 0
  peak = 0

  take(bytes: number): void {
    this.live += bytes
    if (this.live > this.peak) this.peak = this.live
  }
  free(bytes: number): void {
    this.live -= bytes
  }
  /** Memory that is needed only for a moment. */
  touch(bytes: number): void {
    this.take(bytes)
    this.free(bytes)
  }
}
