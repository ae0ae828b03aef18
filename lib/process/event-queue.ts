/**
 * A queue of events between a run and its reader, in bounded memory.
 *
 * A run never waits for its reader. If the reader lags, or nobody reads, the oldest events of the expendable type are
 * dropped first. In a training run these are its steps, which are all in metrics.jsonl.
 */

/** Events kept for a lagging reader: minutes of a fast run, in less than a megabyte. */
const CAPACITY = 4096

/** Sent to a reader that missed events. */
interface LossWarning {
  type: 'warning'
  message: string
}

export class EventQueue<E extends { type: string }> implements AsyncIterableIterator<E | LossWarning> {
  readonly #capacity: number
  readonly #expendable: string
  readonly #whereElse: string
  #events: E[] = []
  #lost = 0
  #waiting: { resolve: (result: IteratorResult<E | LossWarning>) => void; reject: (error: unknown) => void }[] = []
  #state: 'open' | 'ended' | 'failed' | 'abandoned' = 'open'
  #error: unknown

  /**
   * @param expendable type of the events that are dropped first
   * @param whereElse text for a reader that missed some: where to find them
   */
  constructor(capacity = CAPACITY, { expendable = 'step', whereElse = 'metrics.jsonl has every step' } = {}) {
    this.#capacity = capacity
    this.#expendable = expendable
    this.#whereElse = whereElse
  }

  push(event: E): void {
    if (this.#state !== 'open') return
    const reader = this.#waiting.shift()
    if (reader !== undefined) {
      reader.resolve({ value: event, done: false })
      return
    }
    this.#events.push(event)
    // Trim to half, so that the cost of a push is constant on average.
    if (this.#events.length > this.#capacity) this.#trim(this.#capacity / 2)
  }

  #trim(wanted: number): void {
    const before = this.#events.length
    let surplus = before - wanted
    const kept = this.#events.filter((event) => event.type !== this.#expendable || surplus-- <= 0)
    this.#events = kept.length > this.#capacity ? kept.slice(-wanted) : kept
    this.#lost += before - this.#events.length
  }

  /** Ends the queue: the reader gets the remaining events, then the end. */
  end(): void {
    if (this.#state !== 'open') return
    this.#state = 'ended'
    for (const { resolve } of this.#waiting.splice(0)) resolve({ value: undefined, done: true })
  }

  /** Ends the queue with an error: the reader gets the remaining events, then the error once. */
  fail(error: unknown): void {
    if (this.#state !== 'open') return
    this.#state = 'failed'
    this.#error = error
    const [first, ...others] = this.#waiting.splice(0)
    if (first === undefined) return
    this.#state = 'ended'
    first.reject(error)
    for (const { resolve } of others) resolve({ value: undefined, done: true })
  }

  next(): Promise<IteratorResult<E | LossWarning>> {
    if (this.#lost > 0) {
      const message = `${this.#lost} events were not read in time and are left out; ${this.#whereElse}`
      this.#lost = 0
      return Promise.resolve({ value: { type: 'warning', message }, done: false })
    }
    const event = this.#events.shift()
    if (event !== undefined) return Promise.resolve({ value: event, done: false })
    if (this.#state === 'failed') {
      this.#state = 'ended'
      return Promise.reject(this.#error)
    }
    if (this.#state !== 'open') return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  /** Called when the reader leaves, e.g. by `break`. The run goes on, and its events are dropped. */
  return(): Promise<IteratorResult<E | LossWarning>> {
    this.#state = 'abandoned'
    this.#events = []
    this.#lost = 0
    for (const { resolve } of this.#waiting.splice(0)) resolve({ value: undefined, done: true })
    return Promise.resolve({ value: undefined, done: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
