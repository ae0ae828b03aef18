// Races mbconv against PyTorch, onnxruntime, OpenVINO and tfjs on this machine's processor, and writes docs/performance.md.
//
//   npm run bench                          everything; exit status 1 if a target of race/targets.mjs is missed
//     -- --only NAME --only NAME           some rows: the names are in race/rows.mjs
//     -- --profile                         no race: the time of each kernel, with its share of the peak
//     -- --against ID --against ID         only these rivals: the ids are in race/contestants.mjs
//     -- --quick                           few rounds and short turns: to see whether it runs
//     -- --rounds N --threads N            default: 15 rounds; as many threads as physical cores
//     -- --json FILE                       the numbers of every round, too
//   MBCONV_PEER_PYTHON=/path/to/python     a Python that has torch, torchvision, onnxruntime and openvino
//
// With --only, --against and --quick the page is printed instead. A row keeps all its contestants in memory: training with 16 images
// at 224 px needs about 12 GB. Everything takes about 40 minutes on two cores. Both are estimates.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { CONTESTANTS, obstacle, peerPython, pythonPackages } from './race/contestants.mjs'
import { thisMachine } from './race/machine.mjs'
import { pageOf } from './race/page.mjs'
import { printProfile } from './race/profile.mjs'
import { measureRoofs } from './race/roofs.mjs'
import { raceRow } from './race/row.mjs'
import { ROWS } from './race/rows.mjs'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PAGE = join(ROOT, 'docs', 'performance.md')

function usage(message) {
  console.error(message)
  process.exit(2)
}

function optionsOf(words) {
  const text = { type: 'string' }
  const flag = { type: 'boolean', default: false }
  const known = {
    only: { type: 'string', multiple: true },
    against: { type: 'string', multiple: true },
    rounds: text,
    threads: text,
    json: text,
    quick: flag,
    profile: flag,
  }
  try {
    return parseArgs({ args: words, options: known }).values
  } catch (error) {
    return usage(error.message)
  }
}

/** A whole number above zero. */
function countOf(name, given, otherwise) {
  if (given === undefined) return otherwise
  if (!/^[1-9]\d*$/.test(given)) usage(`--${name} needs a whole number above zero, not ${given}`)
  return Number(given)
}

const options = optionsOf(process.argv.slice(2))
const names = ROWS.map(({ name }) => name)
for (const name of options.only ?? [])
  if (!names.includes(name)) usage(`--only ${name}: the rows are ${names.join(', ')}`)

const ids = CONTESTANTS.map(({ id }) => id)
for (const id of options.against ?? []) if (!ids.includes(id)) usage(`--against ${id}: there are ${ids.join(', ')}`)

// Now, so that a name that cannot be written is refused before the race and not after it.
if (options.json !== undefined) writeFileSync(options.json, '')

// An interrupted race ends in order, so that its files are removed; the contestants end when nobody asks them any more.
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
])
  process.once(signal, () => process.exit(128 + number))

const note = (text) => console.error(text)
const machine = thisMachine()
const threads = countOf('threads', options.threads, machine.cores)
const rounds = countOf('rounds', options.rounds, options.quick ? 3 : 15)
/** Seconds of a turn, and seconds after which a contestant is not waited for any longer until it settles. */
const pace = options.quick ? { turn: 0.2, longest: 2 } : { turn: 0.5, longest: 20 }
const python = peerPython()
const setting = { python, env: process.env, threads, rounds, ...pace, note }

/** The package's version and the commit. */
function ourVersion() {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const git = (...words) => spawnSync('git', ['-C', ROOT, ...words], { encoding: 'utf8' })
  const commit = git('rev-parse', '--short', 'HEAD')
  if (commit.status !== 0) return version
  return `${version} (${commit.stdout.trim()}${git('diff', '--quiet', 'HEAD').status === 0 ? '' : ', changed'})`
}

/** Those who can race here, and those who cannot. */
function present() {
  const wanted = CONTESTANTS.filter(({ id }) => id === 'mbconv' || (options.against?.includes(id) ?? true))
  const needed = [...new Set(wanted.flatMap(({ needs = [] }) => needs))]
  const installed = pythonPackages(python, needed)
  const obstacles = wanted.map((each) => obstacle(each, { python, installed, instructions: machine.instructions }))
  const absent = wanted.flatMap(({ id, label }, i) => (obstacles[i] === null ? [] : [{ id, label, ...obstacles[i] }]))
  for (const { label, reason, get } of absent) note(`${label} does not race: ${reason}. To have it: ${get}`)
  return { contestants: wanted.filter((_, i) => obstacles[i] === null), absent }
}

const roofs = measureRoofs(threads)
if (options.profile) {
  for (const row of ROWS.filter(({ name, task }) => task === 'predict' && (options.only?.includes(name) ?? true)))
    printProfile(row, { threads, roofs })
  process.exit(0)
}
const { contestants, absent } = present()
const rows = []
for (const row of ROWS) {
  if (options.only === undefined || options.only.includes(row.name)) rows.push(await raceRow(row, contestants, setting))
}
const words = process.argv.slice(2)
const versions = Object.assign({ mbconv: ourVersion(), Node: process.version }, ...rows.map((row) => row.versions))
const results = {
  command: ['npm run bench', ...(words.length > 0 ? ['--', ...words] : [])].join(' '),
  date: new Date().toISOString().slice(0, 10),
  ...{ machine, versions, threads, rounds, roofs, absent, rows },
}
const { text, status } = pageOf(results)
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results)}\n`)
if (options.only === undefined && options.against === undefined && !options.quick) {
  writeFileSync(PAGE, text)
  note(`wrote ${PAGE}`)
} else console.log(text)
process.exitCode = status
