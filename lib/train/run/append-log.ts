/** A file that a run appends to as it goes: lines of metrics, events of TensorBoard. */
import { closeSync, fstatSync, fsyncSync, writeSync } from 'node:fs'
import { ioError } from '../../files/io-error'
import { openToAppend } from '../../files/open'
import { counted } from '../../text/figures'

/** Bytes that are kept while they cannot be written: of a metrics file, about a day's worth. */
const MOST_KEPT = 16 * 2 ** 20

export interface AppendLogOptions<Item> {
  /** What one item is, for messages: 'line'. */
  noun: string
  /** The bytes of an item. */
  encode: (item: Item) => Uint8Array
  /** Bytes that are kept for later writing. */
  most?: number
  /** What a new file begins with, if this one is removed meanwhile. */
  preamble?: Uint8Array
}

/**
 * Appends items to a file. A run matters more than its log: if the file cannot be written (a full disk, for example),
 * this class warns once, keeps the items and retries with every new one. So the file is always a prefix of what it
 * should be. Only if too much accumulates are items dropped, the oldest first.
 */
export class AppendLog<Item> {
  #fd: number
  readonly #warn: (message: string) => void
  readonly #noun: string
  readonly #encode: (item: Item) => Uint8Array
  readonly #most: number
  readonly #preamble: Uint8Array | undefined
  /** Items still to be written, in order; the first piece may be the rest of an item. */
  #kept: Uint8Array[] = []
  #bytes = 0
  #isTorn = false
  #isTold = false
  #lost = 0

  /**
   * @param warn called with what cannot be written
   * @throws MbconvError ERR_IO if the file cannot be opened
   */
  constructor(
    readonly path: string,
    warn: (message: string) => void,
    { noun, encode, most = MOST_KEPT, preamble }: AppendLogOptions<Item>,
  ) {
    this.#fd = openToAppend(path, 'append')
    this.#warn = warn
    this.#noun = noun
    this.#encode = encode
    this.#most = most
    this.#preamble = preamble
  }

  append(item: Item): void {
    const piece = this.#encode(item)
    this.#kept.push(piece)
    this.#bytes += piece.length
    this.#attempt(() => this.#write())
    if (this.#bytes > this.#most) this.#forget()
  }

  /**
   * Forces the items to the disk, so that a checkpoint has no steps that this file lacks. If that fails, the only harm
   * is a gap in the file when the run is resumed after a crash.
   */
  sync(): void {
    this.#attempt(() => {
      this.#write()
      fsyncSync(this.#fd)
      if (fstatSync(this.#fd).nlink > 0) return
      // Someone has removed the file: continue in a new one, if possible.
      const fd = openToAppend(this.path, 'append')
      closeSync(this.#fd)
      this.#fd = fd
      if (this.#preamble !== undefined) this.#keepFirst(this.#preamble)
      throw new Error(`it was removed, with all ${this.#noun}s up to here`)
    })
  }

  /** Tries to write a last time, and warns about what is missing at the end. */
  settle(): void {
    this.sync()
    const missing = this.#lost + this.#kept.length
    if (missing > 0) this.#warn(`${this.path} lacks ${counted(missing, this.#noun)} at the end of the run`)
  }

  close(): void {
    closeSync(this.#fd)
  }

  #keepFirst(piece: Uint8Array): void {
    this.#kept.unshift(piece)
    this.#bytes += piece.length
  }

  #write(): void {
    while (this.#kept.length > 0) {
      const [piece] = this.#kept
      const done = writeSync(this.#fd, piece)
      this.#bytes -= done
      this.#isTorn = done < piece.length
      if (this.#isTorn) this.#kept[0] = piece.subarray(done)
      else this.#kept.shift()
    }
  }

  #attempt(write: () => void): void {
    try {
      write()
    } catch (error) {
      if (this.#isTold) return
      this.#isTold = true
      const { message } = ioError('write', this.path, error)
      this.#warn(`${message}; training goes on, and ${this.#noun}s that cannot be written are tried again later`)
    }
  }

  /** Drops the older half of the kept items, but not the rest of one that is partly written. */
  #forget(): void {
    const first = this.#isTorn ? 1 : 0
    const gone = this.#kept.splice(first, Math.ceil((this.#kept.length - first) / 2))
    this.#lost += gone.length
    this.#bytes -= gone.reduce((sum, { length }) => sum + length, 0)
  }
}
