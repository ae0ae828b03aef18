/** NumPy's .npy format, version 1.0: magic, version, a header in Python's notation, then the values. */
import { writeFileAtomic } from '../files/atomic'

/** The values begin at a multiple of this, so that they can be memory-mapped. */
const ALIGNMENT = 64

/** Writes a matrix of float32 atomically, row by row, little-endian. */
export function writeNpy(path: string, rows: readonly Float32Array[], columns: number): void {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows.length}, ${columns}), }`
  const before = 10 + text.length + 1
  const padding = Math.ceil(before / ALIGNMENT) * ALIGNMENT - before
  const header = Buffer.from(`\x93NUMPY\x01\x00--${text}${' '.repeat(padding)}\n`, 'latin1')
  header.writeUInt16LE(header.length - 10, 8)
  const values = Buffer.alloc(4 * rows.length * columns)
  rows.forEach((row, i) => {
    row.forEach((value, j) => {
      values.writeFloatLE(value, 4 * (i * columns + j))
    })
  })
  writeFileAtomic(path, Buffer.concat([header, values]))
}
