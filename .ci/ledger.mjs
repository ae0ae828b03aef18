/*
 * Usage: node ledger.mjs REPORT SETUP_SECONDS TEST_SECONDS
 *
 * Prints what `npm test` costs on a bare machine beside what it may cost on two idle cores, and where the time of the
 * tests goes. It judges nothing: the machine may be busy with something else.
 */
import fs from 'node:fs'

/** Seconds on two idle cores. */
const LIMITS = { 'set-up': 180, tests: 605 }
const SHOWN = 12

const [file, setup, tests] = process.argv.slice(2)
const spent = { 'set-up': Number(setup), tests: Number(tests) }
const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : ''
const files = [...text.matchAll(/^(?:not )?ok \d+ - (\S+\.test\.mjs) # time=([\d.]+)ms/gm)]
  .map(([, name, time]) => ({ name, seconds: Number(time) / 1000 }))
  .sort((a, b) => b.seconds - a.seconds)

const line = (seconds, words) => console.log(`${seconds.toFixed(1).padStart(8)} s  ${words}`)
console.log('ledger of npm test:')
for (const [what, limit] of Object.entries(LIMITS)) line(spent[what], `${what}, of ${limit} s on two idle cores`)
const sum = files.reduce((total, { seconds }) => total + seconds, 0)
line(sum, `all ${files.length} files, one after another; the longest:`)
for (const { name, seconds } of files.slice(0, SHOWN)) line(seconds, name)
