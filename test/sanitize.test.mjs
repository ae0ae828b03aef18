/* scripts/sanitize.mjs where it cannot do its work: it says what is missing and fails, it never passes for a clean run. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const SCRIPT = fileURLToPath(new URL('../scripts/sanitize.mjs', import.meta.url))

/** Runs it with a compiler that does as `script` says, and otherwise as the real one. */
const sanitize = (t, script, ...args) => {
  // Found on PATH by its name: CXX is split into words, and the folder's name may hold blanks.
  const folder = t.testdir()
  const compiler = path.join(folder, 'mbconv-test-c++')
  const real = process.env.CXX ?? 'c++'
  fs.writeFileSync(compiler, `#!/bin/sh\ncase "$*" in\n${script}\nesac\nexec ${real} "$@"\n`, { mode: 0o755 })
  const PATH = `${folder}${path.delimiter}${process.env.PATH}`
  const env = { ...process.env, PATH, CXX: path.basename(compiler) }
  return spawnSync(process.execPath, [SCRIPT, ...args], { encoding: 'utf8', env })
}

t.test('a compiler without sanitizers', async (t) => {
  const { status, stderr } = sanitize(t, '*-fsanitize*) echo "ld: cannot find -lasan" >&2; exit 1 ;;')
  t.equal(status, 3)
  t.match(stderr, /c\+\+ has no sanitizers \(ld: cannot find -lasan\)/)
  t.match(stderr, /apt-get install -y g\+\+\n.*dnf install -y gcc-c\+\+ libasan libubsan/)
})

t.test('a compiler that is not g++', async (t) => {
  const { status, stderr } = sanitize(t, '-dM*) echo "#define __clang__ 1"; exit 0 ;;')
  t.equal(status, 3)
  t.match(stderr, /is made with g\+\+, and .*c\+\+ is clang/)
})

t.test('a test that does not exist', async (t) => {
  const { status, stderr } = sanitize(t, '', 'fuzzz')
  t.equal(status, 2)
  t.match(stderr, /no test\/fuzzz\.test\.mjs/)
})
