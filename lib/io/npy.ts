/** NumPy's .npy format, version 1.0: magic, version, a header in Python's notation, then the values. */
import { AtomicFile } from '../files/atomic'

/** Bytes before the values. A multiple of 64, so that they can be memory-mapped; enough for any number of rows. */
const HEADER = 128

/** A matrix of float32, written row by row, little-endian. The file appears when it is complete. */
export class NpyWriter {
  readonly #file: AtomicFile
  #rows = 0
  #columns = 0

  /** @throws MbconvError ERR_IO, also if a folder, pipe or device is in its place */
  constructor(path: string) {
    this.#file = new AtomicFile(path)
    this.#file.write(Buffer.alloc(HEADER))
  }

  /** @param row as long as every other row */
  write(row: Float32Array): void {
    this.#columns = row.length
    this.#rows++
    const values = Buffer.alloc(4 * row.length)
    row.forEach((value, i) => {
      values.writeFloatLE(value, 4 * i)
    })
    this.#file.write(values)
  }

  /** Completes the file. */
  close(): void {
    const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${this.#rows}, ${this.#columns}), }`
    const header = Buffer.from(`\x93NUMPY\x01\x00--${text.padEnd(HEADER - 11)}\n`, 'latin1')
    header.writeUInt16LE(HEADER - 10, 8)
    this.#file.replaceHead(header)
    this.#file.commit()
  }

  /** Gives an incomplete file up. */
  discard(): void {
    this.#file.discard()
  }
}
