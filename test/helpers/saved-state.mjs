// A state dict that shows everything a .pth file of ours can have. scripts/goldens/saved_pth.py has torch.load check the
// files; test/saved-weights.test.mjs checks that they still have the same bytes.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as mb from 'mbconv'
import { internal } from './internals.mjs'

const { encode } = internal('pthWrite')

/** Every dtype that is written, no dimension, no element, a transposed tensor, one tensor under two names. */
export function savedState() {
  const count = (length, dtype) => mb.arange(length, { dtype })
  const matrix = count(6, 'float32').view([2, 3])
  return {
    matrix,
    tied: matrix,
    transposed: matrix.t(),
    number: mb.tensor(7, { dtype: 'int64' }),
    empty: mb.zeros([0, 3]),
    'naïve/ключ': count(2, 'float64'),
    ...Object.fromEntries(
      ['float16', 'bfloat16', 'int32', 'int16', 'int8', 'uint8'].map((dtype) => [dtype, count(3, dtype)]),
    ),
    bool: count(3, 'int64').gt(1),
  }
}

/** The bytes of the two forms of a file: with 32-bit sizes, and with 64-bit ones. */
export const savedFiles = () => ({
  plain: Buffer.concat([...encode(savedState())]),
  zip64: Buffer.concat([...encode(savedState(), { zip64: true, version: 2 })]),
})

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const [name, bytes] of Object.entries(savedFiles())) writeFileSync(join(process.argv[2], `${name}.pth`), bytes)
}
