/* .ci/count-tap.mjs: a failure must never be lost in counting. */
import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const SCRIPT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '.ci', 'count-tap.mjs')

const count = (t, report, status) => {
  const folder = t.testdir(report === null ? {} : { report })
  return execFileSync(process.execPath, [SCRIPT, path.join(folder, 'report'), String(status)], {
    encoding: 'utf8',
  }).trim()
}

const PASSING = `TAP version 14
1..2
# Subtest: a
    # Subtest: inner
        ok 1 - one
        ok 2 - needs a GPU # SKIP
        1..2
    ok 1 - inner # time=1ms
    ok 2 - a hash \\# SKIP in its name
    1..2
ok 1 - a # time=2ms
# Subtest: b
    ok 1 - skipped as a whole # SKIP
    1..1
ok 2 - b # time=2ms
`

t.test('assertions count, what holds them and what is skipped does not', async (t) => {
  t.equal(count(t, PASSING, 0), '2 0')
})

t.test('failures count once', async (t) => {
  const report = PASSING.replace(
    'ok 1 - one',
    'not ok 1 - one\n          ---\n          diff: ok 7 - no point\n          ...',
  )
    .replace('ok 1 - inner', 'not ok 1 - inner')
    .replace('ok 1 - a #', 'not ok 1 - a #')
  t.equal(count(t, report, 1), '1 1')
})

t.test('a file that fails although its assertions pass is a failure', async (t) => {
  t.equal(count(t, PASSING.replace('ok 1 - a #', 'not ok 1 - a #'), 1), '2 1', 'crashed at its end')
  t.equal(
    count(t, 'TAP version 14\n1..1\nnot ok 1 - a # time=1ms\n  ---\n  signal: SIGSEGV\n  ...\n', 1),
    '0 1',
    'at once',
  )
})

t.test('a run that tells nothing is a failure', async (t) => {
  t.equal(count(t, null, 1), '0 1', 'no report')
  t.equal(count(t, '', 0), '0 1', 'an empty one')
  t.equal(count(t, PASSING, 1), '2 1', 'a bad status')
})
