/**
 * Training configurations from YAML files and from the command line, with the position of every mistake.
 *
 * YAML is version 1.2: `yes`, `on` and `no` are text; only `true` and `false` are booleans. A key given twice, an
 * unknown tag and more than one document in a file are errors.
 */
import fs from 'node:fs'
import path from 'node:path'
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLParseError,
  type YAMLWarning,
} from 'yaml'
import { MbconvError } from '../errors'
import { checkConfig, isMapping, type TrainConfig } from './config'
import { keyPath, type Problem, printable, problemTexts } from './config-problems'

/** Where a configuration came from. */
export interface ConfigSource {
  /** Absolute path of the file. */
  file: string
  /** The file's name without folder and extension: what runs are called after. */
  stem: string
  /** Overrides as they were given. */
  overrides: string[]
}

/** A configuration is a page of text; what is longer than this (bytes) is another file given by mistake. */
const LARGEST = 256 * 1024

/** So many nodes may be reached through aliases: beyond that, a few lines can unfold into gigabytes. */
const ALIASES = 100

/** A file with more mistakes than this is another file given by mistake; the first ones say so well enough. */
const MOST_PROBLEMS = 20

/** What one override of the command line says: `--optimizer.lr=0.01`. */
interface Override {
  path: string[]
  value: unknown
}

/**
 * Reads and checks a training configuration.
 *
 * @param file a YAML file (JSON is YAML too); data paths in it are relative to its folder
 * @param overrides `--key=value` or `key=value` with dotted keys; the value is a YAML scalar or flow collection; data
 *   paths in them are relative to the working directory, as a shell completes them. A later one wins
 * @throws {MbconvError} ERR_CONFIG: the file cannot be read, is not YAML, or says something wrong. The message has a
 *   line `file:line:column key.path: what is wrong` for every mistake; those of overrides begin with the override
 */
export function parseConfigFile(
  file: string,
  overrides: readonly string[] = [],
): { config: TrainConfig; source: ConfigSource } {
  const document = parseYaml(file, readText(file))
  const { raw, applied, complaints } = applyOverrides(document.value, overrides)
  const onCommandLine = (keys: Problem['path']) => applied.filter((override) => startsWith(keys, override.path)).pop()
  const fileFolder = path.dirname(path.resolve(file))
  const checked = checkConfig(raw, (key) => (onCommandLine(['data', key]) ? process.cwd() : fileFolder))
  if (checked.config && complaints.length === 0) {
    const source = { file: path.resolve(file), stem: path.parse(file).name, overrides: [...overrides] }
    return { config: checked.config, source }
  }

  const placed = (checked.problems ?? []).slice(0, MOST_PROBLEMS).map((problem): Placed => {
    const override = onCommandLine(problem.path) ?? causeOnCommandLine(problem, applied)
    if (override) {
      const hint = problem.meant ? `did you mean --${problem.meant}?` : problem.hint
      return { place: overrideName(override.path), problem: { ...problem, hint }, order: Number.POSITIVE_INFINITY }
    }
    const { line, column, offset } = document.locate(problem)
    return { place: `${file}:${line}:${column}`, problem, order: offset }
  })
  placed.sort((a, b) => a.order - b.order)
  throw report([...placed, ...complaints])
}

/** The override behind a problem that is not at its own key. */
function causeOnCommandLine({ kind, path: keys }: Problem, applied: Override[]): Override | undefined {
  // `--optimizer.name=adamw` makes a learning rate necessary; `--epochs.x=3` makes a mapping of a number.
  const above = kind === 'missing' ? keys.slice(0, -1) : keys
  if (above.length === 0) return undefined
  return applied.filter((override) => startsWith(override.path, above.map(String))).pop()
}

/** A problem and the place that a reader must go to. */
interface Placed {
  place: string
  problem: Problem
  /** Offset in the file, for reading order; overrides come last. */
  order: number
}

function report(placed: Placed[]): MbconvError {
  const places = new Map(placed.map(({ problem, place }) => [problem, place]))
  const lines = problemTexts(
    placed.map(({ problem }) => problem),
    (problem) => {
      const place = places.get(problem) as string
      // `--epochs` is the name of the key already.
      const named = place.startsWith('--') && (problem.path.length === 0 || place === overrideName(problem.path))
      return named ? place : `${place} ${keyPath(problem.path)}`
    },
  )
  return new MbconvError('ERR_CONFIG', lines.join('\n'), {
    hint: placed.length === 1 ? placed[0].problem.hint : undefined,
  })
}

const overrideName = (keys: Problem['path']) => printable(`--${keys.join('.')}`)

const startsWith = (keys: Problem['path'], prefix: string[]) =>
  prefix.length <= keys.length && prefix.every((key, i) => key === String(keys[i]))

/** The file's text. Pipes are fine (`<(…)`), so that a configuration can be made on the fly. */
function readText(file: string): string {
  let bytes: Buffer
  try {
    bytes = readAtMost(file, LARGEST + 1)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reasons: Record<string, string> = {
      ENOENT: 'there is no such file',
      EISDIR: 'is a folder, not a YAML file',
      EACCES: 'may not be read',
      ENOTDIR: 'there is no such file',
    }
    const hint = code === 'ENOENT' || code === 'ENOTDIR' ? nearbyFile(file) : undefined
    throw new MbconvError('ERR_CONFIG', `${file}: ${reasons[code ?? ''] ?? message}`, { cause: error, hint })
  }
  if (bytes.length > LARGEST)
    throw new MbconvError('ERR_CONFIG', `${file}: is larger than ${LARGEST / 1024} KiB, so not a configuration`)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new MbconvError('ERR_CONFIG', `${file}: is not UTF-8 text`, { cause: error })
  }
}

function readAtMost(file: string, limit: number): Buffer {
  const handle = fs.openSync(file, 'r')
  try {
    const buffer = Buffer.alloc(limit)
    let length = 0
    for (;;) {
      const got = fs.readSync(handle, buffer, length, limit - length, null)
      length += got
      if (got === 0 || length === limit) return buffer.subarray(0, length)
    }
  } finally {
    fs.closeSync(handle)
  }
}

/** `digits.yaml` typed without its folder or ending. */
function nearbyFile(file: string): string | undefined {
  const guesses = [`${file}.yaml`, `${file}.yml`, path.join('configs', file), path.join('configs', `${file}.yaml`)]
  const found = guesses.find((guess) => fs.existsSync(guess))
  return found && `did you mean ${found}?`
}

/** The parsed file, able to say where each key stands. */
interface Located {
  value: unknown
  locate(problem: Problem): { line: number; column: number; offset: number }
}

/** Something the YAML itself has wrong, at an offset into the text. */
interface Fault {
  offset: number
  message: string
}

function parseYaml(file: string, text: string): Located {
  const lines = new LineCounter()
  const at = (offset: number) => {
    const { line, col } = lines.linePos(Math.min(offset, text.length))
    // An empty file has no lines at all.
    return { line: Math.max(line, 1), column: Math.max(col, 1), offset }
  }
  const complain = (found: Fault[], cause?: unknown): MbconvError => {
    const told = found.map(({ offset, message }) => `${file}:${at(offset).line}:${at(offset).column} ${message}`)
    return new MbconvError('ERR_CONFIG', told.join('\n'), { cause })
  }

  let document: Document.Parsed
  let value: unknown
  try {
    document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true, version: '1.2' })
    // An unknown tag is a warning to the parser; here nothing is ignored.
    const faults = [...document.errors, ...document.warnings].sort((a, b) => a.pos[0] - b.pos[0])
    if (faults.some((fault) => /call stack/.test(fault.message))) throw new RangeError('nested too deeply')
    if (faults.length > 0) throw complain(syntaxFaults(faults, (offset) => at(offset).line))
    const dangling = unresolvedAliases(document)
    if (dangling.length > 0) throw complain(dangling)
    value = document.toJS({ maxAliasCount: ALIASES })
  } catch (error) {
    if (error instanceof MbconvError) throw error
    // The parser gives up by throwing on nesting of thousands of levels, and on aliases that unfold without end.
    const message = error instanceof ReferenceError ? 'has too many aliases' : 'is nested too deeply to read'
    throw new MbconvError('ERR_CONFIG', `${file}: ${message}`, { cause: error })
  }
  if (document.contents === null || value === null)
    throw new MbconvError('ERR_CONFIG', `${file}: is empty`, { hint: 'see configs/digits.yaml for an example' })
  if (!isMapping(value)) {
    const what = Array.isArray(value) ? 'a list' : 'a single value'
    throw complain([
      { offset: offsetOf(document.contents), message: `must be a mapping of keys to values, not ${what}` },
    ])
  }
  return { value, locate: (problem) => at(offsetIn(document, problem)) }
}

/** The first fault of a line says it; what the parser stumbles over behind it follows from that. */
function syntaxFaults(faults: (YAMLParseError | YAMLWarning)[], lineOf: (offset: number) => number): Fault[] {
  const firsts = new Map<number, Fault>()
  for (const { code, message, pos } of faults) {
    const line = lineOf(pos[0])
    if (firsts.has(line)) continue
    const text: Record<string, string> = {
      MULTIPLE_DOCS: 'a second document begins here; only one is allowed',
      DUPLICATE_KEY: 'this key is given a second time',
    }
    firsts.set(line, { offset: pos[0], message: text[code] ?? `is not YAML: ${printable(message)}` })
  }
  return [...firsts.values()].slice(0, MOST_PROBLEMS)
}

function unresolvedAliases(document: Document.Parsed): Fault[] {
  const found: Fault[] = []
  visit(document, {
    Alias(_, alias) {
      if (!alias.resolve(document))
        found.push({ offset: offsetOf(alias), message: `nothing is named &${printable(alias.source)}` })
    },
  })
  return found
}

const offsetOf = (node: unknown): number => (node as Node | null)?.range?.[0] ?? 0

/** Where a problem stands in the text: at the key if that is unknown, at the value, or at the nearest mapping above. */
function offsetIn(document: Document.Parsed, problem: Problem): number {
  let node: unknown = document.contents
  let offset = offsetOf(node)
  for (const [depth, key] of problem.path.entries()) {
    if (isSeq(node)) {
      node = node.items[Number(key)]
      offset = offsetOf(node)
    } else if (isMap(node)) {
      const pair = node.items.find((item) => (isScalar(item.key) ? String(item.key.value) : undefined) === String(key))
      if (!pair) return offset
      const last = depth === problem.path.length - 1
      // A value that is left out (`lr:`) has no place of its own.
      const shown = last && problem.kind === 'value' && isThere(pair.value) ? pair.value : pair.key
      offset = offsetOf(shown)
      node = pair.value
    } else return offset
    if (isAlias(node)) node = node.resolve(document)
  }
  return offset
}

const isThere = (node: unknown): boolean => !(isScalar(node) && node.value === null && node.source === '')

/** What `optimizer` and `schedule` are when a file leaves them out, so that an override may change one key of them. */
const NAMED_DEFAULTS = new Map([
  ['optimizer', 'rmsprop'],
  ['schedule', 'staircase'],
])

function applyOverrides(
  value: unknown,
  overrides: readonly string[],
): { raw: unknown; applied: Override[]; complaints: Placed[] } {
  let raw = value
  const applied: Override[] = []
  const complaints: Placed[] = []
  for (const text of overrides) {
    const override = parseOverride(text)
    if ('problem' in override) {
      complaints.push({ ...override, order: Number.POSITIVE_INFINITY })
      continue
    }
    raw = withValue(raw, override.path, override.value)
    applied.push(override)
  }
  return { raw, applied, complaints }
}

function parseOverride(text: string): Override | { place: string; problem: Problem } {
  const [, name, source] = /^(?:--)?([^=]*)=([\s\S]*)$/.exec(text) ?? [undefined, text.replace(/^--/, ''), undefined]
  const complain = (message: string, hint?: string) => ({
    place: printable(`--${name}`),
    problem: { path: [], kind: 'value' as const, message, hint },
  })
  if (source === undefined) return complain('has no value', `write --${name}=VALUE`)
  const keys = name.split('.')
  // No key lies deeper than three; what goes on for thousands is an accident.
  if (keys.length > 8 || keys.some((key) => key === ''))
    return complain('is not a dotted key', 'write --optimizer.lr=0.01, say')
  try {
    const document = parseDocument(source, { prettyErrors: false, stringKeys: true, version: '1.2' })
    const fault = [...document.errors, ...document.warnings][0]
    if (fault)
      return complain(`cannot be read as YAML: ${printable(fault.message)}`, 'quote text with special characters')
    if (isCollection(document.contents) && !document.contents.flow)
      return complain('must be a single value, a [list] or a {mapping: …}', 'quote text that has ": " or "- " in it')
    return { path: keys, value: document.toJS({ maxAliasCount: ALIASES }) }
  } catch {
    return complain('cannot be read as YAML')
  }
}

/** A copy of `target` with one value changed: YAML aliases may share a mapping, so nothing is changed in place. */
function withValue(target: unknown, [key, ...rest]: string[], value: unknown, depth = 0): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  const put = (name: string, what: unknown) =>
    // An assignment to __proto__ would set the prototype; defined, it is an unknown key like any other.
    Object.defineProperty(copy, name, { value: what, enumerable: true, configurable: true, writable: true })
  if (isMapping(target)) for (const name of Object.keys(target)) put(name, target[name])
  const known = Object.hasOwn(copy, key) ? copy[key] : undefined
  const fallback = depth === 0 ? NAMED_DEFAULTS.get(key) : undefined
  const start = known === undefined && fallback ? { name: fallback } : known
  put(key, rest.length === 0 ? value : withValue(start, rest, value, depth + 1))
  return copy
}
