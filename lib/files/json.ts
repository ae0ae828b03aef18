/** Writes JSON: indented for files that people read, on one line for logs. */
import { printableJson } from '../text/foreign-text'

/**
 * Indented JSON with a final line break. A list of numbers stays on one line, so that a confusion matrix looks like
 * one.
 */
export function readableJson(value: unknown): string {
  const text = printableJson(JSON.stringify(value, null, 2))
  // Strings never match: their line breaks are written as
  // .
  const lists = /\[\n\s*(-?\d[-\d.eE+,\s]*?)\n\s*\]/g
  return `${text.replace(lists, (_, numbers: string) => `[${numbers.replace(/\s+/g, ' ')}]`)}\n`
}

/** A value on one line. With `named`, NaN and the infinities, which JSON lacks, are written as their names. */
export function jsonLine(value: unknown, { named = false } = {}): string {
  const plain = (_: string, item: unknown) => {
    if (typeof item === 'number' && !Number.isFinite(item)) return String(item)
    return typeof item === 'bigint' ? Number(item) : item
  }
  return `${printableJson(JSON.stringify(value, named ? plain : undefined))}\n`
}
