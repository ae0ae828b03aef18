/*
 * The two JavaScript steps: installing the packages of package-lock.json, and compiling lib/ to dist/, with a table of
 * what each public function takes (./calls.mjs).
 */
import fs from 'node:fs'
import path from 'node:path'
import { EXIT, SetupError } from './failure.mjs'
import { run } from './run.mjs'
import { contentDigest, listFiles, treeDigest } from './state.mjs'

/** Whether this is a checkout, with the sources and the lock file, rather than an installed package. */
export function isCheckout(root) {
  return fs.existsSync(path.join(root, 'package-lock.json')) && fs.existsSync(path.join(root, 'lib', 'index.ts'))
}

/**
 * Whether node_modules matches package-lock.json: every package in its version, and no others. npm writes the list of
 * installed packages last, so it is missing after an interrupted installation.
 */
export function packagesFresh(root) {
  const folder = path.join(root, 'node_modules')
  let wanted
  let installed
  try {
    wanted = JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages
    installed = JSON.parse(fs.readFileSync(path.join(folder, '.package-lock.json'), 'utf8')).packages
  } catch (error) {
    if (error.code === 'ENOENT' || error instanceof SyntaxError) return false
    throw error
  }
  for (const [name, entry] of Object.entries(wanted)) {
    if (name === '') continue
    const found = installed[name]
    if (found === undefined) {
      // Optional packages may be for another machine.
      if (!entry.optional && !entry.devOptional) return false
    } else if (found.version !== entry.version || found.integrity !== entry.integrity) return false
  }
  return Object.keys(installed).every((name) => name in wanted && fs.existsSync(path.join(root, name, 'package.json')))
}

export async function installPackages(root, npm, { log, logFile }) {
  const [command, ...first] = npm
  // Include development packages whatever npm's settings: they hold the compiler, which reads the optional packages'
  // types. No package needs its install script, and newer npm refuses to run them.
  const options = ['--include=dev', '--include=optional', '--ignore-scripts', '--no-audit', '--no-fund']
  const args = [...first, 'ci', ...options]
  const result = await run(command, args, { log, cwd: root })
  if (result.code === 0) return
  const offline = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ECONNRESET|network/i.test(result.output)
  throw new SetupError(offline ? 'npm cannot reach its package registry' : '`npm ci` failed', {
    exitCode: offline ? EXIT.environment : EXIT.failure,
    hint: offline ? "Check the network, and npm's proxy and registry settings, then try again." : null,
    log: logFile,
    // npm prints its usage below this part.
    excerpt:
      result.output
        .match(/^npm (error|ERR!) .*/gm)
        ?.slice(0, 12)
        .join('\n') ?? null,
  })
}

function compileDigest(root) {
  const sources = listFiles(path.join(root, 'lib'), (name) => /\.([cm]?[jt]s|json)$/.test(name))
  const files = [
    'tsconfig.json',
    'package-lock.json',
    'scripts/setup/describe-keys.mjs',
    'scripts/setup/calls.mjs',
    ...sources.map((name) => `lib/${name}`),
  ]
  return contentDigest(root, files)
}

/** Whether dist/ was compiled from the current sources. */
export function compiledFresh(root, state) {
  const { digest, dist } = state.javascript ?? {}
  return dist !== undefined && dist === treeDigest(path.join(root, 'dist')) && digest === compileDigest(root)
}

/**
 * Compiles into a folder beside dist/ (the source maps hold relative paths) and then replaces dist/ with it.
 * @returns {Promise<object>} what to store as state.javascript
 */
export async function compile(root, { log, logFile }) {
  const compiler = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  if (!fs.existsSync(compiler)) {
    throw new SetupError('the package typescript is missing', { hint: 'Run it without --skip-npm.' })
  }
  const [fresh, old, dist] = ['.dist-new', '.dist-old', 'dist'].map((name) => path.join(root, name))
  const digest = compileDigest(root)
  const clean = () => {
    for (const dir of [fresh, old]) fs.rmSync(dir, { recursive: true, force: true })
  }
  clean()
  try {
    const result = await run(process.execPath, [compiler, '-p', root, '--outDir', fresh], { log, cwd: root })
    if (result.code !== 0) throw new SetupError('the TypeScript sources do not compile', { log: logFile })
    const describe = path.join(root, 'scripts', 'setup', 'describe-keys.mjs')
    const described = await run(process.execPath, [describe, fresh], { log, cwd: root })
    if (described.code !== 0) throw new SetupError('the keys of configurations have no descriptions', { log: logFile })
    const calls = await run(process.execPath, [path.join(root, 'scripts', 'setup', 'calls.mjs'), fresh], {
      log,
      cwd: root,
    })
    if (calls.code !== 0) throw new SetupError('what the functions take cannot be read', { log: logFile })
    const command = path.join(fresh, 'cli', 'main.js')
    if (fs.existsSync(command)) fs.chmodSync(command, 0o755)
    if (fs.existsSync(dist)) fs.renameSync(dist, old)
    fs.renameSync(fresh, dist)
  } finally {
    clean()
  }
  return { digest, dist: treeDigest(dist) }
}
