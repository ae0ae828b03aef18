// docs/promises.md against the tests: each promise of its first table is the title of a test in the file it names, and
// scripts/break-promises.mjs breaks it.
import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'

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
const [broken, kept] = text('docs/promises.md').split('Kept as well').map(rows)

t.test('every promise has a test of its name, which is broken', async (t) => {
  t.equal(broken.length, 11)
  const breaks = text('scripts/break-promises.mjs')
  for (const [promise, , where] of broken) {
    const file = where.match(/^test\/[\w-]+\.test\.mjs/)[0]
    t.ok(text(file).includes(`t.test('${promise}', `), `${file}: ${promise}`)
    t.ok(breaks.includes(`promise: '${promise}'`), `broken: ${promise}`)
  }
  const named = [...breaks.matchAll(/promise: '(.*)'/g)].map(([, name]) => name)
  t.strictSame(new Set(named), new Set(broken.map(([promise]) => promise)), 'nothing else is')
})

t.test('the other tests exist', async (t) => {
  t.ok(kept.length > 0)
  for (const [promise, where] of kept) {
    const files = where.match(/test\/[\w-]+\.test\.mjs/g)
    t.ok(
      files.every((file) => existsSync(new URL(`../${file}`, import.meta.url))),
      promise,
    )
  }
})
