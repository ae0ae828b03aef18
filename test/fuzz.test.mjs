// No input kills the process: every function of the addon, and every method built on one, called with arguments of the
// wrong kind, count, shape, dtype or device, with disposed tensors and absurd sizes, either works or throws a
// JavaScript error that carries a code and names an operation.
//
// The calls run in child processes: if one did kill it, this test fails and prints the call that was in flight. Then a
// part of `npm run fuzz`, which does the same with the public face and with callOp, callbacks included.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { fuzz, growthOf, sanitized } from '../scripts/fuzz/run.mjs'

const child = fileURLToPath(new URL('helpers/fuzz-child.mjs', import.meta.url))
// The same calls for everybody: a fault that nobody knows is for `npm run fuzz` to find, which draws its seed, and not for
// whoever tries the tests.
const seed = process.env.MBCONV_FUZZ_SEED ?? '1'
t.comment(`seed ${seed}; MBCONV_FUZZ_SEED chooses another`)
const runs = Number(process.env.MBCONV_FUZZ_RUNS ?? 20_000)

t.test('No input kills the process', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mbconv-fuzz-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const log = join(folder, 'last-call')
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

for (const [part, what, calls] of [
  ['public', 'the public face', 6000],
  ['operators', 'operators through callOp', 1800],
]) {
  t.test(`${what}: no death, no hang, no growth, no error without a code`, async (t) => {
    // Some five times slower with sanitizers.
    const count = sanitized ? calls / 5 : calls
    const result = await fuzz(part, { calls: count, seed })
    t.same(result.findings, [])
    t.equal(result.calls, count)
    t.ok(result.refused > count / 4, `${result.refused} of ${count} refused with a code`)
    t.ok(result.thrown > 0, `${result.thrown} ended by an error of a callback's own`)
    t.ok(result.refused + result.thrown < count, 'some calls are valid')
  })
}

t.test('npm run fuzz ends with its child when its terminal is closed', async (t) => {
  const script = fileURLToPath(new URL('../scripts/fuzz.mjs', import.meta.url))
  const run = spawn(process.execPath, [script, '--calls', '0', '--operators', '1000000', '--seed', '1'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, _: '' }, // these tests may have been started by nohup
  })
  const ended = new Promise((resolve) => run.once('exit', (code, signal) => resolve(signal ?? code)))
  const children = () => readFileSync(`/proc/${run.pid}/task/${run.pid}/children`, 'utf8').trim()
  while (run.exitCode === null && children() === '') await new Promise((resolve) => setTimeout(resolve, 20))
  const [child] = children().split(' ')
  run.kill('SIGHUP')
  t.equal(await ended, 129)
  while (existsSync(`/proc/${child}`)) await new Promise((resolve) => setTimeout(resolve, 20))
  t.pass('its child is gone')
})

t.test('what is wrong is found', async (t) => {
  const found = async (broken) =>
    (await fuzz('public', { calls: 40, seed, only: '^(ones|zeros)$', most: 1, broken })).findings.join('\n')
  t.match(await found('aborts'), /^death: zeros \(call \d+\): SIGABRT/)
  t.match(await found('exits'), /^death: zeros \(call \d+\): exit status 7/)
  t.match(await found('never settles'), /^death: zeros \(call \d+\): gives a promise that never settles/)
  t.match(await found('leaks'), /^tensors left behind: zeros \(call \d+\)/m)
  t.match(await found('throws a TypeError'), /^uncoded: zeros \(call \d+\)/)
  t.match(await found('rejects unseen'), /^a rejection that nobody could handle: /m)
  const flat = { rss: 2e8, heapUsed: 2e7, files: 20, tensors: 0, transit: 0 }
  const measures = (grow) => Array.from({ length: 16 }, (_, i) => ({ ...flat, ...grow(i) }))
  t.same(growthOf(measures((i) => ({ rss: flat.rss + (i % 3) * 2e7 }))).excess, [])
  t.same(growthOf(measures((i) => ({ rss: flat.rss + (i > 10 ? 8e8 : 0) + (i > 13 ? 8e8 : 0) }))).excess, [], 'twice')
  t.same(
    growthOf(measures((i) => ({ heapUsed: flat.heapUsed + i * 4 * 2 ** 20 }))).excess.map(([what]) => what),
    ['heapUsed'],
  )
  t.same(
    growthOf(measures((i) => ({ files: 20 + 2 * i }))).excess.map(([what]) => what),
    ['files'],
  )
})
