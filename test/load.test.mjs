// Loading the native addon, and what is said where it or CUDA cannot be had. The addon that a machine would have is played
// by a JavaScript module, which is loaded the same way.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('..', import.meta.url))

/** An addon that says this of itself. */
function playAddon(folder, facts = {}) {
  const { compiled = '2.13.0', loaded = '2.13.0', built = false, available = false } = facts
  const file = path.join(folder, 'addon.js')
  fs.writeFileSync(
    file,
    `module.exports = { registerTensorClass() {}, registerErrorClass() {}, registerWarningListener() {}, compiledVersion: () => '${compiled}', loadedVersion: () => '${loaded}',
    cpuCapability: () => 'AVX2', cudaIsBuilt: () => ${built}, cudaIsAvailable: () => ${available},
    cudaDeviceCount: () => ${available ? 1 : 0} }`,
  )
  return file
}

function run(args, { env = {}, cwd = root } = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
  return { status, stdout, stderr }
}

t.test('Version checked at configure *and* at load', async (t) => {
  const folder = t.testdir()
  const report = `try { require(${JSON.stringify(root)}).ones([1]) } catch (e) {
    console.log(JSON.stringify({ code: e.code, message: e.message, hint: e.hint })) }`
  const load = (facts) => run(['-e', report], { env: { MBCONV_ADDON: playAddon(folder, facts) } })
  const other = JSON.parse(load({ loaded: '2.12.1' }).stdout)
  t.match(other, { code: 'ERR_NATIVE_LOAD', message: /built against libtorch 2\.13\.0 but 2\.12\.1 was loaded/ })
  t.match(other.hint, /LD_LIBRARY_PATH.*npx mbconv setup/)
  t.notMatch(load({ loaded: '2.13.0+cpu' }).stdout, /ERR_NATIVE_LOAD/, "a wheel's suffix is no other version")

  // CMake itself refuses, whoever calls it; the set-up does so before (setup.test.mjs, LIBTORCH).
  const libtorch = path.join(folder, 'torch')
  const header = path.join(libtorch, 'include', 'torch', 'headeronly', 'version.h')
  for (const file of [header, path.join(libtorch, 'include', 'ATen', 'ATen.h')]) {
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(
      file,
      '#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR 10\n#define TORCH_VERSION_PATCH 1\n',
    )
  }
  const configure = spawnSync('cmake', ['-S', root, '-B', path.join(folder, 'build'), `-DLIBTORCH=${libtorch}`], {
    encoding: 'utf8',
  })
  t.not(configure.status, 0)
  t.match(configure.stderr, /libtorch 2\.10\.1[\s\S]*2\.11\s+to\s+2\.15/)
})

t.test('Every addon that could be loaded is in the error, with the reason', async (t) => {
  const folder = t.testdir({ prebuilds: {}, cache: {}, build: { Debug: { 'mbconv.node': 'no addon' } } })
  for (const name of ['dist', 'package.json'])
    fs.cpSync(path.join(root, name), path.join(folder, name), { recursive: true })
  const { platform, arch } = process
  const place = path.join(folder, 'prebuilds', `${platform}-${arch}-cpu`)
  const needs = { platform, arch, glibc: '2.28', napi: 9, torch: '2.13.0', flavour: 'cpu' }
  fs.mkdirSync(place)
  fs.writeFileSync(path.join(place, 'prebuilt.json'), JSON.stringify(needs))
  for (const name of ['mbconv', 'loader']) fs.writeFileSync(path.join(place, `${name}.node`), 'no addon either')

  const module = path.join(folder, 'dist', 'native', 'addon.js')
  const report = `try { require(${JSON.stringify(module)}).native() } catch (e) {
    console.log(JSON.stringify({ code: e.code, message: e.message, hint: e.hint })) }`
  const cache = path.join(folder, 'cache')
  const load = (env) =>
    JSON.parse(run(['-e', report], { env: { MBCONV_CACHE: cache, LIBTORCH: '', MBCONV_ADDON: '', ...env } }).stdout)
  const tried = (error) => error.message.split('\n  ').slice(1)

  const nowhere = load({})
  t.match(nowhere, { code: 'ERR_NATIVE_LOAD', hint: /run: npx mbconv setup/ })
  const [release, debug, prebuilt] = tried(nowhere)
  t.equal(release, `${path.join(folder, 'build', 'Release', 'mbconv.node')}: not there`)
  t.match(debug, `${path.join(folder, 'build', 'Debug', 'mbconv.node')}: `)
  t.notMatch(debug, /not there/, 'it is there, and does not load')
  t.match(prebuilt, `${path.join(place, 'mbconv.node')}: there is no libtorch 2.13.0 for it; looked in ${cache}`)

  const torch = (version) => {
    const libtorch = path.join(folder, `torch-${version}`)
    fs.mkdirSync(path.join(libtorch, 'lib'), { recursive: true })
    fs.writeFileSync(path.join(libtorch, 'lib', 'libtorch_cpu.so'), '')
    fs.writeFileSync(path.join(libtorch, 'mbconv-libtorch.json'), JSON.stringify({ version }))
    return libtorch
  }
  const other = load({ LIBTORCH: torch('2.12.0') })
  t.match(tried(other)[2], /it is for libtorch 2\.13\.0, and the one chosen is 2\.12\.0 \(.*torch-2\.12\.0\)/)
  const fitting = load({ LIBTORCH: torch('2.13.0+cpu') })
  t.match(tried(fitting)[2], /mbconv\.node: .*loader\.node/, 'it is tried')

  fs.writeFileSync(path.join(place, 'prebuilt.json'), JSON.stringify({ ...needs, arch: 'mips' }))
  t.match(tried(load({}))[2], new RegExp(`it is for ${platform} mips, and this is ${platform} ${arch}`))
  fs.rmSync(place, { recursive: true })
  t.match(tried(load({}))[2], `${place}: not there`)
})

t.test('Unavailable CUDA always has a reason', async (t) => {
  const folder = t.testdir({ bin: {}, build: {} })
  // The package as it lies there, with a record of its set-up that can be changed.
  for (const name of ['dist', 'package.json'])
    fs.cpSync(path.join(root, name), path.join(folder, name), { recursive: true })
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'))
  const libtorch = path.join(folder, 'torch')
  fs.mkdirSync(path.join(libtorch, 'lib'), { recursive: true })
  fs.writeFileSync(path.join(libtorch, 'lib', 'libtorch_cpu.so'), '')
  const smi = (script) => {
    const file = path.join(folder, 'bin', 'nvidia-smi')
    fs.rmSync(file, { force: true })
    if (script !== null) fs.writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  }
  const doctor = ({ flavour, addon }) => {
    const setup = { libtorch: { path: libtorch, version: '2.13.0', flavour } }
    fs.writeFileSync(path.join(folder, 'build', 'setup.json'), JSON.stringify(setup))
    const env = { PATH: `${path.join(folder, 'bin')}:/usr/bin:/bin`, MBCONV_ADDON: addon }
    const { stdout } = run([path.join(folder, 'dist', 'cli', 'main.js'), 'doctor', '--json'], { env, cwd: folder })
    return JSON.parse(stdout).findings.find(({ name }) => name === 'CUDA')
  }
  const works = 'echo "NVIDIA H100, 580.65"'
  const cases = [
    { hidden: 'the driver', smi: null, flavour: 'cpu', addon: {}, says: /no nvidia-smi, so no NVIDIA driver/ },
    {
      hidden: 'the driver, with a CUDA build',
      smi: null,
      flavour: 'cuda',
      addon: { built: true },
      says: /nvidia-smi is missing/,
    },
    {
      hidden: 'the kernel module',
      smi: 'echo "could not talk to the driver"; exit 9',
      flavour: 'cuda',
      addon: { built: true },
      says: /nvidia-smi says: could not talk/,
    },
    {
      hidden: "libtorch's CUDA half",
      smi: works,
      flavour: 'cpu',
      addon: {},
      says: /H100.*libtorch is the CPU flavour/,
      remedy: /setup --cuda/,
    },
    {
      hidden: 'the addon',
      smi: works,
      flavour: 'cuda',
      addon: null,
      says: /H100.*addon does not load/,
      remedy: /setup/,
    },
    {
      hidden: "the addon's CUDA half",
      smi: works,
      flavour: 'cuda',
      addon: {},
      says: /H100.*built without CUDA/,
      remedy: /setup --cuda --force/,
    },
    {
      hidden: 'the GPU from libtorch',
      smi: works,
      flavour: 'cuda',
      addon: { built: true },
      says: /H100.*libtorch finds no usable GPU/,
      remedy: /driver 580|CUDA_VISIBLE_DEVICES/,
    },
  ]
  for (const { hidden, smi: script, flavour, addon, says, remedy = /./ } of cases) {
    smi(script)
    const file = addon === null ? path.join(folder, 'none.node') : playAddon(folder, addon)
    const finding = doctor({ flavour, addon: file })
    t.match(finding, { ok: false, found: 'not usable', detail: says }, hidden)
    if (remedy.source !== '.') t.match(finding.remedy, remedy, hidden)
  }
  smi(works)
  const there = doctor({ flavour: 'cuda', addon: playAddon(folder, { built: true, available: true }) })
  t.match(there, { ok: true, found: '1 GPU' }, 'nothing hidden')

  // The library says it as well, without asking anyone.
  const whyNot = (facts, env = {}) => {
    const script = `console.log(require(${JSON.stringify(root)}).cuda.whyNot())`
    return run(['-e', script], { env: { MBCONV_ADDON: playAddon(folder, facts), ...env } }).stdout.trim()
  }
  t.match(whyNot({}), /built against a CPU-only libtorch.*npx mbconv setup --cuda/)
  t.match(whyNot({ built: true }, { CUDA_VISIBLE_DEVICES: '' }), /NVIDIA driver|CUDA_VISIBLE_DEVICES/)
  t.equal(whyNot({ built: true, available: true }), 'null')
})
