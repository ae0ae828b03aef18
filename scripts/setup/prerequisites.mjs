/* Checks what must be on the machine before anything can be built, and says how to get it. */
import { EXIT, SetupError } from './failure.mjs'
import { run, which } from './run.mjs'

export const NODE_NEEDED = [20, 19]
export const CMAKE_NEEDED = [3, 18]

/** Uses one library feature and one language feature of C++20, which libtorch's headers need. */
const CXX20 = `#include <concepts>
#include <span>
#if __cplusplus < 202002L
#error this is not C++20
#endif
template <std::integral T> constexpr T twice(T x) { return 2 * x; }
int main() { int a[1] = {0}; return twice(std::span<int>(a)[0]); }
`

const PACKAGES = {
  node: { debian: 'nodejs npm', fedora: 'nodejs npm', macos: 'node' },
  python: { debian: 'python3 python3-pip', fedora: 'python3 python3-pip', macos: 'python' },
  compiler: { debian: 'g++', fedora: 'gcc-c++', macos: null },
  make: { debian: 'make', fedora: 'make', macos: null },
  cmake: { debian: 'cmake', fedora: 'cmake', macos: 'cmake' },
}

/**
 * Checks the requirements of the steps that will run.
 * @param {{npm: boolean, python: boolean, native: boolean}} due
 * @returns {Promise<{python: string|null, compiler: {command: string, version: string}|null, cmake: string|null, generator: string|null, npm: string[]|null}>}
 * @throws SetupError naming everything that is missing, with the commands that install it
 */
export async function checkPrerequisites(due, env = process.env) {
  const missing = []
  const tools = { python: null, compiler: null, cmake: null, generator: null, npm: null }
  const node = process.versions.node
  if (!atLeast(node, NODE_NEEDED)) missing.push(['node', `Node ${NODE_NEEDED.join('.')} or newer: this is ${node}`])
  if (due.npm) {
    tools.npm = findNpm(env)
    if (tools.npm === null) missing.push(['node', 'npm: not on PATH (it comes with Node)'])
  }
  if (due.python) {
    const { file, lack } = await findPython(env)
    tools.python = file
    if (lack !== null) missing.push(['python', lack])
  }
  if (due.native) {
    const { compiler, lack } = await findCompiler(env)
    tools.compiler = compiler
    if (lack !== null) missing.push(['compiler', lack])
    const cmake = await findCmake(env)
    tools.cmake = cmake.version
    if (cmake.lack !== null) missing.push(['cmake', cmake.lack])
    tools.generator = which('ninja', env) ? 'Ninja' : which('make', env) ? 'Unix Makefiles' : null
    if (tools.generator === null) missing.push(['make', 'make or ninja: neither is on PATH'])
  }
  if (missing.length > 0) throw lacking(missing)
  return tools
}

function lacking(missing) {
  const kinds = [...new Set(missing.map(([kind]) => kind))]
  const packages = (system) => kinds.map((kind) => PACKAGES[kind][system]).filter((name) => name !== null)
  const macos = []
  if (kinds.includes('compiler') || kinds.includes('make')) macos.push('xcode-select --install')
  if (packages('macos').length > 0) macos.push(`brew install ${packages('macos').join(' ')}`)
  const lines = [
    'Install what is missing, then start again:',
    `  Debian, Ubuntu:  sudo apt-get install -y ${packages('debian').join(' ')}`,
    `  Fedora:          sudo dnf install -y ${packages('fedora').join(' ')}`,
    `  macOS:           ${macos.join(' && ')}`,
  ]
  if (kinds.includes('node'))
    lines.push('  Where the packaged Node is too old, take it from https://nodejs.org/en/download')
  const list = missing.map(([, text]) => `\n  - ${text}`).join('')
  return new SetupError(`this machine lacks${list}`, { exitCode: EXIT.environment, hint: lines.join('\n') })
}

/** Whether a dotted version is at least [major, minor]. */
export function atLeast(version, [major, minor]) {
  const [a, b] = version.split('.').map(Number)
  return a > major || (a === major && b >= minor)
}

/** The command that starts npm. If npm started this process, the same npm. */
export function findNpm(env) {
  if (/[\\/]npm-cli\.js$/.test(env.npm_execpath ?? '')) return [process.execPath, env.npm_execpath]
  const file = which('npm', env)
  return file === null ? null : [file]
}

async function findPython(env) {
  for (const name of ['python3', 'python']) {
    const file = which(name, env)
    if (file === null) continue
    const version = await run(file, ['--version'])
    if (version.code !== 0 || !/^Python 3\./m.test(version.output)) continue
    const pip = await run(file, ['-m', 'pip', '--version'])
    if (pip.code === 0) return { file, lack: null }
    return { file, lack: `pip for Python 3: \`${file} -m pip\` does not run` }
  }
  return { file: null, lack: 'Python 3 with pip: no python3 on PATH that runs' }
}

async function findCompiler(env) {
  const need = 'a C++20 compiler (g++ 11, clang++ 14 or newer)'
  const tried = []
  for (const command of env.CXX ? [env.CXX] : ['c++', 'g++', 'clang++']) {
    // CXX may also contain a launcher or flags.
    const [program, ...flags] = command.trim().split(/\s+/)
    const file = which(program, env)
    if (file === null) continue
    const result = await run(file, [...flags, '-std=c++20', '-x', 'c++', '-fsyntax-only', '-'], { input: CXX20 })
    const version = (await run(file, [...flags, '--version'])).stdout.split('\n')[0]
    if (result.code === 0) return { compiler: { command: env.CXX ? command : file, version }, lack: null }
    tried.push(version || command)
  }
  const names = env.CXX ? `CXX=${env.CXX}` : 'c++, g++, clang++'
  const why =
    tried.length === 0 ? `${names} not found on PATH` : `cannot compile C++20: ${[...new Set(tried)].join('; ')}`
  return { compiler: null, lack: `${need}: ${why}` }
}

async function findCmake(env) {
  const need = `CMake ${CMAKE_NEEDED.join('.')} or newer`
  const file = which('cmake', env)
  if (file === null) return { version: null, lack: `${need}: no cmake on PATH` }
  const version = /version (\d+\.\d+[\d.]*)/.exec((await run(file, ['--version'])).output)?.[1]
  if (version === undefined) return { version: null, lack: `${need}: ${file} does not run` }
  return { version, lack: atLeast(version, CMAKE_NEEDED) ? null : `${need}: ${file} is ${version}` }
}
