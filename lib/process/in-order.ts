/** Asynchronous work on a sequence, a few items at a time. */

/** Items that are worked on at once: Node's number of threads for file access and decoding. */
const AHEAD = 4

/**
 * Does the same work with each item, a few ahead of the one whose result is waited for. Results come in order. If the
 * consumer stops early, work that has begun is waited for, and its errors are dropped.
 *
 * @throws whatever the work or the iteration of the items throws
 */
export async function* inOrder<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  work: (item: T) => Promise<R>,
): AsyncGenerator<[T, R], void, undefined> {
  const underWay: [T, Promise<R>][] = []
  const next = async (): Promise<[T, R]> => {
    const [item, result] = underWay.shift() as [T, Promise<R>]
    return [item, await result]
  }
  try {
    for await (const item of items) {
      const working = work(item)
      working.catch(() => {}) // the error is reported in its turn
      underWay.push([item, working])
      if (underWay.length >= AHEAD) yield await next()
    }
    while (underWay.length > 0) yield await next()
  } finally {
    await Promise.allSettled(underWay.map(([, working]) => working))
  }
}
