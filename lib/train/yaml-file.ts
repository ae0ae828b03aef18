/**
 * A YAML file as a value that knows where each of its keys stands, for messages with line and column.
 *
 * YAML is version 1.2: `yes`, `on` and `no` are text; only `true` and `false` are booleans. A key given twice, an
 * unknown tag and more than one document in a file are errors.
 */
import { existsSync } from 'node:fs'
import path from 'node:path'
import {
  type Document,
  isAlias,
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
import { printable } from '../foreign-text'
import { readText } from '../io/open'
import { isMapping } from './config'
import type { Problem } from './config-problems'

/** A configuration is a page of text; what is longer than this (bytes) is another file given by mistake. */
const LARGEST = 256 * 1024

/** So many nodes may be reached through aliases: beyond that, a few lines can unfold into gigabytes. */
export const ALIASES = 100

/** A file with more mistakes than this is another file given by mistake; the first ones say so well enough. */
export const MOST_PROBLEMS = 20

/** The parsed file, able to say where each key stands. */
export interface Located {
  value: unknown
  locate(problem: Problem): { line: number; column: number; offset: number }
}

/**
 * Reads a YAML file whose top is a mapping.
 *
 * @param example a file of this kind that comes with the package; its folder is where a name without one may be meant
 * @throws MbconvError ERR_CONFIG: it cannot be read or is not YAML, with positions
 */
export function readYaml(file: string, example: string): Located {
  return parseYaml(file, readSource(file, path.dirname(example)), example)
}

/** The file's text. Pipes are fine (`<(…)`), so that a configuration can be made on the fly. */
function readSource(file: string, folder: string): string {
  return readText(file, {
    op: 'readYaml',
    most: LARGEST,
    pipes: true,
    refuse: (reason, cause) => {
      const { code } = cause as NodeJS.ErrnoException
      const missing = code === 'ENOENT' || code === 'ENOTDIR'
      const long = / bytes, more than /.test(reason)
      const problem = missing
        ? 'there is no such file'
        : long
          ? `is larger than ${LARGEST / 1024} KiB, so not a configuration`
          : reason
      const hint = missing ? nearbyFile(file, folder) : undefined
      return new MbconvError('ERR_CONFIG', `${file}: ${problem}`, { cause, hint })
    },
  })
}

/** `digits.yaml` typed without its folder or ending. */
function nearbyFile(file: string, folder: string): string | undefined {
  const guesses = [`${file}.yaml`, `${file}.yml`, path.join(folder, file), path.join(folder, `${file}.yaml`)]
  const found = guesses.find((guess) => existsSync(guess))
  return found && `did you mean ${found}?`
}

/** Something the YAML itself has wrong, at an offset into the text. */
interface Fault {
  offset: number
  message: string
}

function parseYaml(file: string, text: string, example: string): Located {
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
    throw new MbconvError('ERR_CONFIG', `${file}: is empty`, { hint: `see ${example} for an example` })
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
