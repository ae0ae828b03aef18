/** Argument checks. Every error names the call and the argument. */
import { nearest } from '../text/nearest'
import { MbconvError } from './error'

/** Any value, in a form for error messages. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'function') return 'a function'
  if (value === null || typeof value !== 'object') return String(value)
  return Array.isArray(value) ? 'an array' : 'an object'
}

/** Items for an error message: the first few, and the number of the others. */
export function listed(
  items: readonly string[],
  { most = 5, separator = ', ', show = (item: string): string => item } = {},
): string {
  const text = items.slice(0, most).map(show).join(separator)
  return items.length > most ? `${text} and ${items.length - most} more` : text
}

/** Names that other libraries have for our options. Spelling, as of weight_decay, is left to {@link nearest}. */
const SYNONYMS: Record<string, string> = { axis: 'dim', axes: 'dim', keepdims: 'keepdim', ddof: 'correction' }

/** The known key that was probably meant. */
function meantKey(key: string, known: readonly string[]): string | undefined {
  const synonym = Object.hasOwn(SYNONYMS, key) ? SYNONYMS[key] : undefined
  return synonym !== undefined && known.includes(synonym) ? synonym : nearest(key, known)
}

/** The message and the remedy for a key that is not among the known ones. */
export function unknownKey(key: string, known: readonly string[]): { message: string; hint: string } {
  const meant = meantKey(key, known)
  const list = `Known options: ${known.join(', ')}.`
  return {
    message: `unknown option ${JSON.stringify(key)}`,
    hint: meant === undefined ? list : `Did you mean ${meant}? ${list}`,
  }
}

/** Checks for a plain options object with known keys only: a misspelt key must not silently give the default. */
export function checkOptions(op: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new MbconvError('ERR_TYPE', `${op}: options must be an object, got ${shown(options)}`, { op })
  }
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue
    const { message, hint } = unknownKey(key, known)
    throw new MbconvError('ERR_TYPE', `${op}: ${message}`, { op, hint })
  }
}

export function checkFunction(op: string, name: string, value: unknown): void {
  if (typeof value === 'function') return
  throw new MbconvError('ERR_TYPE', `${op}: ${name} must be a function, got ${shown(value)}`, { op })
}

/** Checks for an object or function. */
export function checkObject(op: string, name: string, value: unknown): void {
  if (typeof value === 'object' && value !== null) return
  throw new MbconvError('ERR_TYPE', `${op}: ${name} must be an object, got ${shown(value)}`, { op })
}

/** Checks for a file path: text, or bytes if the name is not text. */
export function checkPath(op: string, path: unknown): void {
  if (typeof path === 'string' || path instanceof Uint8Array || path instanceof URL) return
  throw new MbconvError('ERR_TYPE', `${op}: the path of a file must be text, got ${shown(path)}`, { op })
}

export function checkNumber(op: string, name: string, value: unknown): asserts value is number {
  if (typeof value !== 'number') {
    throw new MbconvError('ERR_TYPE', `${op}: ${name} must be a number, got ${shown(value)}`, { op })
  }
  if (!Number.isFinite(value)) {
    throw new MbconvError('ERR_VALUE', `${op}: ${name} must be finite, got ${value}`, { op })
  }
}

/** Checks for a finite number of at least `min` and below `below`. */
export function checkRange(
  op: string,
  name: string,
  value: unknown,
  min: number,
  below = Number.POSITIVE_INFINITY,
): asserts value is number {
  checkNumber(op, name, value)
  if (value >= min && value < below) return
  const range = below === Number.POSITIVE_INFINITY ? `at least ${min}` : `from ${min} to below ${below}`
  throw new MbconvError('ERR_VALUE', `${op}: ${name} must be ${range}, got ${value}`, { op })
}

/** Checks for one of the known values. */
export function checkOneOf(op: string, name: string, value: unknown, known: readonly unknown[]): void {
  if (known.includes(value)) return
  const words = known.map(shown).join(', ')
  throw new MbconvError('ERR_VALUE', `${op}: ${name} must be one of ${words}, got ${shown(value)}`, { op })
}

export function checkPositive(op: string, name: string, value: unknown): asserts value is number {
  checkNumber(op, name, value)
  if (value <= 0) throw new MbconvError('ERR_VALUE', `${op}: ${name} must be greater than 0, got ${value}`, { op })
}

/** The usual limit of whole numbers: products of a few of them are exact in a double. */
export const MOST_COUNT = 1_000_000

/** Checks for a whole number from `min` to `max`. */
export function checkCount(
  op: string,
  name: string,
  value: unknown,
  { min = 1, max = MOST_COUNT } = {},
): asserts value is number {
  checkNumber(op, name, value)
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new MbconvError('ERR_VALUE', `${op}: ${name} must be a whole number from ${min} to ${max}, got ${value}`, {
      op,
    })
  }
}

/** Checks for a dropout rate: 0 ≤ value < 1, since 1 would leave nothing. */
export function checkRate(op: string, name: string, value: unknown): asserts value is number {
  checkRange(op, name, value, 0, 1)
}
