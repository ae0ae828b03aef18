/** Argument checks: every refusal names the call and the argument. */
import { MbconvError } from './error'

/** A value as an error message may show it, whatever it is. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'function') return 'a function'
  if (value === null || typeof value !== 'object') return String(value)
  return Array.isArray(value) ? 'an array' : 'an object'
}

/** Refuses anything but a plain options object whose keys are all known: a misspelt key must not pass as a default. */
export function checkOptions(op: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new MbconvError('ERR_TYPE', `${op}: options must be an object, got ${shown(options)}`, { op })
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw new MbconvError('ERR_VALUE', `${op}: unknown option ${JSON.stringify(key)}`, {
        op,
        hint: `Known options: ${known.join(', ')}.`,
      })
    }
  }
}

export function checkFunction(op: string, name: string, value: unknown): void {
  if (typeof value === 'function') return
  throw new MbconvError('ERR_TYPE', `${op}: ${name} must be a function, got ${shown(value)}`, { op })
}

/** Anything that has properties. */
export function checkObject(op: string, name: string, value: unknown): void {
  if (typeof value === 'object' && value !== null) return
  throw new MbconvError('ERR_TYPE', `${op}: ${name} must be an object, got ${shown(value)}`, { op })
}

/** The path of a file: text, or bytes where the name is none. */
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

export function checkPositive(op: string, name: string, value: unknown): asserts value is number {
  checkNumber(op, name, value)
  if (value <= 0) throw new MbconvError('ERR_VALUE', `${op}: ${name} must be greater than 0, got ${value}`, { op })
}

/** The usual bound of whole numbers: products of a few of them are exact in a double. */
export const MOST_COUNT = 1_000_000

/** A whole number from `min` to `max`. */
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

/** A probability that leaves something alive: 0 ≤ value < 1. */
export function checkRate(op: string, name: string, value: unknown): asserts value is number {
  checkNumber(op, name, value)
  if (value < 0 || value >= 1) {
    throw new MbconvError('ERR_VALUE', `${op}: ${name} must be at least 0 and less than 1, got ${value}`, { op })
  }
}
