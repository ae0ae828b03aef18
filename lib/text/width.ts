/** The width of text in the columns of a terminal. Marks of colours take none, an East Asian character or an emoji two. */
import { printable } from './foreign-text'
import { withoutMarks } from './painted-text'

/** The columns that a text takes, once what a terminal would obey is written as escapes. */
export function widthOf(text: string): number {
  const shown = printable(withoutMarks(text))
  if (/^[ -~]*$/.test(shown)) return shown.length
  // Loaded here and not above: Node takes 27 ms to set up ES modules, and most commands print ASCII only.
  const { default: stringWidth } = require('string-width') as typeof import('string-width', { with: {
    'resolution-mode': 'import',
  }})
  return stringWidth(shown)
}

/** Fills a text with blanks on its right to so many columns. */
export const padEnd = (text: string, columns: number): string => text + ' '.repeat(Math.max(0, columns - widthOf(text)))

/** Fills a text with blanks on its left to so many columns. */
export const padStart = (text: string, columns: number): string =>
  ' '.repeat(Math.max(0, columns - widthOf(text))) + text

/** The beginning of a printable text in at most so many columns. Characters of several code points stay whole. */
export function cutTo(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  let kept = ''
  let width = 0
  // The first one takes 10 ms, which a command that cuts nothing does not spend.
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    width += widthOf(segment)
    if (width > columns) break
    kept += segment
  }
  return kept
}
