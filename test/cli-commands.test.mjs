/* The list of commands: a command is one file and one line; help and documents say what it takes. */
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import t from 'tap'

const require = createRequire(import.meta.url)
const MAIN = path.resolve('dist/cli/main.js')
const { COMMANDS, createProgram } = require(MAIN)
const COMPILED = path.join(path.dirname(MAIN), 'commands')

/** Folders of commands that belong together, and are not subcommands of one. */
const GROUPS = ['program']

/** Files and folders of a folder of commands. Those of a group count as the folder's own. */
function entriesOf(folder) {
  const entries = fs.readdirSync(path.join('lib/cli/commands', folder)).map((name) => path.join(folder, name))
  return entries.flatMap((entry) => (GROUPS.includes(entry) ? entriesOf(entry) : [entry]))
}

/** Checks that the descriptions are those of a folder's files, one each, and goes on with their subcommands. */
function checkFolder(t, folder, descriptions) {
  const entries = entriesOf(folder)
  const files = new Map(
    entries.filter((entry) => entry.endsWith('.ts')).map((entry) => [path.parse(entry).name, entry]),
  )
  t.same(
    [...files.keys()].sort(),
    descriptions.map(({ name }) => name).sort(),
    'each file is in the list, and nothing else',
  )
  const folders = entries.filter((entry) => !entry.endsWith('.ts')).map((entry) => path.basename(entry))
  const parents = descriptions.filter(({ subcommands }) => subcommands)
  t.same(folders.sort(), parents.map(({ name }) => name).sort(), 'a folder for each command that has others')
  for (const description of descriptions) {
    const { name, summary, run, subcommands } = description
    const exported = Object.values(require(path.join(COMPILED, files.get(name).replace(/\.ts$/, '.js'))))
    t.ok(exported.length === 1 && exported[0] === description, `${name}: its file has its description and nothing else`)
    t.ok(summary, `${name} has a summary`)
    t.equal(typeof run === 'function', subcommands === undefined, `${name} does something itself or by its subcommands`)
    if (subcommands) checkFolder(t, path.join(folder, name), subcommands)
  }
}

t.test('each file of commands/ describes one command of the list', async (t) => checkFolder(t, '', COMMANDS))

/** The description that words lead to, and the words that are left. */
function commandOf([first, ...rest], commands = COMMANDS) {
  const found = commands.find(({ name }) => name === first)
  return found?.subcommands ? (commandOf(rest, found.subcommands) ?? { found, rest }) : found && { found, rest }
}

const GLOBAL = ['--json', '--quiet', '--help', '--version']
const longFlags = ({ options = [] }) => options.flatMap(({ flags }) => flags.match(/--[a-z][a-z-]*/g))

/** Why a command line cannot be; undefined where it can. */
function objection(words) {
  const { found, rest } = commandOf(words) ?? {}
  if (found === undefined) return words[0].startsWith('-') ? undefined : `there is no command ${words[0]}`
  if (found.showsOwnHelp) return undefined
  const flags = [...GLOBAL, ...longFlags(found)]
  const unknown = rest.filter((word) => word.startsWith('--')).find((word) => !flags.includes(word.split('=')[0]))
  if (unknown === undefined || (found.passesUnknownOptions && unknown.includes('='))) return undefined
  return `${found.name} has no ${unknown}`
}

/** The command lines of a text, as words: up to what a shell ends them with. */
const linesIn = (text) =>
  [...text.matchAll(/(?:^|[`|] *|npx )mbconv +([a-z-][^`\n|>#]*)/gm)].map(([, words]) => words.trim().split(/\s+/))

const examplesOf = (commands) =>
  commands.flatMap(({ examples = [], subcommands = [] }) => [...examples, ...examplesOf(subcommands)])

t.test('command lines in help and documents are of commands and options that exist', async (t) => {
  for (const example of examplesOf(COMMANDS))
    for (const words of linesIn(example)) t.equal(objection(words), undefined, example)
  const documents = ['README.md', ...fs.readdirSync('docs').filter((name) => name.endsWith('.md'))]
  let count = 0
  for (const name of documents) {
    const text = fs.readFileSync(name === 'README.md' ? name : path.join('docs', name), 'utf8')
    // Sentences begin with the package's name, too.
    const code = text.match(/^```[\s\S]*?^```|`[^`\n]+`/gm) ?? []
    for (const words of code.flatMap((part) => linesIn(part))) {
      t.equal(objection(words), undefined, `${name}: mbconv ${words.join(' ')}`)
      count++
    }
  }
  t.ok(count > 30, `${count} command lines`)
  t.equal(objection(['predcit']), 'there is no command predcit')
  t.equal(objection(['predict', 'a.png', '--top-k', '3']), 'predict has no --top-k')
  t.equal(objection(['experiment', 'run', 'a.yaml', '--train.epochs=3']), 'run has no --train.epochs=3')
})

/** The words of a command line, as a shell passes them: up to a comment, a pipe or a redirection. */
function shellWords(line) {
  const words = []
  for (const [, single, double, plain] of line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)) {
    if (plain !== undefined && /^[|>#]/.test(plain)) break
    words.push(single ?? double ?? plain)
  }
  return words
}

/** A command's description at its words, and all below. */
const allOf = (commands, words = []) =>
  commands.flatMap((command) => [
    { command, words: [...words, command.name] },
    ...allOf(command.subcommands ?? [], [...words, command.name]),
  ])

t.test('each command and each group of commands has a help page with examples, which parse', async (t) => {
  const all = allOf(COMMANDS)
  for (const { command, words } of all) {
    const { examples = [], showsOwnHelp } = command
    t.ok(examples.length > 0, `${words.join(' ')} has examples`)
    let help = ''
    const program = createProgram(() => {})
    const quiet = (each) => {
      each.configureOutput({ writeOut: (text) => (help += text), writeErr: () => {}, outputError: () => {} })
      // An example is parsed and not carried out.
      if (each.commands.length === 0) each.action(() => {})
      for (const inner of each.commands) quiet(inner)
    }
    quiet(program)
    if (!showsOwnHelp) {
      await t.rejects(program.parseAsync([...words, '--help'], { from: 'user' }), { code: 'commander.helpDisplayed' })
      for (const example of examples) t.ok(help.includes(example), `${words.join(' ')} --help: ${example}`)
      t.notMatch(help, /\b(configs|scripts)\//, `${words.join(' ')} --help names no file that only a checkout has`)
    }
    const { usage, arguments: places = [] } = command
    for (const { name } of usage === undefined || showsOwnHelp ? [] : places) {
      const shown = name.replaceAll(/^[[<]|\.*[\]>]$/g, '')
      t.ok(usage.split(' ').includes(shown), `${words.join(' ')}: the usage line has the argument ${shown}`)
    }
    for (const example of examples) {
      const [, line] = /(?:^|\||\$\() *(mbconv .*)$/.exec(example) ?? []
      const [name, ...typed] = shellWords((line ?? '').replace(/\)".*$/, ''))
      t.equal(name, 'mbconv', `${example}: is a command line of mbconv`)
      await t.resolves(program.parseAsync(typed, { from: 'user' }), `${example}: parses`)
    }
  }
  t.ok(all.length > 20, `${all.length} commands`)
})

t.test('README shows every command', async (t) => {
  const shown = new Set(linesIn(fs.readFileSync('README.md', 'utf8')).map(([first]) => first))
  const missing = COMMANDS.map(({ name }) => name).filter((name) => !shown.has(name))
  t.same(missing, [])
})
