/* What the set-up prints: paths, settings and other programs' words, made printable, since a terminal obeys control characters. */

const UNPRINTABLE = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu
const SHORT = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** A text on one line, with unprintable characters as their escapes. */
export function printable(text) {
  const shown = (character) => SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  return text.replace(UNPRINTABLE, shown)
}

/** As printable, but for the breaks between the lines. */
export function printableLines(text) {
  return text.split('\n').map(printable).join('\n')
}
