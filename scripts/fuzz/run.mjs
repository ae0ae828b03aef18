// Runs a part of the fuzz in child processes, watches them from outside, and reports the findings.
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { read, watch } from '../sweep-operators/watch.mjs'
import { readSignatures } from './signatures.mjs'

const CHILD = fileURLToPath(new URL('child.mjs', import.meta.url))

/** Data segment limit of a child in kB: sizes that are too large must fail before they exhaust the machine. */
const MEMORY = 2_500_000
/** A call that computes or waits for longer than this, in seconds, hangs. */
const COMPUTING = 120
const WAITING = 600
/**
 * Allowed steady growth of a process in the second half of its calls (50,000 in a full run): see growthOf. V8 and
 * malloc vary by some MiB in any case; a leak of 1.5 kB per call is more.
 */
const GROWTH = { rss: 40 * 2 ** 20, heapUsed: 12 * 2 ** 20, files: 4, tensors: 0, transit: 0 }

/** The address sanitizer reserves more than any limit allows, and slows everything down. */
export const sanitized = /asan/.test(process.env.LD_PRELOAD ?? '')

/** Read once. */
let signatures

/**
 * Growth of a process over the second half of its calls: [what, from, to, steadily] for each measure, and those that
 * grew too much. A leak in every call makes each measure larger than the one before. The two largest steps do not
 * count, because malloc keeps the memory of a single large call (a million tensors of `unbind`: 700 MiB).
 */
export function growthOf(measures) {
  const half = measures.slice(Math.floor(measures.length / 2))
  const grown = Object.keys(GROWTH).map((key) => {
    const values = half.map((measure) => measure[key])
    const steps = values.slice(1).map((value, at) => value - values[at])
    steps.sort((a, b) => b - a)
    return [key, values[0], values.at(-1), steps.slice(2).reduce((sum, step) => sum + step, 0)]
  })
  // The address sanitizer delays the release of freed memory.
  const judged = grown.filter(([key]) => !(sanitized && key === 'rss'))
  return { grown, excess: judged.filter(([key, , , steadily]) => steadily > GROWTH[key]) }
}

/**
 * @param part 'public' or 'operators'
 * @param options `calls`, `seed`, `first` (number of the first call, 0), `only` (a pattern of names), `most` (number of
 *   deaths after which a part ends, 20), `broken` (a fault in zeros(), to test that it is found)
 * @returns { calls, refused, thrown, seconds, findings: [text], growth: [[what, from, to, steadily]] }
 */
export async function fuzz(part, { calls, seed, first = 0, only, most = 20, broken }) {
  const folder = mkdtempSync(join(tmpdir(), 'mbconv-fuzz-'))
  const [job, log, home, work] = ['job', 'log', 'home', 'work'].map((name) => join(folder, name))
  if (part === 'public') signatures ??= readSignatures()
  const total = { calls: 0, refused: 0, thrown: 0, seconds: 0, findings: [], growth: [] }
  const to = first + calls
  let from = first
  let deaths = 0
  let measures = []
  try {
    mkdirSync(home)
    while (from < to) {
      rmSync(work, { recursive: true, force: true })
      mkdirSync(join(work, 'folder'), { recursive: true })
      for (const name of [log, `${log}.told`]) rmSync(name, { force: true })
      writeFileSync(job, JSON.stringify({ part, seed, from, to, log, signatures, only, broken }))
      const ulimits = sanitized ? 'ulimit -c 0' : `ulimit -c 0; ulimit -d ${MEMORY}`
      // A test runner that loads itself into every Node process would change its exit status.
      const bare = 'unset NODE_OPTIONS'
      const command = [process.execPath, '--expose-gc', CHILD, job]
      const child = spawn('sh', ['-c', `${ulimits}; ${bare}; exec "$@"`, 'sh', ...command], {
        cwd: work,
        stdio: ['ignore', 'ignore', 'pipe'],
        env: {
          ...process.env,
          HOME: home,
          MBCONV_CACHE: join(home, 'cache'),
          OMP_NUM_THREADS: '1',
          // No request may leave this machine.
          HTTPS_PROXY: 'http://127.0.0.1:9',
          HTTP_PROXY: 'http://127.0.0.1:9',
          NO_PROXY: '',
        },
      })
      const stop = () => child.kill('SIGKILL')
      process.on('exit', stop)
      const patience = sanitized ? 10 : 1
      const limits = { computing: COMPUTING * patience, waiting: WAITING * patience }
      const { code, signal, hung, line, errors, seconds } = await watch(child, log, limits)
      process.off('exit', stop)
      total.seconds += seconds
      const told = read(`${log}.told`)
        .split('\n')
        .filter(Boolean)
        .map((text) => JSON.parse(text))
      for (const { name, index, args, found, error, cause } of told.filter((one) => one.found !== undefined))
        total.findings.push(
          [`${found}: ${name} (call ${index}): ${JSON.stringify(args)}`, error, cause].filter(Boolean).join('\n'),
        )
      measures = told.filter((one) => one.measure !== undefined).map((one) => one.measure)
      if (line === '')
        throw new Error(`a child of the fuzz ended before its first call: ${errors}\n${total.findings.join('\n')}`)
      const { index, name, args, counts, done } = JSON.parse(line)
      for (const key of ['calls', 'refused', 'thrown']) total[key] += counts[key]
      if (done && code === 0) break
      const how = hung
        ? 'never ends'
        : code === 13
          ? 'gives a promise that never settles'
          : (signal ?? `exit status ${code}`)
      total.findings.push(`death: ${name} (call ${index}): ${how}: ${JSON.stringify(args)}\n${errors}`)
      if (++deaths >= most) break
      from = index + 1
    }
    const { grown, excess } = growthOf(measures)
    total.growth = grown
    for (const [key, before, after, steadily] of excess)
      total.findings.push(`growth: ${key} from ${before} to ${after}, ${steadily} of it steadily`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return total
}
