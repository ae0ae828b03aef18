/**
 * Parses a YAML file and keeps the position of every key, for messages with line and column.
 *
 * YAML is version 1.2: `yes`, `on` and `no` are text; only `true` and `false` are booleans. A key given twice, an
 * unknown tag and more than one document in a file are errors.
 */
import { existsSync } from 'node:fs'
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
  type Scalar,
  visit,
  type YAMLParseError,
  type YAMLWarning,
} from 'yaml'
import { MbconvError } from '../errors/error'
import { readText } from '../files/open'
import { isMapping } from '../schema/values'
import { printable } from '../text/foreign-text'
import { MOST_PROBLEMS, type Problem } from './problems'
import { nearestShipped, type ShippedFolder } from './shipped'

/** A configuration is about a page of text. A file with more bytes than this was probably given by mistake. */
const LARGEST = 256 * 1024

/**
 * Limits on the aliases in a text and on the nodes that are reached through one. Beyond them, a few lines can expand to
 * gigabytes, and following them takes minutes.
 */
const ALIASES = 100

/** The parsed file, with the position of each key. */
export interface Located {
  value: unknown
  locate(problem: Problem): { line: number; column: number; offset: number }
  /** The original text of the number or boolean at a path; undefined for everything else. */
  written(path: Problem['path']): string | undefined
}

/**
 * Reads a YAML file whose top level is a mapping.
 *
 * @param shipped the package's folder for this kind of file, in which a file is looked for that is not found
 * @throws MbconvError ERR_CONFIG if it cannot be read or is not YAML, with positions
 */
export function readYaml(file: string, shipped: ShippedFolder): Located {
  return parseYaml(file, readSource(file, shipped), EXAMPLES[shipped])
}

/** An example of each kind of file, for messages. */
const EXAMPLES: Record<ShippedFolder, string> = {
  configs: 'configs/digits.yaml',
  'scripts/experiments': 'scripts/experiments/table7.yaml',
}

/** The file's text. Pipes (`<(…)`) are allowed, so that a configuration can be generated. */
function readSource(file: string, folder: ShippedFolder): string {
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

/** Finds the file for `digits.yaml` typed without its folder or extension. */
function nearbyFile(file: string, folder: ShippedFolder): string | undefined {
  const guesses = [`${file}.yaml`, `${file}.yml`, path.join(folder, file), path.join(folder, `${file}.yaml`)]
  const found = guesses.find((guess) => existsSync(guess))
  return found ? `did you mean ${found}?` : nearestShipped(file, folder)
}

/** A mistake in the YAML itself, at an offset into the text. */
interface Fault {
  offset: number
  message: string
}

/**
 * Parses a YAML text. Also returns mistakes in the YAML itself, in reading order. The time is at most linear in the
 * length of the text, whatever its content.
 *
 * @throws RangeError if nested too deeply; ReferenceError for too many aliases
 */
export function readDocument(text: string, lineCounter?: LineCounter) {
  // The parser's own check compares every key of a mapping with every other; a set finds duplicates in one pass.
  const options = {
    prettyErrors: false,
    stringKeys: true,
    uniqueKeys: false,
    intAsBigInt: true,
    version: '1.2',
  } as const
  const document = parseDocument(text, { ...options, lineCounter })
  // The parser only warns of an unknown tag; here nothing is ignored.
  const faults = [...document.errors, ...document.warnings].map(faultOf)
  const value = () => document.toJS({ maxAliasCount: ALIASES, reviver: numberIfExact }) as unknown
  faults.push(...faultsInside(document, faults.length === 0))
  return { document, value, faults: faults.sort((a, b) => a.offset - b.offset) }
}

function faultOf({ code, message, pos }: YAMLParseError | YAMLWarning): Fault {
  if (/call stack/.test(message)) throw new RangeError('nested too deeply')
  const plain = `is not YAML: ${printable(message)}`
  return {
    offset: pos[0],
    message: code === 'MULTIPLE_DOCS' ? 'a second document begins here; only one is allowed' : plain,
  }
}

/** Keeps whole numbers that a JavaScript number may not hold exactly, such as seeds, as BigInts. */
const numberIfExact = (_: unknown, value: unknown): unknown =>
  typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value

/** The number or boolean at a path: `source` is the original text, `range` its position. */
export function scalarAt(document: Document.Parsed, path: Problem['path']): Scalar | undefined {
  let node: unknown = document.contents
  for (const key of path) {
    if (isAlias(node)) node = node.resolve(document)
    if (!isCollection(node)) return undefined
    node = node.get(key, true)
  }
  if (isAlias(node)) node = node.resolve(document)
  return isScalar(node) && ['number', 'bigint', 'boolean'].includes(typeof node.value) ? node : undefined
}

/** Duplicate keys, and aliases without anchor; the latter only if the text is complete. */
function faultsInside(document: Document.Parsed, whole: boolean): Fault[] {
  const found: Fault[] = []
  const anchors = new Set<string>()
  let aliases = 0
  visit(document, {
    Node(_, node) {
      if (!isAlias(node)) {
        if (node.anchor !== undefined) anchors.add(node.anchor)
        return
      }
      if (++aliases > ALIASES) throw new ReferenceError('too many aliases')
      if (whole && !anchors.has(node.source))
        found.push({ offset: offsetOf(node), message: `nothing is named &${printable(node.source)}` })
    },
    Map(_, map) {
      if (map.anchor !== undefined) anchors.add(map.anchor)
      const keys = new Set<unknown>()
      for (const { key } of map.items) {
        if (!isScalar(key)) continue
        if (keys.has(key.value)) found.push({ offset: offsetOf(key), message: 'this key is given a second time' })
        keys.add(key.value)
      }
    },
  })
  return found
}

function parseYaml(file: string, text: string, example: string): Located {
  const lines = new LineCounter()
  const at = (offset: number) => {
    const { line, col } = lines.linePos(Math.min(offset, text.length))
    // An empty file has no lines.
    return { line: Math.max(line, 1), column: Math.max(col, 1), offset }
  }
  const complain = (found: Fault[], cause?: unknown): MbconvError => {
    const told = found.map(({ offset, message }) => `${file}:${at(offset).line}:${at(offset).column} ${message}`)
    return new MbconvError('ERR_CONFIG', told.join('\n'), { cause })
  }

  let document: Document.Parsed
  let value: unknown
  try {
    const read = readDocument(text, lines)
    if (read.faults.length > 0) throw complain(firstOfLines(read.faults, (offset) => at(offset).line))
    document = read.document
    value = read.value()
  } catch (error) {
    if (error instanceof MbconvError) throw error
    // The parser throws on nesting of thousands of levels, and on aliases that expand without end.
    const message = error instanceof ReferenceError ? 'has too many aliases' : 'is nested too deeply to read'
    throw new MbconvError('ERR_CONFIG', `${file}: ${message}`, { cause: error })
  }
  if (document.contents === null || value === null)
    throw new MbconvError('ERR_CONFIG', `${file}: is empty`, { hint: `see ${example} of the package for an example` })
  if (!isMapping(value)) {
    const what = Array.isArray(value) ? 'a list' : 'a single value'
    throw complain([
      { offset: offsetOf(document.contents), message: `must be a mapping of keys to values, not ${what}` },
    ])
  }
  return {
    value,
    locate: (problem) => at(offsetIn(document, problem)),
    written: (path) => scalarAt(document, path)?.source,
  }
}

/** Keeps the first fault of each line, since the parser's further ones follow from it. */
function firstOfLines(faults: Fault[], lineOf: (offset: number) => number): Fault[] {
  const firsts = new Map<number, Fault>()
  for (const fault of faults) {
    const line = lineOf(fault.offset)
    if (!firsts.has(line)) firsts.set(line, fault)
    if (firsts.size === MOST_PROBLEMS) break
  }
  return [...firsts.values()]
}

const offsetOf = (node: unknown): number => (node as Node | null)?.range?.[0] ?? 0

/** The position of a problem in the text: an unknown key, a value, or the nearest mapping above. */
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
      // An omitted value (`lr:`) has no position of its own.
      const shown = last && problem.kind === 'value' && isThere(pair.value) ? pair.value : pair.key
      offset = offsetOf(shown)
      node = pair.value
    } else return offset
    if (isAlias(node)) node = node.resolve(document)
  }
  return offset
}

const isThere = (node: unknown): boolean => !(isScalar(node) && node.value === null && node.source === '')
