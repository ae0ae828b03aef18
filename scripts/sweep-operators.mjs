// Calls every public operator of libtorch's dispatcher with arguments that mostly do not fit, in child processes. Finds
// calls that end the process, never end, or access memory outside a tensor.
//
// Usage: node scripts/sweep-operators.mjs [--calls 120] [--seed 1] [--only REGEXP] [--unruled] [--write]
//
// The calls are determined by the operators' schemas and the seed. Half of the sweep has inaccessible pages after the
// tensors, half before them (sweep-operators/guard.c). Linux only. A sweep ends with status 1 if a call ended a child.
// --unruled ignores the rules and limits, to see what they are for. --write stores the numbers of this sweep, and the
// calls that ended a child, in test/golden/operators-sweep.json, which npm test repeats. Existing entries of that file
// stay, because a call that once was deadly is never forgotten.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { parseSchema } from './sweep-operators/arguments.mjs'
import { publicOperators, sweep } from './sweep-operators/run.mjs'

const require = createRequire(import.meta.url)
const mb = require('../dist/index.js')
const { REFUSALS, refusalOf } = require('../dist/tensor/ops/operator-refusals.js')
const FILE = fileURLToPath(new URL('../test/golden/operators-sweep.json', import.meta.url))

const { values: options } = parseArgs({
  options: {
    calls: { type: 'string', default: '120' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    unruled: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const only = new RegExp(options.only)
const names = publicOperators({ rules: !options.unruled }).filter((name) => only.test(name))
const jobs = names.flatMap((name) => mb.opSchemas(name)).map(parseSchema)
const deaths = []
const started = Date.now()
const total = { calls: 0, answered: 0, reached: 0, uncoded: [] }
for (const guard of ['behind', 'before']) {
  const part = await sweep(jobs, {
    calls: Math.ceil(Number(options.calls) / 2),
    seed: `${options.seed} ${guard}`,
    rules: !options.unruled,
    guard,
    died(death) {
      deaths.push(death)
      console.error(`${death.name} ${death.how} (guard ${guard}): ${JSON.stringify(death.description)}`)
    },
  })
  total.calls += part.calls
  total.answered += part.answered
  total.reached = Math.max(total.reached, part.reached)
  total.uncoded.push(...part.uncoded)
}
for (const one of total.uncoded) console.error(`an error without a code: ${one}`)
const { calls, answered, reached } = total
console.log(
  `${names.length} operators, ${jobs.length} overloads (${reached} answered at least once), ${calls} calls, ` +
    `${answered} answered, ${deaths.length} deaths, ${Math.round((Date.now() - started) / 1000)} s`,
)

if (options.write) {
  const known = JSON.parse(readFileSync(FILE, 'utf8'))
  const all = require('../dist/native/addon.js').native().opNames()
  const refused = Object.fromEntries(
    REFUSALS.map(({ rule }) => [rule, all.filter((n) => refusalOf(n)?.rule === rule).length]),
  )
  if (!options.unruled) {
    known.libtorch = mb.versions().libtorch
    known.dispatcher = all.length
    known.refused = refused
    known.sweep = { seed: options.seed, operators: names.length, overloads: jobs.length, reached, calls, answered }
  }
  const died = new Map(known.died.map((death) => [death.name, death]))
  for (const death of deaths) died.set(death.name, death)
  known.died = [...died.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  // One line per call.
  const { died: list, ...head } = known
  const lines = list.map((death) => `\n    ${JSON.stringify(death)}`).join(',')
  writeFileSync(
    FILE,
    `${JSON.stringify({ ...head, died: [] }, null, 2).replace(/\[\]\n}$/, () => `[${lines}\n  ]\n}`)}\n`,
  )
}
process.exit(deaths.length > 0 && !options.unruled ? 1 : 0)
