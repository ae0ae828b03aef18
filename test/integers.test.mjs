/* Numbers as elements of integer dtypes: what does not fit is refused where PyTorch refuses it. */
import { readFileSync } from 'node:fs'
import * as mb from 'mbconv'
import t from 'tap'

const golden = JSON.parse(readFileSync(new URL('golden/integers.json', import.meta.url), 'utf8'))

t.test(`as in ${golden.source}`, async (t) => {
  for (const [dtype, text, wanted] of golden.cases) {
    const value = text.endsWith('n') ? BigInt(text.slice(0, -1)) : Number(text)
    const make = () => {
      const made = mb.tensor([value], { dtype })
      const [element] = made.toTypedArray()
      made.dispose()
      return String(Number(element) === Number(BigInt(element)) ? BigInt(element) : element)
    }
    // PyTorch takes negative integers for uint8, and integers beyond 64 bits for bool.
    const isStricter =
      (dtype === 'uint8' && value < 0) ||
      (dtype === 'bool' && typeof value === 'bigint' && BigInt.asIntN(64, value) !== value)
    if (wanted === null || (isStricter && typeof value === 'bigint'))
      t.throws(make, { code: 'ERR_VALUE', message: /does not fit/ }, `${dtype} ${text}`)
    else t.equal(make(), wanted, `${dtype} ${text}`)
  }
})

t.test('the message has the number, the dtype and its range; floating-point dtypes take every number', async (t) => {
  t.throws(() => mb.tensor([[1, 300]], { dtype: 'uint8' }), {
    code: 'ERR_VALUE',
    message: 'tensor: 300 does not fit into uint8, which holds 0 to 255',
  })
  t.throws(() => mb.tensor(2n ** 63n), { code: 'ERR_VALUE', message: /does not fit into int64/ })
  t.throws(() => mb.tensor(2n ** 64n, { dtype: 'float32' }), { code: 'ERR_VALUE', message: /does not fit/ })
  const x = mb.tensor([1e40, Number.NaN, 3e9])
  t.same(x.toArray(), [Number.POSITIVE_INFINITY, Number.NaN, 3e9])
  x.dispose()
})
