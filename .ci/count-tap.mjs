/*
 * Usage: node count-tap.mjs REPORT STATUS      prints "PASSED FAILED"
 *
 * Counts the assertions in a raw TAP report. A file or subtest that failed although each of its assertions passed (it
 * crashed, timed out, ended early) counts as one failure, and so does a run that has no report, an incomplete one, or
 * ended with a bad status for no visible reason. Skipped and to-do points count as neither.
 */
import fs from 'node:fs'

const [file, status] = process.argv.slice(2)
const lines = fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n') : []

let passed = 0
let failed = 0
let complete = false
let diagnostic = null
// For each depth: how many points, and how many failures, came since the last point one level up.
const points = []
const failures = []

for (const line of lines) {
  const indent = /^ */.exec(line)[0].length
  if (diagnostic !== null) {
    if (line.trim() === '...' && indent === diagnostic) diagnostic = null
    continue
  }
  if (line.trim() === '---') diagnostic = indent
  if (/^1\.\.\d+/.test(line)) complete = true
  const point = /^ *(not )?ok \d+(?:.*?[^\\]# (SKIP|TODO)\b)?/i.exec(line)
  if (point === null) continue
  const depth = indent / 4
  const [, not, directive] = point
  const inside = points[depth + 1] ?? 0
  let bad = failures[depth + 1] ?? 0
  if (inside === 0 && directive === undefined) {
    if (not) bad = 1
    else passed += 1
    failed += bad
  } else if (inside > 0 && not && bad === 0 && directive === undefined) {
    bad = 1
    failed += 1
  }
  points[depth] = (points[depth] ?? 0) + 1
  failures[depth] = (failures[depth] ?? 0) + bad
  points.length = depth + 1
  failures.length = depth + 1
}

if (!complete || (status !== '0' && failed === 0)) failed += 1
console.log(`${passed} ${failed}`)
