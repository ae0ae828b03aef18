// Measures the cost of crossing from JavaScript to C++ and back: calls of the addon's own functions with tensors so
// small that the crossing dominates.
//
//   npm run bench:boundary                                 nanoseconds a call of the addon that is built
//     -- --against FILE                                    and of another build of it, FILE, as a ratio
//     -- --rounds N --json
//
// With --against each addon runs in a separate process. The two alternate every few milliseconds, and every round gives
// one ratio of processor times (time that other programs use does not count). Fails if the median ratio of `add` or
// `conv2d` is above the target.
import { fork } from 'node:child_process'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median } from './median.mjs'

const TARGET = 1.05
/** The calls whose ratio must meet the target: those that a network makes. */
const HELD = ['add', 'conv2d']

const { values: options } = parseArgs({
  options: {
    against: { type: 'string' },
    rounds: { type: 'string', default: '101' },
    json: { type: 'boolean', default: false },
    child: { type: 'boolean', default: false },
  },
})
const rounds = Number(options.rounds)
if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds needs a positive number')

/** Calls in a round: about ten milliseconds of each. */
const CALLS = { isGradEnabled: 100_000, add: 4000, conv2d: 2000, shape: 20_000 }

/** Answers "run this many calls of each" with the nanoseconds of processor time per call. */
async function child() {
  const require = createRequire(import.meta.url)
  const { default: mb } = await import('mbconv')
  mb.setNumThreads(1)
  const { native } = require('../../dist/native/addon.js')
  const addon = native()
  const one = mb.ones([1])
  const image = mb.ones([1, 1, 1, 1])
  const ones = [1, 1]
  const zeros = [0, 0]
  const work = {
    isGradEnabled: () => addon.isGradEnabled(),
    add: () => addon.dispose(addon.add(one, one, 1)),
    conv2d: () => addon.dispose(addon.conv2d(image, image, one, ones, zeros, ones, 1)),
    shape: () => addon.shape(image),
  }
  const measure = (call, calls) => {
    const before = process.cpuUsage()
    for (let i = 0; i < calls; i++) call()
    const { user, system } = process.cpuUsage(before)
    return ((user + system) * 1000) / calls
  }
  for (const [name, call] of Object.entries(work)) measure(call, CALLS[name] * 5) // let the compiler optimise first
  process.on('message', (name) => process.send(measure(work[name], CALLS[name])))
  process.send('ready')
}

function start(addon) {
  const env = { ...process.env, ...(addon === undefined ? {} : { MBCONV_ADDON: addon }) }
  const forked = fork(fileURLToPath(import.meta.url), ['--child'], { env })
  const ended = new Promise((_, reject) => {
    forked.once('exit', (code) => reject(new Error(`a side ended with ${code}`)))
  })
  ended.catch(() => {}) // matters only while an answer is awaited
  const answer = () => Promise.race([new Promise((resolve) => forked.once('message', resolve)), ended])
  return {
    ready: answer(),
    run: (name) => {
      forked.send(name)
      return answer()
    },
    stop: () => forked.disconnect(),
  }
}

/** The median and the middle half of the values. */
function spread(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share) => sorted[Math.round((sorted.length - 1) * share)]
  return { median: median(values), low: at(0.25), high: at(0.75) }
}

async function main() {
  const paths = [process.env.MBCONV_ADDON, ...(options.against === undefined ? [] : [resolve(options.against)])]
  const sides = paths.map(start)
  await Promise.all(sides.map(({ ready }) => ready))
  const results = {}
  for (const name of Object.keys(CALLS)) {
    const times = sides.map(() => [])
    for (let round = 0; round < rounds; round++) {
      // Alternate who goes first.
      const order = round % 2 === 0 ? sides.keys() : [...sides.keys()].reverse()
      for (const side of order) times[side].push(await sides[side].run(name))
    }
    const [ours, theirs] = times
    results[name] = { nanoseconds: spread(ours) }
    if (theirs === undefined) continue
    results[name].against = spread(theirs)
    results[name].ratio = spread(ours.map((time, i) => time / theirs[i]))
  }
  for (const side of sides) side.stop()
  for (const [name, { nanoseconds, against, ratio }] of Object.entries(results)) {
    const range = ({ median, low, high }, digits) =>
      `${median.toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`
    let line = `${name}: ${range(nanoseconds, 0)} ns a call`
    if (against !== undefined) {
      const held = HELD.includes(name)
      line += `, against ${range(against, 0)} ns: ${range(ratio, 3)} of it${held ? `, target ≤ ${TARGET}` : ''}`
      if (held && ratio.median > TARGET) process.exitCode = 1
    }
    console.error(line)
  }
  console.error(`medians of ${rounds} rounds, in brackets the middle half of them`)
  if (options.json) console.log(JSON.stringify(results))
}

await (options.child ? child() : main())
