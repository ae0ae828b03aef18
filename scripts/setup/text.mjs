/*
 * Makes the set-up's output printable (paths, settings, other programs' messages), since a terminal obeys control
 * characters.
 */

const UNPRINTABLE = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu
const SHORT = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** A text on one line, with unprintable characters escaped. */
export function printable(text) {
  const shown = (character) => SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  return text.replace(UNPRINTABLE, shown)
}

/** Like printable, but keeps line breaks. */
export function printableLines(text) {
  return text.split('\n').map(printable).join('\n')
}
