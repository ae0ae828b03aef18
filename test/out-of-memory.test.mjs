// Memory that is refused: an error with the numbers, and everything goes on.
import mb from 'mbconv'
import t from 'tap'

t.test('more memory than there is: bytes asked and the largest holders; the process goes on', async (t) => {
  const sizes = [2, 5, 3, 4].map((n) => mb.ones([n, 1000]))
  const view = sizes[1].reshape([1000, 5])
  const error = (() => {
    try {
      mb.empty([2 ** 46])
    } catch (thrown) {
      return thrown
    }
  })()
  t.match(error, { code: 'ERR_OOM', op: 'empty', memory: { device: 'cpu', asked: 2 ** 48 } })
  t.notOk('free' in error.memory, 'a host has no one number of free bytes')
  t.strictSame(
    error.memory.holders.map(({ tensor, bytes }) => [tensor, bytes]),
    [5, 4, 3].map((n) => [`float32[${n},1000]`, 4000 * n]),
    'a view is no holder of its own',
  )
  t.equal(view.sum().item(), 5000)
  for (const held of [...sizes, view]) held.dispose()
})

t.test('a refusal is told once', async (t) => {
  t.throws(() => mb.empty([2 ** 46]), { memory: { asked: 2 ** 48 } })
  t.throws(
    () => mb.empty([2 ** 40, 2 ** 22]),
    { code: 'ERR_OOM', memory: undefined },
    'refused before any allocator was asked',
  )
})
