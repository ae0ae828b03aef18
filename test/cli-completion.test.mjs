/* Completion in shells: scripts made from the parser's tree of commands, tried in the shells themselves. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import t from 'tap'

const require = createRequire(import.meta.url)
const MAIN = path.resolve('dist/cli/main.js')
const { COMMANDS } = require(MAIN)

/** What `mbconv completion SHELL` prints. */
function scriptFor(shell) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'completion', shell], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return stdout
}

/** Command lines, and some of what their last word can become. */
const CASES = [
  { line: ['mbconv', 'da'], has: ['data'] },
  { line: ['mbconv', ''], has: COMMANDS.map(({ name }) => name) },
  { line: ['mbconv', 'data', ''], has: ['inspect', 'index', 'verify', 'cache'], lacks: ['train'] },
  { line: ['mbconv', 'data', 'cache', '--fi'], has: ['--fit'] },
  { line: ['mbconv', 'data', 'cache', '--fit', 's'], has: ['squash', 'stretch'], lacks: ['crop'] },
  { line: ['mbconv', 'completion', ''], has: ['bash', 'zsh', 'fish'] },
  { line: ['mbconv', 'predict', '--views', ''], has: ['flip', 'five', 'ten'] },
  { line: ['mbconv', 'train', '--js'], has: ['--json'] },
  // A value that may be anything: files, not commands.
  { line: ['mbconv', 'train', '--weights', ''], lacks: ['train', '--weights'] },
]

function check(t, { line, has = [], lacks = [] }, found) {
  for (const word of has) t.ok(found.includes(word), `${line.join(' ')}: ${word}`)
  for (const word of lacks) t.notOk(found.includes(word), `${line.join(' ')}: not ${word}`)
}

const isHere = (shell) => spawnSync(shell, ['-c', 'exit 0']).status === 0
const skipOf = (shell) => (isHere(shell) ? false : `${shell} is not installed`)

t.test('bash', async (t) => {
  const file = path.join(t.testdir(), 'mbconv.bash')
  const lines = CASES.map(({ line }) => `try ${line.map((word) => `'${word}'`).join(' ')}`)
  const harness = `try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mbconv; echo "\${COMPREPLY[*]}"; }`
  writeFileSync(file, [scriptFor('bash'), harness, ...lines].join('\n'))
  const { status, stdout, stderr } = spawnSync('bash', ['--norc', file], { encoding: 'utf8' })
  t.same({ status, stderr }, { status: 0, stderr: '' })
  const answers = stdout.trimEnd().split('\n')
  for (const [i, each] of CASES.entries()) check(t, each, (answers[i] ?? '').split(' '))
})

t.test('fish', { skip: skipOf('fish') }, async (t) => {
  const dir = t.testdir()
  const lines = CASES.map(({ line }) => `complete -C '${line.join(' ')}'\necho ----`)
  writeFileSync(path.join(dir, 'mbconv.fish'), [scriptFor('fish'), ...lines].join('\n'))
  mkdirSync(path.join(dir, 'empty'))
  const { status, stdout, stderr } = spawnSync('fish', ['--no-config', path.join(dir, 'mbconv.fish')], {
    encoding: 'utf8',
    cwd: path.join(dir, 'empty'),
    env: { ...process.env, HOME: dir },
  })
  t.same({ status, stderr }, { status: 0, stderr: '' })
  const answers = stdout.split('----\n')
  for (const [i, each] of CASES.entries())
    check(
      t,
      each,
      answers[i].split('\n').map((answer) => answer.split('\t')[0]),
    )
})

t.test('zsh', { skip: skipOf('zsh') }, async (t) => {
  // The functions of zsh's completion are replaced by ones that print what they are given.
  const stubs = [
    'compdef() { : }',
    '_files() { : }',
    // The real one offers only what begins as the typed word does.
    'compadd() { shift; local each; for each in "$@"; do [[ $each == $words[CURRENT]* ]] && print -r -- $each; done; : }',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: zsh
    '_describe() { local name=${@[-1]}; print -rl -- "${(@P)name%%:*}" }',
  ]
  const lines = CASES.map(
    ({ line }) =>
      `words=(${line.map((word) => `'${word}'`).join(' ')}); CURRENT=${line.length}; _mbconv; print -- ----`,
  )
  const file = path.join(t.testdir(), 'mbconv.zsh')
  writeFileSync(file, [...stubs, scriptFor('zsh'), ...lines].join('\n'))
  const { status, stdout, stderr } = spawnSync('zsh', ['-f', file], { encoding: 'utf8' })
  t.same({ status, stderr }, { status: 0, stderr: '' })
  const answers = stdout.split('----\n')
  for (const [i, each] of CASES.entries()) check(t, each, answers[i].split('\n'))
})

t.test('an unknown shell is refused', async (t) => {
  const { status, stderr } = spawnSync(process.execPath, [MAIN, 'completion', 'tcsh'], { encoding: 'utf8' })
  t.equal(status, 2)
  t.match(stderr, /Allowed choices are bash, zsh, fish/)
})
