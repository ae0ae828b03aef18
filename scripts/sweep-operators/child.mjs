// Usage: child.mjs JOB   Makes the calls of a sweep, see run.mjs, and writes each one down before it makes it.
import { appendFileSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { build, chooser, describeCall } from './arguments.mjs'

const require = createRequire(import.meta.url)
const mb = require('../../dist/index.js')
const addon = require('../../dist/native/addon.js').native()

const { jobs, from, calls, seed, rules, log } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const file = openSync(log, 'w')
const call = rules ? mb.callOp : addon.callOp
const counts = { calls: 0, answered: 0, uncoded: [] }
let reached

function write(record) {
  const text = Buffer.from(JSON.stringify(record))
  writeSync(file, text, 0, text.length, 0)
  ftruncateSync(file, text.length)
}

/** Reads the whole result, and runs backward through it. */
function use(result) {
  if (Array.isArray(result)) for (const one of result) use(one)
  if (!(result instanceof mb.Tensor)) return
  // An expanded tensor may have more elements than can be added up.
  if (result.numel > 2 ** 24) return
  if (result.requiresGrad) result.sum().backward()
  else addon.callOp('aten::clone', [result])
}

function attempt(name, { args, kwargs }) {
  counts.calls++
  try {
    mb.scope(() => {
      const named = Object.entries(kwargs).map(([key, value]) => [key, build(value, call)])
      use(
        call(
          name,
          args.map((value) => build(value, call)),
          Object.fromEntries(named),
        ),
      )
    })
    counts.answered++
    if (reached !== name) appendFileSync(`${log}.reached`, `${name}\n`)
    reached = name
  } catch (error) {
    if (!(error instanceof mb.MbconvError && error.code && error.op)) counts.uncoded.push(`${name}: ${error?.stack}`)
  }
}

for (let at = from.job; at < jobs.length; at++) {
  const { name, parameters, descriptions } = jobs[at]
  for (let index = at === from.job ? from.call : 0; index < (descriptions?.length ?? calls); index++) {
    const description = descriptions?.[index] ?? describeCall(chooser(`${seed} ${name} ${index}`), name, parameters)
    write({ at, index, name, counts, description })
    mb.manualSeed(index)
    attempt(name, description)
  }
}
write({ done: true, counts })
