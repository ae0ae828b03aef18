/*
 * For each promise (docs/promises.md), breaks the code that it rests on, one at a time, and checks that the promise's
 * test notices. A test that has never been seen to fail proves nothing.
 *
 *   npm run break-promises                  all of them: one build, then a file of tests for each break
 *     -- --only dispose                     those whose name contains this
 *     -- --keep                             leaves the copy for a look
 *
 * Works in a copy of the checkout, with its own build. Each break replaces a text that must occur exactly once; a break
 * that no longer applies is a failure. Ends with "N passed, N failed".
 */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { BREAKS } from './break-promises/breaks.mjs'

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const require = createRequire(import.meta.url)

const { values: options } = parseArgs({
  options: { only: { type: 'string', default: '' }, keep: { type: 'boolean', default: false } },
})

/**
 * Runs a command in a process group of its own and kills the group afterwards: a broken program may never end, and
 * neither may what it started. Output goes to a file, because a pipe would be waited for until everyone has closed it.
 */
function run(command, args, { cwd, env = {}, timeout = 1_800_000 }) {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'mbconv-break-')), 'output')
  const fd = fs.openSync(file, 'w')
  try {
    const spawned = spawnSync(command, args, {
      cwd,
      stdio: ['ignore', fd, fd],
      timeout,
      // The test runner handles SIGTERM, and a loop that never ends would not let it.
      killSignal: 'SIGKILL',
      detached: true,
      env: { ...process.env, ...env },
    })
    try {
      process.kill(-spawned.pid, 'SIGKILL')
    } catch {
      // Nobody is left in the group.
    }
    return { ok: spawned.status === 0, output: fs.readFileSync(file, 'utf8') }
  } finally {
    fs.closeSync(fd)
    fs.rmSync(path.dirname(file), { recursive: true, force: true })
  }
}

/** Copies the checkout in its current state, without build results; packages are shared. */
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

  /** Rebuilds what a change of `file` affects; everything if no file is given. Returns the error, if any. */
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
      steps.push(
        [process.execPath, [path.join(this.folder, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', this.folder]],
        [process.execPath, [path.join(this.folder, 'scripts', 'setup', 'calls.mjs')]],
      )
    for (const [command, args] of steps) {
      const { ok, output } = run(command, args, { cwd: this.folder })
      if (!ok) return output.slice(-3000)
    }
    return null
  }

  /** Whether the test named after the promise passes, or the whole file if there is none; null if it does not run. */
  passes({ test, promise, hangs = false, anywhere = false }) {
    const name = path.join('test', `${test}.test.mjs`)
    const [seconds, most] = hangs ? [60, 90] : [400, 450]
    const env = { MBCONV_ADDON: path.join(this.folder, 'build', 'native', 'mbconv.node'), TAP_TIMEOUT: String(seconds) }
    const { ok, output } = run(process.execPath, [name], { cwd: this.folder, env, timeout: most * 1000 })
    const isNamed = fs.readFileSync(path.join(this.folder, name), 'utf8').includes(`t.test('${promise}', `)
    if (anywhere || !isNamed) return ok
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
    // Being killed before the end counts as noticed: the test file fails then.
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
    for (const each of new Map(chosen.map((entry) => [`${entry.promise} ${entry.test}`, entry])).values()) {
      count(copy.passes(each) === true, `${each.promise}: kept`)
    }
    let stale = ''
    for (const each of chosen) {
      // The last break is undone in the build together with the next one. A change of the kind of file needs a separate
      // build.
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
