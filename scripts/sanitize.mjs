// Builds the addon with the address and undefined-behaviour sanitizers into build/sanitize and runs the tests of the
// native functions on it. Fails on any report. Linux with g++; needs a finished setup.
//
//   node scripts/sanitize.mjs [TEST …]         default: the tests that exercise the addon most
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const TESTS = ['fuzz', 'tensor', 'scope', 'autograd', 'ops-golden', 'function', 'debug', 'optim', 'nn-layers']

const root = fileURLToPath(new URL('..', import.meta.url))
const build = join(root, 'build', 'sanitize')
const require = createRequire(import.meta.url)

/** Runs a program to its end; what it printed is shown only when it failed. */
function run(command, args, env = {}) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    env: { ...process.env, ...env },
  })
  if (error) throw error
  if (status !== 0) console.log(`${stdout.slice(-10_000)}\n${stderr.slice(-20_000)}`)
  return status === 0
}

const setup = JSON.parse(readFileSync(join(root, 'build', 'setup.json'), 'utf8'))
const headers = require('node-api-headers').include_dir
const jobs = String(Math.max(1, availableParallelism()))
const configured = run('cmake', [
  ...['-S', root, '-B', build, '-G', setup.native.generator],
  ...['-DCMAKE_BUILD_TYPE=Release', '-DMBCONV_SANITIZE=ON'],
  `-DLIBTORCH=${setup.libtorch.path}`,
  `-DCMAKE_JS_INC=${headers}`,
])
if (!configured || !run('cmake', ['--build', build, '-j', jobs])) process.exit(1)

const library = spawnSync('c++', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).stdout.trim()
const environment = {
  MBCONV_ADDON: join(build, 'mbconv.node'),
  // The addon is loaded by a program that knows nothing of sanitizers, so their runtime has to be there before it. Leaks
  // cannot be told apart from what node and libtorch keep to the end.
  LD_PRELOAD: library,
  ASAN_OPTIONS: 'detect_leaks=0:allocator_may_return_null=1',
  UBSAN_OPTIONS: 'print_stacktrace=1',
  MBCONV_FUZZ_RUNS: process.env.MBCONV_FUZZ_RUNS ?? '5000',
  TAP_TIMEOUT: '300',
}
const tests = process.argv.length > 2 ? process.argv.slice(2) : TESTS
const failed = tests.filter((name) => {
  console.log(`== ${name}, with sanitizers`)
  return !run(process.execPath, [join('test', `${name}.test.mjs`)], environment)
})
console.log(failed.length === 0 ? `no report in ${tests.length} test files` : `failed: ${failed.join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1
