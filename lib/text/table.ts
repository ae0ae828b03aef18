/** Tables of text, for terminals and logs. */

import { printable } from './foreign-text'
import { withoutMarks } from './painted-text'

/** The columns a text takes on the screen. */
export const visibleLength = (text: string): number => [...printable(withoutMarks(text))].length

export interface Column {
  title: string
  /** Numbers stand to the right. Default left. */
  right?: boolean
}

/** Lines of a table whose columns are as wide as they need to be. Cells may be coloured. */
export function table(
  columns: readonly Column[],
  rows: readonly string[][],
  paint: (style: 'bold', text: string) => string = (_, text) => text,
): string[] {
  const widths = columns.map(({ title }, i) =>
    Math.max(visibleLength(title), ...rows.map((row) => visibleLength(row[i] ?? ''))),
  )
  const line = (cells: string[]) =>
    cells
      .map((cell, i) => {
        const space = ' '.repeat(Math.max(0, widths[i] - visibleLength(cell)))
        return columns[i].right ? space + cell : cell + space
      })
      .join('  ')
      .trimEnd()
  const title = line(columns.map((column) => column.title))
  return [paint('bold', title), ...rows.map(line)]
}
