/** JSON for people who look into a run's files. */
import { printableJson } from '../text/foreign-text'

/** Indented JSON with a final line break, but lists of numbers on one line: a confusion matrix stays a matrix. */
export function readableJson(value: unknown): string {
  const text = printableJson(JSON.stringify(value, null, 2))
  // Text never matches: a line break in it is written as \n.
  const lists = /\[\n\s*(-?\d[-\d.eE+,\s]*?)\n\s*\]/g
  return `${text.replace(lists, (_, numbers: string) => `[${numbers.replace(/\s+/g, ' ')}]`)}\n`
}

/** A value on one line; NaN and the infinities, which JSON does not have, by their names where `named` says so. */
export function jsonLine(value: unknown, { named = false } = {}): string {
  const plain = (_: string, item: unknown) => {
    if (typeof item === 'number' && !Number.isFinite(item)) return String(item)
    return typeof item === 'bigint' ? Number(item) : item
  }
  return `${printableJson(JSON.stringify(value, named ? plain : undefined))}\n`
}
