/** Asynchronous work on a sequence, a few items at a time. */

/** Items that are worked on at once: Node's number of threads for file access and decoding. */
const AHEAD = 4

/**
 * Milliseconds that an incomplete batch waits for the source's next item. A source that lists files gives it sooner; a
 * live one, such as a camera, gives it later.
 */
const PATIENCE = 5

/**
 * Does the same work with each item, a few ahead of the one whose result is waited for. Results come in order, each as
 * soon as it is there, even if the source has no further item yet. If the consumer stops early, work that has begun is
 * waited for, and its errors are dropped.
 *
 * @throws whatever the work or the iteration of the items throws, after the results of the items before
 */
export async function* inOrder<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  work: (item: T) => Promise<R>,
): AsyncGenerator<[T, R], void, undefined> {
  for await (const [result] of inBatches(items, work, 1)) yield result
}

/**
 * As {@link inOrder}, with the results in batches of `most`. A batch is smaller at the end of the source, and where all
 * work is done and the source has no further item yet.
 */
export async function* inBatches<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  work: (item: T) => Promise<R>,
  most: number,
): AsyncGenerator<[T, R][], void, undefined> {
  const source = new Source(items)
  const underWay: { item: T; result: Promise<R>; settled: Promise<void>; isSettled: boolean }[] = []
  const begin = (item: T) => {
    const result = work(item)
    const each = { item, result, isSettled: false, settled: Promise.resolve() }
    // An error is reported in its turn.
    each.settled = result.then(noop, noop).then(() => {
      each.isSettled = true
    })
    underWay.push(each)
  }
  let batch: [T, R][] = []
  try {
    for (;;) {
      if (underWay.length < AHEAD) {
        if (source.has) {
          begin(source.take())
          continue
        }
        source.ask()
      }
      const [first] = underWay
      if (first?.isSettled) {
        try {
          batch.push([first.item, await first.result])
        } catch (error) {
          if (batch.length > 0) yield batch
          throw error
        }
        underWay.shift()
      } else if (first !== undefined) {
        await (source.asked ? Promise.race([first.settled, source.asked]) : first.settled)
        continue
      } else if (source.asked) {
        if (batch.length === 0) await source.asked
        if (batch.length === 0 || (await isSettledWithin(PATIENCE, source.asked))) continue
      }
      const isEnd = underWay.length === 0 && source.hasEnded
      if (batch.length >= most || (batch.length > 0 && (isEnd || first === undefined))) {
        const full = batch
        batch = []
        yield full
      }
      if (isEnd) return source.throwItsError()
    }
  } finally {
    await Promise.all([...underWay.map(({ settled }) => settled), source.close()])
  }
}

const noop = () => {}

async function isSettledWithin(milliseconds: number, promise: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, milliseconds, false)
  })
  try {
    return await Promise.race([promise.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}

/** Items that are asked for one by one, without waiting. */
class Source<T> {
  /** Pending while an item is asked for. It never rejects. */
  asked: Promise<void> | undefined
  hasEnded = false
  readonly #iterator: Iterator<T> | AsyncIterator<T>
  #next: { item: T } | undefined
  #failure: { error: unknown } | undefined

  constructor(items: Iterable<T> | AsyncIterable<T>) {
    this.#iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
  }

  /** Whether an item has come that is not taken yet. */
  get has(): boolean {
    return this.#next !== undefined
  }

  take(): T {
    const { item } = this.#next as { item: T }
    this.#next = undefined
    return item
  }

  ask(): void {
    if (this.hasEnded || this.asked !== undefined || this.has) return
    this.asked = this.#ask().finally(() => {
      this.asked = undefined
    })
  }

  async #ask(): Promise<void> {
    try {
      const { done, value } = await this.#iterator.next()
      if (done) this.hasEnded = true
      else this.#next = { item: await value }
    } catch (error) {
      this.hasEnded = true
      this.#failure = { error }
    }
  }

  throwItsError(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** Tells a source that has not ended that nothing more is wanted. One that is about to give an item is not waited for. */
  async close(): Promise<void> {
    if (this.hasEnded) return
    const closing = (async () => this.#iterator.return?.())()
    if (this.asked === undefined) await closing
    else closing.catch(noop)
  }
}
