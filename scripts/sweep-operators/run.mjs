// Runs the calls of a sweep in child processes, one after another, and reports which calls ended one.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { read, watch } from './watch.mjs'

const require = createRequire(import.meta.url)
const here = (name) => fileURLToPath(new URL(name, import.meta.url))

/** Data segment limit of a child in kB: huge sizes must fail in libtorch before they exhaust the machine. */
const MEMORY = 1_500_000
/** A call that computes for longer than this, in seconds, never ends; one that waits for longer is stuck. */
const COMPUTING = 8
const WAITING = 120

/**
 * The operators to sweep: those that callOp accepts, or, without rules, also those that its rules refuse; never
 * internal ones.
 */
export function publicOperators({ rules }) {
  if (rules) return require('../../dist/index.js').opNames()
  return require('../../dist/native/addon.js')
    .native()
    .opNames()
    .filter((name) => !/(^|::)_/.test(name))
}

/**
 * @param jobs [{ name, parameters, descriptions }]: an overload and its calls; without descriptions, `calls` are
 *   generated.
 * @param rules Whether callOp's rules apply, or operators are called directly.
 * @param guard 'behind' or 'before': where the inaccessible memory is close to the tensors.
 * @param died Called for each call that ended a child, as { name, how, guard, description }.
 */
export async function sweep(
  jobs,
  { calls = 0, seed = '1', rules = true, guard = 'behind', patience = 1, died = () => {} },
) {
  const folder = mkdtempSync(join(tmpdir(), 'mbconv-sweep-'))
  const [log, job, library] = ['log', 'job', 'guard.so'].map((name) => join(folder, name))
  const total = { calls: 0, answered: 0, reached: 0, uncoded: [] }
  const deaths = new Map()
  let from = { job: 0, call: 0 }
  try {
    execFileSync(process.env.CC ?? 'cc', ['-O1', '-shared', '-fPIC', '-o', library, here('guard.c')])
    while (from.job < jobs.length) {
      writeFileSync(job, JSON.stringify({ jobs, from, calls, seed, rules, log }))
      rmSync(log, { force: true })
      const shell = `ulimit -c 0; ulimit -d ${MEMORY}; exec "$@"`
      const child = spawn('sh', ['-c', shell, 'sh', process.execPath, here('child.mjs'), job], {
        cwd: folder,
        stdio: ['ignore', 'ignore', 'pipe'],
        env: {
          ...process.env,
          LD_PRELOAD: library,
          MBCONV_NO_CACHING_ALLOCATOR: '1',
          OMP_NUM_THREADS: '1',
          ...(guard === 'before' ? { GUARD_BEFORE: '1' } : {}),
        },
      })
      const { code, signal, hung, line, errors } = await watch(child, log, { computing: COMPUTING, waiting: WAITING })
      if (line === '') throw new Error(`a child of the sweep ended before its first call: ${errors}`)
      const { at, index, name, counts, done, description } = JSON.parse(line)
      total.calls += counts.calls
      total.answered += counts.answered
      total.uncoded.push(...counts.uncoded)
      if (done && code === 0) break
      const how = hung ? 'never ends' : (signal ?? `exit status ${code}`)
      died({ name, how, guard, description })
      const count = (deaths.get(name) ?? 0) + 1
      deaths.set(name, count)
      from = count >= patience && calls > 0 ? { job: at + 1, call: 0 } : { job: at, call: index + 1 }
    }
    total.reached = new Set(read(`${log}.reached`).split('\n').filter(Boolean)).size
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return total
}
