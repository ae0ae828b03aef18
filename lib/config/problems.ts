/**
 * Describes the mistakes in a configuration so that a person can fix them: converts zod's issues to problems with a
 * path.
 */
import { z } from 'zod'
import { isMapping } from '../schema/values'
import { printable } from '../text/foreign-text'
import { nearest, sameWord } from '../text/nearest'
import { keysHint, mappingHint, mappingsOf, type Shorthand, shorthandOf, stripped } from './shorthand'

export interface Problem {
  /** Keys from the top to the wrong value; `[]` for the configuration itself. */
  path: (string | number)[]
  /** Decides which position is shown: that of an unknown key, of a missing key's parent, or of a value. */
  kind: 'unknown' | 'missing' | 'value'
  message: string
  /** The wrong value, if the message is to end with it. */
  got?: unknown
  /** The original text of a number or boolean: the parsed value of 007 is 7. */
  written?: string
  /** The value should be text and is not, so the hint is to quote it. */
  quote?: boolean
  hint?: string
  /** A plain value was given where a mapping is expected; it was probably meant for this key of the mapping. */
  shorthand?: Shorthand
  /** For an unknown key: the dotted path that was probably meant. */
  meant?: string
  /** The recipe that sets the value, if the configuration does not. */
  recipe?: string
}

/** The most problems that are shown; the others are only counted. A file with more was probably given by mistake. */
export const MOST_PROBLEMS = 20

/**
 * One line per problem, for the first {@link MOST_PROBLEMS}, and the number of the others: `optimizer.lr: must be above
 * 0, not -1`. If there are several, each line ends with its hint in brackets, without repeated hints. If there is one,
 * the caller shows its hint.
 *
 * @param nameOf the name of a problem's place; default: its dotted path
 * @param all total number of problems, if the list was cut
 */
export function problemTexts(
  problems: Problem[],
  nameOf = (problem: Problem) => keyPath(problem.path),
  all = problems.length,
): string[] {
  const told = new Set<string>()
  const first = problems.slice(0, MOST_PROBLEMS)
  const lines = first.map((problem) => {
    const { message, hint } = problem
    const name = nameOf(problem)
    const tail = problems.length > 1 && hint && !told.has(hint) ? ` (${hint})` : ''
    if (hint) told.add(hint)
    const got = 'got' in problem ? `, not ${problem.written ?? preview(problem.got)}` : ''
    const origin = problem.recipe === undefined ? '' : `; recipe ${problem.recipe} sets it`
    return `${name === '' ? 'the configuration ' : `${name}: `}${message}${got}${origin}${tail}`
  })
  return all > lines.length ? [...lines, `and ${all - lines.length} more`] : lines
}

export const keyPath = (path: (string | number)[]): string => path.map((key) => shown(String(key))).join('.')

/** A word of the file for use in a message: printable, and shortened. */
function shown(text: string): string {
  const plain = printable(text.slice(0, 60))
  return text.length > 60 ? `${plain.slice(0, 57)}...` : plain
}

/** A value in the form that error messages show. */
export function preview(value: unknown): string {
  if (value === null) return 'empty'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string') return `"${shown(value)}"`
  if (typeof value === 'object') return 'a mapping'
  return String(value)
}

/**
 * Converts each of zod's issues to a problem, in the same order. Finding out which key was meant, and what a value is
 * for, takes a search through the schema. Only the first {@link MOST_PROBLEMS} get it, since only those are shown.
 */
export function problemsOf(schema: z.ZodType, error: z.ZodError, raw: unknown): Problem[] {
  let closely = MOST_PROBLEMS
  const problems = withoutLooser(error.issues).flatMap((issue) => {
    const found = problemsOfIssue(schema, issue, raw, [], closely)
    closely -= found.length
    return found
  })
  // A mistyped key is one mistake, not both an unknown and a missing key.
  const meant = new Set(problems.map((problem) => problem.meant))
  return problems.filter((problem) => problem.kind !== 'missing' || !meant.has(keyPath(problem.path)))
}

/** If a value exceeds two limits, report only the stricter one. */
function withoutLooser(issues: z.core.$ZodIssue[]): z.core.$ZodIssue[] {
  const limitOf = (issue: z.core.$ZodIssue) => {
    if (issue.code === 'too_small') return Number(issue.minimum)
    return issue.code === 'too_big' ? -Number(issue.maximum) : undefined
  }
  const nearest = new Map<string, z.core.$ZodIssue>()
  const placeOf = ({ code, path }: z.core.$ZodIssue) => JSON.stringify([code, path.map(String)])
  for (const issue of issues) {
    const [limit, other] = [limitOf(issue), nearest.get(placeOf(issue))]
    if (limit === undefined || (other !== undefined && (limitOf(other) as number) >= limit)) continue
    nearest.set(placeOf(issue), issue)
  }
  return issues.filter((issue) => limitOf(issue) === undefined || nearest.get(placeOf(issue)) === issue)
}

/** @param closely whether the problems are worth a search */
function problemsOfIssue(
  schema: z.ZodType,
  issue: z.core.$ZodIssue,
  raw: unknown,
  base: Problem['path'],
  closely: number,
): Problem[] {
  const path = [...base, ...issue.path.map((key) => (typeof key === 'number' ? key : String(key)))]
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key, i) =>
      i < closely ? unknownKey(schema, path, key, raw) : { path: [...path, key], kind: 'unknown', message: UNKNOWN },
    )
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // The branch that matched at the top level is the intended one: `ema: {decay: 2}` is about decay, not false.
    // A list of another length is of no branch, if the union has words of its own.
    const isMeant = (inner: z.core.$ZodIssue) =>
      inner.path.length > 0 || (isDetail(inner) && !(hasOwnWords(issue) && isLength(inner)))
    const meant = issue.errors.find((branch) => branch.every(isMeant))
    if (meant) return meant.flatMap((inner, i) => problemsOfIssue(schema, inner, raw, path, closely - i))
  }
  const value = valueAt(raw, path)
  const expected = typeof value === 'bigint' ? beyondNumbers(issue, value) : expectation(issue)
  const describes = closely > 0 ? schemaAt(schema, path, raw)?.description : undefined
  if (value === undefined) return [{ path, kind: 'missing', message: `is required: ${expected}`, hint: describes }]
  const message = `must be ${expected}`
  // Quotes do not turn lists, mappings and null into text.
  if (issue.code === 'invalid_type' && issue.expected === 'string' && typeof value !== 'object')
    return [{ path, kind: 'value', message, got: value, quote: true, hint: quoteIt(`"${String(value)}"`) }]
  if (hasOwnWords(issue) && Array.isArray(value) && value.every((each) => typeof each === 'number'))
    return [{ path, kind: 'value', message: `${message}, not [${value.join(', ')}]` }]
  const slot = closely > 0 ? slotAt(schema, path, raw) : undefined
  if (!isMapping(value) && mappingsOf(slot).length > 0) {
    const shorthand = shorthandOf(slot, value)
    const hint = shorthand ? mappingHint(shown(String(path.at(-1))), shorthand) : keysHint(slot)
    return [{ path, kind: 'value', message, got: value, shorthand, hint }]
  }
  const hint = (closely > 0 ? advice(issue, value) : undefined) ?? describes
  return [{ path, kind: 'value', message, got: value, hint }]
}

export const quoteIt = (quoted: string): string => `quote it: ${printable(quoted)}`

/** What to write instead of a whole number that JavaScript's numbers cannot represent. */
function beyondNumbers(issue: z.core.$ZodIssue, value: bigint): string {
  if (issue.code !== 'invalid_type' || !['int', 'number'].includes(issue.expected)) return expectation(issue)
  return value > 0 ? `at most ${Number.MAX_SAFE_INTEGER}` : `at least ${Number.MIN_SAFE_INTEGER}`
}

const UNKNOWN = 'unknown key'

/** An issue about a value that already has the right type. */
const isDetail = (issue: z.core.$ZodIssue) => issue.code !== 'invalid_type' && issue.code !== 'invalid_value'

/** An issue about the number of values in a list. */
const isLength = (issue: z.core.$ZodIssue) => 'origin' in issue && issue.origin === 'array'

/** Whether a union says itself what it takes. */
const hasOwnWords = (issue: z.core.$ZodIssue) => issue.code === 'invalid_union' && /^must be /.test(issue.message)

const TYPES: Record<string, string> = {
  number: 'a number',
  int: 'a whole number',
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'a mapping of keys to values',
}

/** The requirement on the value, as a phrase that follows "must be". */
function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPES[issue.expected] ?? issue.expected
    case 'invalid_value':
      return alternatives(issue.values.map(String))
    case 'too_small':
    case 'too_big':
      return bound(issue)
    case 'invalid_union':
      if (hasOwnWords(issue)) return issue.message.replace(/^must be /, '')
      // A union tagged by a key knows its tags; a plain union is described by the first issues of its branches.
      if (issue.errors.length === 0 && 'options' in issue) return alternatives((issue.options as unknown[]).map(String))
      return alternatives([...new Set(issue.errors.map((branch) => expectation(branch[0])))])
    default:
      return issue.message.replace(/^must be /, '')
  }
}

function bound(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  const [limit, inclusive, exclusive] =
    issue.code === 'too_small' ? [issue.minimum, 'at least', 'above'] : [issue.maximum, 'at most', 'below']
  const relation = issue.inclusive === false ? exclusive : inclusive
  if (issue.origin === 'array') return `a list of ${relation} ${limit}`
  if (issue.origin === 'string') return issue.code === 'too_small' ? 'text' : `${relation} ${limit} characters`
  return `${relation} ${limit}`
}

/** `a`, `a or b`, `a, b or c`. */
export function alternatives(words: string[]): string {
  if (words.length < 2) return words.join('')
  return `${words.slice(0, -1).join(', ')} or ${words[words.length - 1]}`
}

/** Hints for mistakes that YAML invites. */
function advice(issue: z.core.$ZodIssue, value: unknown): string | undefined {
  if (issue.code === 'invalid_value' && typeof value === 'string') {
    const near = nearest(value, issue.values.map(String))
    return near && `did you mean ${near}?`
  }
  if (issue.code === 'invalid_union' && 'options' in issue) {
    const name = isObject(value) ? undefined : value
    const near = typeof name === 'string' ? nearest(name, (issue.options as unknown[]).map(String)) : undefined
    return near && `did you mean ${near}?`
  }
  if (issue.code !== 'invalid_type') return undefined
  if (issue.expected === 'boolean' && typeof value === 'string' && /^(yes|no|on|off|y|n)$/i.test(value))
    return `in YAML 1.2 ${value} is text; write true or false`
  return undefined
}

function unknownKey(schema: z.ZodType, path: Problem['path'], key: string, raw: unknown): Problem {
  const known = keysOf(unwrap(slotAt(schema, path, raw), valueAt(raw, path)))
  const prefix = path.length > 0 ? `${keyPath(path)}.` : ''
  // Written as on the command line; YAML reads `optimizer.lr` as a single key.
  const inside = key.includes('.') ? allKeys(schema, raw).find((other) => other === `${prefix}${key}`) : undefined
  if (inside !== undefined) {
    const [outer, ...inner] = key.split('.')
    const hint = `write ${outer}: ${inner.reduceRight((value, name) => `{${name}: ${value}}`, '…')}`
    return { path: [...path, key], kind: 'unknown', message: UNKNOWN, hint, meant: inside }
  }
  const near = nearest(key, known)
  // A known key in the wrong place: `lr` at the top instead of under `optimizer`.
  const elsewhere = near ? undefined : allKeys(schema, raw).find((other) => sameWord(other.split('.').pop() ?? '', key))
  const meant = near ? `${prefix}${near}` : elsewhere
  return {
    path: [...path, key],
    kind: 'unknown',
    message: UNKNOWN,
    hint: meant ? `did you mean ${meant}?` : `known here: ${known.join(', ')}`,
    meant,
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

export function valueAt(raw: unknown, path: Problem['path']): unknown {
  let value = raw
  for (const key of path) {
    if (!isObject(value) || !Object.hasOwn(value, key)) return undefined
    value = value[key]
  }
  return value
}

/**
 * The schema inside defaults and nullables. For a union: the branch that `raw` selects, else the first one with keys.
 */
function unwrap(schema: z.ZodType | undefined, raw: unknown): z.ZodType | undefined {
  const inner = stripped(schema)
  if (inner instanceof z.ZodDiscriminatedUnion) {
    const name = isObject(raw) ? raw.name : undefined
    const options = inner.options.filter((option) => option instanceof z.ZodObject)
    return options.find((option) => hasLiteral(option, name)) ?? options[0]
  }
  if (inner instanceof z.ZodUnion) return inner.options.find((option) => option instanceof z.ZodObject) ?? inner
  return inner
}

const hasLiteral = (option: z.ZodObject, name: unknown) =>
  option.shape.name instanceof z.ZodLiteral && option.shape.name.values.has(name as string)

/** The schema at a path, including its defaults and branches. */
function slotAt(schema: z.ZodType, path: Problem['path'], raw: unknown): z.ZodType | undefined {
  let here: z.ZodType | undefined = schema
  let value = raw
  for (const key of path) {
    const inner = unwrap(here, value)
    if (!(inner instanceof z.ZodObject) || !Object.hasOwn(inner.shape, key)) return undefined
    here = inner.shape[key] as z.ZodType
    value = valueAt(value, [key])
  }
  return here
}

/** The same, but unwrapped if it has no description: descriptions are on the wrapper, keys on the inner schema. */
function schemaAt(schema: z.ZodType, path: Problem['path'], raw: unknown): z.ZodType | undefined {
  const here = slotAt(schema, path, raw)
  return here && !here.description ? unwrap(here, valueAt(raw, path)) : here
}

function keysOf(schema: z.ZodType | undefined): string[] {
  const inner = unwrap(schema, undefined)
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : []
}

/** Every key of the schema as a dotted path, level by level, including the branches that `raw` selects. */
function allKeys(schema: z.ZodType, raw: unknown): string[] {
  const found: string[] = []
  let level: [string, z.ZodType | undefined, unknown][] = [['', schema, raw]]
  while (level.length > 0) {
    const next: typeof level = []
    for (const [prefix, wrapped, value] of level) {
      const inner = unwrap(wrapped, value)
      if (!(inner instanceof z.ZodObject)) continue
      for (const [key, child] of Object.entries(inner.shape)) {
        found.push(`${prefix}${key}`)
        next.push([`${prefix}${key}.`, child as z.ZodType, valueAt(value, [key])])
      }
    }
    level = next
  }
  return found
}
