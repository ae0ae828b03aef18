/* scripts/setup.mjs, with tools that only pretend (see helpers/setup-fixture.mjs): nothing is downloaded and nothing compiled. */
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { cacheFolder, TORCH_VERSION, TORCH_VERSIONS } from '../scripts/setup/libtorch.mjs'
import { nvidiaRequirements, toolkitPackages } from '../scripts/setup/nvidia.mjs'
import { parseOptions } from '../scripts/setup/options.mjs'
import { isRunning, makeProject } from './helpers/setup-fixture.mjs'

const project = (t, options) => makeProject(path.join(t.testdir(), 'project'), options)

t.test('one error names everything that is missing and how to install it', async (t) => {
  const bare = project(t, { without: ['python3', 'c++', 'cmake', 'ninja', 'npm'] })
  const { code, stderr } = await bare.run()
  t.equal(code, 3)
  for (const what of [/C\+\+20 compiler/, /CMake 3\.18/, /Python 3 with pip/, /make or ninja/]) t.match(stderr, what)
  t.match(stderr, /Debian, Ubuntu: .*apt-get install -y python3 python3-pip g\+\+ cmake make/)
  t.match(stderr, /Fedora: .*dnf install -y python3 python3-pip gcc-c\+\+ cmake make/)
  t.match(stderr, /macOS: .*xcode-select --install && brew install python cmake/)
  t.equal(stderr.match(/this machine lacks/g).length, 1)
  t.notOk(fs.existsSync(bare.libtorch))
})

t.test('what is there is not asked for', async (t) => {
  const old = project(t, { without: ['ninja'] })
  old.say('old-cmake')
  const { code, stderr } = await old.run()
  t.equal(code, 3)
  t.match(stderr, /CMake 3\.18 or newer: .*cmake is 3\.10\.2/)
  t.match(stderr, /apt-get install -y cmake make\n/)
  t.notMatch(stderr, /Python|compiler/)
})

t.test('a whole set-up, then nothing to do in under a second', async (t) => {
  const full = project(t, { checkout: true })
  const first = await full.run()
  t.equal(first.code, 0, first.stderr)
  t.match(first.stderr, /^setup: libtorch 2\.13\.0, CPU \(no nvidia-smi\) … \d+\.\d s$/m)
  t.match(first.stderr, /^setup: native addon.* … \d+\.\d s$/m)
  t.match(first.stderr, /^setup: JavaScript … \d+\.\d s$/m)
  t.strictSame(
    fs.readdirSync(path.join(full.libtorch, 'torch', 'lib')).filter((name) => name.endsWith('.so')),
    ['libc10.so', 'libtorch_cpu.so'],
  )
  t.notOk(fs.existsSync(path.join(full.libtorch, 'torch', '__init__.py')), 'nothing for Python')
  t.ok(fs.existsSync(path.join(full.libtorch, 'torch-2.13.0.dist-info', 'licenses', 'LICENSE')))
  t.strictSame(fs.readdirSync(path.join(full.libtorch, 'nvidia', 'cu13', 'lib')), ['libcudart.so.13'])
  t.strictSame(fs.readdirSync(full.cache), [path.basename(full.libtorch)], 'neither downloads nor locks stay')
  const facts = JSON.parse(fs.readFileSync(full.file('build', 'setup.json'), 'utf8'))
  t.match(facts.libtorch, { path: path.join(full.libtorch, 'torch'), version: '2.13.0', flavour: 'cpu' })
  t.ok(full.exists('build', 'Release', 'mbconv.node'))
  t.equal(fs.statSync(full.file('dist', 'cli', 'main.js')).mode & 0o111, 0o111, 'the command is executable')
  const calls = full.calls()
  t.ok(
    calls.some((line) => /pip download .*cuda-toolkit\[cudart,cupti\]==13\.0\.3$/.test(line)),
    'versions from the wheel',
  )
  t.notOk(
    calls.some((line) => line.startsWith('npm')),
    'node_modules that match are left alone',
  )

  t.equal((await full.run()).code, 0)
  t.strictSame(full.calls(), [], 'no tool is called')
  const quiet = await full.run(['--quiet'])
  t.equal(quiet.stderr, '')
})

t.test('a change redoes its own step only', async (t) => {
  const changed = project(t, { checkout: true })
  await changed.run()
  changed.calls()

  fs.utimesSync(changed.file('native', 'a.cc'), new Date(), new Date())
  await changed.run()
  t.strictSame(changed.calls(), [], 'a new date is no change')

  changed.write('native/a.cc', 'int b;\n')
  await changed.run()
  const native = changed.calls()
  t.ok(native.some((line) => line.startsWith('cmake-js build')))
  t.notOk(
    native.some((line) => /^(tsc|npm|cmake-js configure)|pip download/.test(line)),
    native.join('\n'),
  )

  changed.write('lib/more.ts', '')
  await changed.run()
  t.strictSame(
    changed.calls().map((line) => line.split(' ')[0]),
    ['tsc', 'describe-keys', 'calls'],
  )
  t.ok(changed.exists('dist', 'more.js'))
  fs.rmSync(changed.file('lib', 'more.ts'))
  await changed.run()
  t.notOk(changed.exists('dist', 'more.js'), 'what a removed source left is gone')
  changed.calls()

  changed.write('dist/index.js', 'edited by hand')
  await changed.run()
  t.strictSame(
    changed.calls().map((line) => line.split(' ')[0]),
    ['tsc', 'describe-keys', 'calls'],
  )

  const lock = JSON.parse(fs.readFileSync(changed.file('package-lock.json'), 'utf8'))
  lock.packages['node_modules/typescript'].version = '9.0.0'
  changed.write('package-lock.json', JSON.stringify(lock))
  await changed.run()
  t.match(changed.calls().join('\n'), /npm ci .*--ignore-scripts/)

  const other = changed.file('elsewhere')
  fs.cpSync(path.join(changed.libtorch, 'torch'), other, { recursive: true })
  t.equal((await changed.run(['--libtorch', other])).code, 0)
  t.match(changed.calls().join('\n'), new RegExp(`cmake-js configure .*--CDLIBTORCH=${other}`))
  await changed.run()
  t.strictSame(changed.calls(), [], 'the choice lasts')
  t.match(JSON.parse(fs.readFileSync(changed.file('build', 'setup.json'), 'utf8')).libtorch, { path: other })
})

t.test('failures keep what was there and show the log', async (t) => {
  const failing = project(t, { checkout: true })
  await failing.run()
  failing.write('native/a.cc', 'int b;\n')
  failing.write('lib/index.ts', 'let a\n')
  failing.say('type-error')
  const types = await failing.run()
  t.equal(types.code, 1)
  t.match(types.stderr, /do not compile\n(.*\n)*.*pretended mistake\n.*full log: .*typescript\.log/)
  t.ok(failing.exists('dist', 'index.js'))
  t.notOk(fs.readdirSync(failing.folder).some((name) => name.startsWith('.dist')))
  failing.takeBack('type-error')
  failing.say('compile-error')
  const before = fs.statSync(failing.file('build', 'Release', 'mbconv.node')).mtimeMs
  failing.write('native/a.cc', 'int c;\n')
  const native = await failing.run()
  t.equal(native.code, 1)
  t.match(native.stderr, /does not compile\n(.*\n)*.*pretended mistake\n.*full log: .*native\.log/)
  t.equal(fs.statSync(failing.file('build', 'Release', 'mbconv.node')).mtimeMs, before)
  failing.takeBack('compile-error')
  failing.write('addon.node', 'half an addon')
  const load = await failing.run()
  t.equal(load.code, 1)
  t.match(load.stderr, /was built but does not load/)
  t.equal(fs.statSync(failing.file('build', 'Release', 'mbconv.node')).mtimeMs, before)
})

t.test('interrupted while libtorch is fetched: nothing half, nothing left running', async (t) => {
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGKILL', null],
  ]) {
    const cut = makeProject(path.join(t.testdir(), signal))
    cut.say('hang')
    const { child, done } = cut.start()
    await cut.appears('hanging')
    child.kill(signal)
    if (signal === 'SIGKILL') await new Promise((resolve) => child.on('exit', resolve))
    else t.equal((await done).code, status)
    const pip = Number(fs.readFileSync(cut.file('hanging'), 'utf8'))
    if (signal !== 'SIGKILL') t.notOk(isRunning(pip), `pip has ended (${signal})`)
    t.notOk(fs.existsSync(cut.libtorch))
    cut.takeBack('hang')
    const next = await cut.run()
    t.equal(next.code, 0, next.stderr)
    t.notOk(isRunning(pip), 'what a killed set-up left running is ended by the next')
    t.ok(fs.existsSync(path.join(cut.libtorch, 'torch', 'lib', 'libc10.so')))
    t.strictSame(fs.readdirSync(cut.cache), [path.basename(cut.libtorch)])
  }
})

t.test('a libtorch that is not whole is fetched again', async (t) => {
  const damaged = project(t)
  await damaged.run()
  damaged.calls()
  fs.truncateSync(path.join(damaged.libtorch, 'torch', 'lib', 'libc10.so'), 3)
  t.equal((await damaged.run()).code, 0)
  t.match(damaged.calls().join('\n'), /pip download/)
  t.equal(fs.readFileSync(path.join(damaged.libtorch, 'torch', 'lib', 'libc10.so'), 'utf8'), 'c10 library')
})

t.test('a wheel whose checksums are wrong is refused', async (t) => {
  const spoilt = project(t, { spoil: 'torch/lib/libc10.so' })
  const { code, stderr } = await spoilt.run()
  t.equal(code, 1)
  t.match(stderr, /damaged wheel: checksum mismatch in torch\/lib\/libc10\.so/)
  t.notOk(fs.existsSync(spoilt.libtorch))
})

t.test('without a network: what to do instead', async (t) => {
  const offline = project(t)
  offline.say('offline')
  const { code, stderr } = await offline.run()
  t.equal(code, 3)
  t.match(stderr, /pip cannot reach its package index/)
  t.match(stderr, /set LIBTORCH/)
  t.notOk(fs.existsSync(offline.libtorch))
})

t.test('LIBTORCH', async (t) => {
  const given = project(t)
  const wrong = await given.run([], { LIBTORCH: given.file('home') })
  t.equal(wrong.code, 3)
  t.match(wrong.stderr, /LIBTORCH: no libtorch in /)

  const own = given.file('own', 'torch')
  const put = (name, text) => {
    fs.mkdirSync(path.dirname(path.join(own, name)), { recursive: true })
    fs.writeFileSync(path.join(own, name), text)
  }
  put('include/ATen/ATen.h', '')
  put(process.platform === 'darwin' ? 'lib/libtorch_cpu.dylib' : 'lib/libtorch_cpu.so', '')
  const version = (minor) =>
    put(
      'include/torch/headeronly/version.h',
      `#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR ${minor}\n#define TORCH_VERSION_PATCH 0\n`,
    )
  version(5)
  const old = await given.run([], { LIBTORCH: own })
  t.equal(old.code, 3)
  t.match(old.stderr, /libtorch 2\.5\.0 in .*builds against 2\.11 to 2\.15/)
  version(12)
  given.calls()
  const right = await given.run([], { LIBTORCH: given.file('own') })
  t.equal(right.code, 0, right.stderr)
  const calls = given.calls().join('\n')
  t.notMatch(calls, /pip/, 'neither pip nor Python is needed')
  t.match(calls, new RegExp(`--CDLIBTORCH=${own}`))
  const contradiction = await given.run(['--cuda'], { LIBTORCH: own })
  t.equal(contradiction.code, 2)
  t.match(contradiction.stderr, /--cuda was given, but LIBTORCH names a cpu libtorch/)
})

t.test('two at once: the second waits and finds everything done', async (t) => {
  const twice = project(t, { checkout: true })
  const results = await Promise.all([twice.run(), twice.run()])
  t.strictSame(
    results.map(({ code }) => code),
    [0, 0],
  )
  const calls = twice.calls()
  for (const what of [/pip download .*torch==/, /^cmake-js build/, /^tsc/, /^describe-keys/, /^calls/]) {
    t.equal(calls.filter((line) => what.test(line)).length, 1, `${what} once`)
  }
})

t.test('the command line', async (t) => {
  const usage = project(t)
  const { code, stderr } = await usage.run(['--cdua'])
  t.equal(code, 2)
  t.match(stderr, /unknown option --cdua/)
  t.throws(() => parseOptions(['--cpu', '--cuda']), { exitCode: 2 })
  t.throws(() => parseOptions(['--libtorch']), { exitCode: 2 })
  t.match(parseOptions(['--libtorch=/x', '--force']), { libtorch: '/x', force: true })
  t.equal((await usage.run(['--unless-installing'], { npm_command: 'ci' })).code, 0)
  t.strictSame(usage.calls(), [])
})

t.test('where the cache is', async (t) => {
  const home = t.testdir()
  t.equal(cacheFolder('/r', { MBCONV_CACHE: '/m', XDG_CACHE_HOME: '/x', HOME: home }), '/m')
  t.equal(cacheFolder('/r', { XDG_CACHE_HOME: '/x', HOME: home }), '/x/mbconv')
  t.equal(cacheFolder('/r', { XDG_CACHE_HOME: 'x', HOME: home }), path.join(home, '.cache', 'mbconv'))
  t.equal(cacheFolder('/r', { HOME: '/no/such/home' }), '/r/build/cache')
})

t.test("NVIDIA's packages by the wheel's own list", async (t) => {
  const requires = [
    'sympy>=1.13.3',
    'cuda-toolkit[cublas,cudart,cupti]==13.0.3; platform_system == "Linux"',
    'nvidia-nccl-cu13==2.29.7; platform_system == "Linux"',
    'nvidia-cuda-runtime-cu12==12.8.90; platform_system == "Linux"',
    'optree>=0.13.0; extra == "optree"',
  ]
  t.strictSame(nvidiaRequirements(requires, 'cpu'), [
    'cuda-toolkit[cudart,cupti]==13.0.3',
    'nvidia-cuda-runtime-cu12==12.8.90',
  ])
  t.strictSame(nvidiaRequirements(requires, 'cuda'), [
    'cuda-toolkit[cublas,cudart,cupti,crt]==13.0.3',
    'nvidia-nccl-cu13==2.29.7',
    'nvidia-cuda-runtime-cu12==12.8.90',
  ])
})

t.test("what stands behind cuda-toolkit's extras", async (t) => {
  const requires = [
    "nvidia-cublas==13.1.0.3.*; (sys_platform == 'linux' or sys_platform == 'win32') and extra == 'cublas'",
    "nvidia-cublas==13.1.0.3.*; (sys_platform == 'linux' or sys_platform == 'win32') and extra == 'all'",
    "nvidia-cufile==1.15.1.6.*; sys_platform == 'linux' and extra == 'cufile'",
    "nvidia-cufile==0.0.1; sys_platform == 'win32' and extra == 'cufile'",
    "nvidia-npp==13.0.1.2.*; sys_platform == 'linux' and extra == 'npp'",
  ]
  t.strictSame(toolkitPackages(requires, ['cublas', 'cufile']), [
    'nvidia-cublas==13.1.0.3.*',
    'nvidia-cufile==1.15.1.6.*',
  ])
})

t.test(
  "NVIDIA's libraries are unpacked once and shared",
  { skip: process.platform !== 'linux' && 'CUDA is for Linux' },
  async (t) => {
    const shared = project(t)
    const first = await shared.run(['--cuda'])
    t.equal(first.code, 0, first.stderr)
    const libtorch = path.join(shared.cache, `libtorch-2.13.0-cuda-linux-${process.arch}`)
    const library = path.join(libtorch, 'nvidia', 'cu13', 'lib', 'libcudart.so.13')
    t.equal(fs.readFileSync(library, 'utf8'), 'runtime')
    t.ok(fs.existsSync(path.join(libtorch, 'nvidia', 'cu13', 'include', 'cuda.h')), 'with its headers')
    t.strictSame(fs.readdirSync(path.dirname(library)), ['libcudart.so.13'], 'without static libraries')
    t.strictSame(fs.readdirSync(shared.cache).sort(), [path.basename(libtorch), `nvidia-linux-${process.arch}`].sort())
    t.equal(fs.statSync(library).nlink, 2, 'one file under two names')
    const pip = () => shared.calls().filter((line) => line.includes('pip download'))
    t.match(pip().join('\n'), /cuda-toolkit==13\.0\.3\n.*--no-deps .* nvidia-cuda-runtime==13\.0\.96\.\*$/)

    fs.rmSync(libtorch, { recursive: true })
    t.equal((await shared.run(['--cuda'])).code, 0)
    t.equal(fs.readFileSync(library, 'utf8'), 'runtime')
    t.notMatch(pip().join('\n'), /nvidia-cuda-runtime/, 'what is there is not fetched again')

    // Same size, other content: what a checksum finds and a look at the sizes does not.
    fs.writeFileSync(library, 'RUNTIME')
    fs.rmSync(libtorch, { recursive: true })
    t.equal((await shared.run(['--cuda'])).code, 0)
    t.match(pip().join('\n'), /nvidia-cuda-runtime/, 'what is damaged is')
    t.equal(fs.readFileSync(library, 'utf8'), 'runtime')
  },
)

t.test('the versions of torch: one list, and what is said of it agrees', async (t) => {
  t.ok(TORCH_VERSIONS.includes(TORCH_VERSION))
  const [oldest, newest] = [TORCH_VERSIONS[0], TORCH_VERSIONS.at(-1)].map((version) => version.replace(/\.\d+$/, ''))
  for (const file of ['lib/cli/input/environment.ts', 'docs/gpu-host.md']) {
    const text = fs.readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')
    t.match(text, `${oldest} to ${newest}`, file)
  }
})
