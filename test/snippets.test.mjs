/*
 * Every piece of code in README and docs is run, with the files that it needs: configurations are completed, commands
 * and JavaScript are carried out with networks and trainings of milliseconds. What cannot be carried out here is checked
 * as far as it can be, by rule, and counted.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import ts from 'typescript'
import { parse } from 'yaml'
import { commandsOf, mbconvWords, objectionTo, onlyParsed, PAGES, partsOf, snippetsOf } from './helpers/snippets.mjs'

const require = createRequire(import.meta.url)
const { createProgram } = require(path.resolve('dist/cli/main.js'))
const manifest = JSON.parse(readFileSync('package.json', 'utf8'))
const all = PAGES.flatMap(snippetsOf)
const at = ({ page, line }) => `${page}:${line}`
const ofLanguage = (language) => all.filter((snippet) => snippet.language === language)

/** Tests that run a page or a program of their own: test/train-your-own.test.mjs, test/serve.test.mjs. */
const RUN_ELSEWHERE = [
  { page: 'docs/train-your-own.md', language: 'sh', by: 'train-your-own' },
  { has: 'createServer', language: 'js', by: 'serve' },
  { has: "from './server.mjs'", language: 'js', by: 'serve' },
]
const elsewhere = (snippet) =>
  RUN_ELSEWHERE.find(
    ({ page, has, language }) =>
      language === snippet.language && (page === snippet.page || (has !== undefined && snippet.code.includes(has))),
  )?.by

/** Packages that a snippet imports and that are not installed here. */
const absent = ({ code }) =>
  [
    ...[...code.matchAll(/^import .* from '([^'.][^']*)'/gm)].map(([, name]) => name),
    ...(/loadPredictor\('[^']*\.onnx'/.test(code) ? ['onnxruntime-node'] : []),
  ].filter((name) => {
    try {
      require.resolve(name)
      return false
    } catch {
      return true
    }
  })

/** Why JavaScript is only checked; undefined for what is run. */
function onlyChecked(snippet) {
  if (snippet.page === 'docs/cuda.md') return 'needs a GPU'
  const packages = absent(snippet)
  return packages.length > 0 ? `${packages.join(', ')} is not installed` : undefined
}

t.test('each piece of code is in a language with a rule', async (t) => {
  const known = ['', 'js', 'sh', 'yaml', 'python', 'ts', 'json', 'text', 'html', 'dockerfile']
  for (const snippet of all) t.ok(known.includes(snippet.language), `${at(snippet)}: ${snippet.language}`)
  t.ok(ofLanguage('js').length >= 25 && ofLanguage('sh').length >= 25 && ofLanguage('yaml').length >= 15)
})

t.test('YAML: each is a whole configuration or experiment, or completes one', async (t) => {
  const experiment = parse(readFileSync('scripts/experiments/table7.yaml', 'utf8'))
  for (const snippet of ofLanguage('yaml')) {
    const value = parse(snippet.code)
    if ('arms' in value) t.ok(mb.experiment.plan(value).arms.length > 0, `${at(snippet)} is an experiment`)
    else if ('profiles' in value) {
      const plan = mb.experiment.plan(
        { ...experiment, profiles: value.profiles },
        { profile: Object.keys(value.profiles)[0] },
      )
      t.ok(plan, `${at(snippet)} are profiles of an experiment`)
    } else {
      const { recipe, data = { dataset: 'digits' }, model, ...rest } = value
      const whole = { ...rest, ...(recipe && { recipe }), data, epochs: value.epochs ?? 1 }
      // Named weights are looked for on disk; the JavaScript below has them.
      const { weights, ...network } = { name: 'efficientnet_b0', ...model }
      const config = mb.parseConfig({ ...whole, model: network })
      t.ok(
        config.model.name,
        `${at(snippet)} completes a configuration${weights ? `, but for weights: ${weights}` : ''}`,
      )
    }
  }
})

/** Refuses a command line that the parser does not take. */
async function parses(words) {
  const program = createProgram(() => {})
  const calm = (command) => {
    command.configureOutput({ writeOut() {}, writeErr() {}, outputError() {} })
    if (command.commands.length === 0) command.action(() => {})
    for (const inner of command.commands) calm(inner)
  }
  calm(program)
  await program.parseAsync(words, { from: 'user' })
}

/** What the snippets' commands are: those of mbconv to be carried out, and the others. */
const commands = []

t.test('commands: each is of a program, a script or a command that exists', async (t) => {
  const reasons = new Map()
  for (const snippet of ofLanguage('sh')) {
    if (elsewhere(snippet)) continue
    for (const line of commandsOf(snippet.code)) {
      const { commands: parts, file } = partsOf(line)
      for (const part of parts) {
        const words = mbconvWords(part)
        if (words === undefined) {
          t.equal(objectionTo(part, manifest), undefined, `${at(snippet)}: ${line}`)
          continue
        }
        await t.resolves(parses(words), `${at(snippet)}: ${line}`)
        const why = onlyParsed(words)
        if (why === undefined && part[0] !== 'bin/mbconv') commands.push({ place: at(snippet), line, words, file })
        else reasons.set(why ?? 'of an offline bundle', (reasons.get(why ?? 'of an offline bundle') ?? 0) + 1)
      }
    }
  }
  for (const [why, count] of reasons) t.comment(`${count} commands only parsed: ${why}`)
  t.ok(commands.length >= 25, `${commands.length} commands are carried out below`)
})

/** Whether every `mb.a.b` and `cuda.a` that a snippet names exists. */
function unknownMembers(code) {
  const roots = { mb, cuda: mb.cuda }
  return [...code.matchAll(/\b(mb|cuda)((?:\.\w+)+)/g)]
    .filter(([, root, members]) => {
      let value = roots[root]
      for (const name of members.slice(1).split('.')) {
        // Behind a function or a class the value is not known.
        if (typeof value === 'function') return false
        if (value?.[name] === undefined) return true
        value = value[name]
      }
      return false
    })
    .map(([whole]) => whole)
}

/** Mistakes of syntax in a module. */
function syntaxErrors(code) {
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 }
  const { diagnostics } = ts.transpileModule(code, { reportDiagnostics: true, compilerOptions: options })
  return diagnostics.map(({ messageText }) => messageText)
}

t.test('JavaScript that cannot run here: its syntax, and the functions that it names', async (t) => {
  const reasons = new Map()
  for (const snippet of ofLanguage('js')) {
    t.same(syntaxErrors(snippet.code), [], `${at(snippet)} is JavaScript`)
    t.same(unknownMembers(snippet.code), [], `${at(snippet)} names what exists`)
    const why = onlyChecked(snippet)
    if (why !== undefined) reasons.set(why, (reasons.get(why) ?? 0) + 1)
  }
  for (const [why, count] of reasons) t.comment(`${count} snippets only checked: ${why}`)
  t.same(
    unknownMembers('mb.zeros([1]); cuda.nothing(); mb.nn.lineal'),
    ['cuda.nothing', 'mb.nn.lineal'],
    'what it refuses',
  )
})

const sharpIsHere = absent({ code: "import sharp from 'sharp'" }).length === 0

t.test(
  'JavaScript and commands are carried out',
  { skip: !sharpIsHere && 'the optional package sharp is not installed: the snippets read image files' },
  async (t) => {
    const snippets = ofLanguage('js').filter((snippet) => !elsewhere(snippet) && onlyChecked(snippet) === undefined)
    const dir = path.join(realpathSync(t.testdir()), 'work')
    mkdirSync(dir)
    const env = { ...process.env, HOME: dir, MBCONV_CACHE: path.join(dir, 'cache'), NO_COLOR: '1', LANG: 'C.UTF-8' }
    const child = path.resolve('test/helpers/snippet-child.mjs')
    const { status, stdout, stderr } = spawnSync(process.execPath, [child, dir], {
      input: JSON.stringify({ snippets, commands }),
      encoding: 'utf8',
      env,
      maxBuffer: 2 ** 28,
    })
    t.equal(status, 0, stderr)
    const results = JSON.parse(stdout.trimEnd().split('\n').at(-1))
    for (const { page, line, place, error } of results) {
      const where = place === undefined ? `${page}:${line}` : `${place}: ${line}`
      t.ok(error === null, error === null ? where : `${where}: ${error}`)
    }
    t.equal(results.length, snippets.length + commands.length)
    t.ok(snippets.length >= 18, `${snippets.length} snippets and ${commands.length} commands were carried out`)
  },
)
