/** Decodes a few images at a time, so that the others can still be dropped before any work is done for them. */

export interface DecodingQueueOptions<Job> {
  /** Images that are decoded at once. */
  most: number
  /** Decodes an image and passes it on. It handles its own errors. */
  work: (job: Job, isDropped: () => boolean) => Promise<void>
}

/** First come, first served. */
export class DecodingQueue<Job extends { id: number }> {
  readonly #options: DecodingQueueOptions<Job>
  #waiting: Job[] = []
  /** Images that are being decoded. */
  readonly #running = new Set<number>()
  /** Those of them that nobody waits for any more. */
  readonly #dropped = new Set<number>()

  constructor(options: DecodingQueueOptions<Job>) {
    this.#options = options
  }

  add(job: Job): void {
    this.#waiting.push(job)
    this.#startWaiting()
  }

  /**
   * Forgets images. Decoding that has begun goes on, and `work` learns of it by `isDropped`.
   *
   * @returns the images that will not be decoded
   */
  drop(ids: ReadonlySet<number>): number[] {
    const found = this.#waiting.filter(({ id }) => ids.has(id)).map(({ id }) => id)
    this.#waiting = this.#waiting.filter(({ id }) => !ids.has(id))
    for (const id of ids) if (this.#running.has(id)) this.#dropped.add(id)
    return found
  }

  #startWaiting(): void {
    while (this.#running.size < this.#options.most && this.#waiting.length > 0) {
      const job = this.#waiting.shift()!
      const { id } = job
      this.#running.add(id)
      this.#options
        .work(job, () => this.#dropped.has(id))
        .finally(() => {
          this.#running.delete(id)
          this.#dropped.delete(id)
          this.#startWaiting()
        })
    }
  }
}
