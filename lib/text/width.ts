/** Width of text in terminal columns. Colour marks take none, an East Asian character or an emoji two. */
import { printable } from './foreign-text'
import { withoutMarks } from './painted-text'

/** The columns of a text after its control characters are written as escapes. */
export function widthOf(text: string): number {
  const shown = printable(withoutMarks(text))
  if (/^[ -~]*$/.test(shown)) return shown.length
  // Loaded only when needed: Node takes 27 ms to set up ES modules, and most commands print only ASCII.
  const { default: stringWidth } = require('string-width') as typeof import('string-width', { with: {
    'resolution-mode': 'import',
  }})
  return stringWidth(shown)
}

/** Pads a text on its right to a number of columns. */
export const padEnd = (text: string, columns: number): string => text + ' '.repeat(Math.max(0, columns - widthOf(text)))

/** Pads a text on its left to a number of columns. */
export const padStart = (text: string, columns: number): string =>
  ' '.repeat(Math.max(0, columns - widthOf(text))) + text

/** Cuts a printable text to at most so many columns. Characters of several code points are not split. */
export function cutTo(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  let kept = ''
  let width = 0
  // The first Segmenter takes 10 ms, so it is made only when a text is cut.
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    width += widthOf(segment)
    if (width > columns) break
    kept += segment
  }
  return kept
}
