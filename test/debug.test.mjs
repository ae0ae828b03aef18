// Strict mode, and finding out who made what is still alive.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import * as mb from 'mbconv'
import t from 'tap'

t.test('strict mode refuses tensors outside scopes', async (t) => {
  mb.debug.setStrict(true)
  t.teardown(() => mb.debug.setStrict(false))
  t.throws(() => mb.ones([2]), { code: 'ERR_SCOPE', op: 'full', message: /strict/ })
  const kept = mb.scope(() => mb.keep(mb.ones([2])))
  t.same(kept.toArray(), [1, 1], 'keep() is the way out')
  t.throws(() => kept.add(1), { code: 'ERR_SCOPE', op: 'add' })
  const model = mb.scope(() => new mb.nn.Linear(2, 3))
  t.same(
    mb.scope(() => model.forward(kept.view([1, 2])).shape),
    [1, 3],
    'a model made in a scope lives on',
  )
  t.throws(() => mb.scope(() => mb.ones([2])).add(1), { code: 'ERR_SCOPE' })
})

t.test('the leak report names the operation and the line of each live tensor', async (t) => {
  const early = mb.zeros([7])
  mb.debug.trackTensors(true)
  t.teardown(() => mb.debug.trackTensors(false))
  const leak = mb.ones([1000]).add(1) // both leak here
  mb.scope(() => {
    mb.zeros([5]).mul(2)
  })
  const list = mb.debug.liveTensors()
  const mine = list.filter(({ shape }) => shape[0] === 1000)
  t.same(mine.map(({ op }) => op).sort(), ['add', 'full'])
  for (const { where, dtype, device, bytes } of mine) {
    t.ok(where.startsWith(`${fileURLToPath(import.meta.url)}:`), where)
    t.same([dtype, device, bytes], ['float32', 'cpu', 4000])
  }
  t.same(
    list.filter(({ shape }) => shape[0] === 5),
    [],
    'what its scope freed is not in it',
  )
  t.match(
    list.find(({ shape }) => shape[0] === 7),
    { op: '', where: '' },
  )
  t.equal(list.length, mb.memory().tensors)
  leak.dispose()
  early.dispose()
  t.equal(mb.debug.liveTensors().filter(({ op }) => op === 'add').length, 0)
})

t.test('a line of a file whose name holds blanks and parentheses', async (t) => {
  const script = `const mb = require(${JSON.stringify(fileURLToPath(new URL('../dist/index.js', import.meta.url)))})
mb.debug.trackTensors(true)
function make() {
  return mb.ones([3])
}
const [a, b] = [make(), mb.ones([3])]
console.log(mb.debug.liveTensors().map(({ where }) => where).sort().join('\\n'))`
  const folder = t.testdir({ 'my scripts (1)': { 'a b.cjs': script } })
  const file = join(folder, 'my scripts (1)', 'a b.cjs')
  const { stdout } = await promisify(execFile)(process.execPath, [file])
  t.same(stdout.trimEnd().split('\n'), [`${file}:4:13`, `${file}:6:28`])
})
