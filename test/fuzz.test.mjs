// No input kills the process: every function of the addon, and every method built on one, called with arguments of the
// wrong kind, count, shape, dtype or device, with disposed tensors and absurd sizes, either works or throws a
// JavaScript error that carries a code and names an operation.
//
// The calls run in a child process: if one did kill it, this test fails and prints the call that was in flight.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const child = fileURLToPath(new URL('helpers/fuzz-child.mjs', import.meta.url))
const runs = Number(process.env.MBCONV_FUZZ_RUNS ?? 20_000)

t.test('No input kills the process', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mbconv-fuzz-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const log = join(folder, 'last-call')
  const seed = process.env.MBCONV_FUZZ_SEED ?? String(Date.now() % 2 ** 31)
  t.comment(`seed ${seed}; repeat with MBCONV_FUZZ_SEED=${seed}`)
  const run = spawnSync(process.execPath, [child, String(runs), seed, log], { encoding: 'utf8', timeout: 280_000 })
  if (run.status !== 0) t.comment(`last call: ${readFileSync(log, 'utf8')}\n${run.stderr.slice(-4000)}`)
  t.equal(run.signal, null, 'no signal')
  t.equal(run.status, 0, 'exit status 0')
  const { calls, threw, functions, reached } = JSON.parse(run.stdout)
  t.ok(calls >= runs)
  t.equal(reached, functions, 'every function was called')
  t.ok(threw < calls, 'some calls are valid')
  t.comment(`${calls} calls of ${functions} functions, ${threw} refused`)
})
