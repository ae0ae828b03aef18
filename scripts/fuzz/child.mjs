// Usage: child.mjs JOB   Makes the calls of a part of the fuzz, see run.mjs, and writes each one down before it makes it.
import { appendFileSync, ftruncateSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { setImmediate as turn } from 'node:timers/promises'
import { isObject } from './context.mjs'

const require = createRequire(import.meta.url)
const mb = require('mbconv')
const { part, seed, from, to, log, ...job } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const file = openSync(log, 'w')
const counts = { calls: 0, refused: 0, thrown: 0 }

/** Writes the call in flight as one line, for the watcher. */
function write(record) {
  const text = Buffer.from(JSON.stringify({ ...record, counts }))
  writeSync(file, text, 0, text.length, 0)
  ftruncateSync(file, text.length)
}
let current = { name: 'the start' }
/** Reports findings and measures, one per line, to a file that outlives this process. */
const tell = (record) => appendFileSync(`${log}.told`, `${JSON.stringify({ ...current, ...record })}\n`)

const textOf = (error) => {
  try {
    return String(error?.stack ?? error).slice(0, 3000)
  } catch {
    return 'something that is no text'
  }
}

/**
 * Errors that the fuzz's own getters and callbacks threw. They must come out unchanged, or as the cause of an error
 * with a code. Every other error must have a code.
 */
const planned = new WeakSet()
const plannedValues = new Set()
function remember(error) {
  if (isObject(error)) planned.add(error)
  else plannedValues.add(error)
  return error
}
const isPlanned = (error) => (isObject(error) ? planned.has(error) : plannedValues.has(error))

function judge(error) {
  if (isPlanned(error)) counts.thrown++
  else if (error instanceof mb.MbconvError && /^ERR_[A-Z_]+$/.test(error.code) && error.message !== '') {
    counts.refused++
    if (error.code === 'ERR_INTERNAL') tell({ found: 'internal', error: textOf(error), cause: textOf(error.cause) })
  } else tell({ found: 'uncoded', error: textOf(error) })
}
process.on('unhandledRejection', (error) => {
  if (!isPlanned(error)) tell({ found: 'a rejection that nobody could handle', error: textOf(error) })
})
process.on('uncaughtException', (error) => {
  if (!isPlanned(error)) tell({ found: 'an error outside every call', error: textOf(error) })
})

/** Measures the resources of this process after a full clean-up. */
async function measure(index) {
  for (let i = 0; i < 2; i++) {
    globalThis.gc()
    await turn()
  }
  mb.trimMemory()
  const { rss, heapUsed } = process.memoryUsage()
  const files = readdirSync('/proc/self/fd').length
  tell({ index, measure: { rss, heapUsed, files, ...mb.memory(), transit: mb.threads.inTransit().tensors } })
}

// Calls may change how tensors are made; restore the defaults for the next call.
function reset() {
  mb.debug.setStrict(false)
  mb.debug.trackTensors(false)
  if (mb.isDeterministic()) mb.setDeterministic(false)
  if (mb.getNumThreads() !== 1) mb.setNumThreads(1)
}

const makePart = (await import(`./${part}.mjs`)).default
const call = await makePart(mb, { ...job, seed, remember, judge, tell })
const every = Math.max(1, Math.floor((to - from) / 16))
const alone = to - from === 1
let live = mb.memory().tensors
for (let index = from; index < to; index++) {
  counts.calls++
  if (alone) mb.debug.trackTensors(true)
  await call(index, (name, args, depth = 0) => {
    // A callback's call is logged after the call that led to it.
    current = depth === 0 ? { index, name, args } : { ...current, name: `${current.name} > ${name}`.slice(-300) }
    write(current)
  })
  reset()
  if (index % 16 === 15) await turn()
  const now = mb.memory().tensors
  // A call that runs alone is traced in detail, which makes every operation slower.
  if (now > live)
    tell({ found: 'tensors left behind', error: alone ? JSON.stringify(mb.debug.liveTensors()) : `${now - live}` })
  live = now
  if ((index - from) % every === every - 1) await measure(index)
}
await turn()
write({ done: true })
process.exit(0)
