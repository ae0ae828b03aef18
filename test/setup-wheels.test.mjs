/*
 * Wheels that the set-up fetches are those that were published (scripts/setup/wheels.json), and how that table is made
 * (scripts/pin-wheels.mjs). pip is pretended, the indexes are a server of this process.
 */
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import t from 'tap'
import { CLANG_VERSIONS } from '../scripts/clang.mjs'
import { pipsIndex } from '../scripts/pin-wheels/package-index.mjs'
import { pinWheels } from '../scripts/pin-wheels.mjs'
import { TORCH_VERSION, TORCH_VERSIONS } from '../scripts/setup/libtorch.mjs'
import { listFiles } from '../scripts/setup/state.mjs'
import { knownWheels } from '../scripts/setup/wheels.mjs'
import { makeProject, makeWheel, PYTHON } from './helpers/setup-fixture.mjs'

const project = (t, options) => makeProject(path.join(t.testdir(), 'project'), options)
const TORCH = 'torch-2.13.0-py3-none-any.whl'
const RUNTIME = 'nvidia_cuda_runtime-13.0.96-py3-none-any.whl'
const TOOLKIT = 'cuda_toolkit-13.0.3-py3-none-any.whl'
const CLANG_FORMAT = 'clang_format-19.1.7-py3-none-any.whl'
const OTHER = 'f'.repeat(64)

/** The wheels anywhere below a folder. */
const wheelsIn = (folder) => listFiles(folder, (name) => name.endsWith('.whl')).map((name) => path.basename(name))

t.test('a wheel that is not the known one of its name is refused and removed', async (t) => {
  const flavours = [
    [TORCH, '--cpu'],
    [RUNTIME, '--cpu'],
    [TOOLKIT, '--cuda'],
    [RUNTIME, '--cuda'],
  ]
  for (const [wheel, flavour] of flavours.filter(
    ([, flavour]) => flavour === '--cpu' || process.platform === 'linux',
  )) {
    const other = makeProject(path.join(t.testdir(), `${wheel}${flavour}`))
    const { sha256 } = other.changeKnown(wheel, (before) => ({ ...before, sha256: OTHER }))
    const { code, stderr } = await other.run([flavour])
    t.equal(code, 1, `${wheel} ${flavour}: ${stderr}`)
    t.match(stderr, `${wheel} is not what was published: its SHA-256 is ${sha256}, it should be ${OTHER}`)
    t.match(stderr, /removed; start again .*pip config list.*LIBTORCH/)
    t.notOk(wheelsIn(other.cache).includes(wheel), 'it is not found there by the next set-up')
    t.notOk(
      fs.existsSync(path.join(other.cache, `libtorch-2.13.0-${flavour.slice(2)}-${process.platform}-${process.arch}`)),
    )
    if (wheel !== TORCH) continue
    other.changeKnown(wheel, (before) => ({ ...before, sha256 }))
    t.equal((await other.run([flavour])).code, 0, 'once it is the right one, the set-up goes on')
  }
})

t.test('a truncated wheel is refused, known or not', async (t) => {
  const cut = project(t)
  const { size } = cut.changeKnown(TORCH, (before) => before)
  fs.truncateSync(cut.file('wheels', 'torch', TORCH), 100)
  const known = await cut.run()
  t.equal(known.code, 1)
  t.match(known.stderr, `(100 bytes of ${size}), it should be`)
  t.strictSame(wheelsIn(cut.cache), [])
  cut.changeKnown(TORCH, () => null)
  const unknown = await cut.run()
  t.equal(unknown.code, 1)
  t.match(unknown.stderr, /damaged wheel/)
  t.strictSame(wheelsIn(cut.cache), [])
  t.notOk(fs.existsSync(cut.libtorch))
})

t.test('a wheel that nobody knows is told of, and used', async (t) => {
  const own = project(t)
  const { sha256 } = own.changeKnown(TORCH, () => null)
  const { code, stderr } = await own.run()
  t.equal(code, 0, stderr)
  t.match(stderr, `\nsetup: ${TORCH} is not among the wheels that this version of mbconv knows`)
  t.notMatch(stderr, `${RUNTIME} is not among`, 'what is known is not spoken of')
  t.match(stderr, /^setup: libtorch 2\.13\.0, CPU \(no nvidia-smi\) … \d+\.\d s$/m)
  t.match(fs.readFileSync(own.file('build', 'logs', 'libtorch.log'), 'utf8'), `${TORCH}: SHA-256 ${sha256}`)
})

t.test('names of wheels and what pip says are printed as text', async (t) => {
  const hostile = project(t)
  const name = 'torch-2.13.0-\u001b]0;title\u0007\u202e-none-any.whl'
  fs.renameSync(hostile.file('wheels', 'torch', TORCH), hostile.file('wheels', 'torch', name))
  const unknown = await hostile.run()
  t.equal(unknown.code, 0, unknown.stderr)
  t.match(unknown.stderr, 'torch-2.13.0-\\u001b]0;title\\u0007\\u202e-none-any.whl is not among the wheels')
  fs.rmSync(hostile.libtorch, { recursive: true })
  fs.truncateSync(hostile.file('wheels', 'torch', name), 100)
  const damaged = await hostile.run()
  t.equal(damaged.code, 1)
  fs.rmSync(hostile.file('wheels', 'torch'), { recursive: true })
  hostile.write('say/offline', '\u001b[2J\u009b31m')
  const offline = await hostile.run()
  t.equal(offline.code, 3)
  t.match(offline.stderr, /\\u001b\[2J\\u009b31m/)
  for (const { stderr } of [unknown, damaged, offline]) {
    for (const character of '\u001b\u0007\u009b\u202e') t.notOk(stderr.includes(character))
  }
})

t.test('the programs of clang are compared, too', async (t) => {
  const tools = project(t)
  const { sha256 } = tools.changeKnown(CLANG_FORMAT, (before) => ({ ...before, sha256: OTHER }))
  const refused = await tools.run(['clang-format'], {}, 'clang.mjs')
  t.equal(refused.code, 1, refused.stderr)
  t.match(refused.stderr, `${CLANG_FORMAT} is not what was published`)
  t.strictSame(fs.readdirSync(tools.cache), [])
  tools.changeKnown(CLANG_FORMAT, (before) => ({ ...before, sha256 }))
  const { code, stdout, stderr } = await tools.run(['clang-format'], {}, 'clang.mjs')
  t.equal(code, 0, stderr)
  const program = path.join(
    tools.cache,
    `clang-format-${CLANG_VERSIONS['clang-format']}/clang_format/data/bin/clang-format`,
  )
  t.equal(stdout, `${program}\n`)
  fs.accessSync(program, fs.constants.X_OK)
  t.strictSame(fs.readdirSync(tools.cache), [`clang-format-${CLANG_VERSIONS['clang-format']}`])
  tools.calls()
  t.equal((await tools.run(['clang-format'], {}, 'clang.mjs')).stdout, stdout)
  t.strictSame(tools.calls(), [], 'once a machine')
  t.equal((await tools.run(['clang-tidier'], {}, 'clang.mjs')).code, 2)
  fs.symlinkSync(tools.file('scripts'), tools.file('link'))
  t.equal((await tools.run(['clang-format'], {}, '../link/clang.mjs')).stdout, stdout, 'also by another path')
})

t.test('the table: every version of torch on every platform, checksums and nothing else', async (t) => {
  const wheels = knownWheels()
  const names = Object.keys(wheels)
  for (const version of TORCH_VERSIONS) {
    for (const platform of ['manylinux_2_28_x86_64', 'manylinux_2_28_aarch64', 'macosx_\\d+_\\d+_arm64']) {
      for (const python of ['cp311', 'cp312', 'cp313', 'cp314', 'cp314t']) {
        const pattern = new RegExp(`^torch-${version}-cp\\d+-${python}-${platform}\\.whl$`)
        t.ok(
          names.some((name) => pattern.test(name)),
          `${pattern}`,
        )
      }
    }
  }
  t.ok(
    names.some((name) => name.startsWith(`torch-${TORCH_VERSION}+cpu-`)),
    "PyTorch's own CPU wheels",
  )
  for (const [program, version] of Object.entries(CLANG_VERSIONS)) {
    t.ok(
      names.some((name) => name.startsWith(`${program.replace('-', '_')}-${version}-`)),
      program,
    )
  }
  for (const [name, facts] of Object.entries(wheels)) {
    t.match(name, /^[\w.+-]+\.whl$/)
    t.match(facts.sha256, /^[0-9a-f]{64}$/, name)
    t.ok(facts.size === undefined || Number.isSafeInteger(facts.size), name)
    t.strictSame(
      Object.keys(facts).filter((key) => key !== 'sha256' && key !== 'size'),
      [],
      name,
    )
  }
  t.strictSame(names, [...names].sort(), 'in the order of names')
  t.ok(JSON.parse(fs.readFileSync(new URL('../package.json', import.meta.url), 'utf8')).files.includes('scripts/setup'))
})

/** A server of two package indexes: /simple/ answers in JSON, /cpu/ in HTML; both have the files of `folder`. */
async function serveIndexes(t, folder) {
  const wheels = (project) =>
    fs.readdirSync(folder).filter((name) => name.split('-')[0].replaceAll('_', '-') === project)
  const answers = {
    simple: (project) => ({
      type: 'application/vnd.pypi.simple.v1+json',
      text: JSON.stringify({
        files: wheels(project)
          .filter((name) => !name.includes('+'))
          .map((name) => ({ filename: name, url: `../../files/${name}`, hashes: facts(name), size: facts(name).size })),
      }),
    }),
    cpu: (project) => ({
      type: 'text/html',
      text: `<html>${wheels(project)
        .filter((name) => name.includes('+') || name.includes('macosx'))
        .map((name) => `<a href="/files/${encodeURIComponent(name)}#sha256=${facts(name).sha256}">${name}</a><br/>`)
        .join('\n')}</html>`,
    }),
  }
  const facts = (name) => JSON.parse(fs.readFileSync(path.join(folder, '..', 'facts.json'), 'utf8'))[name]
  const server = http.createServer((request, response) => {
    const [, kind, name] = decodeURIComponent(request.url).split('/')
    if (kind === 'files') {
      const content = fs.readFileSync(path.join(folder, name))
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
      const part = from === undefined ? content : content.subarray(Number(from), Number(to) + 1)
      response.writeHead(from === undefined ? 200 : 206, { 'content-length': part.length })
      response.end(request.method === 'HEAD' ? undefined : part)
      return
    }
    const { type, text } = answers[kind](name)
    response.writeHead(200, { 'content-type': type }).end(text)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${server.address().port}`
}

t.test('how the table is made', async (t) => {
  const home = t.testdir()
  const folder = path.join(home, 'files')
  const facts = {}
  const put = (name, requires = []) => {
    const [project, version] = name.split('-')
    facts[name] = makeWheel(path.join(folder, name), project, version, { [`${project}/a`]: name }, { requires })
  }
  const cuda = ['sympy', 'cuda-toolkit[cublas]==13.0.3; platform_system == "Linux"', 'nvidia-nccl-cu13==2.1']
  for (const platform of ['manylinux_2_28_x86_64', 'manylinux_2_28_aarch64']) {
    put(`torch-2.13.0-cp312-cp312-${platform}.whl`, cuda)
    put(`torch-2.13.0+cpu-cp312-cp312-${platform}.whl`)
    put(`nvidia_cublas-13.1.1-py3-none-${platform}.whl`)
    put(`nvidia_cublas-13.2.0-py3-none-${platform}.whl`)
    put(`nvidia_nccl_cu13-2.1-py3-none-${platform}.whl`)
    put(`nvidia_nccl_cu13-2.10-py3-none-${platform}.whl`)
  }
  put('torch-2.13.0-cp312-cp312-macosx_14_0_arm64.whl')
  put('torch-2.13.0-cp312-cp312-win_amd64.whl')
  put('torch-2.12.0-cp312-cp312-manylinux_2_28_x86_64.whl')
  put('cuda_toolkit-13.0.3.0-py2.py3-none-any.whl', [
    "nvidia-cublas<14,>=13.1; sys_platform == 'linux' and extra == 'cublas'",
    "nvidia-curand==1; sys_platform == 'linux' and extra == 'curand'",
  ])
  put('clang_format-1.2-py2.py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl')
  put('clang_format-1.2-py2.py3-none-musllinux_1_2_x86_64.whl')
  const tell = () => fs.writeFileSync(path.join(home, 'facts.json'), JSON.stringify(facts))
  tell()
  const server = await serveIndexes(t, folder)
  const said = []
  // A proxy of the machine cannot be asked for what is here.
  process.env.no_proxy = '127.0.0.1'
  const pin = (known, options = {}) =>
    pinWheels({
      python: PYTHON,
      index: `${server}/simple/`,
      cpuIndex: `${server}/cpu`,
      versions: ['2.13.0'],
      cpuVersion: '2.13.0',
      programs: { 'clang-format': '1.2' },
      known,
      say: (text) => said.push(text),
      ...options,
    })

  const wheels = await pin({})
  t.strictSame(
    Object.keys(wheels),
    Object.keys(facts)
      .filter((name) => !/win_amd64|musllinux|torch-2\.12|nccl_cu13-2\.10/.test(name))
      .sort(),
    'those of the versions and platforms that are wanted, and what they ask for',
  )
  for (const [name, { sha256, size }] of Object.entries(wheels)) {
    t.equal(sha256, facts[name].sha256)
    if (!name.includes('+')) t.equal(size, facts[name].size)
  }

  t.test('an index that is out of reach takes nothing away', async (t) => {
    const kept = await pin(
      { ...wheels, 'torch-2.12.0+cpu-cp312-cp312-linux.whl': { sha256: OTHER } },
      { cpuIndex: 'http://127.0.0.1:9/cpu' },
    )
    t.strictSame(kept, wheels)
    t.match(said.pop(), /out of reach .*: 2 wheels of it are kept/)
  })

  t.test('another file under a known name is an error', async (t) => {
    const [name] = Object.keys(wheels)
    const known = { ...wheels, [name]: { sha256: OTHER } }
    await t.rejects(pin(known), {
      message: `${name}: ${OTHER}, now ${wheels[name].sha256}`,
      hint: /Nothing has been written/,
    })
    delete facts[name].sha256
    tell()
    await t.rejects(pin(wheels), { message: `does not tell the SHA-256 of ${name}` })
  })
})

t.test("pip's own index is asked for", async (t) => {
  process.env.PIP_INDEX_URL = 'https://mirror.example/simple'
  t.equal(await pipsIndex(PYTHON), 'https://mirror.example/simple')
})
