/**
 * Text that other people wrote (names of files, classes, runs; what servers say) as terminals, logs and pages may show
 * it. A terminal obeys control characters, and a few others hide text or turn the direction of writing.
 */
import { isUtf8 } from 'node:buffer'

/** What no output may hold but by our own doing: C0 and C1, line and paragraph separators, bidirectional controls. */
export const UNPRINTABLE = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function escaped(character: string): string {
  return SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** The text with its unprintable characters as their escapes: on one line, and obeyed by no terminal. */
export const printable = (text: string): string => text.replace(UNPRINTABLE, escaped)

/** {@link printable}, but for the breaks between its lines. */
export const printableLines = (text: string): string => text.split('\n').map(printable).join('\n')

/** Text out of a file as a message may show it: in quotes, printable and not too long. */
export function quoted(text: string, most = 120): string {
  const cut = text.length > most ? `${text.slice(0, most)}…` : text
  return printable(JSON.stringify(cut))
}

/** JSON text that means the same and has nothing unprintable in it: JSON itself escapes C0 alone. */
export const printableJson = (json: string): string =>
  json.replace(UNPRINTABLE, (character) => (character === '\n' ? character : escaped(character)))

/** A text for pages, which have no escapes: with a blank for what is unprintable. */
export const blanked = (text: string): string => text.replace(UNPRINTABLE, ' ')

/** The name of a file whose bytes are not UTF-8, with those that are not as `\xE9`; a text as it is. */
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
