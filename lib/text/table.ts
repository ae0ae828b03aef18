/** Formats tables of text, for terminals and logs. */

import { padEnd, padStart, widthOf } from './width'

export interface Column {
  /** The heading of the column. */
  title: string
  /** Aligns the column to the right, for numbers. Default left. */
  right?: boolean
}

/** The lines of a table. Columns are as wide as their content. Cells may be coloured. */
export function table(
  columns: readonly Column[],
  rows: readonly string[][],
  paint: (style: 'bold', text: string) => string = (_, text) => text,
): string[] {
  const widths = columns.map(({ title }, i) => Math.max(widthOf(title), ...rows.map((row) => widthOf(row[i] ?? ''))))
  const line = (cells: string[]) =>
    cells
      .map((cell, i) => (columns[i].right ? padStart : padEnd)(cell, widths[i]))
      .join('  ')
      .trimEnd()
  const title = line(columns.map((column) => column.title))
  return [paint('bold', title), ...rows.map(line)]
}
