// Compiles and runs ./roofs.cc.
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SOURCE = fileURLToPath(new URL('roofs.cc', import.meta.url))
const FOLDER = fileURLToPath(new URL('../../../build/bench', import.meta.url))
const FLAGS = ['-O3', '-march=native', '-ffp-contract=fast', '-std=c++20', '-pthread']

/**
 * @param {number} threads
 * @returns {{flops: number[], copy: number[]} | {reason: string}} operations and bytes a second, with one thread and with
 *   all; or why they are not known
 */
export function measureRoofs(threads, { compiler = process.env.CXX ?? 'c++' } = {}) {
  mkdirSync(FOLDER, { recursive: true })
  const program = join(FOLDER, 'roofs')
  const [command, ...words] = compiler.split(' ')
  const compiled = spawnSync(command, [...words, ...FLAGS, SOURCE, '-o', program], { encoding: 'utf8' })
  if (compiled.status !== 0) {
    const why = compiled.error?.message ?? compiled.stderr.trim().split('\n')[0]
    return { reason: `\`${compiler}\` did not compile scripts/bench/race/roofs.cc: ${why}` }
  }
  const { status, signal, stdout } = spawnSync(program, [String(threads)], { encoding: 'utf8' })
  return status === 0 ? JSON.parse(stdout) : { reason: `its program ended with ${signal ?? `status ${status}`}` }
}
