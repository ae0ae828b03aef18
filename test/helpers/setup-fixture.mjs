/*
 * A small project with the real set-up in it, and tools that only pretend: python3 (with pip), c++, cmake, ninja, npm,
 * cmake-js and tsc. Each writes a line to calls.log, and the files in `say` tell it to misbehave.
 */
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const REPOSITORY = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
/** Python itself, not what a version manager puts before it. */
export const PYTHON = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim()

/** Writes a wheel holding `files`; `spoil` names one whose content is not the one that RECORD has the checksum of. */
const MAKE_WHEEL = `
import base64, hashlib, json, sys, zipfile
path, name, version, spec = sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
info = '%s-%s.dist-info' % (name.replace('-', '_'), version)
meta = 'Metadata-Version: 2.4\\nName: %s\\nVersion: %s\\n' % (name, version)
meta += ''.join('Requires-Dist: %s\\n' % line for line in spec['requires'])
record = ''
with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as z:
    for member, text in {**spec['files'], info + '/METADATA': meta}.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')
        record += '%s,sha256=%s,%d\\n' % (member, digest, len(text))
        z.writestr(member, text + ('!' if member == spec['spoil'] else ''))
    z.writestr(info + '/RECORD', record + info + '/RECORD,,\\n')
`

const VERSION_H = '#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR 13\n#define TORCH_VERSION_PATCH 0\n'

export const TORCH_FILES = {
  'torch/lib/libtorch_cpu.so': 'cpu library',
  'torch/lib/libtorch_cpu.dylib': 'cpu library',
  'torch/lib/libc10.so': 'c10 library',
  'torch/lib/libtorch_python.so': 'serves Python only',
  'torch/lib/libtorch_cuda.so': 'cuda library',
  'torch/include/ATen/ATen.h': '#pragma once\n',
  'torch/include/torch/headeronly/version.h': VERSION_H,
  'torch/__init__.py': 'raise ImportError\n',
  'torch-2.13.0.dist-info/licenses/LICENSE': 'BSD',
}

/** The tools found on PATH. They are shell scripts, which start faster than Node does. */
const SHELL_TOOLS = {
  python3: `
case "$1 $2 $3" in
  "--version  ") echo "Python 3.11.0" ;;
  "-m pip --version") echo "pip 24.0 from nowhere (python 3.11)" ;;
  "-m pip download")
    if [ -e "$FAKE_HOME/say/offline" ]; then
      echo "WARNING: Retrying (Retry(total=0)) after connection broken by NewConnectionError" >&2
      /bin/cat "$FAKE_HOME/say/offline" >&2
      echo "ERROR: No matching distribution found" >&2
      exit 1
    fi
    wheels=nvidia
    while [ $# -gt 0 ]; do
      case "$1" in
        -d) folder=$2 ;;
        torch==*) wheels=torch ;;
        cuda-toolkit==*) wheels=toolkit ;;
        clang-*) wheels=clang ;;
      esac
      shift
    done
    if [ -e "$FAKE_HOME/say/hang" ]; then
      echo half > "$folder/half.whl.part"
      echo $$ > "$FAKE_HOME/hanging"
      exec /bin/sleep 60
    fi
    /bin/cp "$FAKE_HOME/wheels/$wheels/"* "$folder" ;;
  *urllib*) exit 1 ;;
  *) exec '${PYTHON}' "$@" ;;
esac`,
  'c++': 'echo "c++ (pretended) 14"',
  cmake: 'if [ -e "$FAKE_HOME/say/old-cmake" ]; then echo "cmake version 3.10.2"; else echo "cmake version 3.30.0"; fi',
  ninja: '',
  npm: `printf '%s' '{"packages": {"node_modules/cmake-js": {"version": "8.0.0"}, "node_modules/typescript": {"version": "9.0.0"}}}' > node_modules/.package-lock.json`,
}

/** What stands in for the programs of node_modules; the set-up starts them with Node. */
const NODE_TOOLS = `
import fs from 'node:fs'
import path from 'node:path'
const [tool, ...args] = process.argv.slice(2)
const home = process.env.FAKE_HOME
const asked = (name) => fs.existsSync(path.join(home, 'say', name))
fs.appendFileSync(path.join(home, 'calls.log'), [tool, ...args].join(' ') + '\\n')
const after = (flag) => args[args.indexOf(flag) + 1]
if (tool === 'cmake-js') {
  if (asked('compile-error')) {
    console.log('native/a.cc:1:1: error: pretended mistake')
    process.exit(1)
  }
  const out = after('-O')
  fs.mkdirSync(path.join(out, 'Release'), { recursive: true })
  if (args[0] === 'build') {
    console.log('[1/2] Building CXX object CMakeFiles/mbconv.dir/native/a.cc.o')
    console.log('[2/2] Linking CXX shared library Release/mbconv.node')
  }
  if (args[0] === 'build') fs.copyFileSync(path.join(home, 'addon.node'), path.join(out, 'Release', 'mbconv.node'))
} else if (tool === 'tsc') {
  const out = after('--outDir')
  fs.mkdirSync(path.join(out, 'cli'), { recursive: true })
  for (const name of fs.readdirSync('lib')) fs.writeFileSync(path.join(out, name.replace(/ts$/, 'js')), '')
  fs.writeFileSync(path.join(out, 'cli', 'main.js'), '#!/usr/bin/env node')
  if (asked('type-error')) {
    console.log('lib/index.ts(1,1): error TS1: pretended mistake')
    process.exit(2)
  }
} else if (tool === 'calls') {
  fs.writeFileSync(path.join(args[0], 'calls.json'), '{}')
}
`

let smallAddon
/** The content of an addon that loads and does nothing, compiled once. */
function loadableAddon(folder) {
  if (smallAddon === undefined) {
    const source = 'extern "C" void* napi_register_module_v1(void*, void* exports) { return exports; }\n'
    const file = path.join(folder, 'small.node')
    const args = ['-shared', '-fPIC', '-x', 'c++', '-', '-o', file]
    execFileSync(process.env.CXX ?? 'c++', args, { input: source })
    smallAddon = fs.readFileSync(file)
  }
  return smallAddon
}

/** An addon that stands in for the prebuilt one and for its loader: open() gives the text of FAKE_DLOPEN. */
const PREBUILT = `
#include <cstdlib>
extern "C" {
int napi_create_function(void*, const char*, unsigned long, void* (*)(void*, void*), void*, void**);
int napi_create_string_utf8(void*, const char*, unsigned long, void**);
int napi_set_named_property(void*, void*, const char*, void*);
static void* give(void* env, void*) {
  const char* reason = getenv("FAKE_DLOPEN");
  void* text;
  napi_create_string_utf8(env, reason ? reason : "", -1ul, &text);
  return text;
}
void* napi_register_module_v1(void* env, void* exports) {
  void* function;
  napi_create_function(env, "open", -1ul, give, nullptr, &function);
  napi_set_named_property(env, exports, "open", function);
  return exports;
}
}`

let smallPrebuilt
function loadablePrebuilt(folder) {
  if (smallPrebuilt === undefined) {
    const file = path.join(folder, 'small-prebuilt.node')
    const args = ['-shared', '-fPIC', '-x', 'c++', '-', '-o', file]
    execFileSync(process.env.CXX ?? 'c++', args, { input: PREBUILT })
    smallPrebuilt = fs.readFileSync(file)
  }
  return smallPrebuilt
}

/**
 * Makes a wheel that holds `files`.
 * @param {{requires?: string[], spoil?: string|null}} options requires: its Requires-Dist; spoil: the member that is damaged
 * @returns {{sha256: string, size: number}}
 */
export function makeWheel(file, name, version, files, { requires = [], spoil = null } = {}) {
  fs.mkdirSync(path.dirname(file), { recursive: true })
  execFileSync(PYTHON, ['-c', MAKE_WHEEL, file, name, version, JSON.stringify({ files, requires, spoil })])
  const content = fs.readFileSync(file)
  return { sha256: createHash('sha256').update(content).digest('hex'), size: content.length }
}

/**
 * Makes the project in `folder`.
 * @param {{checkout?: boolean, prebuilt?: boolean, without?: string[], spoil?: string}} options checkout: with lib/ and a lock file, as a
 *   clone has; prebuilt: with the addon that travels in the package; without: tools that are missing; spoil: a member of
 *   the torch wheel that is damaged
 */
export function makeProject(folder, { checkout = false, prebuilt = false, without = [], spoil = null } = {}) {
  const write = (name, text, mode) => {
    const file = path.join(folder, name)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, text, { mode })
    return file
  }
  fs.cpSync(path.join(REPOSITORY, 'scripts', 'setup'), path.join(folder, 'scripts', 'setup'), { recursive: true })
  for (const name of ['setup.mjs', 'clang.mjs']) {
    fs.cpSync(path.join(REPOSITORY, 'scripts', name), path.join(folder, 'scripts', name))
  }
  const shared = ['libtorch', 'platform', 'prebuilt'].map((name) => `native/${name}.cjs`)
  for (const name of ['process/hangup.cjs', 'files/lock-file.cjs', ...shared])
    write(`lib/${name}`, fs.readFileSync(path.join(REPOSITORY, 'lib', name)))
  fs.mkdirSync(path.join(folder, 'native'))
  fs.cpSync(path.join(REPOSITORY, 'native', 'torch-versions.txt'), path.join(folder, 'native', 'torch-versions.txt'))
  write('fake.mjs', NODE_TOOLS)
  write('say/nothing', '')
  write('calls.log', '')
  write('home/empty', '')
  write('addon.node', loadableAddon(folder))
  for (const [tool, script] of Object.entries(SHELL_TOOLS)) {
    const note = `[ "$1" = -c ] && echo "${tool} -c" >> "$FAKE_HOME/calls.log" || echo "${tool} $*" >> "$FAKE_HOME/calls.log"`
    if (!without.includes(tool)) write(`bin/${tool}`, `#!/bin/sh\n${note}\n${script}\n`, 0o755)
  }
  const script = (tool) => `process.argv.splice(2, 0, '${tool}')\nimport('${path.join(folder, 'fake.mjs')}')\n`
  write('node_modules/cmake-js/package.json', '{"version": "8.0.0"}')
  write('node_modules/node-addon-api/package.json', '{"version": "8.0.0"}')
  write('node_modules/cmake-js/bin/cmake-js', script('cmake-js'))
  write('package.json', '{"name": "pretended"}')
  write('CMakeLists.txt', '')
  write('native/a.cc', 'int a;\n')
  if (prebuilt) {
    const { platform, arch } = process
    const needs = { platform, arch, glibc: '2.28', napi: 9, torch: '2.13.0', flavour: 'cpu' }
    const place = `prebuilds/${platform}-${arch}-cpu`
    write(`${place}/prebuilt.json`, JSON.stringify(needs))
    for (const name of ['mbconv', 'loader']) write(`${place}/${name}.node`, loadablePrebuilt(folder))
  }
  if (checkout) {
    const packages = {}
    for (const name of ['cmake-js', 'typescript']) packages[`node_modules/${name}`] = { version: '8.0.0' }
    write('node_modules/typescript/package.json', '{"version": "8.0.0"}')
    // The real ones read the declarations with the compiler's library, which is not pretended.
    write('scripts/setup/describe-keys.mjs', script('describe-keys'))
    write('scripts/setup/calls.mjs', script('calls'))
    write('node_modules/typescript/bin/tsc', script('tsc'))
    write('node_modules/.package-lock.json', JSON.stringify({ packages }))
    write('package-lock.json', JSON.stringify({ packages: { '': {}, ...packages } }))
    write('tsconfig.json', '{}')
    write('lib/index.ts', '')
  }
  const known = {}
  const wheel = (kind, name, version, files, requires) => {
    const file = path.join(folder, 'wheels', kind, `${name.replaceAll('-', '_')}-${version}-py3-none-any.whl`)
    known[path.basename(file)] = makeWheel(file, name, version, files, { requires, spoil })
  }
  wheel('torch', 'torch', '2.13.0', TORCH_FILES, [
    'sympy',
    'cuda-toolkit[cublas,cudart,cupti]==13.0.3; platform_system == "Linux"',
  ])
  wheel('toolkit', 'cuda-toolkit', '13.0.3', {}, [
    'nvidia-cuda-runtime==13.0.96.*; extra == "all"',
    "nvidia-cuda-runtime==13.0.96.*; (sys_platform == 'linux' or sys_platform == 'win32') and extra == 'cudart'",
    'nvidia-cublas==13.1.1.3.*; sys_platform == "win32" and extra == "cublas"',
  ])
  const runtime = {
    'nvidia/cu13/lib/libcudart.so.13': 'runtime',
    'nvidia/cu13/lib/libcudart_static.a': 'archive',
    'nvidia/cu13/include/cuda.h': 'header',
  }
  wheel('nvidia', 'nvidia-cuda-runtime', '13.0.96', runtime, [])
  wheel('clang', 'clang-format', '19.1.7', { 'clang_format/data/bin/clang-format': '#!/bin/sh\n' }, [])
  write('scripts/setup/wheels.json', JSON.stringify(known))
  return new Project(folder)
}

class Project {
  constructor(folder) {
    this.folder = folder
    this.cache = path.join(folder, 'home', '.cache', 'mbconv')
    this.libtorch = path.join(this.cache, `libtorch-2.13.0-cpu-${process.platform}-${process.arch}`)
  }

  file(...names) {
    return path.join(this.folder, ...names)
  }

  exists(...names) {
    return fs.existsSync(this.file(...names))
  }

  write(name, text) {
    fs.writeFileSync(this.file(name), text)
  }

  /** From now on the pretended tools misbehave in this way. */
  say(name) {
    this.write(`say/${name}`, '')
  }

  takeBack(name) {
    fs.rmSync(this.file('say', name), { force: true })
  }

  /** The tools called since the last time, one line each. */
  calls() {
    const lines = fs.readFileSync(this.file('calls.log'), 'utf8').split('\n').slice(0, -1)
    this.write('calls.log', '')
    return lines
  }

  /** What the set-up knows of a wheel is changed by `change`, or forgotten when that gives null. */
  changeKnown(wheel, change) {
    const file = this.file('scripts', 'setup', 'wheels.json')
    const known = JSON.parse(fs.readFileSync(file, 'utf8'))
    const { [wheel]: before, ...others } = known
    const after = change(before)
    fs.writeFileSync(file, JSON.stringify(after === null ? others : { ...others, [wheel]: after }))
    return before
  }

  /** Starts the set-up, or another script; `.done` resolves to {code, signal, stdout, stderr}. */
  start(args = [], env = {}, script = 'setup.mjs') {
    const child = spawn(process.execPath, [this.file('scripts', script), ...args], {
      // Nothing of the environment the tests run in, where the real tools and settings are.
      env: { PATH: this.file('bin'), HOME: this.file('home'), FAKE_HOME: this.folder, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text
    })
    const done = new Promise((resolve) => {
      child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
    })
    return { child, done }
  }

  run(args, env, script) {
    return this.start(args, env, script).done
  }

  /** Waits until the file exists. */
  async appears(...names) {
    for (let i = 0; i < 4000; i++) {
      if (this.exists(...names)) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error(`${this.file(...names)} does not appear`)
  }
}

/** Whether a process with this number is running (a zombie has ended). */
export function isRunning(pid) {
  try {
    process.kill(pid, 0)
    return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch (error) {
    if (error.code === 'ESRCH') return false
    return error.syscall === 'open' ? process.platform !== 'linux' : true
  }
}
