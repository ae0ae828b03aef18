/** Collects items into batches: a batch waits until it is full, or until its first item has waited long enough. */
import { breathe } from '../process/breathe'

export interface BatcherOptions<Item> {
  /** Items in a batch, at most. */
  most: (group: string) => number
  /** Milliseconds that an item waits for others. */
  maxDelayMs: number
  /** Works on a batch of one group. It handles its own errors. */
  work: (items: Item[]) => Promise<void>
}

interface Waiting<Item> {
  id: number
  item: Item
  /** When it has waited long enough, in ms of `performance.now()`. */
  due: number
}

/** One batch is worked on at a time. Meanwhile others collect. */
export class Batcher<Item> {
  readonly #options: BatcherOptions<Item>
  /** By group, in the order of their coming. Items of different groups share no batch. */
  readonly #groups = new Map<string, Waiting<Item>[]>()
  #isWorking = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: BatcherOptions<Item>) {
    this.#options = options
  }

  add(group: string, id: number, item: Item): void {
    const waiting = this.#groups.get(group) ?? []
    waiting.push({ id, item, due: performance.now() + this.#options.maxDelayMs })
    this.#groups.set(group, waiting)
    this.#schedule()
  }

  /**
   * Forgets items that no batch has taken yet.
   *
   * @returns those that were found
   */
  drop(ids: ReadonlySet<number>): number[] {
    const found: number[] = []
    for (const [group, waiting] of this.#groups) {
      found.push(...waiting.filter(({ id }) => ids.has(id)).map(({ id }) => id))
      this.#set(
        group,
        waiting.filter(({ id }) => !ids.has(id)),
      )
    }
    // The timer that runs may be for an item that has gone. It would keep the thread alive.
    this.#schedule()
    return found
  }

  #set(group: string, waiting: Waiting<Item>[]): void {
    if (waiting.length > 0) this.#groups.set(group, waiting)
    else this.#groups.delete(group)
  }

  /** Begins the batch that is full or due, or waits for the time when one is. */
  #schedule(): void {
    clearTimeout(this.#timer)
    if (this.#isWorking || this.#groups.size === 0) return
    const { most } = this.#options
    const groups = [...this.#groups].sort(([, [a]], [, [b]]) => a.due - b.due)
    const now = performance.now()
    const ready =
      groups.find(([, [first]]) => first.due <= now) ?? groups.find(([name, { length }]) => length >= most(name))
    if (ready === undefined) {
      this.#timer = setTimeout(() => this.#schedule(), Math.max(1, groups[0][1][0].due - now))
      return
    }
    const [group, waiting] = ready
    const batch = waiting.slice(0, most(group)).map(({ item }) => item)
    this.#set(group, waiting.slice(most(group)))
    this.#isWorking = true
    // Messages and decoded images that came meanwhile are handled before the next batch is chosen.
    this.#options
      .work(batch)
      .then(breathe)
      .finally(() => {
        this.#isWorking = false
        this.#schedule()
      })
  }
}
