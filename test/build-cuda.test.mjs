/* scripts/build-cuda.mjs before it builds anything: CI asks it whether the wheels can be had, and skips only where not. */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const SCRIPT = fileURLToPath(new URL('../scripts/build-cuda.mjs', import.meta.url))

const buildCuda = (args, env = {}) =>
  spawnSync(process.execPath, [SCRIPT, ...args], { encoding: 'utf8', env: { ...process.env, ...env } })

t.test('an empty cache and an index that does not answer: not here, and why', async (t) => {
  // Nothing listens on the discard port.
  const offline = { PIP_INDEX_URL: 'http://127.0.0.1:9/simple', PIP_EXTRA_INDEX_URL: '', PIP_FIND_LINKS: '' }
  const { status, stdout, stderr } = buildCuda(['--preflight'], {
    ...offline,
    PIP_CONFIG_FILE: '/dev/null',
    MBCONV_CACHE: path.join(t.testdir(), 'cache'),
  })
  t.equal(status, 3, stderr)
  t.equal(stdout, '')
  const here = process.platform === 'linux' && process.arch === 'x64'
  t.match(stderr, here ? /not in the cache, and pip reaches no index: .*refused/ : /the CUDA wheels that are tried/)
})

t.test('the command line', async (t) => {
  for (const [args, message] of [
    [['--torch', '2.13'], /--torch needs a version like 2\.13\.0, got '2\.13'/],
    [['--torch', '2.10.0'], /torch 2\.10\.0 is outside native\/torch-versions\.txt/],
    [['--torch', '2.13.0', '--all'], /exclude each other/],
    [['--jobs', '0'], /--jobs needs a positive number/],
    [['--al'], /'--al'/],
  ]) {
    const { status, stderr } = buildCuda(args)
    t.equal(status, 2, args.join(' '))
    t.match(stderr, message)
  }
})
