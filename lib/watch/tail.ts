/** Follows a file of lines that another process appends to. */
import { closeSync, existsSync, fstatSync, readSync } from 'node:fs'
import { ioError } from '../files/io-error'
import { openFile } from '../files/open'

/** Bytes that one call reads, so that a long file does not hold up the caller's event loop. */
const MOST_AT_ONCE = 4 * 2 ** 20
/** Bytes of a line. Longer ones are left out: no log of ours has them. */
const LONGEST_LINE = 2 ** 20
const LINE_BREAK = 0x0a

/** What has come since the last call. */
export interface Appended {
  /** The file is another one now, or shorter than it was: the lines are those from its beginning. */
  isNew: boolean
  /** Whole lines, without their line breaks. */
  lines: string[]
  /** Whether there is more to read right now. */
  hasMore: boolean
}

/** Reads the lines of a growing file, each once. */
export class Tail {
  #file = ''
  #offset = 0
  /** The beginning of a line whose end has not been written yet. */
  #rest: Buffer = Buffer.alloc(0)

  constructor(readonly path: string) {}

  /**
   * The lines since the last call. A missing file has none.
   *
   * @throws MbconvError ERR_IO if it cannot be read
   */
  read(): Appended {
    if (!existsSync(this.path)) {
      const isNew = this.#offset > 0
      this.#begin('')
      return { isNew, lines: [], hasMore: false }
    }
    const fd = openFile(this.path, 'tail')
    try {
      const { dev, ino, size } = fstatSync(fd)
      const file = `${dev}:${ino}`
      const isNew = file !== this.#file || size < this.#offset
      if (isNew) this.#begin(file)
      const bytes = Buffer.alloc(Math.min(MOST_AT_ONCE, size - this.#offset))
      const got = bytes.length === 0 ? 0 : readSync(fd, bytes, 0, bytes.length, this.#offset)
      this.#offset += got
      return { isNew, lines: this.#linesOf(bytes.subarray(0, got)), hasMore: this.#offset < size }
    } catch (error) {
      throw ioError('read', this.path, error)
    } finally {
      closeSync(fd)
    }
  }

  #begin(file: string): void {
    this.#file = file
    this.#offset = 0
    this.#rest = Buffer.alloc(0)
  }

  #linesOf(bytes: Buffer): string[] {
    const all = Buffer.concat([this.#rest, bytes])
    const end = all.lastIndexOf(LINE_BREAK) + 1
    const rest = all.subarray(end)
    this.#rest = Buffer.from(rest.length > LONGEST_LINE ? rest.subarray(rest.length - LONGEST_LINE) : rest)
    const lines = all.subarray(0, end).toString('utf8').split('\n')
    return lines.slice(0, -1)
  }
}
