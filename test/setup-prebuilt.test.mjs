/*
 * The prebuilt addon: which machines it fits, what the set-up does with it, and what other machines are told. The tools
 * of the set-up only pretend (see helpers/setup-fixture.mjs).
 */
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { OLDEST_GLIBC, olderThan, refusal, thisMachine } from '../lib/native/platform.cjs'
import { misfit, prebuiltFolder, prebuiltIn } from '../lib/native/prebuilt.cjs'
import { functionsBeyondBaseline, sharedSymbols, symbolFaults } from '../scripts/prebuild/check.mjs'
import { chosenVersions } from '../scripts/prebuild/stubs.mjs'
import { compareVersions } from '../scripts/prebuild/symbols.mjs'
import { TORCH_UNWANTED_ON_CPU, TORCH_WANTED } from '../scripts/setup/fetch.mjs'
import { CPU_INDEX, downloadedFile, downloadWheels, progressOf } from '../scripts/setup/pip.mjs'
import { makeProject } from './helpers/setup-fixture.mjs'

const project = (t, options) => makeProject(path.join(t.testdir(), 'project'), options)
const LINUX = { platform: 'linux', arch: 'x64', libc: 'glibc', glibc: '2.36', napi: 9 }
const NEEDS = { platform: 'linux', arch: 'x64', glibc: '2.28', napi: 9, torch: '2.13.0', flavour: 'cpu' }

t.test('machines that libtorch does not exist for are refused, with an alternative', async (t) => {
  for (const [change, reason, alternative] of [
    [{ libc: 'musl', glibc: null }, /musl/, /node:22-slim/],
    [{ glibc: '2.27' }, /needs glibc 2\.28, and this is 2\.27/, /Debian 10/],
    [{ arch: 'arm' }, /linux on arm/, /ARM64/],
    [{ platform: 'darwin', libc: null, glibc: null }, /Intel Macs/, /Linux container/],
    [{ platform: 'win32', libc: null, glibc: null }, /Windows/, /WSL 2/],
    [{ platform: 'win32', arch: 'arm64', libc: null, glibc: null }, /Windows/, /WSL 2/],
    [{ platform: 'freebsd', libc: null, glibc: null }, /freebsd/, /Linux/],
  ]) {
    const refused = refusal({ ...LINUX, ...change })
    t.match(refused, { reason, alternative }, JSON.stringify(change))
    const onWindows = change.platform === 'win32'
    t.match(refused.alternative, onWindows ? /onnxruntime-node/ : /LIBTORCH/, 'what may work')
    t.notMatch(refused.alternative, onWindows ? /LIBTORCH/ : /onnxruntime/, 'what does not work')
  }
  for (const change of [
    {},
    { arch: 'arm64' },
    { glibc: '2.28' },
    { libc: null, glibc: null },
    { platform: 'darwin', arch: 'arm64', libc: null, glibc: null },
  ])
    t.equal(refusal({ ...LINUX, ...change }), null, JSON.stringify(change))
  t.equal(refusal(thisMachine()), null, 'the machine of this test')
})

t.test('the prebuilt addon fits one kind of machine and one libtorch', async (t) => {
  const libtorch = { version: '2.13.0', flavour: 'cpu' }
  t.equal(misfit(NEEDS, LINUX, libtorch), null)
  for (const [machine, chosen, reason] of [
    [{ arch: 'arm64' }, {}, /for linux x64, and this is linux arm64/],
    [{ platform: 'win32', libc: null, glibc: null }, {}, /this is win32 x64/],
    [{ libc: 'musl', glibc: null }, {}, /this is musl/],
    [{ libc: null, glibc: null }, {}, /C library here is unknown/],
    [{ glibc: '2.9' }, {}, /needs glibc 2\.28, and this is 2\.9/],
    [{ napi: 8 }, {}, /Node-API 9, and this is 8/],
    [{}, { version: '2.13.1' }, /the one chosen is 2\.13\.1/],
    [{}, { version: null }, /unknown version/],
    [{}, { flavour: 'cuda' }, /CUDA/],
  ])
    t.match(misfit(NEEDS, { ...LINUX, ...machine }, { ...libtorch, ...chosen }), reason)
  t.match(misfit(NEEDS, LINUX, null), /there is no libtorch 2\.13\.0/)
  t.ok(olderThan('2.9', '2.28') && !olderThan('2.28', '2.28') && !olderThan('3', '2.28'))
})

t.test("reading the facts of the machine leaves the settings of the process's reports as they are", async (t) => {
  const before = process.report.excludeNetwork
  t.teardown(() => Object.assign(process.report, { excludeNetwork: before }))
  for (const own of [false, true]) {
    process.report.excludeNetwork = own
    thisMachine()
    t.equal(process.report.excludeNetwork, own)
  }
})

t.test('a damaged prebuilt.json is a reason not to use the prebuilt addon', async (t) => {
  const root = t.testdir()
  const file = path.join(prebuiltFolder(root), 'prebuilt.json')
  fs.mkdirSync(path.dirname(file), { recursive: true })
  for (const [text, needs] of [
    [JSON.stringify(NEEDS), NEEDS],
    ['{"platform": "li', null],
    ['null', null],
    [JSON.stringify({ ...NEEDS, glibc: undefined }), null],
    [JSON.stringify({ ...NEEDS, napi: '9' }), null],
  ]) {
    fs.writeFileSync(file, text)
    t.strictSame(prebuiltIn(root).needs, needs, text)
  }
  t.equal(misfit(null, LINUX, { version: '2.13.0', flavour: 'cpu' }), 'its prebuilt.json is damaged')

  const damaged = project(t, { prebuilt: true })
  fs.writeFileSync(damaged.file('prebuilds', path.basename(prebuiltFolder(root)), 'prebuilt.json'), '{"platform": "li')
  const { code, stderr } = await damaged.run()
  t.equal(code, 0, stderr)
  t.match(stderr, /the prebuilt addon is not used: its prebuilt\.json is damaged; compiling one/)
})

t.test('an installed package with a fitting prebuilt addon needs libtorch alone', async (t) => {
  const installed = project(t, { prebuilt: true, without: ['c++', 'cmake', 'ninja', 'npm'] })
  const first = await installed.run()
  t.equal(first.code, 0, first.stderr)
  t.match(first.stderr, /^setup: native addon, prebuilt for libtorch 2\.13\.0 CPU … \d+\.\d s$/m)
  t.notOk(
    installed.calls().some((line) => line.startsWith('cmake-js')),
    'nothing is compiled',
  )
  t.notOk(installed.exists('build', 'Release', 'mbconv.node'))
  const again = await installed.run()
  t.match(again.stderr, /everything is up to date/)
  t.strictSame(installed.calls(), [], 'no tool is called')

  const compiled = await installed.run(['--compile'])
  t.equal(compiled.code, 3, 'compiling needs a compiler')
  t.match(compiled.stderr, /C\+\+20 compiler/)
})

t.test('where the prebuilt addon does not fit or load, the reason is given and one is compiled', async (t) => {
  const broken = project(t, { prebuilt: true })
  const result = await broken.run([], { FAKE_DLOPEN: 'libgomp.so.1 is missing' })
  t.equal(result.code, 0, result.stderr)
  t.match(result.stderr, /the prebuilt addon does not load \(Error: libgomp\.so\.1 is missing\); compiling one/)
  t.ok(broken.exists('build', 'Release', 'mbconv.node'))
  t.match((await broken.run()).stderr, /everything is up to date/, 'the compiled one is enough')

  const needs = broken.file('prebuilds', `${process.platform}-${process.arch}-cpu`, 'prebuilt.json')
  fs.writeFileSync(needs, JSON.stringify({ ...JSON.parse(fs.readFileSync(needs, 'utf8')), torch: '2.12.0' }))
  const other = await broken.run(['--force'])
  t.equal(other.code, 0, other.stderr)
  t.match(other.stderr, /not used: it is for libtorch 2\.12\.0, and the one chosen is 2\.13\.0; compiling one/)
})

t.test('when the prebuilt addon is taken, one that was compiled before is removed', async (t) => {
  const both = project(t, { prebuilt: true })
  t.equal((await both.run(['--compile'])).code, 0)
  t.ok(both.exists('build', 'Release', 'mbconv.node'))
  fs.mkdirSync(both.file('build', 'Debug'))
  fs.copyFileSync(both.file('build', 'Release', 'mbconv.node'), both.file('build', 'Debug', 'mbconv.node'))
  t.equal((await both.run(['--force'])).code, 0)
  for (const kind of ['Release', 'Debug'])
    t.notOk(both.exists('build', kind, 'mbconv.node'), `the library would prefer ${kind}`)
})

t.test('in a checkout the addon is compiled, whether there is a prebuilt one or not', async (t) => {
  const checkout = project(t, { prebuilt: true, checkout: true })
  const { code, stderr } = await checkout.run()
  t.equal(code, 0, stderr)
  t.match(stderr, /native addon, against libtorch/)
})

t.test('a download tells how many bytes there are and how many have come', async (t) => {
  const known = { 'torch-2.13.0-cp312-none-any.whl': { size: 426_512_345 } }
  const at = 'https://example.org/whl/torch-2.13.0-cp312-none-any.whl'
  t.same(downloadedFile(`Downloading ${at} (426.5 MB)`, known), {
    name: 'torch-2.13.0-cp312-none-any.whl',
    bytes: 426_512_345,
  })
  t.same(downloadedFile(`  Downloading ${at} (426.5 MB)`), {
    name: 'torch-2.13.0-cp312-none-any.whl',
    bytes: 426_500_000,
  })
  t.equal(downloadedFile('Downloading a-1%2Bcpu-py3-none-any.whl (900 kB)').name, 'a-1+cpu-py3-none-any.whl')
  for (const line of ['Collecting torch==2.13.0', `Downloading ${at}.metadata (30 kB)`, 'Saved ./torch.whl'])
    t.equal(downloadedFile(line), null, line)

  const folder = t.testdir({ tmp: { half: 'x'.repeat(1.5e6) } })
  t.equal(progressOf(folder, []), 'downloading, 2 MB', 'pip has not named a file')
  t.equal(progressOf(folder, [5e6]), 'downloading, 2 of 5 MB')
  t.equal(progressOf(folder, [1e6]), 'downloading, 1 of 1 MB', 'pip copies what it has downloaded')
  t.equal(progressOf(folder, [5e6], 1e6), 'downloading, 1 of 5 MB', 'what was there before does not count')
})

t.test('the total of a download is that of the index in use, without wheels that are here already', async (t) => {
  const pip = `#!/bin/sh
case "$*" in
  *${CPU_INDEX}*) echo 'Downloading https://a/torch-2.13.0+cpu-py3-none-any.whl (180 MB)'; exit 1 ;;
  *) echo 'Downloading https://b/torch-2.13.0-py3-none-any.whl (530 MB)'; sleep 1.5 ;;
esac
`
  const folder = t.testdir({ pip, wheels: { 'numpy-1-py3-none-any.whl': 'x'.repeat(2e6) } })
  const python = path.join(folder, 'pip')
  fs.chmodSync(python, 0o755)
  const seen = new Set()
  const log = fs.openSync(path.join(folder, 'log'), 'w')
  t.teardown(() => fs.closeSync(log))
  const tools = { python, log, logFile: 'log', detail: (text) => seen.add(text) }
  await downloadWheels(['torch==2.13.0'], [], [['--index-url', CPU_INDEX], []], path.join(folder, 'wheels'), tools)
  t.ok(seen.has('downloading, 0 of 530 MB'), [...seen].join('; '))
  t.notOk([...seen].some((text) => text.includes('of 710 MB')))
})

t.test('of each wheel what running and compiling need is taken', async (t) => {
  const taken = (names) => names.filter((name) => TORCH_WANTED.test(name) && !TORCH_UNWANTED_ON_CPU.test(name))
  // The files of torch/lib in the wheels of torch 2.13.0.
  const windows =
    'c10.dll c10.lib cpuinfo.lib fmt.lib libiomp5md.dll libiompstubs5md.dll libittnotify.lib shm.dll shm.lib'
  const windows2 =
    'sleef.lib torch.dll torch.lib torch_cpu.dll torch_cpu.lib torch_global_deps.dll torch_python.dll uv.dll'
  const inLib = (names) => names.split(' ').map((name) => `torch/lib/${name}`)
  t.same(
    taken(inLib(`${windows} ${windows2}`)),
    inLib('c10.dll c10.lib libiomp5md.dll libiompstubs5md.dll torch.dll torch.lib torch_cpu.dll torch_cpu.lib uv.dll'),
  )
  const mac = 'libc10 libomp libshm libtorch libtorch_cpu libtorch_global_deps libtorch_python'
  t.same(
    taken(inLib(mac.replaceAll(/\b(?= |$)/g, '.dylib'))),
    inLib('libc10.dylib libomp.dylib libtorch.dylib libtorch_cpu.dylib'),
  )
  const linux = 'libc10.so libgomp.so.1 libshm.so libtorch.so libtorch_cpu.so libtorch_cuda.so libtorch_python.so'
  t.same(taken(inLib(linux)), inLib('libc10.so libgomp.so.1 libtorch.so libtorch_cpu.so'))
})

t.test('the checks of the prebuilt addon find what they refuse', async (t) => {
  t.ok(compareVersions('GLIBC_2.3.4', 'GLIBC_2.28') < 0 && compareVersions('GLIBC_2.29', 'GLIBC_2.28') > 0)
  const symbol = (name, version, more = {}) => ({ name, version, defined: false, usual: true, ...more })
  const ceilings = { GLIBC: `GLIBC_${OLDEST_GLIBC}` }
  t.same(
    symbolFaults(
      [
        symbol('exp', 'GLIBC_2.29'),
        symbol('pow', 'GLIBC_2.2.5'),
        symbol('fstat', null),
        symbol('napi_throw', null),
        symbol('at_add', null),
      ],
      ceilings,
      new Set(['at_add']),
    ),
    ['exp needs GLIBC_2.29', 'fstat is in no library of the oldest system'],
  )
  const defined = [
    symbol('exp', 'GLIBC_2.29', { defined: true }),
    symbol('exp', 'GLIBC_2.2.5', { defined: true, usual: false }),
    symbol('fstat', 'GLIBC_2.33', { defined: true }),
    symbol('secret', 'GLIBC_PRIVATE', { defined: true }),
  ]
  t.same(
    chosenVersions(defined, ceilings).map(({ name, version }) => `${name}@${version}`),
    ['exp@GLIBC_2.2.5'],
  )
  const code = (name, line) => `0000000000000010 <${name}>:\n  10:\t${line}\n`
  t.same(
    functionsBeyondBaseline(
      code('plain', 'movaps %xmm0,%xmm1') +
        code('downAvx2', 'vpaddd %ymm0,%ymm1,%ymm2') +
        code('wide', 'vmovdqu (%rdi),%xmm0'),
    ),
    ['wide'],
  )
  const symbols = [
    '0000000000000000 t own',
    '0000000000000000 r constant',
    '0000000000000000 R kTable',
    '0000000000000000 D kRelocated',
    '0000000000000010 T exported',
    '0000000000000020 W std::copy',
    '0000000000000030 t _GLOBAL__sub_I_table',
  ]
  t.same(sharedSymbols(symbols.join('\n')), ['exported', 'std::copy', '_GLOBAL__sub_I_table'])
})
