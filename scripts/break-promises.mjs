/*
 * Takes out, one at a time, what each promise (docs/promises.md) rests on, and checks that the promise's test notices.
 * A test that has never been seen to fail proves nothing.
 *
 *   npm run break-promises                  all of them; 10 minutes on two cores, most of it one build
 *     -- --only dispose                     those whose name contains this
 *     -- --keep                             leaves the copy for a look
 *
 * Works in a copy of the checkout, with a build of its own. Each break is a text that must be there exactly once, and
 * what stands in its place; one that does not apply any more is a failure. Ends with "N passed, N failed".
 */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const require = createRequire(import.meta.url)

/** What is taken out: in `file`, `text` becomes `by`; then the test of that name in test/<test>.test.mjs must fail. */
const BREAKS = [
  {
    promise: 'Constant memory without garbage collection',
    what: 'a scope leaves what it owns to the garbage collector',
    file: 'native/env.cc',
    text: '      dispose(handle);\n    }\n    handle = next;',
    by: '      keep(handle);\n    }\n    handle = next;',
    test: 'memory',
  },
  {
    promise: 'Constant memory without garbage collection',
    what: 'a disposed tensor keeps its handle',
    file: 'native/env.cc',
    text: '  napi_close_handle_scope(js_, scope);\n  forget(handle);',
    by: '  napi_close_handle_scope(js_, scope);\n  new char[16384]();',
    test: 'memory',
  },
  {
    promise: 'Scopes survive throw, nesting and early return',
    what: 'a scope is left only when nothing was thrown',
    file: 'lib/tensor/scope.ts',
    text: '  } finally {\n    addon.exitScope(survivors)\n  }',
    by: '  } catch (error) {\n    if (survivors.length < 0) addon.exitScope(survivors)\n    throw error\n  }',
    test: 'scope',
  },
  {
    promise: 'Overlapping async scopes are refused or isolated, never corrupt',
    what: 'promises are let through',
    file: 'lib/tensor/scope.ts',
    text: "  if (typeof promise?.then !== 'function') return\n",
    by: "  if (typeof promise?.then !== 'string') return\n",
    test: 'scope',
  },
  {
    promise: 'Dispose is safe',
    what: 'a tensor that has been disposed is not noticed',
    file: 'native/convert.cc',
    text: '  if (!handle->tensor.defined()) {\n    throw Error("ERR_DISPOSED", argumentName(site) + " has been disposed");\n  }\n',
    by: '',
    test: 'scope',
  },
  {
    promise: 'Parameters, optimiser and EMA state are never scope-owned',
    what: 'parameters belong to the scope around',
    file: 'lib/nn/module.ts',
    text: 'this.#parameters.set(name, keep(tensor.requiresGrad_()))',
    by: 'this.#parameters.set(name, tensor.requiresGrad_())',
    test: 'scope',
  },
  {
    promise: 'Parameters, optimiser and EMA state are never scope-owned',
    what: "an optimiser's state belongs to the scope around",
    file: 'lib/optim/optimizer.ts',
    text: 'group.params.map((p) => keep(make(p)))',
    by: 'group.params.map((p) => make(p))',
    test: 'scope',
  },
  {
    promise: 'Parameters, optimiser and EMA state are never scope-owned',
    what: 'an average belongs to the scope around',
    file: 'lib/optim/ema.ts',
    text: 'this.#live.map((tensor) => keep(tensor.detach().clone()))',
    by: 'this.#live.map((tensor) => tensor.detach().clone())',
    test: 'scope',
  },
  {
    promise: 'No input kills the process',
    what: 'what is no tensor is taken for one',
    file: 'native/convert.cc',
    text: '  if (handle == nullptr) expected(site, "a Tensor", value);\n',
    by: '',
    test: 'fuzz',
  },
  {
    promise: 'No input kills the process',
    what: 'errors have no code',
    file: 'native/error.cc',
    text: '  napi_value errorClass = op.env->errorClass();',
    by: '  napi_value errorClass = nullptr;',
    test: 'fuzz',
  },
  {
    promise: 'CUDA false always has a reason',
    what: 'a build without CUDA is not named',
    file: 'lib/cuda/available.ts',
    text: '  if (!native().cudaIsBuilt()) {',
    by: '  if (native().cudaDeviceCount() < 0) {',
    test: 'load',
  },
  {
    promise: 'CUDA false always has a reason',
    what: 'doctor does not look at the flavour of libtorch',
    file: 'lib/cli/environment.ts',
    text: "  if (state.libtorch?.flavour !== 'cuda') {",
    by: '  if (state.libtorch?.flavour === undefined) {',
    test: 'load',
  },
  {
    promise: 'Version checked at configure *and* at load',
    what: 'any version may be loaded',
    file: 'lib/native.ts',
    text: "  if (found === '' || found.startsWith(compiled)) return\n",
    by: '  if (found !== compiled || found === compiled) return\n',
    test: 'load',
  },
  {
    promise: 'Version checked at configure *and* at load',
    what: 'any version may be built against',
    file: 'CMakeLists.txt',
    text: 'if(NOT minor VERSION_GREATER_EQUAL oldest OR',
    by: 'if(NOT minor VERSION_GREATER_EQUAL 1.0 OR',
    test: 'load',
  },
  {
    promise: 'The event loop stays alive',
    what: 'training runs in the thread that asked for it',
    file: 'lib/train/train.ts',
    text: 'const { signal, resume, worker = true }',
    by: 'const { signal, resume, worker = false }',
    test: 'train',
  },
  {
    promise: 'The event loop stays alive',
    what: 'reading is done at once',
    file: 'lib/tensor/tensor.ts',
    text: '    return native().toTypedArrayAsync(this)\n',
    by: '    return native().toTypedArray(this)\n',
    test: 'train',
  },
  {
    promise: 'Loads in workers, exits cleanly',
    what: 'all threads draw from one generator',
    file: 'native/env.cc',
    text: 'generator(at::detail::createCPUGenerator())',
    by: 'generator(at::detail::getDefaultCPUGenerator())',
    test: 'threads',
  },
  {
    promise: 'Runs without a GPU',
    what: 'a device that is not there is replaced by the CPU',
    file: 'lib/train/device.ts',
    text: '  const why = whyNot() ??',
    by: "  if (devices === 0) return 'cpu'\n  const why = whyNot() ??",
    test: 'cuda',
  },
]

const { values: options } = parseArgs({
  options: { only: { type: 'string', default: '' }, keep: { type: 'boolean', default: false } },
})

function run(command, args, { cwd, env = {}, timeout = 1_800_000 }) {
  const spawned = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    timeout,
    env: { ...process.env, ...env },
  })
  return { ok: spawned.status === 0, output: `${spawned.stdout}${spawned.stderr}` }
}

/** The checkout as it is, without what is built; packages are shared. */
function copyCheckout(folder) {
  const listed = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  for (const name of listed.stdout.split('\0').filter((file) => file !== '' && fs.existsSync(path.join(ROOT, file)))) {
    fs.cpSync(path.join(ROOT, name), path.join(folder, name))
  }
  fs.symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'))
  fs.mkdirSync(path.join(folder, 'build'))
  fs.copyFileSync(path.join(ROOT, 'build', 'setup.json'), path.join(folder, 'build', 'setup.json'))
}

class Copy {
  constructor(folder) {
    this.folder = folder
    this.setup = JSON.parse(fs.readFileSync(path.join(ROOT, 'build', 'setup.json'), 'utf8'))
  }

  /** Builds what a change of `file` has made stale; everything when there is none. Returns what went wrong, if anything. */
  build(file = '') {
    const native = path.join(this.folder, 'build', 'native')
    const steps = []
    if (file === '') {
      const flags = ['-DCMAKE_BUILD_TYPE=Release', `-DLIBTORCH=${this.setup.libtorch.path}`]
      flags.push(`-DCMAKE_JS_INC=${require('node-api-headers').include_dir}`, '-G', this.setup.native.generator)
      steps.push(['cmake', ['-S', this.folder, '-B', native, ...flags]])
    }
    if (file === '' || file.startsWith('native/'))
      steps.push(['cmake', ['--build', native, '-j', String(os.availableParallelism())]])
    if (file === '' || file.startsWith('lib/'))
      steps.push([
        process.execPath,
        [path.join(this.folder, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', this.folder],
      ])
    for (const [command, args] of steps) {
      const { ok, output } = run(command, args, { cwd: this.folder })
      if (!ok) return output.slice(-3000)
    }
    return null
  }

  /** Whether the test of that title passes; null when it does not come to it. */
  passes({ test, promise }) {
    const env = { MBCONV_ADDON: path.join(this.folder, 'build', 'native', 'mbconv.node'), TAP_TIMEOUT: '400' }
    const { output } = run(process.execPath, [path.join('test', `${test}.test.mjs`)], {
      cwd: this.folder,
      env,
      timeout: 450_000,
    })
    const line = output.split('\n').find((text) => /^(not )?ok \d+ - /.test(text) && text.includes(` - ${promise}`))
    return line === undefined ? null : line.startsWith('ok')
  }
}

function attempt(copy, each) {
  const file = path.join(copy.folder, each.file)
  const source = fs.readFileSync(file, 'utf8')
  if (source.split(each.text).length !== 2) return `the text to replace is not there exactly once in ${each.file}`
  fs.writeFileSync(
    file,
    source.replace(each.text, () => each.by),
  )
  try {
    const problem = copy.build(each.file)
    if (problem !== null) return `it does not build:\n${problem}`
    // Killed before its end is noticed as well: the test file fails then.
    return copy.passes(each) === true ? 'its test passes all the same' : null
  } finally {
    fs.writeFileSync(file, source)
  }
}

function main() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'mbconv-promises-'))
  let passed = 0
  let failed = 0
  const count = (ok, line) => {
    if (ok) passed++
    else failed++
    console.log(`${ok ? 'ok  ' : 'FAIL'} ${line}`)
  }
  try {
    copyCheckout(folder)
    const copy = new Copy(folder)
    const problem = copy.build()
    if (problem !== null) throw new Error(`the checkout does not build:\n${problem}`)
    const chosen = BREAKS.filter(({ promise }) => promise.toLowerCase().includes(options.only.toLowerCase()))
    for (const each of new Map(chosen.map((entry) => [entry.promise, entry])).values()) {
      count(copy.passes(each) === true, `${each.promise}: kept`)
    }
    let stale = ''
    for (const each of chosen) {
      // What the last break has left in the build goes with the next one's; another kind of file has to be made again.
      if (stale !== '' && stale.split('/')[0] !== each.file.split('/')[0]) copy.build(stale)
      const survived = attempt(copy, each)
      stale = each.file
      count(
        survived === null,
        `${each.promise}: broken (${each.what})${survived === null ? ', and noticed' : `: ${survived}`}`,
      )
    }
  } finally {
    if (options.keep) console.log(folder)
    else fs.rmSync(folder, { recursive: true, force: true })
  }
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1
}

main()
