/*
 * Shared by the scripts that compile native/ for a check: runs cmake without cmake-js, with the results of the set-up.
 */
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { EXIT, SetupError } from './setup/failure.mjs'
import { run } from './setup/run.mjs'
import { readState } from './setup/state.mjs'

/**
 * The libtorch of the finished set-up.
 * @returns {{path: string, version: string, mark: string}}
 */
export function libtorchOfSetup(root) {
  const { libtorch } = readState(root)
  if (libtorch === undefined || !fs.existsSync(libtorch.path)) {
    throw new SetupError('there is no finished set-up here', {
      exitCode: EXIT.environment,
      hint: 'Run `npm run setup`.',
    })
  }
  return libtorch
}

/**
 * Configures the build of native/ in `folder`, against the libtorch in the folder `libtorch`.
 * @param {string[]} define options of CMakeLists.txt, such as 'MBCONV_SANITIZE=ON'
 */
export async function configure(root, folder, libtorch, tools, define, { log, logFile }) {
  const headers = createRequire(path.join(root, 'package.json'))('node-api-headers').include_dir
  const options = ['CMAKE_BUILD_TYPE=Release', `LIBTORCH=${libtorch}`, `CMAKE_JS_INC=${headers}`, ...define]
  const compiler = path.join(folder, 'compiler')
  // CMake cannot change the compiler of a folder that has one.
  const wanted = JSON.stringify([tools.compiler, tools.generator])
  const found = fs.existsSync(compiler) ? fs.readFileSync(compiler, 'utf8') : null
  if (found !== wanted) fs.rmSync(folder, { recursive: true, force: true })
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(compiler, wanted)
  const args = ['-S', root, '-B', folder, '-G', tools.generator, ...options.map((option) => `-D${option}`)]
  const result = await run('cmake', args, { log, env: { ...process.env, CXX: tools.compiler.command } })
  if (result.code !== 0) throw new SetupError('cmake could not configure native/', { log: logFile })
}
