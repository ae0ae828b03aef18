// Calls the public API, and operators through callOp, with arguments that mostly do not fit, and with callbacks that
// call back, dispose objects in use and throw. The calls run in child processes that are watched from outside. Findings
// are: a death, a hang, a growing process, leaked tensors, an error without a code. Each is reported with the call and
// the seed.
//
// Usage: node scripts/fuzz.mjs [--calls 100000] [--operators 20000] [--seed S] [--first N] [--only REGEXP]
//
// --calls is for the public API, --operators for callOp. A call depends only on the seed and its number: `--seed S
// --first N --calls 1 --operators 0` repeats call N. --only selects calls by name. Linux only. Exit status 1 if
// something was found.
import { parseArgs } from 'node:util'
import { hangupIsIgnored } from '../lib/process/hangup.cjs'
import { fuzz } from './fuzz/run.mjs'

const { values: options } = parseArgs({
  options: {
    calls: { type: 'string', default: '100000' },
    operators: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    first: { type: 'string', default: '0' },
    only: { type: 'string' },
  },
})
// The child process ends with this one (see fuzz/run.mjs, on 'exit'). With `nohup`, both outlive the terminal.
const outlivesTerminal = hangupIsIgnored()
for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }))
  process.on(signal, () => {
    if (signal !== 'SIGHUP' || !outlivesTerminal) process.exit(code)
  })

const {
  calls: publicCalls,
  operators: operatorCalls,
  first,
} = Object.fromEntries(
  ['calls', 'operators', 'first'].map((name) => {
    if (!/^\d{1,15}$/.test(options[name])) throw new Error(`--${name} takes a whole number`)
    return [name, Number(options[name])]
  }),
)

const mib = (bytes) => `${Math.round(bytes / 2 ** 20)} MiB`
let found = 0
for (const [part, count] of [
  ['public', publicCalls],
  ['operators', operatorCalls],
]) {
  if (count === 0) continue
  const started = Date.now()
  const { seed, only } = options
  const result = await fuzz(part, { calls: count, seed, only, first })
  const { calls, refused, thrown, seconds, findings, growth } = result
  for (const finding of findings) console.error(finding)
  found += findings.length
  const grown = growth.map(([what, ...numbers]) => {
    const [from, to, steadily] = numbers.map((number) => (/^(rss|heapUsed)$/.test(what) ? mib(number) : number))
    return `${what} ${from} to ${to} (${steadily} steadily)`
  })
  console.log(
    `${part}, seed ${seed}: ${calls} calls, ${refused} refused with a code, ${thrown} ended by the fuzz's own errors, ` +
      `${findings.length} findings, ${Math.round(seconds)} s computed, ${Math.round((Date.now() - started) / 1000)} s`,
  )
  console.log(`  growth over the second half: ${grown.join(', ')}`)
}
process.exit(found > 0 ? 1 : 0)
