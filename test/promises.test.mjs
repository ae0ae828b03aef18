// docs/promises.md against the tests: each promise of its first table is the title of a test in the file it names, and
// scripts/break-promises.mjs breaks it.
import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { BREAKS } from '../scripts/break-promises/breaks.mjs'

const text = (name) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')
const rows = (table) =>
  table
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| promise'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
const [titled, kept] = text('docs/promises.md').split('For these a whole file').map(rows)
const namedFiles = (cell) => cell.match(/test\/[\w-]+\.test\.mjs/g)

t.test('every promise of the first table has a test of its name, which is broken', async (t) => {
  t.ok(titled.length > 0)
  for (const [promise, , where] of titled) {
    const [file] = namedFiles(where)
    t.ok(text(file).includes(`t.test('${promise}', `), `${file}: ${promise}`)
    t.ok(
      BREAKS.some((each) => each.promise === promise),
      `broken: ${promise}`,
    )
  }
})

t.test('those of the second have files of tests, and what is said to be broken is', async (t) => {
  t.ok(kept.length > 0)
  for (const [promise, where, by] of kept) {
    const files = namedFiles(where)
    t.ok(
      files.every((file) => existsSync(new URL(`../${file}`, import.meta.url))),
      promise,
    )
    // The row may go on where the break's name ends.
    const breaks = BREAKS.filter((each) => promise.startsWith(each.promise))
    t.equal(breaks.length, by === '' ? 0 : by.split(';').length, `broken: ${promise}`)
    for (const { test } of breaks) t.ok(files.includes(`test/${test}.test.mjs`), `${promise}: ${test}`)
  }
})

t.test('every break is of a promise, and applies', async (t) => {
  for (const { promise, what, file, text: there } of BREAKS) {
    t.ok(
      [...titled, ...kept].some(([row]) => row.startsWith(promise)),
      promise,
    )
    t.equal(text(file).split(there).length, 2, `${what}: the text is in ${file} once`)
  }
})
