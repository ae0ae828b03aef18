/** Reads parts of a file at any position, for files that are too large to read whole. */
import { closeSync, fstatSync, readSync } from 'node:fs'
import { ioError } from './io-error'
import { type FilePath, openFile } from './open'

/** Bytes that are read at once, unless more are requested: enough for the headers of several small entries. */
const AHEAD = 8192

export class FileWindow {
  readonly path: FilePath
  /** Bytes of the file when it was opened. */
  readonly size: number
  /** When it was changed last, ms. */
  readonly modified: number
  readonly #file: number
  readonly #ahead: number
  #buffer: Buffer
  #from = 0
  #held = 0

  /**
   * @param ahead bytes to read at once
   * @throws MbconvError ERR_IO for a missing file, and for anything but a regular file
   */
  constructor(path: FilePath, op: string, ahead = AHEAD) {
    this.path = path
    this.#file = openFile(path, op)
    this.#ahead = ahead
    this.#buffer = Buffer.allocUnsafe(ahead)
    try {
      const { size, mtimeMs } = fstatSync(this.#file)
      this.size = size
      this.modified = mtimeMs
    } catch (error) {
      closeSync(this.#file)
      throw ioError('read', path, error, op)
    }
  }

  /**
   * The bytes from a position on: `length` of them, or fewer at the end of the file. They are valid until the next call.
   *
   * @throws MbconvError ERR_IO
   */
  at(offset: number, length: number): Buffer {
    const inside = offset - this.#from
    if (inside < 0 || inside + length > this.#held) this.#fill(offset, length)
    const start = offset - this.#from
    return this.#buffer.subarray(start, Math.min(start + length, this.#held))
  }

  #fill(offset: number, length: number): void {
    const wanted = Math.max(length, this.#ahead)
    if (this.#buffer.length < wanted) this.#buffer = Buffer.allocUnsafe(wanted)
    this.#from = offset
    this.#held = 0
    try {
      // A read may give less than it was asked for, and gives nothing at the end.
      while (this.#held < length) {
        const got = readSync(this.#file, this.#buffer, this.#held, wanted - this.#held, offset + this.#held)
        if (got === 0) return
        this.#held += got
      }
    } catch (error) {
      throw ioError('read', this.path, error)
    }
  }

  close(): void {
    closeSync(this.#file)
  }
}
