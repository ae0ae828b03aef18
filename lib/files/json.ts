/** JSON as this package writes it: indented for the files that people read, on one line for logs. */
import { printableJson } from '../text/foreign-text'

/** Indented JSON with a final line break. Lists of numbers stay on one line, so that a confusion matrix looks like one. */
export function readableJson(value: unknown): string {
  const text = printableJson(JSON.stringify(value, null, 2))
  // Strings never match: a line break in them is written as \n.
  const lists = /\[\n\s*(-?\d[-\d.eE+,\s]*?)\n\s*\]/g
  return `${text.replace(lists, (_, numbers: string) => `[${numbers.replace(/\s+/g, ' ')}]`)}\n`
}

/** A value on one line. With `named`, NaN and the infinities, which JSON lacks, are written by their names. */
export function jsonLine(value: unknown, { named = false } = {}): string {
  const plain = (_: string, item: unknown) => {
    if (typeof item === 'number' && !Number.isFinite(item)) return String(item)
    return typeof item === 'bigint' ? Number(item) : item
  }
  return `${printableJson(JSON.stringify(value, named ? plain : undefined))}\n`
}
