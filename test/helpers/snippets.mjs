/* The code that README and docs show, and what can be done with each piece of it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

export const PAGES = [
  'README.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

/** Every block of code: its page, the line of its fence, its language and its text. */
export function snippetsOf(page) {
  const text = readFileSync(page, 'utf8')
  return [...text.matchAll(/^```(\w*)[^\n]*\n([\s\S]*?)^```$/gm)].map(([, language, code], number) => ({
    ...{ page, number, language, code },
    line: text.split(code, 1)[0].split('\n').length - 1,
  }))
}

/** The command lines of a block, without comments. */
export const commandsOf = (code) =>
  code
    .replace(/\\\n/g, ' ')
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '')

/** The words of a command line, as a shell passes them. */
export function wordsOf(line) {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, single, double, plain]) => single ?? double ?? plain)
}

/** Splits a command line at its pipes and its redirection to a file. */
export function partsOf(line) {
  const [, before, file] = /^(.*?)(?:\s>\s*(\S+))?$/.exec(line)
  return { commands: before.split(/\s\|\s|\s&&\s/).map(wordsOf), file }
}

/** Commands of mbconv that a test does not carry out, each with the reason. */
const ONLY_PARSED = [
  { begins: ['pull'], why: 'downloads' },
  { begins: ['watch'], why: 'serves until it is stopped' },
  { begins: ['serve'], why: 'serves until it is stopped' },
  { begins: ['setup'], why: 'installs' },
  { begins: ['experiment', 'run'], why: 'trains for minutes' },
  { begins: ['experiment', 'report'], why: 'draws for seconds; test/experiment-report.test.mjs runs it' },
  { begins: ['predict', '-'], why: 'reads an image from a pipe' },
  { begins: ['predict', '--files-from', '-'], why: 'reads names from a pipe' },
  { has: '--latency', why: 'measures for minutes' },
]

/** Why a command of mbconv is only parsed; undefined for one that is carried out. */
export const onlyParsed = (words) =>
  ONLY_PARSED.find(({ begins, has }) => begins?.every((word, i) => words[i] === word) ?? words.includes(has))?.why

/** The words after `mbconv`, however it is called; undefined for another program. */
export function mbconvWords([first, ...rest]) {
  if (first === 'npx') return mbconvWords(rest)
  return first === 'mbconv' || first === 'bin/mbconv' ? rest : undefined
}

/** What is wrong with a command line of another program; undefined where nothing is. */
export function objectionTo([program, ...words], { scripts, version }) {
  if (/^[A-Z_]+=/.test(program)) return objectionTo(words, { scripts, version })
  if (program === 'npm') {
    const script = words[0] === 'run' ? words[1] : ['start', 'test'].includes(words[0]) ? words[0] : undefined
    if (script !== undefined && !Object.hasOwn(scripts, script)) return `there is no script ${script}`
    const tarball = words.find((word) => word.endsWith('.tgz'))
    return tarball && !tarball.endsWith(`mbconv-${version}.tgz`) ? `${tarball} is not of this version` : undefined
  }
  if (program === 'node' || program === 'bin/node') {
    const file = words.find((word) => word.endsWith('.mjs'))?.replace(/^mbconv\//, '')
    return file === undefined || existsSync(file) ? undefined : `there is no file ${file}`
  }
  if (program === 'sh') return existsSync(path.join('scripts/offline-bundle', words[0])) ? undefined : `no ${words[0]}`
  return ['git', 'cd', 'curl', 'find'].includes(program) ? undefined : `${program} is not known here`
}
