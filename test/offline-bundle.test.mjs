/*
 * scripts/offline-bundle.mjs and the install.sh it makes. Compiling is left out: a pretended cmake hands over the addon that
 * the tests run with. In place of the Node binary there is a script that starts the real one, which packs faster.
 */
import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { unknownPackages } from '../scripts/offline-bundle/contents.mjs'
import { findCudaHeaders } from '../scripts/offline-bundle/cuda-headers.mjs'
import { uncommonLibraries } from '../scripts/offline-bundle/runtime.mjs'
import { listFiles } from '../scripts/setup/state.mjs'
import { internal } from './helpers/internals.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const SCRIPT = path.join(ROOT, 'scripts', 'offline-bundle.mjs')
const { candidates } = internal('addon')
const { setupFacts } = internal('setupFacts')

if (process.platform !== 'linux') {
  t.pass('bundles are for Linux')
  process.exit()
}

const run = (command, args, options) => spawnSync(command, args, { encoding: 'utf8', ...options })
const home = t.testdir()
const place = (name) => path.join(home, name)
/** Where nothing is but what the shell script itself calls. */
const bare = place('bare')
fs.mkdirSync(bare)
for (const name of ['sh', 'dirname', 'uname', 'gzip', 'sha256sum', 'chmod', 'mv']) {
  const found = process.env.PATH.split(':').find((folder) => fs.existsSync(path.join(folder, name)))
  fs.symlinkSync(path.join(found, name), path.join(bare, name))
}

const node = place('node')
fs.writeFileSync(node, `#!/bin/sh\nexec '${process.execPath}' "$@"\n`, { mode: 0o755 })

/** A bundle of its own for tests that change it. */
const bundle = place('bundle')
const made = run(process.execPath, [SCRIPT, bundle, '--node', node])
const copyOf = (name) => {
  fs.cpSync(bundle, place(name), { recursive: true })
  return place(name)
}
const install = (folder, args = [], env = {}) =>
  run(path.join(bare, 'sh'), [path.join(folder, 'install.sh'), ...args], { env: { PATH: bare, HOME: home, ...env } })

t.test('a bundle holds what is needed and its checksums', async (t) => {
  t.equal(made.status, 0, made.stderr)
  const files = listFiles(bundle)
  for (const name of [
    'install.sh',
    'bin/mbconv',
    'bin/node.gz',
    'mbconv/CMakeLists.txt',
    'mbconv/LICENSE',
    'mbconv/native/addon.cc',
    'mbconv/dist/index.js',
    'mbconv/dist/index.mjs',
    'mbconv/dist/cli/main.js',
    'mbconv/configs/digits.yaml',
    'mbconv/scripts/verify-cuda.mjs',
    'mbconv/node_modules/node-api-headers/include/node_api.h',
    'mbconv/node_modules/node-addon-api/napi.h',
    'mbconv/node_modules/node-addon-api/napi-inl.h',
    'mbconv/node_modules/zod/LICENSE',
  ]) {
    t.ok(files.includes(name), name)
  }
  t.ok(files.some((name) => name.startsWith('mbconv/lib/data/digits/')))
  t.notOk(
    files.find((name) => /\.d\.[cm]?ts$|\.map$/.test(name)),
    'nothing that only compilers read',
  )
  const sums = fs.readFileSync(path.join(bundle, 'SHA256SUMS'), 'utf8').trimEnd().split('\n')
  t.equal(sums.length, files.length - 1)
  for (const line of sums) {
    const [digest, name] = line.split('  ')
    const content = fs.readFileSync(path.join(bundle, name))
    if (createHash('sha256').update(content).digest('hex') !== digest) t.fail(`checksum of ${name}`)
  }
  const total = files.reduce((sum, name) => sum + fs.statSync(path.join(bundle, name)).size, 0)
  t.match(made.stdout, `${(total / 1e6).toFixed(2)} MB  in all`)
  t.match(made.stdout, /MB +\d+ files {2}node_modules\/zod\n/)
})

t.test('install.sh names everything that is missing and how to get it', async (t) => {
  const { status, stderr } = install(copyOf('lacking'))
  t.equal(status, 3, stderr)
  for (const what of [
    /no torch: there is no Python/,
    /--libtorch DIR/,
    /C\+\+20 compiler/,
    /no cmake/,
    /make or ninja/,
  ]) {
    t.match(stderr, what)
  }
})

t.test('a Python without torch, and a folder that is none', async (t) => {
  const folder = copyOf('no-torch')
  const python = place('python')
  fs.writeFileSync(python, `#!/bin/sh\necho '{"torch": null, "programs": "/nowhere"}'\n`, { mode: 0o755 })
  t.match(install(folder, ['--python', python]), { status: 3, stderr: `no torch: ${python} has none` })
  t.match(install(folder, ['--libtorch', home]), { status: 3, stderr: /the torch given: no libtorch in/ })
  t.match(install(folder, ['--jobs', 'many']), { status: 2, stderr: /--jobs/ })
  const { stderr } = install(folder, ['--libtorch', '/nowhere\u001b[2J'])
  t.match(stderr, 'no libtorch in /nowhere\\u001b[2J', 'foreign words as text')
  t.notOk(stderr.includes('\u001b'))
})

t.test('damage and a foreign machine are noticed first', async (t) => {
  const damaged = copyOf('damaged')
  fs.appendFileSync(path.join(damaged, 'mbconv', 'native', 'addon.cc'), ' ')
  t.match(install(damaged), { status: 3, stderr: /damaged or missing/ })
  const foreign = copyOf('foreign')
  const script = fs.readFileSync(path.join(foreign, 'install.sh'), 'utf8')
  fs.writeFileSync(path.join(foreign, 'install.sh'), script.replaceAll(/Linux-\w+/g, 'Plan9-mips'))
  t.match(install(foreign), { status: 3, stderr: /made for Plan9-mips; here is Linux-/ })
})

t.test('the commands of a bundle find all packages in it', async (t) => {
  const folder = copyOf('commands')
  install(folder)
  const mbconv = (...args) => run(path.join(folder, 'bin', 'mbconv'), args, { cwd: home })
  t.match(mbconv('models', 'b0', '--json'), { status: 0, stdout: /5288548/ })
  fs.writeFileSync(place('wrong.yaml'), 'modle: 1\n')
  t.match(mbconv('train', place('wrong.yaml')), { status: 2, stderr: /did you mean model/ })
})

t.test('installing: plain cmake, doctor, verify-cuda', async (t) => {
  const folder = copyOf('whole')
  const tools = place('tools')
  fs.mkdirSync(tools)
  const addon = [...candidates()].find(({ misfit, libtorch }) => misfit === null && libtorch === undefined).path
  const cmake = `#!/bin/sh
case "$1" in
  --version) echo "cmake version 3.25.1" ;;
  -S) echo "$*" > '${place('configured')}' ;;
  --build) mkdir -p "$2/Release" && cp '${addon}' "$2/Release/mbconv.node" ;;
esac
`
  fs.writeFileSync(path.join(tools, 'cmake'), cmake, { mode: 0o755 })
  const env = { PATH: `${tools}:${process.env.PATH}`, CUDA_VISIBLE_DEVICES: '' }
  const libtorch = setupFacts().libtorch.path
  const { status, stdout, stderr } = install(folder, ['--libtorch', libtorch, '--jobs', '1'], env)
  t.equal(status, 3, stderr)
  t.match(stdout, /✓ native addon|ok native addon/)
  t.match(stdout, /no GPU can be used here/)
  const asked = fs.readFileSync(place('configured'), 'utf8')
  t.match(asked, `-DLIBTORCH=${libtorch}`)
  t.match(asked, `-DCMAKE_JS_INC=${path.join(folder, 'mbconv', 'node_modules', 'node-api-headers', 'include')}`)
  t.match(JSON.parse(fs.readFileSync(path.join(folder, 'verify-cuda.json'), 'utf8')), { complete: false })
})

t.test("CUDA's headers: whole, and in the version of torch", async (t) => {
  const site = place('site-packages')
  const toolkit = (folder, version, whole = true) => {
    fs.mkdirSync(path.join(folder, 'include', 'crt'), { recursive: true })
    const header = path.join(folder, 'include', 'cuda_runtime_api.h')
    fs.writeFileSync(header, `#define CUDART_VERSION  ${version}\n`)
    if (whole) fs.writeFileSync(path.join(folder, 'include', 'crt', 'host_config.h'), '')
    return folder
  }
  const torch = path.join(site, 'torch')
  const triton = path.join(site, 'triton', 'backends', 'nvidia')
  fs.mkdirSync(torch, { recursive: true })
  const wheel = toolkit(path.join(site, 'nvidia', 'cu99'), 99000, false)
  const old = toolkit(place('old-toolkit'), 98000)
  t.throws(() => findCudaHeaders(torch, { CUDA_HOME: old }), { message: /no headers of the CUDA 99/, exitCode: 3 })
  toolkit(triton, 99010)
  t.equal(findCudaHeaders(torch, { CUDA_HOME: old }), triton)
  const nvcc = path.join(toolkit(place('toolkit'), 99000), 'bin', 'nvcc')
  fs.mkdirSync(path.dirname(nvcc))
  fs.writeFileSync(nvcc, '', { mode: 0o755 })
  t.equal(findCudaHeaders(torch, { PATH: path.dirname(nvcc) }), place('toolkit'))
  toolkit(wheel, 99000)
  t.equal(findCudaHeaders(torch, { PATH: path.dirname(nvcc) }), wheel)
})

t.test('what a bundle refuses to be made of', async (t) => {
  const occupied = place('occupied')
  fs.mkdirSync(occupied)
  fs.writeFileSync(path.join(occupied, 'thesis.txt'), 'years of work')
  t.match(run(process.execPath, [SCRIPT, occupied, '--node', node]), { status: 2, stderr: /holds something else/ })
  t.ok(fs.existsSync(path.join(occupied, 'thesis.txt')))
  const hostile = place('\u001b[2J')
  fs.renameSync(occupied, hostile)
  t.match(run(process.execPath, [SCRIPT, hostile, '--node', node]), { stderr: '/\\u001b[2J holds something else' })

  const large = place('large-node')
  fs.writeFileSync(large, Buffer.concat([fs.readFileSync(node), randomBytes(46e6)]), { mode: 0o755 })
  t.match(run(process.execPath, [SCRIPT, place('large'), '--node', large]), { status: 2, stderr: /more than 45 MB/ })

  const project = place('project')
  fs.mkdirSync(path.join(project, 'dist'), { recursive: true })
  const code = 'require("zod"); require("./own"); require("node:fs"); await import("@somewhere/left-pad/x.js")'
  fs.writeFileSync(path.join(project, 'dist', 'a.js'), code)
  t.same(unknownPackages(project), ['@somewhere/left-pad'])
  t.same(unknownPackages(ROOT), [])
  t.same(uncommonLibraries(process.execPath), [])
})
