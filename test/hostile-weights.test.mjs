// Files of weights that were made to harm, and thousands with something changed: each ends in an error with a code, within
// a second of the processor and 200 MB. Read in a process of its own, so that one which would kill it or fill the memory is noticed.
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

/** Milliseconds of the processor: that others have it meanwhile does not count. */
const LIMIT = { ms: 1000, bytes: 200e6 }
/** Refused files that the fuzzer goes on to, of each kind. */
const FUZZED = 1100

const linux = process.platform === 'linux' ? false : 'resident memory is read from /proc'

t.setTimeout(250_000)

t.test('every hostile file: a code, a second, 200 MB', { skip: linux }, async (t) => {
  t.setTimeout(250_000)
  const folder = t.testdir({ special: { folder: {} } })
  symlinkSync(join(folder, 'special', 'folder'), join(folder, 'special', 'link to a folder'))
  symlinkSync(join(folder, 'nowhere'), join(folder, 'special', 'link to nothing'))
  symlinkSync(join(folder, 'special', 'loop'), join(folder, 'special', 'loop'))
  execFileSync('mkfifo', [join(folder, 'special', 'pipe')])
  mkdirSync(join(folder, 'special', 'folder.pth'))
  const seed = Number(process.env.MBCONV_FUZZ_SEED ?? Date.now() % 2 ** 31)
  t.comment(`seed ${seed}; repeat with MBCONV_FUZZ_SEED=${seed}`)

  const child = fileURLToPath(new URL('helpers/hostile-child.mjs', import.meta.url))
  const run = spawn(process.execPath, ['--expose-gc', child, folder, String(seed), String(FUZZED)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 240_000,
  })
  let [stdout, stderr] = ['', '']
  run.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  run.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  const status = await new Promise((resolve) => run.on('close', (code, signal) => resolve(signal ?? code)))
  const results = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
  t.equal(status, 0, `the process lives (last file: ${JSON.stringify(results.at(-1))}) ${stderr}`)

  const files = results.filter(({ name }) => name !== undefined)
  for (const { kind, name, code, ms, memory, length } of files) {
    const special = /^(a (folder|link|loop|pipe)|\/dev)/.test(name)
    t.equal(code, special ? 'ERR_IO' : 'ERR_FORMAT', `${kind}: ${name}`)
    t.ok(ms < LIMIT.ms && memory < LIMIT.bytes, `${name}: ${ms.toFixed(1)} ms, ${(memory / 1e6).toFixed(1)} MB`)
    t.ok(length < 2000, `${name}: the message is short`)
  }
  for (const kind of ['safetensors', 'pth']) {
    const count = files.filter((file) => file.kind === kind).length
    t.ok(count >= 30, `${count} ${kind} files written by hand`)
  }
  const worst = (key) => files.reduce((a, b) => (b[key] > a[key] ? b : a))
  const [slow, fat] = [worst('ms'), worst('memory')]
  t.comment(`${files.length} by hand; slowest ${slow.ms.toFixed(0)} ms (${slow.kind}: ${slow.name})`)
  t.comment(`most memory ${(fat.memory / 1e6).toFixed(0)} MB (${fat.kind}: ${fat.name})`)

  for (const { kind, fuzzed, refused, read, slowest, memory, odd } of results.filter((each) => each.fuzzed)) {
    t.comment(
      `${kind}: ${fuzzed} fuzzed, ${refused} refused, ${read} read; ${slowest.toFixed(0)} ms, ${(memory / 1e6).toFixed(0)} MB`,
    )
    t.same(odd, [], `${kind}: refused with ERR_FORMAT, or read with no more numbers than the file has bytes`)
    t.equal(refused, FUZZED)
    t.ok(slowest < LIMIT.ms && memory < LIMIT.bytes)
  }
  t.equal(results.at(-1).tensors, 0, 'no tensor stays behind')
})
