/**
 * Makes text from outside (names of files, classes and runs; answers of servers) safe for terminals, logs and pages. A
 * terminal obeys control characters, and a few others hide text or change the direction of writing.
 */
import { isUtf8 } from 'node:buffer'

/**
 * Characters that only this package itself may output: C0 and C1, line and paragraph separators, bidirectional
 * controls.
 */
export const UNPRINTABLE = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function escaped(character: string): string {
  return SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** Writes unprintable characters as escapes: the text is on one line, and no terminal obeys it. */
export const printable = (text: string): string => text.replace(UNPRINTABLE, escaped)

/** {@link printable} for each line of a text. */
export const printableLines = (text: string): string => text.split('\n').map(printable).join('\n')

/** Text from a file for a message: quoted, printable and not too long. */
export function quoted(text: string, most = 120): string {
  const cut = text.length > most ? `${text.slice(0, most)}…` : text
  return printable(JSON.stringify(cut))
}

/** Equivalent JSON text without unprintable characters: JSON itself escapes C0 only. */
export const printableJson = (json: string): string =>
  json.replace(UNPRINTABLE, (character) => (character === '\n' ? character : escaped(character)))

/** Text for pages, which have no escapes: with blanks in place of unprintable characters. */
export const blanked = (text: string): string => text.replace(UNPRINTABLE, ' ')

/** A file name for display: bytes that are not UTF-8 are written like `\xE9`. Text is returned unchanged. */
export function nameOf(path: string | Buffer): string {
  if (typeof path === 'string') return path
  const text = path.toString('utf8')
  if (!text.includes('\ufffd')) return text
  let name = ''
  for (let at = 0; at < path.length; ) {
    const length = [1, 2, 3, 4].find((count) => isUtf8(path.subarray(at, at + count)))
    const bytes = path.subarray(at, at + (length ?? 1))
    name += length === undefined ? `\\x${bytes.toString('hex').toUpperCase()}` : bytes.toString('utf8')
    at += bytes.length
  }
  return name
}
